"""How fast is redaction, beside others and beside the least any replacing can cost?

    python -m benchmarks.redaction [--people N] [--rounds N] [--requests N] [--steps]

Two tables. The first is whole redaction, detectors and model included, beside Presidio's stock engine with a spaCy NER
of the same size and beside llm-shield-proxy, in the same run (`redaction_peers.py`). The second is the pure steps:
characters per second of each on the same invented notes, and the ratio to the floor, which is `str.replace` for every
value (no offsets, no reserved literals, no last look, wrong for nested values). `--steps` prints the second alone.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.redaction_peers import side_by_side
from filters.findings import Finding, Found, Source, Type
from filters.leaks import Look, verify_no_leaks
from filters.output import OutActions, OutputScan
from filters.parts import Form, Part, PatientText
from filters.redact import redact
from filters.restore import Restorer
from filters.segment import Segmenter
from filters.vault import Actions, Vault

_FILL = "was seen in clinic, stable on metformin 500 mg twice daily; blood pressure 128/76, no new complaints today. "


@dataclass(frozen=True, slots=True)
class _Case:
    """Notes with their findings, and the same notes after replacement."""

    parts: tuple[Part, ...]
    found: Found
    values: tuple[tuple[str, str], ...]
    redacted: tuple[str, ...]
    vault: Vault

    @property
    def chars(self) -> int:
        return sum(len(part.text) for part in self.parts)


def _case(people: int) -> _Case:
    texts, findings = [], []
    for message in range(10):
        text, found = "", []
        for n in range(message, people, 10):
            for type_, value in ((Type.NAME, f"Ana Pereira{n:04}"), (Type.ID, f"20-{n:06}")):
                found.append(Finding(len(text), len(text) + len(value), type_, type_.lower(), 900, Source.PATTERN))
                text += value + " "
            text += _FILL
        texts.append(text)
        findings.append(tuple(found))
    parts = tuple(Part(i, "user", Form.TEXT, PatientText(text)) for i, text in enumerate(texts))
    spread = tuple(f"ana pereira{n:04}" for n in range(people)) + tuple(f"20-{n:06}" for n in range(people))
    found_all = Found(tuple(findings), ((),) * len(parts), spread)
    vault = Vault()
    redacted = tuple(text.reveal() for text in redact(parts, found_all, vault, actions=Actions()).texts)
    values = tuple(((vault.original(p) or _lost())[1].reveal(), p) for p in vault.issued())
    return _Case(parts, found_all, values, redacted, vault)


def _lost() -> tuple[Type, PatientText]:
    raise RuntimeError("an issued placeholder has no original")


def _floor(case: _Case) -> None:
    for part in case.parts:
        text = part.text.reveal()
        for value, placeholder in case.values:
            text = text.replace(value, placeholder)


def _floor_back(case: _Case) -> None:
    for text in case.redacted:
        for value, placeholder in case.values:
            text = text.replace(placeholder, value)  # noqa: PLW2901 - the floor


def _redact(case: _Case) -> None:
    redact(case.parts, case.found, Vault(), actions=Actions())


def _last_look(case: _Case) -> None:
    verify_no_leaks([Look(i, Form.TEXT, text, ()) for i, text in enumerate(case.redacted)], case.found.spread)


def _restore_whole(case: _Case) -> None:
    for text in case.redacted:
        restorer = Restorer(case.vault, Form.TEXT)
        restorer.feed(text)
        restorer.finish()


def _restore_tokens(case: _Case) -> None:
    for text in case.redacted:
        restorer = Restorer(case.vault, Form.TEXT)
        for at in range(0, len(text), 4):
            restorer.feed(text[at : at + 4])
        restorer.finish()


def _segments(case: _Case) -> None:
    for text in case.redacted:
        segmenter = Segmenter(460)
        for at in range(0, len(text), 4):
            segmenter.feed(text[at : at + 4])
        segmenter.finish()


def _scan(case: _Case) -> None:
    for text in case.redacted:
        scan = OutputScan(case.vault, OutActions())
        for at in range(0, len(text), 4):
            scan.feed(text[at : at + 4])
            while (window := scan.due()) is not None:
                scan.settle(window, ())
        scan.finish()
        while (window := scan.due()) is not None:
            scan.settle(window, ())


_ROWS: tuple[tuple[str, Callable[[_Case], None], int], ...] = (
    ("floor: str.replace per value", _floor, 0),
    ("redact (with reserve, numbering, last look)", _redact, 0),
    ("last look alone", _last_look, 0),
    ("floor: str.replace back", _floor_back, 1),
    ("restore, whole text", _restore_whole, 1),
    ("restore, 4 characters at a time", _restore_tokens, 1),
    ("segments, 4 characters at a time", _segments, 1),
    ("output scan without analyst, 4 at a time", _scan, 1),
)


def _seconds(work: Callable[[_Case], None], case: _Case, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work(case)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2_000, help="requests before every party is weighed")
    parser.add_argument("--steps", action="store_true", help="the pure steps alone, without peers")
    args = parser.parse_args()
    if not args.steps:
        side_by_side(args.rounds, args.requests)
    case = _case(args.people)
    print(
        f"{case.chars:,} characters, {2 * args.people:,} values, best of {args.rounds}; "
        f"Python {platform.python_version()}"
    )
    print(
        f"\n| {'step':43} | {'characters/s':>14} | {'to its floor':>12} |\n| {'-' * 43} | {'-' * 13}: | {'-' * 11}: |"
    )
    floors: dict[int, float] = {}
    for title, work, group in _ROWS:
        seconds = _seconds(work, case, args.rounds)
        floor = floors.setdefault(group, seconds)
        print(f"| {title:43} | {case.chars / seconds:14,.0f} | {seconds / floor:11.2f}x |")


if __name__ == "__main__":
    main()
