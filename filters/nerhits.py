"""Spans of the model as hits: its labels made ours, its known mistakes taken out.

Law: the model never decides alone what a date is (trap `ner_dates`), what a number with a unit is, or that an eponym
or a brand is a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from filters.calendar_words import MONTHS, WEEKDAYS
from filters.eponyms import is_brand, is_eponym, is_eponym_construction
from filters.findings import Source, Type
from filters.guards import is_code, is_measure
from filters.propagate import has_name_cue
from filters.scan import RANKS, Hit, Scanner

__all__ = ["SpanLike", "ner_hits"]

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


def ner_hits(text: str, spans: Iterable[SpanLike], dates: Scanner) -> tuple[Hit, ...]:
    """Return the hits worth keeping. `dates` knows durations, relative dates and bare years."""
    found = []
    for span in spans:
        type_, kind = _TYPES[span.label]
        refined = _kind(text, span.start, span.end, type_, dates)
        if refined is not None:
            cued = type_ is Type.NAME and has_name_cue(text, span.start)
            kind = refined or kind
            found.append(Hit(span.start, span.end, type_, kind, span.score, RANKS[type_], cued, Source.NER))
    return tuple(found)


def _kind(text: str, start: int, end: int, type_: Type, dates: Scanner) -> str | None:
    """Return the kind ("" as labelled), or None when the span is not worth keeping."""
    value = text[start:end]
    if type_ is Type.NAME:
        return None if _is_no_person(text, start, end) else ""
    if type_ in (Type.LOCATION, Type.ORG):
        return "facility" if _FACILITY.search(value) else ""
    if type_ is Type.DATE:
        return _date_kind(value, dates)
    if type_ in (Type.ID, Type.PHONE, Type.AGE):
        if not _DIGIT.search(value) and type_ is not Type.AGE:
            return None
        return None if type_ is not Type.AGE and (is_measure(text, end) or is_code(text, start)) else ""
    return ""


def _is_no_person(text: str, start: int, end: int) -> bool:
    if has_name_cue(text, start):
        return False
    value = text[start:end]
    return is_eponym_construction(text, start, end) or is_eponym(value) or is_brand(value)


def _date_kind(value: str, dates: Scanner) -> str | None:
    bare = value.strip(" .,;:()")
    if _YEAR.match(bare):
        return "bare_year"
    kinds = {hit.kind for hit in dates.hits(value)}
    if _CALENDAR.search(value) and _DIGIT.search(value):
        return ""
    for kind in ("relative_date", "duration", "bare_year"):
        if kind in kinds:
            return kind
    if _CALENDAR.search(value):
        return "relative_date"
    return "" if _DIGIT.search(value) else None
