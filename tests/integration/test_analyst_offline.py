"""The analyst from its cold start to its first finding, behind the lock: no socket to anywhere can even be made."""

from __future__ import annotations

from tests.kit.locked_child import run_child


def test_from_cold_start_to_first_finding_without_a_network() -> None:
    got = run_child(
        """
        locked = lock(plan(Role.ANALYST))
        refused = 0
        for family in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET):
            try:
                socket.socket(family, socket.SOCK_STREAM)
            except OSError:
                refused += 1
        def never(*_, **__):
            raise AssertionError("reached for the network")
        import spacy.cli
        import tldextract.tldextract
        spacy.cli.download = tldextract.extract = tldextract.tldextract.extract = never
        tldextract.tldextract.TLDExtract.__call__ = never
        from proxy.workers.analyst import load_analyst
        from filters.switches import Switches
        analyst = load_analyst()
        text = "Mrs Anna Schneider, NIC 911042754V, a.s@klinik.intern, https://x.example.com, 10.0.0.7"
        found = analyst.look(text, Switches())
        answer([refused, [text[f.start:f.end] for f in found],
                [name for name in ("torch", "transformers") if name in sys.modules]])
        """,
        environment={"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert got == [
        3, ["Anna Schneider", "911042754V", "a.s@klinik.intern", "https://x.example.com", "10.0.0.7"], []
    ]  # fmt: skip
