"""What stands in one text by itself: every view read by every detector, in offsets of the raw text.

Law: the result depends on the text, its form and the catalogue alone, for both operating points and before any policy
switch, so it can be remembered (`cache.py`). It holds offsets, never text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from filters.faults import verify_span
from filters.findings import Finding, Source, Type
from filters.fold import View, opaque_runs
from filters.parts import Form
from filters.scan import RANKS, Hit, Scanner
from filters.script import uncovered
from filters.spans import Candidate, snap
from filters.switches import Switches

__all__ = ["Clip", "Detectors", "Local", "Note", "Placed", "Settled", "clip_of", "locate", "placed"]

_FLOOR = 350
"""The lowest score any operating point asks for."""
_SURE = 1000

_JSON_TOKEN = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*+)"(?P<key>\s*:)?|(?P<number>-?\d[0-9.eE+-]*)')


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate in raw offsets, and where it was read: view number and offsets there."""

    candidate: Candidate
    view: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What was made of a text: offsets and keyed hashes, never text.

    Attributes:
        switches: the policy it was sorted under.
        take: what that policy takes.
        keep: what it leaves standing.
        plain: of each of `take`, whether it stands in the raw text as it was read.
        asked: what the known values of the exchange meant to it (`propagate.Meaning`); None: not to be relied on.
        found: what was found then.
        standing: what was left standing then.
    """

    switches: Switches
    take: tuple[Placed, ...]
    keep: tuple[Candidate, ...]
    plain: tuple[bool, ...]
    asked: bytes | None = None
    found: tuple[Finding, ...] = ()
    standing: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Note:
    """What was made of a text the last time, for the next time it comes."""

    last: Settled | None = None


@dataclass(frozen=True, slots=True)
class Local:
    """Everything found in one text.

    Attributes:
        found: candidates of both operating points.
        mostly_uncovered: more than half of the letters are of scripts without measured recall.
        sketch: keyed hashes of the words and long numbers of every view, or nothing where no memory made any.
        note: what was made of it the last time, where a memory keeps it.
    """

    found: tuple[Placed, ...]
    mostly_uncovered: bool
    sketch: bytes | None = None
    note: Note | None = field(default=None, compare=False, repr=False)


Clip = tuple[tuple[int, int, bool], ...] | None
"""Strings and numbers of a JSON text as (start, end, is a key); None: nothing is cut."""


def clip_of(text: str, form: Form) -> Clip:
    """Return where findings may lie: a replacement must never cut through the structure of a JSON document."""
    if form not in (Form.JSON, Form.SCHEMA):
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None  # not JSON after all: read and replaced as text
    spans = []
    for match in _JSON_TOKEN.finditer(text):
        group = "text" if match.group("number") is None else "number"
        spans.append((*match.span(group), match.group("key") is not None))
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class Detectors:
    """What reads a view.

    Attributes:
        hits: patterns and, where it may, the model.
        whole: recognizers of values longer than any chunk.
        unknown: words the model cannot read; its silence about them means nothing.
    """

    hits: Callable[[str], Iterable[Hit]]
    whole: Scanner
    unknown: Callable[[str], Sequence[tuple[int, int]]]


def locate(text: str, form: Form, views: tuple[View, ...], detectors: Detectors) -> Local:
    """Read every view with every detector."""
    clip = clip_of(text, form)
    found: list[Placed] = []
    base = views[0].text
    for number, view in enumerate(views):
        every = [*detectors.hits(view.text), *detectors.whole.hits(view.text)]
        for hit in sorted(set(every)):
            verify_span(hit.start, hit.end, hit.score, len(view.text))
            found.extend(placed(view, number, _candidate(hit), clip, form))
    for start, end in opaque_runs(base):
        secret = Candidate(start, end, Type.SECRET, "opaque", _SURE, Source.PATTERN, RANKS[Type.SECRET])
        found.extend(placed(views[0], 0, secret, clip, form))
    runs = uncovered(base)
    for start, end in [*runs.spans, *detectors.unknown(base)]:
        unread = Candidate(start, end, Type.TEXT, "uncovered_script", _SURE, Source.PATTERN, RANKS[Type.TEXT])
        found.extend(placed(views[0], 0, unread, clip, form))
    return Local(tuple(_distinct(found)), runs.is_most)


def placed(view: View, number: int, candidate: Candidate, clip: Clip, form: Form) -> Iterator[Placed]:
    """Bring a candidate of a view to the raw text, cut to where findings may lie."""
    if candidate.score < _FLOOR:
        return
    if candidate.source in (Source.NER, Source.PLUGIN):
        grown = snap(view.text, candidate)
        if grown is None:
            return
        candidate = grown
    start, end = view.span(candidate.start, candidate.end)
    for a, b, is_key in _pieces(start, end, clip):
        if is_key and form is Form.SCHEMA and candidate.source is Source.NER:
            continue  # property names are structure; their own grammar is checked elsewhere
        same = a == candidate.start and b == candidate.end
        yield Placed(candidate if same else replace(candidate, start=a, end=b), number, candidate.start, candidate.end)


def _pieces(start: int, end: int, clip: Clip) -> Iterator[tuple[int, int, bool]]:
    if clip is None:
        yield start, end, False
        return
    low, high = 0, len(clip)
    while low < high:
        mid = (low + high) // 2
        if clip[mid][1] <= start:
            low = mid + 1
        else:
            high = mid
    while low < len(clip) and clip[low][0] < end:
        a, b = max(start, clip[low][0]), min(end, clip[low][1])
        if a < b:
            yield a, b, clip[low][2]
        low += 1


def _candidate(hit: Hit) -> Candidate:
    return Candidate(hit.start, hit.end, hit.type, hit.kind, hit.score, hit.source, hit.rank, hit.cued)


def _distinct(found: list[Placed]) -> list[Placed]:
    seen: dict[Candidate, Placed] = {}
    for place in found:
        seen.setdefault(place.candidate, place)
    return sorted(seen.values(), key=lambda p: (p.candidate.start, p.candidate.order, p.view, p.start))
