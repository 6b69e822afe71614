"""From what stands in each text to what is found in the request: switches, known values, precedence.

Law: pure; the order of parts is the order of discovery. What the policy or a guard leaves standing is reported beside
what is found, because the last look must know it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from filters.findings import Finding, Found, Source, Type
from filters.fold import View, fold, normal, views
from filters.kinds import DENIED
from filters.local import Clip, Local, Placed, clip_of, placed
from filters.parts import Form
from filters.propagate import Known, Match, Value
from filters.scan import RANKS
from filters.spans import KNOWN_RANK, Candidate, resolve
from filters.switches import Switches, is_kept
from filters.words import is_word

__all__ = ["House", "Text", "settle", "settle_window"]


@dataclass(frozen=True, slots=True)
class House:
    """What settling needs to know beside the texts.

    Attributes:
        countries: country of a kind, "" or missing for everywhere.
        common: words that are no names by themselves.
        allow: words of the site that are no names, in normal form.
        hashed: the hashes of words as they stand in a `Local.sketch`; None where there is no memory.
    """

    countries: Mapping[str, str]
    common: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    hashed: Callable[[Iterable[str]], frozenset[int]] | None = None


class Text:
    """One text of the request with what stands in it. Its views are made when somebody asks: a message that was seen
    before and holds nothing of interest is not read again.
    """

    __slots__ = ("_views", "form", "local", "raw")

    def __init__(self, raw: str, form: Form, local: Local, readings: tuple[View, ...] | None = None) -> None:
        self.raw, self.form, self.local, self._views = raw, form, local, readings

    @property
    def views(self) -> tuple[View, ...]:
        """Every reading of the text."""
        if self._views is None:
            self._views = views(self.raw, self.form)
        return self._views

    def __repr__(self) -> str:
        return f"Text({len(self.raw)})"


def settle(
    texts: Sequence[Text],
    marked: Sequence[str],
    switches: Switches,
    house: House,
) -> Found:
    """Return findings, kept spans and spread set."""
    accepted: list[list[Placed]] = []
    kept: list[list[Candidate]] = []
    for text in texts:
        take, keep = _sorted_out(text, switches, house)
        accepted.append(take)
        kept.append(keep)
    values = [_value(text, place) for text, take in zip(texts, accepted, strict=True) for place in take]
    known = Known.of(values, marked, house.common)
    wanted = house.hashed(known.beginnings) if house.hashed is not None else None
    parts: list[tuple[Finding, ...]] = []
    standing: list[tuple[Finding, ...]] = []
    for text, take, keep in zip(texts, accepted, kept, strict=True):
        spread, guarded = _known_in(text, known) if _may_hold(text, wanted) else ([], [])
        candidates = [*(place.candidate for place in take), *spread]
        found = resolve(text.raw, candidates)
        if any(_is_glued(text.raw, finding) for finding in found):
            freed, _ = _known_in(_without(text, found), known)
            found = resolve(text.raw, [*candidates, *freed])
        parts.append(found)
        standing.append(_standing([*keep, *guarded], found))
    return Found(tuple(parts), tuple(standing), known.spread)


def settle_window(text: Text, switches: Switches, house: House) -> tuple[Finding, ...]:
    """Return the findings of one window of an answer; nothing spreads."""
    take, _ = _sorted_out(text, switches, house)
    return resolve(text.raw, [place.candidate for place in take])


def _sorted_out(text: Text, switches: Switches, house: House) -> tuple[list[Placed], list[Candidate]]:
    take: list[Placed] = []
    keep: list[Candidate] = []
    for place in text.local.found:
        candidate = place.candidate
        country = house.countries.get(candidate.kind, "")
        if candidate.score < switches.threshold or not (
            not country or "*" in switches.countries or country in switches.countries
        ):
            continue
        view = text.views[place.view].text
        value = view[place.start : place.end]
        if is_kept(value, candidate, switches) or (house.allow and _is_allowed(value, candidate, house.allow)):
            keep.append(candidate)
        else:
            take.append(place)
    return take, keep


def _is_allowed(value: str, candidate: Candidate, allow: frozenset[str]) -> bool:
    """A site's word stands where only a model or a shape calls it an identifier; a title or a cue beats the list."""
    weak = not candidate.cued and candidate.rank >= RANKS[Type.PHONE] and candidate.kind != DENIED
    return weak and normal(Type.NAME, value) in allow


def _value(text: Text, place: Placed) -> Value:
    c = place.candidate
    view = text.views[place.view]
    whole = view.span(place.start, place.end) == (c.start, c.end)
    surface = view.text[place.start : place.end] if whole else fold(text.raw[c.start : c.end]).text
    return Value(c.type, c.kind, surface, c.score, c.source, c.cued)


def _may_hold(text: Text, wanted: frozenset[int] | None) -> bool:
    """Whether an occurrence of a known value can begin in the text; yes, where nobody made a sketch of it."""
    sketch = text.local.sketch
    return wanted is None or sketch is None or not wanted.isdisjoint(array("Q", sketch))


def _known_in(text: Text, known: Known) -> tuple[list[Candidate], list[Candidate]]:
    if not known:
        return [], []
    clip = clip_of(text.raw, text.form)
    found: list[Candidate] = []
    guarded: list[Candidate] = []
    for number, view in enumerate(text.views):
        matches, stood = known.search(view.text)
        for match in matches:
            found += _placed(view, number, match, clip)
        for match in stood:
            guarded += _placed(view, number, match, clip)
    return found, guarded


def _placed(view: View, number: int, match: Match, clip: Clip) -> list[Candidate]:
    marked = match.type is Type.MARKED
    source, rank = (Source.MARKED, 1) if marked else (Source.KNOWN, KNOWN_RANK)
    candidate = Candidate(match.start, match.end, match.type, match.kind, 1000 if marked else 500, source, rank)
    return [place.candidate for place in placed(view, number, candidate, clip, Form.JSON)]


def _is_glued(raw: str, finding: Finding) -> bool:
    """Whether a finding ends inside a run of letters and digits: what is beside it becomes a word once it is gone."""
    before = finding.start > 0 and is_word(raw[finding.start - 1]) and is_word(raw[finding.start])
    return before or (finding.end < len(raw) and is_word(raw[finding.end]) and is_word(raw[finding.end - 1]))


def _without(text: Text, found: Sequence[Finding]) -> Text:
    """The text as it is read once its findings are gone; offsets stay."""
    raw = list(text.raw)
    for finding in found:
        raw[finding.start : finding.end] = "\x00" * (finding.end - finding.start)
    rest = "".join(raw)
    return Text(rest, text.form, text.local)


def _standing(kept: Sequence[Candidate], found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Kept spans that no finding touches, sorted, each once."""
    spans = {Finding(c.start, c.end, c.type, c.kind, c.score, c.source) for c in kept}
    taken = sorted((f.start, f.end) for f in found)
    result = []
    at = 0
    for finding in sorted(spans):
        while at < len(taken) and taken[at][1] <= finding.start:
            at += 1
        if at == len(taken) or taken[at][0] >= finding.end:
            result.append(finding)
    return tuple(result)
