"""Spans of the model as hits: its labels made ours, its known mistakes taken out.

Law: the model never decides alone what a date is (trap `ner_dates`), what a number with a unit is, or that an eponym
or a brand is a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.eponyms import is_eponym, is_eponym_construction, is_medicine
from filters.faults import verify_span
from filters.findings import Source, Type
from filters.guards import is_code, is_measure
from filters.lexicon import ordinary_words
from filters.nerguards import is_date_in_words, is_day_and_month, is_no_age, is_no_identifier, is_plain_number, is_time
from filters.propagate import has_name_cue
from filters.scan import RANKS, Hit, Scanner
from filters.words import Word, words

__all__ = ["SpanLike", "SpanSource", "ner_hits"]

_TYPES = {
    "PERSON": (Type.NAME, "person"),
    "LOCATION": (Type.LOCATION, "location"),
    "ORG": (Type.ORG, "org"),
    "DATE": (Type.DATE, "date"),
    "AGE": (Type.AGE, "age"),
    "PHONE": (Type.PHONE, "phone"),
    "EMAIL": (Type.EMAIL, "email"),
    "ID": (Type.ID, "id"),
    "URL": (Type.URL, "url"),
}
_FACILITY = re.compile(
    r"(?<![^\W_])(?:hospitals?|clinics?|infirmary|surgery|medical cent(?:er|re)|health cent(?:er|re)"
    r"|hospice|nursing home|"
    r"care home|sanatorium|\w{0,20}klinik(?:um|en)?|\w{0,20}krankenhaus|spital|praxis|pflegeheim|hospitale?s?|clínica|"
    r"centro de salud|ambulatorio|sanatorio|hôpital|hôpitaux|clinique|chu|chr|ehpad|cabinet|ospedale|policlinico|"
    r"clinica|asl|ausl|ziekenhuis|umc|kliniek|huisartsenpraktijk|unidade de saúde|centro hospitalar)(?![^\W_])",
    re.IGNORECASE,
)
_CALENDAR = re.compile(rf"(?<![^\W\d_])(?:{MONTHS}|{WEEKDAYS})(?![^\W\d_])", re.IGNORECASE)
_YEAR = re.compile(r"(?:18|19|20)\d\d\Z")
_DIGIT = re.compile(r"\d")
_TITLE_CASE = re.compile(r"(?<![^\W_])[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]")
_CASED = frozenset({Type.NAME, Type.LOCATION, Type.ORG})
_ADDRESS = re.compile(r"[^\s@]{1,64}@[^\s@]{1,253}?(?=[.,;:!?)\]]{0,3}\s)")
"""A whole address before white space: what the model drags along after it is the next sentence."""
_PHONE_START = re.compile(r"[+(\d]")
_PARTICLE_WORDS = "de da di do del della dei van von der den ter ten bin al el la le du dos das y e i zu zum af"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_ROLE_WORDS = (
    "nhc dni nie nif nass cip cipa cp mrn nhs ssn nic nric dob tel tfno fax email patient patientin paciente "
    "patiente paziente patiënt doctor doktor docteur dottore kollege kollegin kollegen colleague colega "
    "collègue nurse sister mother father mutter vater madre padre mère père wife husband son daughter mr mrs "
    "ms dr prof herr frau señor señora monsieur madame med phil rer nat dent vet habil univ dipl "
    "aktenzeichen geburtstag geburtsdatum versichertennummer versicherte versicherter versicherten sekretariat eingang "
    "eingangsnummer betrifft aufnahmenummer fallnummer durchschrift einsender abteilung "
)
_ROLES = frozenset(_ROLE_WORDS.split())
_LABEL_WORDS = "nhc dni nie nif nass cip mrn nhs ssn nic nric dob tel tfno fax email uhid ipp nda phn"
_LABELS = frozenset(_LABEL_WORDS.split())
"""What stands between a name and a number, and belongs to neither."""
_ORDINAL_DAY = re.compile(r"(?:the )?\d{1,2}(?:st|nd|rd|th)\Z", re.IGNORECASE)
_NUMERIC_DATE = re.compile(r"\d[./-] ?\d|\d{4}")
_AROUND = 300
_WEAK = 650
_BALANCED = 500
_GAP_BEFORE = re.compile(r"\.?[ -]\Z")
_GAP_AFTER = re.compile(r"\.?[ -]")
_UNSURE = 800
_UNSURE_BY_CHAIN = 900
_SURE_OF_ACRONYM = 900
_ACRONYM = 5
_OLDEST = 130
_INTEGER = re.compile(r"\d{1,9}")
_OF_AGE = re.compile(
    r"(?<![^\W_])(?:years?|yrs?|y\.?o|y/o|yo|old|aged?|ages|jahre?|jährig\w{0,2}|alter|alt|j|años?|edad|ans|âge|âgée?|anni|età|"
    r"jaar|oud|leeftijd|anos?|idade|turned|born|months?|meses|mois|mesi|i'm|am|m|f|male|female)(?![^\W_])",
    re.IGNORECASE,
)
_CHAIN = re.compile(r"(?<![a-z-])[a-z]{3,30}(?:-[a-z]{3,30}){3,15}(?![a-z-])")
"""Four or more lower-case words in a row with hyphens: an address on the web, a file's name, a phrase drawn by lot."""
_LONGEST_CHAIN = 496
_ORDINARY = ordinary_words()
_BAND = re.compile(r"(?:\d{1,2}|[XY])[pq]\d{1,3}", re.IGNORECASE)
"""A band of a chromosome."""
_DOUBTED = 450
"""Under the `balanced` threshold, over the `strict` one."""


class SpanLike(Protocol):
    """One span of a model."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def score(self) -> int: ...


class SpanSource(Protocol):
    """A model that names spans of a text by our labels: the bundled one, or a site's plug-in."""

    @property
    def digest(self) -> str: ...
    def spans(self, text: str) -> Sequence[SpanLike]: ...


def ner_hits(
    text: str,
    spans: Iterable[SpanLike],
    dates: Scanner,
    common: frozenset[str] = frozenset(),
    source: Source = Source.NER,
) -> tuple[Hit, ...]:
    """Return the hits worth keeping. `dates` knows durations, relative dates and bare years; `common` common words."""
    found = []
    for span in spans:
        verify_span(span.start, span.end, span.score, len(text))
        type_, kind = _TYPES[span.label]
        start, end = _trimmed(text, span.start, span.end, type_, common)
        refined = _kind(text, start, end, type_, dates) if start < end else None
        if refined is not None:
            cued = type_ is Type.NAME and has_name_cue(text, start)
            for first, last in [(start, end)] if cued or type_ not in _CASED else _named(text, start, end):
                doubted = not cued and _is_doubtful(text, first, last, span.score, common) and type_ in _CASED
                score = min(span.score, _DOUBTED) if doubted else span.score
                found.append(Hit(first, last, type_, refined or kind, score, RANKS[type_], cued, source))
    return _with_company(text, sorted(found), common)


def _with_company(text: str, hits: list[Hit], common: frozenset[str]) -> tuple[Hit, ...]:
    """A capital word that the model half doubts belongs to the name or place it touches ("Mstislav Dolgorukova")."""
    sure = {(hit.type, edge) for hit in hits if hit.score >= _BALANCED for edge in (hit.start, hit.end)}
    return tuple(hit._replace(score=_BALANCED) if _has_company(text, hit, sure, common) else hit for hit in hits)


def _has_company(text: str, hit: Hit, sure: set[tuple[Type, int]], common: frozenset[str]) -> bool:
    word = text[hit.start : hit.end]
    if hit.score >= _BALANCED or hit.type not in (Type.NAME, Type.LOCATION) or not word[:1].isupper():
        return False
    if len(word) > 1 and word.casefold() in common:
        return False
    before = _GAP_BEFORE.search(text, max(0, hit.start - 2), hit.start)
    after = _GAP_AFTER.match(text, hit.end)
    return (before is not None and (hit.type, before.start()) in sure) or (
        after is not None and (hit.type, after.end()) in sure
    )


def _kind(text: str, start: int, end: int, type_: Type, dates: Scanner) -> str | None:
    """Return the kind ("" as labelled), or None when the span is not worth keeping."""
    value = text[start:end]
    if type_ is Type.NAME:
        return None if _is_no_person(text, start, end) else ""
    if type_ in (Type.LOCATION, Type.ORG):
        return "facility" if _FACILITY.search(value) else ""
    if type_ is Type.DATE:
        return _date_kind(text, start, end, dates)
    if type_ is Type.AGE:
        return "" if _is_age(text, start, end) and not is_no_age(text, start, end) else None
    if type_ in (Type.ID, Type.PHONE):
        is_other = is_measure(text, end) or is_code(text, start) or _BAND.match(value) is not None
        is_other = is_other or is_no_identifier(text, start, end)
        return "" if _DIGIT.search(value) and not is_other else None
    return ""


def _is_age(text: str, start: int, end: int) -> bool:
    """A number is an age only among words of age: "100 men" and "395 participants" are counts."""
    number = _INTEGER.search(text, start, end)
    if number is None:
        return True
    return int(number.group()) <= _OLDEST and _OF_AGE.search(text, max(0, start - 20), end + 16) is not None


def _trimmed(text: str, start: int, end: int, type_: Type, common: frozenset[str]) -> tuple[int, int]:
    """Take off what the model drags along: "Markus zusammen", "unter 0251 123", "a@b.org. CT", "Kollegin"."""
    if type_ is Type.PHONE:
        digit = _PHONE_START.search(text, start, end)
        return (digit.start(), end) if digit else (start, end)
    if type_ is Type.EMAIL:
        address = _ADDRESS.match(text, start, end)
        return (start, address.end()) if address else (start, end)
    if type_ not in _CASED:
        return start, end
    found = list(words(text[start:end]))
    if all(word.text in _ROLES for word in found):
        return start, start
    if not any(text[start + word.start].isupper() for word in found):
        return start, end
    while len(found) > 1 and _is_extra(text, start, found[-1], common):
        found.pop()
    while len(found) > 1 and _is_extra(text, start, found[0], common):
        found.pop(0)
    while len(found) > 1 and found[-1].text in _LABELS and text[start + found[-1].start].isupper():
        found.pop()
    whole = found[-1].end == len(text[start:end].rstrip())
    return start + found[0].start, end if whole else start + found[-1].end


def _is_extra(text: str, start: int, word: Word, common: frozenset[str]) -> bool:
    return text[start + word.start].islower() and word.text in common and word.text not in _PARTICLES


def _is_doubtful(text: str, start: int, end: int, score: int, common: frozenset[str]) -> bool:
    """Letter case is lost on the model, so it is asked here: where names have capitals, a weak guess needs one.

    Measured on development data: of lower-case spans under 650 in text with capitals, one in a hundred is a name.
    """
    value = text[start:end]
    said = {word.text for word in words(value)}
    if value.islower() and (score < _WEAK or said <= common):
        around = text[max(0, start - _AROUND) : end + _AROUND]
        if len(_TITLE_CASE.findall(around)) >= max(2, len(around) // 200):
            return True
    if score < _SURE_OF_ACRONYM and value.isupper() and len(value) <= _ACRONYM and not text.isupper():
        return True
    if score < _UNSURE and said <= common:
        return True
    return score < _UNSURE_BY_CHAIN and said <= common | _ORDINARY and _is_by_chain(text, start, end)


def _is_by_chain(text: str, start: int, end: int) -> bool:
    """Whether a chain of words stands near: the model is restless about everything around one."""
    return "-" in text and _CHAIN.search(text, max(0, start - _AROUND), end + _AROUND) is not None


def _named(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Leave out the ordinary words of a chain: the model takes "bucket-ladder-candle-wedge" for a name.

    Every other word stays what the model took it for, so a name in a file's name is found ("john-smith-blood-results").
    """
    first = max(0, start - _LONGEST_CHAIN)
    around = text[first : end + _LONGEST_CHAIN]
    if "-" in around and any(m.start() <= start - first and end - first <= m.end() for m in _CHAIN.finditer(around)):
        for word in words(text[start:end]):
            if word.text not in _ORDINARY:
                yield start + word.start, start + word.end
    else:
        yield start, end


def _is_no_person(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    if value.islower() and is_medicine(value):
        return True  # "Is ramipril safe": the "is" of "my name is" is no cue there
    if has_name_cue(text, start):
        return False
    return is_eponym_construction(text, start, end) or is_eponym(value) or is_medicine(value)


def _date_kind(text: str, start: int, end: int, dates: Scanner) -> str | None:
    value = text[start:end]
    bare = value.strip(" .,;:()")
    if _YEAR.match(bare) or is_time(text, start, end):
        return "bare_year" if _YEAR.match(bare) else "duration"
    if is_plain_number(text, start, end):
        return None
    kinds = {hit.kind for hit in dates.hits(value)}
    in_words = is_date_in_words(value) or (_CALENDAR.search(value) and _DIGIT.search(value))
    if in_words or is_day_and_month(text, start, end):
        return ""
    for kind in ("relative_date", "duration", "bare_year"):
        if kind in kinds:
            return kind
    if _CALENDAR.search(value) or _ORDINAL_DAY.match(bare):
        return "relative_date"
    return "" if _NUMERIC_DATE.search(value) else None  # "36" of "36+4 weeks" is no date
