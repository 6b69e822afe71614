"""Invariant: the work of detection is a constant times the length of the text, whatever stands in it.

Work is counted, not timed: every character that a pattern is given to search, every place at which one is tried times
the most it can read there, every text a model is asked about. That one try is bounded too is a property of the pattern
(`filters/lint.py`, asked for every pattern in tests/unit/test_lint.py).
"""

from __future__ import annotations

import contextlib
import re
import re._parser as sre_parser  # type: ignore[import-not-found] # the widest match of a pattern is nowhere else
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from filters.analyse import Analyst, AnalystFault
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.scan import Scanner
from filters.stock import STOCK
from filters.switches import Switches
from tests.kit.fake_ner import FakeNer

_WIDEST = 20_000
"""A pattern for whole texts (a private key) may read this far from one start."""


@dataclass
class Work:
    """What was asked of the patterns."""

    characters: int = 0
    tries: int = 0
    """Places at which a pattern was tried, each times the most it reads there."""
    zones: int = 0

    @property
    def all(self) -> int:
        return self.characters + self.tries


class Counting:
    """A compiled pattern that counts what it is given."""

    def __init__(self, pattern: re.Pattern[str], work: Work) -> None:
        self._pattern, self._work = pattern, work
        self._width = min(int(sre_parser.parse(pattern.pattern).getwidth()[1]), _WIDEST)

    def finditer(self, text: str, start: int = 0, end: int | None = None) -> Iterator[re.Match[str]]:
        self._work.characters += (len(text) if end is None else end) - start
        self._work.zones += 1
        return self._pattern.finditer(text, start, len(text) if end is None else end)

    def match(self, text: str, at: int) -> re.Match[str] | None:
        self._work.tries += min(self._width, len(text) - at)
        return self._pattern.match(text, at)


def counted(scanner: Scanner, work: Work) -> Scanner:
    """Make a scanner count."""
    ready: Any = tuple(replace(r, patterns=tuple(Counting(p, work) for p in r.patterns)) for r in scanner._ready)
    scanner._ready = ready
    return scanner


SEEDS = [
    ".", "a.", "1", "a", "@", " ", "-", "a@", "1.", "1-", "1 ", "12/", "eyJ", "www.", "a-", "MRN ", "1234 ", "://",
    "\\\\", ":", "ab:", "+", "(", "jan ", "3 days ", "AKIA", "password:", "A1", "é", "%41", "&#", "x@y.", "last ",
    "-----BEGIN ", "0.0.", "m.", "3 may ", "1. ", "tel 1", "NIC 1", "12345 ", "a_",
]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_twice_the_text_is_twice_the_work(seed: str) -> None:
    work: list[int] = []
    for size in (4_000, 8_000, 16_000):
        count = Work()
        counted(Scanner(entry.recognizer for entry in catalogue()), count).hits(seed * (size // len(seed)))
        work.append(count.all)
    assert work[1] <= 2.2 * work[0] + 20_000
    assert work[2] <= 2.2 * work[1] + 20_000


def counting(ner: FakeNer, work: Work) -> Analyst:
    """An analyst whose every pattern counts, those kept from Presidio included."""
    analyst = Analyst.build(ner)
    for recognizer in analyst._all._analyzer.registry.recognizers:
        for reader in recognizer._readers:
            if isinstance(reader, Scanner):
                counted(reader, work)
            elif hasattr(reader, "_patterns"):
                reader._patterns = [(CountingStock(pattern, work), shape) for pattern, shape in reader._patterns]
    counted(analyst._whole, work)
    ner.asked = 0
    return analyst


class CountingStock:
    """A pattern of the `regex` library that counts what it is given to search."""

    def __init__(self, pattern: Any, work: Work) -> None:
        self._pattern, self._work = pattern, work

    def finditer(self, text: str, *, pos: int, endpos: int, timeout: float) -> Iterator[Any]:
        self._work.characters += endpos - pos
        return self._pattern.finditer(text, pos=pos, endpos=endpos, timeout=timeout)


def steps_of(work: Callable[[], object]) -> int:
    """How many functions `work` calls, of Python and of libraries: a measure of work that no clock takes part in."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        with contextlib.suppress(AnalystFault):
            work()
    finally:
        sys.setprofile(None)
    return count


STACK = [
    ".", "a.", "1", "@", " ", "a@", "1-", "12/", "1.", "Perera ", "943 476 5919 ", "943 476 591 ", "12/03/2021 ",
    "%41", "%41%2", "aGVsbG8g", "&#6", "eyJ.", "http://a.", "3 ma ", "a" * 59 + "\n", "1 1 1 1 1 1 ", "077 123 45 ",
]  # fmt: skip


@pytest.mark.parametrize("seed", STACK)
def test_the_whole_stack_takes_twice_the_steps_for_twice_the_text(seed: str) -> None:
    """Through the whole analyst, n, 2n and 4n: dots, digits, signs, blanks, and what is nearly an identifier."""
    analyst = Analyst.build(FakeNer())
    steps = []
    for size in (3_000, 6_000, 12_000):
        parts = [Part(0, "user", Form.TEXT, PatientText(seed * (size // len(seed))))]
        steps.append(steps_of(lambda parts=parts: analyst.find(parts, [], Switches())))  # type: ignore[misc]
    # Over both doublings: where a cut falls, one value more may be found and looked for, which is a step, no growth.
    assert steps[2] <= 2.5 * 2.5 * steps[0] + 5_000


@pytest.mark.parametrize("seed", [".", "1", "a", "@"])
def test_two_hundred_thousand_signs_bound_work_by_count(seed: str) -> None:
    """Through the whole analyst: views, chunks, patterns, model, known values, precedence."""
    ner, work = FakeNer(), Work()
    analyst = counting(ner, work)
    text = seed * (200_000 // len(seed))
    found = analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches())
    patterns = sum(len(entry.recognizer.patterns) for entry in catalogue()) + 3 * len(STOCK)
    assert work.characters <= patterns * len(text) * 1.2  # each pattern reads each character once; chunks overlap
    assert work.tries <= 20 * len(text)
    assert ner.asked <= len(text) // 3_000 + 2
    assert len(found.parts[0]) <= 2 + len(text) // 10
    covered = sum(f.end - f.start for f in found.parts[0])
    assert covered <= len(text)


def test_url_redos() -> None:
    """Presidio's pattern for addresses took 107 s for 20,000 dots; here ten times the dots are ten times the work."""
    costs = []
    for dots in (20_000, 200_000):
        ner, work = FakeNer(), Work()
        analyst = counting(ner, work)
        text = "see a" + "." * dots + " b"
        assert analyst.look(text, Switches()) == ()
        costs.append(work.all)
    assert costs[1] <= 10.5 * costs[0] + 20_000
