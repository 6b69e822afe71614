"""Cordon side by side with others, in one run: llama-cpp-python's own server, and the proxy llm-shield-proxy.

    python -m benchmarks.peers [--rounds N] [--questions N]

First table: the demonstration's chat model behind Cordon (hospital policy) and behind `llama_cpp.server`. Other tables:
proxies before one upstream on loopback that says back what it is told: the time each adds, what each finds in twenty
invented notes, and whether the answer comes back as if there had been no proxy. Peers are installed by pip into
`.venv-bench`; one that cannot be had is named with the reason. Nothing leaves loopback but pip.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.notes import NOTES
from benchmarks.parties import (
    Asked,
    Command,
    Missing,
    Party,
    Refused,
    cordon,
    free_port,
    peer_python,
    processes,
    server,
)
from benchmarks.table import added, machine, ms, p50, p95, ratio, show
from benchmarks.upstream import LEAD, Upstream, upstream
from proxy.cli.demo_house import ANSWER, DemoHouse, build_house
from proxy.config import EngineSettings, settings_to_toml
from proxy.workers.engine.hardware import physical_cores
from proxy.workers.supervisor import CHILD_ENVIRONMENT
from tests.kit.service import http_house

_QUESTION = "Summarise this note in two sentences."
_SHIELD_VERSION = "1.7.0"
_SHIELD_TOKEN = "sk-benchmark"
_MODEL = Path(__file__).resolve().parents[1] / "proxy" / "share" / "models" / "demo-chat.gguf"
_OWN_RULES = {
    "custom_patterns": [
        {"name": "LK_NIC", "pattern": r"\b(?:\d{9}[VX]|\d{12})\b"},
        {"name": "HOSPITAL_NUMBER", "pattern": r"\b(?:\d{2}-\d{5}|MG-\d{5}|[AH]\d{6,7})\b"},
        {"name": "LK_PHONE", "pattern": r"(?:\+94 |\b0)\d{2}[ -]?\d{3}[ -]?\d{3,4}\b"},
    ]
}
"""What an administrator could add to the peer for these notes; names would need a model that pip does not bring."""

_PATIENT = {"OMP_WAIT_POLICY": CHILD_ENVIRONMENT["OMP_WAIT_POLICY"]}
"""The peer's threads wait as Cordon's do: spinning ones would measure who else uses the processors."""

Asks = dict[str, list[list[Asked]]]
Starts = tuple[tuple[str, Callable[[ExitStack], Party]], ...]


@dataclass(frozen=True, slots=True)
class Present:
    """Who could be started, and why the others could not."""

    parties: tuple[Party, ...]
    missing: tuple[tuple[str, str], ...]


def _gather(stack: ExitStack, starts: Starts) -> Present:
    parties, missing = [], []
    for name, start in starts:
        try:
            parties.append(start(stack))
        except Missing as reason:
            missing.append((name, str(reason)))
    return Present(tuple(parties), tuple(missing))


def _alternate(parties: Sequence[Party], rounds: int, count: int) -> Asks:
    """Ask all the same new notes in turn; the first round warms up and is dropped, and so is what was refused.

    A number stands first, so that no engine can use what it kept of another note.
    """
    results: Asks = {party.name: [] for party in parties}
    for round_ in range(rounds + 1):
        asked: dict[str, list[Asked]] = {party.name: [] for party in parties}
        for number, note in enumerate(NOTES[: count if round_ else 1], round_ * len(NOTES)):
            for party in parties:
                try:
                    asked[party.name].append(party.ask(f"Note {number}. {_QUESTION}\n\n{note.text}"))
                except Refused as reason:
                    print(f"{party.name} refused a note: {reason}", file=sys.stderr)
        for name, answers in asked.items():
            results[name].append(answers)
    return {name: lists[1:] for name, lists in results.items()}


def _middle(lists: list[list[Asked]], of: Callable[[Asked], float]) -> float:
    """The median of the rounds' medians."""
    return p50([p50([of(asked) for asked in answers]) for answers in lists])


def _absent(present: Present, width: int) -> list[tuple[str, ...]]:
    return [(f"{name}: not run, {why}", *[""] * (width - 1)) for name, why in present.missing]


def _llama(stack: ExitStack) -> Party:
    """llama-cpp-python's server on the demonstration's chat model, with as many threads as Cordon takes."""
    release = version("llama-cpp-python")
    python = peer_python("llama-cpp-python", f"llama-cpp-python[server]=={release}")
    cores = physical_cores()
    options = {
        "model": _MODEL, "host": "127.0.0.1", "n_ctx": 8192, "n_batch": 2048, "n_ubatch": 512,
        "n_threads": cores, "n_threads_batch": cores, "flash_attn": True, "verbose": False,
    }  # fmt: skip
    words = (str(python), "-m", "llama_cpp.server", "--port={port}", *(f"--{k}={v}" for k, v in options.items()))
    return stack.enter_context(server(f"llama_cpp.server {release}", Command(words, "/v1/models", _PATIENT), ANSWER))


def _same_model(folder: Path, rounds: int, count: int) -> None:
    with ExitStack() as stack:
        starts: Starts = (
            ("llama_cpp.server", _llama),
            ("Cordon", lambda s: s.enter_context(cordon("Cordon, hospital policy", build_house(folder / "same")))),
        )
        present = _gather(stack, starts)
        results = _alternate(present.parties, rounds, count)
        peaks = {p.name: sum(x.peak_bytes for x in processes(p.pid)) for p in present.parties}
    rows, floor = [], results[present.parties[0].name]
    for party in present.parties:
        lists = results[party.name]
        flat = [asked for answers in lists for asked in answers]
        first, whole = _middle(lists, lambda a: a.first_s), _middle(lists, lambda a: a.whole_s)
        per_token = _middle(lists, lambda a: a.whole_s / max(a.tokens, 1))
        rows.append((
            party.name, f"{party.start_s:.2f} s", ms(first), ratio(first, _middle(floor, lambda a: a.first_s)),
            ms(p95([a.first_s for a in flat])), ms(whole), ratio(whole, _middle(floor, lambda a: a.whole_s)),
            ms(p95([a.whole_s for a in flat])), f"{p50([a.tokens for a in flat]):.0f}", ms(per_token),
            f"{peaks[party.name] / 2**20:.0f} MiB",
        ))  # fmt: skip
    header = (
        "the same demonstration model", "start", "first text, p50", "ratio", "p95", "whole answer, p50", "ratio", "p95",
        "tokens", "per token", "peak memory",
    )  # fmt: skip
    title = "Beside llama-cpp-python's server, which neither redacts nor judges nor logs"
    show(title, header, [*rows, *_absent(present, len(header))])


def _shield(name: str, port: int, more: dict[str, str]) -> Callable[[ExitStack], Party]:
    """llm-shield-proxy as its manual starts it, on loopback, without the switches that need other hosts."""

    def start(stack: ExitStack) -> Party:
        python = peer_python("llm-shield-proxy", f"llm-shield-proxy=={_SHIELD_VERSION}")
        environment = {
            "UPSTREAM_BASE_URL": f"http://127.0.0.1:{port}", "UPSTREAM_API_KEY": "unused",
            "VALID_VIRTUAL_KEYS": _SHIELD_TOKEN, "ANONYMOUS_USAGE_TRACKING": "false", "ENABLE_EXT_PROC": "false",
            **more,
        }  # fmt: skip
        words = (str(python.with_name("llm-shield-proxy")), "--host", "127.0.0.1", "--port", "{port}")
        command = Command(words, "/healthz", environment)
        return stack.enter_context(server(name, command, "echo", token=_SHIELD_TOKEN))

    return start


def _judged(folder: Path, base_url: str) -> DemoHouse:
    """The demonstration's house and guard, with answers from a server on loopback."""
    house = build_house(folder)
    engine = EngineSettings(kind="http", base_url=base_url, model="echo")
    settings = house.settings.model_copy(update={"engine": engine})
    (house.folder / "cordon.toml").write_text(settings_to_toml(settings), encoding="utf-8")
    return dataclasses.replace(house, settings=settings)


def _proxies(folder: Path, up: Upstream) -> Starts:
    base, rules = f"http://127.0.0.1:{up.port}/v1", folder / "rules.yaml"
    rules.write_text(json.dumps(_OWN_RULES), encoding="utf-8")
    shield = f"llm-shield-proxy {_SHIELD_VERSION}"
    plain = folder / "plain"
    plain.mkdir()
    return (
        ("upstream alone", lambda _: Party("upstream alone", up.port, os.getpid(), 0.0, "echo")),
        (shield, _shield(shield, up.port, {})),
        (f"{shield}, own rules", _shield(f"{shield}, own rules", up.port, {"CUSTOM_REGEX_PATH": str(rules)})),
        (
            "Cordon, no judge",
            lambda s: s.enter_context(cordon("Cordon, no judge", http_house(plain, free_port(), base))),
        ),
        ("Cordon, hospital", lambda s: s.enter_context(cordon("Cordon, hospital", _judged(folder / "judged", base)))),
    )


def _before_one_upstream(folder: Path, rounds: int, count: int) -> None:
    with ExitStack() as stack:
        up = stack.enter_context(upstream())
        present = _gather(stack, _proxies(folder, up))
        results = _alternate(present.parties, rounds, count)
        found = [_found(party, up) for party in present.parties]
        peaks = {p.name: sum(x.peak_bytes for x in processes(p.pid)) for p in present.parties[1:]}
    floor = results[present.parties[0].name]
    first_floor, floor_s = (_middle(floor, lambda a: a.first_s), _middle(floor, lambda a: a.whole_s))
    rows = []
    for party in present.parties:
        lists = results[party.name]
        first, whole = _middle(lists, lambda a: a.first_s), _middle(lists, lambda a: a.whole_s)
        peak = f"{peaks[party.name] / 2**20:.0f} MiB" if party.name in peaks else ""
        start = f"{party.start_s:.2f} s" if party.start_s else ""
        rows.append((
            party.name, start, ms(first), added(first - first_floor), ms(whole), added(whole - floor_s),
            ratio(whole, floor_s), ms(p95([a.whole_s for answers in lists for a in answers])), peak,
        ))  # fmt: skip
    header = (
        "before the same upstream", "start", "first text, p50", "added", "whole answer, p50", "added", "ratio", "p95",
        "peak memory",
    )  # fmt: skip
    show("Time that a proxy adds to a request, streamed", header, [*rows, *_absent(present, len(header))])
    _print_found(found, present)


def _found(party: Party, up: Upstream) -> tuple[str, ...]:
    """Which identifiers of the notes did not reach the upstream, and what became of the rest and of the answers."""
    hidden = dict.fromkeys(NOTES[0].identifiers, 0)
    sent = clean = kept = wanted = restored = 0
    for note in NOTES:
        up.bodies.clear()
        text = f"{_QUESTION}\n\n{note.text}"
        try:
            answer = party.ask(text).text
        except Refused as reason:
            print(f"{party.name} refused a note: {reason}", file=sys.stderr)
            continue
        sent += 1
        body = " ".join("\n".join(m["content"] for m in json.loads(up.bodies[-1])["messages"]).split())
        gone = {kind: _gone(kind, value, body) for kind, value in note.identifiers.items()}
        hidden = {kind: count + gone[kind] for kind, count in hidden.items()}
        clean += all(gone.values())
        kept += sum(words in body for words in note.keep)
        wanted += len(note.keep)
        restored += answer == LEAD + text
    return (
        party.name, f"{sent}/{len(NOTES)}", *(f"{n}/{sent}" for n in hidden.values()), f"{clean}/{sent}",
        f"{kept}/{wanted}", f"{restored}/{sent}",
    )  # fmt: skip


def _gone(kind: str, value: str, body: str) -> bool:
    """Whether nothing of the value is left; of a name, whether none of its words of three letters or more is."""
    pieces = [word for word in value.split() if len(word) > 2] if kind == "name" else [value]
    return not any(piece.casefold() in body.casefold() for piece in pieces)


def _print_found(found: Sequence[tuple[str, ...]], present: Present) -> None:
    kinds = tuple(NOTES[0].identifiers)
    header = (
        "kept from the upstream", "notes answered", *kinds, "notes with nothing left", "clinical phrases sent whole",
        "answers restored",
    )  # fmt: skip
    title = f"What a proxy finds in {len(NOTES)} invented notes, and what comes back"
    show(title, header, [*found, *_absent(present, len(header))])


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=20)
    chosen = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as name:
        _same_model(Path(name), chosen.rounds, chosen.questions)
        _before_one_upstream(Path(name), chosen.rounds, chosen.questions)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
