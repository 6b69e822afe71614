"""Invariant: the work of detection is a constant times the length of the text, whatever stands in it.

Work is counted, not timed: every character that a pattern is given to search, every place at which one is tried times
the most it can read there, every text a model is asked about. That one try is bounded too is a property of the pattern
(`filters/lint.py`, asked for every pattern in tests/unit/test_lint.py).
"""

from __future__ import annotations

import re
import re._parser as sre_parser  # type: ignore[import-not-found] # the widest match of a pattern is nowhere else
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from filters.analyse import Analyst
from filters.parts import Form, Part, PatientText
from filters.recognizers import catalogue
from filters.scan import Scanner
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


@pytest.mark.parametrize("seed", [".", "1", "a"])
def test_two_hundred_thousand_signs_bound_work_by_count(seed: str) -> None:
    """Through the whole analyst: views, chunks, patterns, model, known values, precedence."""
    ner, work = FakeNer(), Work()
    analyst = Analyst.build(ner)
    for recognizer in analyst._all._analyzer.registry.recognizers:
        for reader in recognizer._readers:
            if isinstance(reader, Scanner):
                counted(reader, work)
    text = seed * 200_000
    ner.asked = 0
    found = analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches())
    patterns = sum(len(entry.recognizer.patterns) for entry in catalogue())
    assert work.characters <= patterns * len(text) * 1.2  # each pattern reads each character once; chunks overlap
    assert work.tries <= 20 * len(text)
    assert ner.asked <= len(text) // 3_000 + 2
    assert len(found.parts[0]) <= 2 + len(text) // 1_000
    covered = sum(f.end - f.start for f in found.parts[0])
    assert covered in {0, len(text)} or covered < len(text)
