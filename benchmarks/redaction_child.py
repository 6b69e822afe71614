"""One party of `redaction`: reads conversations as JSON lines, redacts each, says what that took.

    python redaction_child.py cordon|presidio FOLDER|shield

Any interpreter runs it: it imports nothing of its neighbours at the top, because a peer lives in a folder of its own.
Times are CPU of this process, all its threads together: what else runs on the machine, and a second thread, make nobody
look faster.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Redact = Callable[[Sequence[str]], object]
"""Takes the messages of one conversation, old ones first."""


def cordon() -> Redact:
    """Every detector, the model, numbering, replacing and the last look, as a request goes through them."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from filters.parts import Form, Part, PatientText
    from filters.redact import redact
    from filters.switches import Switches
    from filters.vault import Actions, Vault
    from proxy.workers.analyst import load_analyst

    analyst = load_analyst()
    if analyst is None:
        raise SystemExit("a detector does not find its own example")
    switches, actions = Switches(), Actions()

    def work(messages: Sequence[str]) -> object:
        parts = [Part(i, "user", Form.TEXT, PatientText(text)) for i, text in enumerate(messages)]
        with Vault() as vault:
            return redact(parts, analyst.find(parts, [], switches, caller="bench"), vault, actions=actions)

    return work


def presidio(folder: str) -> Redact:
    """Presidio's engine as it ships: its own recognizers for English and a spaCy pipeline; detection alone."""
    import logging

    import tldextract.tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    logging.disable(logging.CRITICAL)
    tldextract.tldextract.TLD_EXTRACTOR.suffix_list_urls = ()  # it would ask another host at the first address
    models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": folder}]}
    engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=models).create_engine())
    return lambda messages: [engine.analyze(text, language="en") for text in messages]


def shield() -> Redact:
    """The redaction of llm-shield-proxy, with its defaults: patterns and checksums, replaced in place."""
    from llm_shield_proxy.engines.pii_engine import PIIEngine  # type: ignore[import-not-found] # in its own folder
    from llm_shield_proxy.engines.vault import Vault  # type: ignore[import-not-found]

    engine = PIIEngine()

    def work(messages: Sequence[str]) -> object:
        vault = Vault()
        return [engine.redact_text(text, vault) for text in messages]

    return work


def resident_bytes() -> int:
    """What the kernel says this process weighs."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def main(words: Sequence[str]) -> None:
    """Load, say so, then answer line by line: for each conversation its seconds, and the weight after them."""
    party, *rest = words
    work = {"cordon": cordon, "shield": shield}[party]() if party != "presidio" else presidio(rest[0])
    work(["Seen by Dr Ana Pereira on 3 March 2021."])
    out, sys.stdout = sys.stdout, sys.stderr  # a peer that prints must not break the protocol
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        seconds = []
        for messages in json.loads(line):
            begin = time.process_time()
            work(messages)
            seconds.append(time.process_time() - begin)
        print(json.dumps({"seconds": seconds, "resident_bytes": resident_bytes()}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
