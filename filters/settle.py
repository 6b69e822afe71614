"""From what stands in each text to what is found in the request: switches, known values, precedence.

Law: the same texts, marks and switches give the same, whatever was noted of them before; the order of parts is the
order of discovery. What the policy or a guard leaves standing is reported beside what is found, because the last look
must know it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from filters.findings import Finding, Found, Source, Type
from filters.fold import View, fold, normal, views
from filters.kinds import DENIED
from filters.local import Clip, Local, Placed, Settled, clip_of, placed
from filters.parts import Form
from filters.propagate import Known, Match, Meaning, Value
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
        hashed: the hash of a word as it stands in a `Local.sketch`; None where there is no memory.
    """

    countries: Mapping[str, str]
    common: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()
    hashed: Callable[[str], int] | None = None


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
    sorted_out = [_sorted_out(text, switches, house) for text in texts]
    values = [value for text, state in zip(texts, sorted_out, strict=True) for value in _values(text, state)]
    known = Known.of(values, marked, house.common)
    meaning = known.meaning(house.hashed) if house.hashed is not None else None
    settled = [_settled(text, state, known, meaning) for text, state in zip(texts, sorted_out, strict=True)]
    return Found(tuple(s.found for s in settled), tuple(s.standing for s in settled), known.spread)


def settle_window(text: Text, switches: Switches, house: House) -> tuple[Finding, ...]:
    """Return the findings of one window of an answer; nothing spreads."""
    return resolve(text.raw, [place.candidate for place in _sorted_out(text, switches, house).take])


def _sorted_out(text: Text, switches: Switches, house: House) -> Settled:
    """Part what the policy takes from what it leaves standing, unless that was done under the same switches before."""
    note = text.local.note
    if note is not None and note.last is not None and note.last.switches == switches:
        return note.last
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
    plain = (_surface(text, place) == text.raw[place.candidate.start : place.candidate.end] for place in take)
    return Settled(switches, tuple(take), tuple(keep), tuple(plain))


def _settled(text: Text, state: Settled, known: Known, meaning: Meaning | None) -> Settled:
    """Look for the known values and settle who wins, unless they mean to this text what they meant before."""
    sketch = text.local.sketch
    asked = None
    if meaning is not None and sketch is not None:
        asked = meaning.to(array("Q", sketch))
        if asked == state.asked:
            return state
    spread, guarded = ([], []) if asked == b"" else _known_in(text, known)
    candidates = [*(place.candidate for place in state.take), *spread]
    found = resolve(text.raw, candidates)
    if any(_is_glued(text.raw, finding) for finding in found):
        asked = None  # what is left beside a glued finding is in no sketch
        freed, _ = _known_in(_without(text, found), known)
        found = resolve(text.raw, [*candidates, *freed])
    state = replace(state, asked=asked, found=found, standing=_standing([*state.keep, *guarded], found))
    if text.local.note is not None:
        text.local.note.last = state
    return state


def _is_allowed(value: str, candidate: Candidate, allow: frozenset[str]) -> bool:
    """A site's word stands where only a model or a shape calls it an identifier; a title or a cue beats the list."""
    weak = not candidate.cued and candidate.rank >= RANKS[Type.PHONE] and candidate.kind != DENIED
    return weak and normal(Type.NAME, value) in allow


def _values(text: Text, state: Settled) -> Iterator[Value]:
    for place, plain in zip(state.take, state.plain, strict=True):
        c = place.candidate
        surface = text.raw[c.start : c.end] if plain else _surface(text, place)
        yield Value(c.type, c.kind, surface, c.score, c.source, c.cued)


def _surface(text: Text, place: Placed) -> str:
    c = place.candidate
    view = text.views[place.view]
    whole = view.span(place.start, place.end) == (c.start, c.end)
    return view.text[place.start : place.end] if whole else fold(text.raw[c.start : c.end]).text


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
