"""What does Cordon add to the engine it runs: time to the first text, time per token, start, memory?

    python -m benchmarks.service [--rounds N] [--questions N]

The floor is the same engine process, started with the same plan, asked over its socket with the redacted text that
Cordon sends it: no HTTP, no detection, no judging, no log. Beside it stands Cordon without a judge (policy
`unsafe-allow-all`) and Cordon with its hospital policy, whose guard judges the prompt before and the answer before it
is released. All are asked the same new note in turn, round after round, greedily, one at a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.notes import NOTES
from benchmarks.parties import Asked, Party, Process, Refused, cordon, free_port, processes
from benchmarks.table import added, machine, ms, p50, p95, ratio, show
from proxy.cli.demo_house import ANSWER, DemoHouse, build_house
from proxy.config import AccessSettings, AuditSettings, ModelsSettings, PolicySettings, Settings
from proxy.launch import engine_spec, prepare
from proxy.workers.engine.launch import plan_from_json
from proxy.workers.supervisor import CHILD_ENVIRONMENT
from proxy.workers.wire import Delta, Done, Message
from tests.kit.engines import EngineProcess, generate, said
from tests.kit.service import enrolled_house

_MAX_TOKENS = 96
_QUESTION = "Summarise this note in two sentences."
_ENGINE, _BARE, _FULL = "engine alone", "Cordon, no judge", "Cordon, hospital"


@dataclass(frozen=True, slots=True)
class Direct:
    """The engine, spoken to as the gateway does."""

    process: EngineProcess
    start_s: float

    def ask(self, number: int, redacted: str) -> Asked:
        """One answer."""
        began = time.perf_counter()
        request = generate(number, redacted, max_tokens=_MAX_TOKENS, credits=10_000)
        self.process.send(request)
        first = 0.0
        seen: list[Message] = []
        while not (seen and isinstance(seen[-1], Done)):
            seen.append(self.process.next())
            if isinstance(seen[-1], Delta):
                first = first or time.perf_counter() - began
        done = seen[-1]
        assert isinstance(done, Done)
        whole = time.perf_counter() - began
        return Asked(first, whole, said(seen), done.completion_tokens, done.prompt_tokens, done.finish)


@contextmanager
def direct(settings: Settings) -> Iterator[Direct]:
    """The engine process that a service of these settings would start, with both models, outside its lock."""
    spec = engine_spec(prepare(settings))
    try:
        began = time.perf_counter()
        with EngineProcess(plan_from_json(spec.arguments[-1]), pass_fds=tuple(spec.descriptors.values())) as process:
            process.hello()
            yield Direct(process, time.perf_counter() - began)
    finally:
        for descriptor in spec.descriptors.values():
            os.close(descriptor)


def unjudged(folder: Path) -> DemoHouse:
    """A service on the demonstration's chat model whose policy asks no judge."""
    folder.mkdir()
    settings = Settings(
        access=AccessSettings(port=free_port(), dir=folder / "access", socket=folder / "run" / "api.sock"),
        models=ModelsSettings(dir=folder, answer=ANSWER, guard="", demo_models=True),
        policy=PolicySettings(name="unsafe-allow-all", dir=folder, calibration_dir=folder),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )
    return enrolled_house(folder, settings)


def redacted(house: DemoHouse, text: str) -> str:
    """What the model will receive, by Cordon's own preview."""
    body = {"model": ANSWER, "messages": [{"role": "user", "content": text}], "max_tokens": _MAX_TOKENS}
    parts = house.post("/cordon/v1/preview", body).body["messages"][0]["parts"]
    return "".join(part.get("placeholder") or part["text"] for part in parts)


def _questions(round_: int, count: int) -> list[str]:
    """Notes that were not asked before. Redacted, two can be the same: a number stands first, so that no engine and no
    guard can use what it kept of another."""
    notes = (NOTES * (count // len(NOTES) + 1))[:count]
    return [f"Note {round_ * count + n}. {_QUESTION}\n\n{note.text}" for n, note in enumerate(notes)]


def _alternate(engine: Direct, parties: tuple[Party, Party], rounds: int, count: int) -> dict[str, list[list[Asked]]]:
    full = parties[1].house
    assert full is not None
    results: dict[str, list[list[Asked]]] = {_ENGINE: [], _BARE: [], _FULL: []}
    numbers = iter(range(1, 1_000_000))
    for round_ in range(rounds + 1):  # the first warms up and is dropped
        asked: dict[str, list[Asked]] = {name: [] for name in results}
        for text in _questions(round_, count if round_ else 1):
            try:
                both = [(party.name, party.ask(text, _MAX_TOKENS)) for party in parties]
            except Refused as reason:
                print(f"a note was refused and is left out: {reason}", file=sys.stderr)
                continue
            for name, answer in both:
                asked[name].append(answer)
            # The preview comes last: Cordon remembers what it detected in a text, and must not have seen this one.
            asked[_ENGINE].append(engine.ask(next(numbers), redacted(full, text)))
        for name, answers in asked.items():
            results[name].append(answers)
    return {name: lists[1:] for name, lists in results.items()}


def _times(results: dict[str, list[list[Asked]]]) -> None:
    """The table of times: the p50 is the median of the rounds' medians, the p95 is over all answers."""

    def middle(name: str, of: Callable[[Asked], float]) -> float:
        return p50([p50([of(a) for a in answers]) for answers in results[name]])

    def worst(name: str, of: Callable[[Asked], float]) -> float:
        return p95([of(a) for answers in results[name] for a in answers])

    cases: tuple[tuple[str, Callable[[str], float]], ...] = (
        ("first text, p50", lambda name: middle(name, lambda a: a.first_s)),
        ("first text, p95", lambda name: worst(name, lambda a: a.first_s)),
        ("whole answer, p50", lambda name: middle(name, lambda a: a.whole_s)),
        ("whole answer, p95", lambda name: worst(name, lambda a: a.whole_s)),
        ("first text to end, p50", lambda name: middle(name, lambda a: a.whole_s - a.first_s)),
        ("whole answer per token, p50", lambda name: middle(name, lambda a: a.whole_s / max(a.tokens, 1))),
        ("whole answer per token, p95", lambda name: worst(name, lambda a: a.whole_s / max(a.tokens, 1))),
    )
    rows = []
    for case, value in cases:
        floor, row = value(_ENGINE), [case, ms(value(_ENGINE))]
        for name in (_BARE, _FULL):
            row += [ms(value(name)), added(value(name) - floor), ratio(value(name), floor)]
        rows.append(row)
    show(
        "Time added by Cordon, streamed, one request at a time",
        ("", _ENGINE, _BARE, "added", "ratio", _FULL, "added", "ratio"),
        rows,
    )
    _account(results)


def _account(results: dict[str, list[list[Asked]]]) -> None:
    flat = {name: [a for answers in lists for a in answers] for name, lists in results.items()}
    floor = flat[_ENGINE]
    tokens = p50([a.tokens for a in floor])
    print(f"\n{len(floor)} notes; prompt {p50([a.prompt_tokens for a in floor]):.0f} and answer {tokens:.0f} tokens.")
    for name in (_BARE, _FULL):
        pairs = list(zip(floor, flat[name], strict=True))
        same = sum(a.prompt_tokens == b.prompt_tokens and a.tokens == b.tokens for a, b in pairs)
        whole = sum(b.finish in ("stop", "length") for _, b in pairs)
        print(f"{name}: {same} with as many tokens in and out as the engine alone, {whole} answered to the end.")


def _starts(folder: Path, rounds: int) -> None:
    """Start and end everything again and again, in turn."""
    took: dict[str, list[float]] = {_ENGINE: [], _BARE: [], _FULL: []}
    for round_ in range(rounds):
        full, bare = build_house(folder / f"f{round_}"), unjudged(folder / f"b{round_}")
        with direct(full.settings) as engine:
            took[_ENGINE].append(engine.start_s)
        for name, house in ((_BARE, bare), (_FULL, full)):
            with cordon(name, house) as party:
                took[name].append(party.start_s)
    floor = p50(took[_ENGINE])
    rows = [(name, f"{p50(t):.2f} s", f"{max(t):.2f} s", ratio(p50(t), floor)) for name, t in took.items()]
    show("Start, until ready", ("", "median", "slowest", "ratio"), rows)


def _restarts(house: DemoHouse) -> None:
    """Say so if a child ended in the run: then the times hold a restart, and the peaks are those of the new child."""
    for line in house.journal.read_text(encoding="utf-8").splitlines():
        if '"child_exited"' in line or '"child_failed"' in line or '"child_killed"' in line:
            print(f"in the run: {line}")


def _memory(engine: tuple[Process, Process], idle: tuple[Process, ...], after: tuple[Process, ...]) -> None:
    before = {process.role: process for process in idle}
    rested, floor = engine
    rows = [
        (p.role, _mib(before[p.role].resident_bytes), _mib(p.peak_bytes), ratio(p.peak_bytes, floor.peak_bytes))
        for p in after
    ]
    total = sum(p.peak_bytes for p in after)
    resting = sum(p.resident_bytes for p in idle)
    rows.append(("all of Cordon", _mib(resting), _mib(total), ratio(total, floor.peak_bytes)))
    rows.append(
        (_ENGINE, _mib(rested.resident_bytes), _mib(floor.peak_bytes), ratio(floor.peak_bytes, floor.peak_bytes))
    )
    show(
        "Memory of each process, hospital policy (pages of libraries and models that are shared count in each)",
        ("process", "idle after start (VmRSS)", "peak after the run (VmHWM)", "ratio"),
        rows,
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=20)
    chosen = parser.parse_args()
    assert platform.system() == "Linux", "Cordon runs on Linux"
    os.environ.update(CHILD_ENVIRONMENT)  # what the supervisor gives to an engine, for the engine started here
    print(machine())
    with tempfile.TemporaryDirectory(prefix="cordon-bench-") as name:
        folder = Path(name)
        with ExitStack() as stack:
            house = build_house(folder)
            engine = stack.enter_context(direct(house.settings))
            bare = stack.enter_context(cordon(_BARE, unjudged(folder / "bare")))
            full = stack.enter_context(cordon(_FULL, house))
            rested, idle = processes(engine.process.process.pid)[0], processes(full.pid)
            results = _alternate(engine, (bare, full), chosen.rounds, chosen.questions)
            _restarts(house)
            weighed = (rested, processes(engine.process.process.pid)[0]), idle, processes(full.pid)
        _times(results)
        _starts(folder, chosen.rounds)
    _memory(*weighed)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
