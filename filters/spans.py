"""Span algebra: from candidates that overlap to findings that do not, losing no character on the way.

Law: findings are disjoint and sorted, and every letter or digit of every accepted candidate is covered by one of them.
A loser is cut, never dropped: a proxy that spliced overlapping spans left the end of an address in the text.

Order: (class, -score, -length, start, kind). A candidate that lies strictly inside another one gives way whatever its
class, except that classes 1 to 4 cut out of a name, place, organisation, age or text (classes 8 to 12).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from filters.findings import Finding, Source, Type
from filters.words import is_word, words

__all__ = ["KNOWN_RANK", "Candidate", "resolve", "snap"]

KNOWN_RANK = 13
_SURE = 4
_SOFT = range(8, 13)

_LABELS = (
    "no nr id ref tel phone fax dob mrn nhs ssn nic dr mr mrs ms prof the of de la el le der die das and und y et e a "
    "name patient pt age sex date nhc nass cip dni nie nif ipp nda uhid chart case visit episodio episode fall"
)
_LABEL_WORDS = frozenset(_LABELS.split())
_REACH = 24
_TITLES = re.compile(
    r"(?:(?:mr|mrs|ms|miss|mx|dr|drs|prof|professor|sir|lady|herr|herrn|frau|fr|hr|sr|sra|srta|don|doña|d|dña|dra|señor|"
    r"señora|m|mm|mme|mlle|monsieur|madame|maître|sig|signor|signora|sig\.ra|dott|dottor|dott\.ssa|dhr|mevr|mevrouw|meneer|"
    r"patient|patientin|pt|nurse|sister|doctor|doktor|docteur|rev|hon|capt|pd|priv|univ|med|dipl)\.?[ \t]{1,3})+",
    re.IGNORECASE,
)
_JOIN = re.compile(r"[ \t]{0,3}[-']?[ \t]{0,3}\Z")
_JOIN_NAME = re.compile(r"(?:[ \t]{0,3}[-']?[ \t]{0,3}|\.[ \t]{0,3})\Z")
_JOIN_SURNAME = re.compile(r",[ \t]{1,3}\Z")
_OUTER = " \t\r\n.,;:!?\"'()[]{}<>*_-/\\|=#"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible finding, before overlaps are resolved."""

    start: int
    end: int
    type: Type
    kind: str
    score: int
    source: Source
    rank: int
    cued: bool = False

    @property
    def order(self) -> tuple[int, int, int, int, str, str]:
        """Sort key of the precedence: smaller wins."""
        return (self.rank, -self.score, self.start - self.end, self.start, self.kind, self.type)


def snap(text: str, candidate: Candidate) -> Candidate | None:
    """Grow a span to whole words, then strip space, punctuation, titles and a possessive; None if nothing is left."""
    start, end = candidate.start, candidate.end
    floor, ceiling = max(0, start - _REACH), min(len(text), end + _REACH)
    while start > floor and is_word(text[start - 1]) and start < len(text) and is_word(text[start]):
        start -= 1
    while end < ceiling and is_word(text[end]) and is_word(text[end - 1]):
        end += 1
    start, end = _strip(text, start, end)
    if candidate.type is Type.NAME:
        title = _TITLES.match(text, start, end)
        if title is not None and title.end() < end:
            start = title.end()
        if end - start > 2 and text[end - 2 : end].casefold() in ("'s", "’s"):
            end -= 2
        start, end = _strip(text, start, end)
    return replace(candidate, start=start, end=end) if any(is_word(c) for c in text[start:end]) else None


def resolve(text: str, candidates: Iterable[Candidate]) -> tuple[Finding, ...]:
    """Return disjoint, sorted findings that cover every letter and digit of every candidate."""
    free = _Free()
    taken: list[Finding] = []
    for candidate in sorted(_outermost(sorted(set(candidates), key=_by_place)), key=lambda c: c.order):
        pieces = free.take(candidate.start, candidate.end)
        for start, end in pieces:
            whole = (start, end) == (candidate.start, candidate.end)
            piece = (start, end) if whole else _rest(text, start, end)
            if piece is not None:
                c = candidate
                taken.append(Finding(piece[0], piece[1], c.type, c.kind, c.score, c.source))
    return _joined(text, sorted(taken))


def _by_place(candidate: Candidate) -> tuple[int, int, tuple[int, int, int, int, str, str]]:
    return (candidate.start, -candidate.end, candidate.order)


def _outermost(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Leave out what lies strictly inside a candidate that wins over it. `candidates` are sorted by place."""
    kept: list[Candidate] = []
    open_: list[Candidate] = []
    for inner in candidates:
        open_ = [outer for outer in open_ if outer.end > inner.start]
        if not any(_swallows(outer, inner) for outer in open_):
            kept.append(inner)
        open_.append(inner)
    return kept


def _swallows(outer: Candidate, inner: Candidate) -> bool:
    inside = outer.start <= inner.start and inner.end <= outer.end
    strictly = inside and (outer.start, outer.end) != (inner.start, inner.end)
    if outer.rank >= KNOWN_RANK and inner.rank < KNOWN_RANK:
        return False  # a known value covers free characters only
    return strictly and not (inner.rank <= _SURE and outer.rank in _SOFT)


class _Free:
    """Which characters nobody has taken yet: sorted disjoint taken spans."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> list[tuple[int, int]]:
        """Take what is free of [start, end) and return it."""
        first = _bisect(self._ends, start)
        last = first
        pieces: list[tuple[int, int]] = []
        at = start
        while last < len(self._starts) and self._starts[last] < end:
            if at < self._starts[last]:
                pieces.append((at, self._starts[last]))
            at = self._ends[last]
            last += 1
        if at < end:
            pieces.append((at, end))
        low = min([start, *self._starts[first:last]])
        high = max([end, *self._ends[first:last]])
        self._starts[first:last] = [low]
        self._ends[first:last] = [high]
        return pieces


def _bisect(ends: list[int], start: int) -> int:
    """Index of the first span that ends after `start`."""
    low, high = 0, len(ends)
    while low < high:
        mid = (low + high) // 2
        if ends[mid] <= start:
            low = mid + 1
        else:
            high = mid
    return low


def _rest(text: str, start: int, end: int) -> tuple[int, int] | None:
    """What is left of a candidate that was cut, if it says anything."""
    start, end = _strip(text, start, end)
    fragment = text[max(0, start - 1) : start].isalnum() or text[end : end + 1].isalnum()
    if fragment and start < end:
        return start, end  # a piece of a word is no label, however it reads
    return None if all(word.text in _LABEL_WORDS for word in words(text[start:end])) else (start, end)


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _OUTER:
        start += 1
    while start < end and text[end - 1] in _OUTER:
        end -= 1
    return start, end


def _joined(text: str, findings: list[Finding]) -> tuple[Finding, ...]:
    done: list[Finding] = []
    for finding in findings:
        if done and _belongs(text, done[-1], finding):
            last = done[-1]
            best = min(last, finding, key=lambda f: (-f.score, f.start))
            done[-1] = replace(best, start=last.start, end=finding.end)
        else:
            done.append(finding)
    return tuple(done)


def _belongs(text: str, left: Finding, right: Finding) -> bool:
    if left.type is not right.type or right.start - left.end > 7:
        return False
    between = text[left.end : right.start]
    if left.type is not Type.NAME:
        return _JOIN.match(between) is not None
    if _JOIN_NAME.match(between):
        return "." not in between or _is_initial(text, left)
    return _JOIN_SURNAME.match(between) is not None and len(list(words(text[left.start : left.end]))) == 1


def _is_initial(text: str, finding: Finding) -> bool:
    return finding.end - finding.start == 1 or not is_word(text[finding.end - 2])
