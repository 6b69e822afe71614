"""Numbers that a model takes for a date or an identifier: scores, measures, times, stages, codes.

Law: pure functions of a text and a span; they clear only what nothing but the model says, and a cue before it wins.
"""

from __future__ import annotations

import re

from filters.recognizers import spoken_date
from filters.recognizers.date import has_score, is_short_date
from filters.scan import Scanner

__all__ = ["is_date_in_words", "is_day_and_month", "is_no_age", "is_no_identifier", "is_plain_number", "is_time"]

_IN_WORDS = Scanner((spoken_date.RECOGNIZER,))

_EDGE = " .,;:()[]"
_TIME = re.compile(
    r"(?:[01]?\d|2[0-4]) ?(?:h|H|hrs?|u|uhr|uur|Uhr)\.?(?: ?[0-5]\d)?|"
    r"(?:[01]?\d|2[0-3])[:.][0-5]\d ?(?:h|H|hrs?|u|uhr|uur|Uhr)"
)
_TERM = re.compile(r"[x×]?\d{1,2}/(?:7|12|52)")
"""So many days, weeks or months, as English clinics write it: 3/7, 6/52, 4/12."""
_FRACTION = re.compile(r"\d{1,3} ?/ ?\d{1,3}(?: ?/ ?\d)?")
_APGAR = re.compile(r"(?:\d|10)(?:[/-](?:\d|10)){2}")
_DECIMAL = re.compile(r"\d{1,3}[.,]\d{1,2}")
_SCHEME = re.compile(r"\d{1,2}(?:-\d{1,2}){3}|\d-\d-\d")
"""Doses in the morning, at noon, in the evening and at night."""
_MONTH_TWO = re.compile(r"(?:3[01]|[12]\d|0[1-9])\.(?:0[1-9]|1[0-2])")
_CODE = re.compile(
    r"[a-z]{1,2}\d{1,2}|[A-Z]{1,3}\d{1,2}|[A-TV-Z]\d{2}\.\d{1,2}[GVAZ]?|\d{1,3}|"  # J6, DM2, F90.0, 71
    r"[cpyrum]{0,3}T(?:[0-4X]|is)[a-d]?(?:[ ,]?[cp]?N[0-3X][a-c]?(?:[ ,]?[cp]?M[01X][a-c]?)?)?|"  # cT3N2
    r"G\d{1,2}(?: ?P\d{1,2})?(?: ?A\d{1,2})?(?: ?[LCE]\d)?|"  # G2P1A0
    r"G[1-5][ab]?A[1-3]"  # of a kidney
)
_READING = re.compile(
    r"(?:QRS|QTc?|PR|PQ|HR|HF|FC|FR|AF|BP|RR|TA|PA|BM|BZ|CRP|PCR|H[bB]|GCS|MMSE?|BMI|IMC|INR|EF|LVEF|FEVI|TSH|A1c|HbA1c|"
    r"NRS|VAS|EVA|SpO2|SaO2|Sat|Temp|Na|K|QI|IQ|eGFR|Cr|Krea|Trop|PSA|CK|LDH|GOT|GPT|AST|ALT|Ch|Fr|Barthel|Apgar|APGAR)"
    r"\.?[ :=]{0,2}\d{1,4}(?:[.,/]\d{1,3})?",
)
_LAB_BEFORE = re.compile(
    r"(?<![^\W_])(?:ogtt|o-?gtt|curva|glicemi\w{1,3}|glucos\w{1,3}|glyc[ée]mi\w{1,3}|gtt|bz|hgpo|sog|ptgo)"
    r"[^\n\d]{0,16}\Z",
    re.IGNORECASE,
)
_CURVE = re.compile(r"[1-4]?\d{2}(?:[-/][1-4]?\d{2}){1,4}")
_NAMED = re.compile(
    r"(?<![^\W_])(?:no|nr|nos?\.|n[°ºr]|number|num|nummer|número|numero|numéro|id|ids|mrn|nhs|ref|reference|referenz|"
    r"code|codes?|código|codice|case|fall|file|folder|chart|record|ticket|token|badge|pin|sn|s/n|serial|serienr|série|"
    r"serie|reg|registration|nhc|ipp|uhid|acc|accession|account|konto|az|aktenzeichen|sample|specimen|probe|muestra|"
    r"policy|member|participant|subject|proband\w{0,4}|patient|study|studie|tel|fax|phone|ext|extension|durchwahl|dw|poste|"
    r"bleep|pager|licen[cs]e|crm|gmc|nmc|plate|reg\.?|kennzeichen|vehicle|invoice|receipt|rechnung|order|auftrag)"
    r"(?:[ \t]{1,2}(?:is|was|ist|es|est|è|no|nr|number|id))?[ \t]{0,2}[.:#=-]{0,3}[ \t]{0,2}\Z|[#№°][ \t]?\Z",
    re.IGNORECASE,
)
_REACH = 32
_MORE_BEFORE = re.compile(r"[^\W_][-./]\Z")
_MORE_AFTER = re.compile(r"[-./][^\W_]|[ ][A-Z]{0,3}\d")
_DAY_AND_MONTH = re.compile(
    r"(?:1[3-9]|2\d|3[01])/(?:1[0-2]|0?[1-9])|(?:0[1-9]|[12]\d|3[01])[/.]0[1-9]|0[1-9]/(?:0[1-9]|1[0-2])"
)
"""What a calendar has and hardly any score: a day over twelve, or zeros in front."""


def _value(text: str, start: int, end: int) -> tuple[str, int, int]:
    """Return the span without marks at its ends."""
    value = text[start:end]
    first = start + len(value) - len(value.lstrip(_EDGE))
    last = end - len(value) + len(value.rstrip(_EDGE))
    return text[first:last], first, last


def _is_part(text: str, first: int, last: int) -> bool:
    """Return whether the span is a piece of something longer: "019" of "SA-5582-019", "E41" of "E41 X9F2"."""
    return bool(_MORE_BEFORE.search(text, max(0, first - 2), first) or _MORE_AFTER.match(text, last))


def is_time(text: str, start: int, end: int) -> bool:
    """Return whether the span is a time of day, or so many days, weeks or months ("22h47", "9h", "6/52")."""
    value, first, last = _value(text, start, end)
    if _TIME.fullmatch(value):
        return True
    return _TERM.fullmatch(value) is not None and not is_short_date(text, first, last)


def is_plain_number(text: str, start: int, end: int) -> bool:
    """Return whether what is labelled a date is a score, a fraction, a decimal, a pressure, a scheme or a code."""
    value, first, last = _value(text, start, end)
    if _is_part(text, first, last):
        return False
    if _DAY_AND_MONTH.fullmatch(value) and not has_score(text, first):
        return False
    if _FRACTION.fullmatch(value):
        return value.count("/") > 1 or " " in value or not is_short_date(text, first, last)
    if _DECIMAL.fullmatch(value):
        dotted = last + 1 if text[last : last + 1] == "." else last
        return _MONTH_TWO.fullmatch(value) is None or not is_short_date(text, first, dotted)
    return any(shape.fullmatch(value) for shape in (_APGAR, _SCHEME, _CODE, _READING))


def is_day_and_month(text: str, start: int, end: int) -> bool:
    """Return whether the span is two short numbers that are no plain numbers: a day and a month."""
    value, _, _ = _value(text, start, end)
    shaped = _FRACTION.fullmatch(value) or _DECIMAL.fullmatch(value)
    return shaped is not None and not is_time(text, start, end) and not is_plain_number(text, start, end)


def is_no_identifier(text: str, start: int, end: int) -> bool:
    """Return whether what is labelled a number of a person is a measure, a time or a code, and nothing names it."""
    value, first, last = _value(text, start, end)
    if _is_part(text, first, last):
        return False
    before = text[max(0, first - _REACH) : first]
    before = before[before.rfind("\n") + 1 :]
    if _CURVE.fullmatch(value) and _LAB_BEFORE.search(before):
        return True
    if _NAMED.search(before):
        return False
    shapes = (_TIME, _TERM, _FRACTION, _APGAR, _DECIMAL, _SCHEME, _CODE, _READING)
    return any(shape.fullmatch(value) for shape in shapes)


def is_no_age(text: str, start: int, end: int) -> bool:
    """Return whether what is labelled an age is a fraction; "8/12" is one in months."""
    value, _, _ = _value(text, start, end)
    return any(shape.fullmatch(value) for shape in (_FRACTION, _APGAR)) and _TERM.fullmatch(value) is None


def is_date_in_words(value: str) -> bool:
    """Return whether a date stands in the value in words."""
    return bool(_IN_WORDS.hits(value))
