"""Run recognizers over one text: patterns, cues, check digits, guards.

Law: one pass per pattern, linear, no state; the same text gives the same hits in the same order. A correct check digit
raises a score, a wrong one lowers it, neither ever overrules a cue (trap `checksum_veto`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from filters.faults import verify_span
from filters.findings import Source, Type
from filters.guards import is_code, is_measure
from filters.recognizers.base import BEFORE, Recognizer

__all__ = ["RANKS", "Hit", "Places", "Scanner", "cue_pattern", "has_cue", "zones"]

_AFTER = 16
_PENALTY = 150
_ZONE = re.compile(r"\d(?:[^\d\n]{0,3}\d){4,256}")
_STARTS = re.compile(r"\d+|[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_BESIDE = 16
_OPENING = re.compile(r"[ \t]{0,2}[(\[][ \t]{0,2}")
_TAIL = re.compile(r"\w{0,64}")

RANKS = {
    Type.MARKED: 1, Type.SECRET: 2, Type.EMAIL: 3, Type.URL: 3, Type.IP: 3, Type.DATE: 5, Type.PHONE: 6, Type.ID: 7,
    Type.NAME: 8, Type.ORG: 9, Type.LOCATION: 10, Type.AGE: 11, Type.TEXT: 12,
}  # fmt: skip
_UNMISTAKABLE = 700


class Hit(NamedTuple):
    """A place in a text that looks like an identifier, with the class of precedence it has."""

    start: int
    end: int
    type: Type
    kind: str
    score: int
    rank: int
    cued: bool
    source: Source = Source.PATTERN


@dataclass(frozen=True, slots=True)
class _Ready:
    recognizer: Recognizer
    patterns: tuple[re.Pattern[str], ...]
    cue: re.Pattern[str] | None


class Scanner:
    """A set of recognizers, compiled."""

    __slots__ = ("_ready", "_starting")

    def __init__(self, recognizers: Iterable[Recognizer]) -> None:
        self._ready = tuple(_compiled(recognizer) for recognizer in recognizers)
        starting: dict[str, list[int]] = {}
        for number, ready in enumerate(self._ready):
            for word in ready.recognizer.starts:
                starting.setdefault(word, []).append(number)
        self._starting = {word: tuple(numbers) for word, numbers in starting.items()}
        """Word -> the recognizers whose matches may begin with it."""

    def hits(self, text: str, place: Places | None = None) -> tuple[Hit, ...]:
        """Return all hits, unresolved, sorted. `place` is where matches can begin, if the caller knows."""
        place = place or Places(text)
        found: set[Hit] = set()
        begins = place.of(self._starting)
        for number, ready in enumerate(self._ready):
            for match in _matches(ready, text, place, begins.get(number, ())):
                hit = _judged(ready, text, match)
                if hit is not None:
                    found.add(hit)
        return tuple(sorted(found))


class Places:
    """Where matches can begin, computed once per text: words, digits, dense digits."""

    __slots__ = ("_dense", "_holding", "_words", "lower", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = text.lower()
        self._dense = tuple(zones(text))
        self._holding: dict[int, tuple[tuple[int, int], ...]] = {}
        self._words: dict[str, list[int]] = {}
        for match in _STARTS.finditer(text):
            word = match.group()
            self._words.setdefault("#" if word[0].isdecimal() else word.lower(), []).append(match.start())

    def holding(self, digits: int) -> tuple[tuple[int, int], ...]:
        """Return where five digits stand close together and at least so many in all; the whole text for 0."""
        found = self._holding.get(digits)
        if found is None:
            text = self.text
            counted = (place for place in self._dense if len(_DIGIT.findall(text, *place)) >= digits)
            found = self._holding[digits] = tuple(counted) if digits else ((0, len(text)),)
        return found

    def of(self, starting: Mapping[str, tuple[int, ...]]) -> dict[int, list[int]]:
        """Return the sorted places where the matches of each numbered recognizer may begin."""
        found: dict[int, list[list[int]]] = {}
        for word, places in self._words.items():
            for number in starting.get(word, ()):
                found.setdefault(number, []).append(places)
        return {
            number: lists[0] if len(lists) == 1 else sorted(at for places in lists for at in places)
            for number, lists in found.items()
        }


def _matches(ready: _Ready, text: str, place: Places, begins: Sequence[int]) -> Iterator[re.Match[str]]:
    recognizer = ready.recognizer
    if recognizer.anchors and not any(anchor in place.lower for anchor in recognizer.anchors):
        return
    if recognizer.starts:
        for pattern in ready.patterns:
            yield from _from(pattern, text, begins)
        return
    for start, end in place.holding(recognizer.digits):
        for pattern in ready.patterns:
            yield from pattern.finditer(text, start, end)


def _from(pattern: re.Pattern[str], text: str, places: Sequence[int]) -> Iterator[re.Match[str]]:
    done = 0
    for at in places:
        if at < done:
            continue
        match = pattern.match(text, at)
        if match is not None:
            done = match.end()
            yield match


def cue_pattern(cues: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for cue words; a space in a cue allows up to two spaces, dots, hyphens or underscores."""
    words = sorted(set(cues), key=lambda cue: (-len(cue), cue))
    body = "|".join(re.escape(word).replace(r"\ ", "[ ._-]{0,2}") for word in words)
    return re.compile(rf"(?<![^\W_])(?:{body})(?![^\W_])", re.IGNORECASE)


def _compiled(recognizer: Recognizer) -> _Ready:
    flags = re.NOFLAG if recognizer.exact_case else re.IGNORECASE
    patterns = tuple(re.compile(pattern, flags) for pattern in recognizer.patterns)
    return _Ready(recognizer, patterns, cue_pattern(recognizer.cues) if recognizer.cues else None)


def zones(text: str) -> Iterator[tuple[int, int]]:
    """Where five digits or more stand close together, widened to whole words, merged."""
    start = end = -1
    for match in _ZONE.finditer(text):
        a = max(0, match.start() - _BESIDE)
        b = min(len(text), match.end() + _BESIDE)
        tail = _TAIL.match(text, b)
        b = tail.end() if tail else b
        if a <= end:
            end = max(end, b)
            continue
        if end >= 0:
            yield start, end
        start, end = a, b
    if end >= 0:
        yield start, end


def _judged(ready: _Ready, text: str, match: re.Match[str]) -> Hit | None:
    recognizer = ready.recognizer
    names = match.re.groupindex
    start, end = match.span("value") if "value" in names else match.span()
    score = 0
    if recognizer.refine is not None:
        refined = recognizer.refine(text, start, end)
        if refined is None:
            return None
        start, end, score = refined
        verify_span(start, end, score, len(text))
    cued = "cue" in names or (ready.cue is not None and has_cue(ready.cue, text, start, end))
    checked = recognizer.check is not None and recognizer.check(text[start:end])
    if recognizer.guarded and not cued and (is_measure(text, end) or is_code(text, start)):
        return None
    score = max(score, _score(recognizer, cued=cued, checked=checked))
    if score <= 0 or start >= end:
        return None
    named = bool(recognizer.cued_kind) and cued and _is_adjacent(ready.cue, text, start)
    kind = recognizer.cued_kind if named else recognizer.kind
    if "cue" in names:
        kind = _kind(recognizer, match.group("cue"))
    return Hit(start, end, recognizer.type, kind, score, _rank(recognizer, cued=cued, checked=checked), cued)


def _is_adjacent(cue: re.Pattern[str] | None, text: str, start: int) -> bool:
    """No other number stands between the cue and the value: "DOB 1.2.80, seen 3.4.24" holds one birth date."""
    before = text[max(0, start - BEFORE) : start]
    last = max((match.end() for match in cue.finditer(before)), default=-1) if cue is not None else -1
    return last >= 0 and not any(c.isdigit() for c in before[last:])


def _score(recognizer: Recognizer, *, cued: bool, checked: bool) -> int:
    scores = recognizer.scores
    if checked:
        return max(scores.checked, scores.cued if cued else 0)
    if cued:
        return scores.cued or scores.shape
    return scores.shape - (_PENALTY if recognizer.check is not None else 0)


def _rank(recognizer: Recognizer, *, cued: bool, checked: bool) -> int:
    rank = RANKS[recognizer.type]
    if recognizer.type is Type.ID and (checked or recognizer.scores.shape >= _UNMISTAKABLE):
        return 3
    if recognizer.type in (Type.ID, Type.PHONE) and cued:
        return 4
    return rank


def _kind(recognizer: Recognizer, cue: str) -> str:
    flat = cue.casefold()
    return next((kind for word, kind in recognizer.kinds if word in flat), recognizer.kind)


def has_cue(cue: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Return whether a cue stands close before a span on its line, or right after it ("911042754V (NIC)")."""
    before = text[max(0, start - BEFORE) : start]
    if cue.search(before[before.rfind("\n") + 1 :]):
        return True
    gap = _OPENING.match(text, end)
    return cue.match(text, gap.end() if gap else end, end + _AFTER) is not None
