"""Calendar date in the forms of seven languages; found, never parsed into a value: two readings are still one span."""

from __future__ import annotations

import re

from filters.calendar_words import AMBIGUOUS_MONTHS, CONNECTOR, MONTHS, WEEKDAYS
from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_ORDINAL = r"(?:st|nd|rd|th|er|ère|[oaº°.])?"
_YEAR = r"(?:(?:1[89]|20|21)\d\d)"
_GAP = r"[ \t]{0,2}[-/.,]?[ \t]{0,2}"
_OF = rf"(?:(?:{CONNECTOR})[ \t\n]{{1,2}})?"
_WEEKDAY = re.compile(
    rf"(?<![^\W_])(?:{WEEKDAYS})\.?,?[ \t]{{1,2}}(?:(?:the|den|dem|le|el|il|de)[ \t])?\Z", re.IGNORECASE
)
_FROM = rf"(?:{_DAY}{_ORDINAL}[ \t]{{0,2}}(?:-|/|to|bis|und|and|y|et|e|en|a|au|al|tot)[ \t]{{0,2}})?"
_TAIL_YEAR = rf"(?:{_GAP}{_OF}{_YEAR}|[ \t]{{0,2}}[-/.,]?[ \t]{{0,2}}'?\d{{2}}(?![\d:%]|[.,/]\d))"
_TIME = r"(?:(?:T|,?[ \t]{1,2})\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:[ \t]?[ap]\.?m\b)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_SIGN = "(?P<a> ?)(?P<b>[./-])(?P=a)"
_MM, _DD = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_STOP = r"(?!\w|[./-]\d)"
_Y4_OR_2 = r"(?:\d{4}|\d{2})"
_NTH = rf"{_DAY}(?:st|nd|rd|th)?"
_COMMA_YEAR = rf"(?:,?[ \t]{{1,2}}{_YEAR})?"
_NO_MORE = r"(?![\w%]|[./,]\d|-\w)"
_END = r"(?![\w]|[/]\d)"

_NUMERIC = re.compile(r"\d+")
_BARE_MAY = re.compile(r"march|mars|may|mar|jun|sat|sun", re.IGNORECASE)
_CUE_BEFORE = re.compile(
    r"(?<!\w)(?:on|dated?|since|from|until|till|by|seen|d\.?o\.?b|am|vom|bis zum|seit|ab|dem|el|le|du|il|dal|op|em|"
    r"desde|hasta|fecha|datum|data|admitted|discharged|zum|geb|geboren|geburtstag|geburtsdatum|geb\.?-dat|"
    r"eingang|aufnahme|entlassung|entlassen|vorstellung|befund|born|né|née|nato|nata|nacid[oa])[ \t:.]{1,3}\Z|"
    r"(?<![\w*])\* {0,2}\Z",
    re.IGNORECASE,
)
_SET_OFF = re.compile(r"[,;/|(][ \t]{0,2}\d\d\.\d\d\.[ \t]{0,2}(?:[,;/|)\n]|\Z)")
"""A short date between marks, as after a name: "Betrifft Frau Menke, 08.08., wohnhaft in"."""
_LONG_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?:19|20)\d\d")
_NOT_A_DATE = re.compile(
    r"[ \t]?(?:murmur|systolic|diastolic|vision|power|strength|pulses?|tablets?|pack|on the|of )", re.IGNORECASE
)
_MODAL = re.compile(r"[ \t]+(?:be|have|not|also|need|require|benefit)\b")
_BESIDE = 60


def _plausible(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse numbers that no calendar has, and short forms nothing near them explains."""
    weekday = _WEEKDAY.search(text[max(0, start - 20) : start])
    first = start - len(weekday.group()) if weekday else start
    value = text[start:end]
    if any(c.isalpha() for c in value.split("T")[0]):
        return (first, end, 0) if _is_plausible_in_words(text, start, end) else None
    return (first, end, 0) if _is_plausible(text, start, end) else None


def _is_plausible(text: str, start: int, end: int) -> bool:
    value = text[start:end]
    numbers = [int(n) for n in _NUMERIC.findall(value)]
    lengths = [len(n) for n in _NUMERIC.findall(value)]
    if len(numbers) == 1:  # compact: 20211015 or 15102021
        return _is_day(value[6:], value[4:6]) or _is_day(value[:2], value[2:4])
    if len(numbers) == 2:
        return max(lengths) == 4 or _is_plausible_short(text, start, end)
    first, second, third = numbers[:3]
    days = ((third, second),) if lengths[0] == 4 else ((first, second), (second, first))
    return any(_is_day(day, month) for day, month in days)


def _is_day(day: int | str, month: int | str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def _is_plausible_short(text: str, start: int, end: int) -> bool:
    """Day and month alone: only after "on", "am", "le" or the like, or near a whole date."""
    a, b = (int(n) for n in _NUMERIC.findall(text[start:end])[:2])
    if not (_is_day(a, b) or _is_day(b, a)) or _NOT_A_DATE.match(text, end):
        return False
    if _CUE_BEFORE.search(text[max(0, start - 16) : start]):
        return True
    if _SET_OFF.search(text, max(0, start - 3), end + 3):
        return True
    near = text[max(0, start - _BESIDE) : start] + "\n" + text[end : end + _BESIDE]
    whole = len(text[start:end].rstrip(".")) == 5
    return whole and "/" in text[start:end] and _LONG_DATE.search(near) is not None


def _is_plausible_in_words(text: str, start: int, end: int) -> bool:
    """ "May", "March", "mars" and "Sun" are words too: without a four-digit year they need a capital letter."""
    value = text[start:end]
    word = _BARE_MAY.search(value)
    if word is None or len(word.group()) != sum(map(str.isalpha, value)) or re.search(r"\d{4}", value):
        return True
    if value[0].isdigit() and word.group() in {"march", "mars"}:
        return not is_measure(text, end)  # "le 3 mars": after a day it is the month
    if not word.group()[0].isupper() or is_measure(text, end):
        return False
    return word.group().casefold() != "may" or _MODAL.match(text, end) is None


RECOGNIZER = Recognizer(
    kind="date",
    type=Type.DATE,
    patterns=(
        # 15 October 2004, 1st of May, 15OCT2004, 3.-5. März 2024, Friday 3 March
        rf"(?<![\w/])(?<!\d[.,-]){_FROM}{_DAY}{_ORDINAL}{_GAP}{_OF}(?:{MONTHS})\.?{_TAIL_YEAR}?{_TIME}{_END}",
        rf"(?<![\w/])(?<!\d[.,-]){_DAY}{_ORDINAL}{_GAP}{_OF}(?:{AMBIGUOUS_MONTHS})\.?{_GAP}{_OF}{_YEAR}{_TIME}{_END}",
        # October 15th, 2004; Oct 15; March 3-5
        rf"(?<!\w)(?:{MONTHS})\.?[ \t]{{1,2}}(?:the )?{_NTH}(?:[ \t]?-[ \t]?{_NTH})?{_COMMA_YEAR}{_TIME}{_NO_MORE}",
        # March 2021, Oct '21, marzo de 2020
        rf"(?<!\w)(?:{MONTHS})\.?,?[-/ \t]{{1,2}}{_OF}(?:{_YEAR}|'\d{{2}}){_END}",
        # 2004-10-15, ISO 8601
        rf"(?<![\w./-])(?:1[89]|20|21)\d\d ?[./-] ?\d{{1,2}} ?[./-] ?\d{{1,2}}{_TIME}{_STOP}",
        # 15.10.2004, 10/15/04
        rf"(?<![\w./-])(?:\d{{1,2}}\.?[-/](?=\d{{1,2}}\.))?\d{{1,2}}{_SIGN}\d{{1,2}}(?P=a)(?P=b)(?P=a){_Y4_OR_2}{_TIME}{_STOP}",
        rf"(?<![\w./-])\d{{1,2}}\. \d{{1,2}}\. {_Y4_OR_2}{_TIME}{_STOP}",
        # 20041015, 15102004
        rf"(?<![\w./-])(?:(?:19|20)\d\d{_MM}{_DD}|{_DD}{_MM}(?:19|20)\d\d){_STOP}",
        # 10/2004, 10.2004
        r"(?<![\w./-])(?<!\d[.,])(?:(?:0?[1-9]|1[0-2])/|(?:0[1-9]|1[0-2])[.-])(?:19\d\d|20[0-3]\d)(?![\w]|[./-]\d)",
        # 15/10, 15.10. (only with help from beside)
        r"(?<![\w./,-])(?:3[01]|[12]\d|0?[1-9])(?:/(?:3[01]|[12]\d|0?[1-9])|\.(?:1[0-2]|0?[1-9])\.)(?![\w%]|[./,-]\d)",
    ),
    scores=Scores(shape=650, cued=850),
    cues=(
        "dob", "d.o.b", "date of birth", "born", "birth date", "birthdate", "birthday", "geb", "geboren",
        "geburtsdatum",
        "fecha de nacimiento", "nacido", "nacida", "f. nac", "fnac", "né le", "née le", "date de naissance", "ddn",
        "nato il", "nata il", "data di nascita", "geboortedatum", "data de nascimento", "nascido", "nascida",
        "උපන් දිනය", "பிறந்த தேதி", "تاريخ الميلاد",
    ),
    cued_kind="birth_date",
    starts=("#", *MONTHS.split("|")),
    refine=_plausible,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "seen «15 October 2004» at",
        "«Oct 15th» review",
        "DOB «01/02/1980»",
        "on «Friday, 3 March 2021» at",
        "am «3.-5. März 2024» stationär",
        "el «3 de mayo de 2019» ingresa",
        "le «1er janvier 2020»",
        "«15OCT2004»",
        "on «2004-10-15T08:30:00Z» x",
        "vom «12.3.» an",
        "Menke, Ursula * «15.10.» in",
        "Eingang «18.08.»",
        "Ihr Patient Menke, «08.08.», wohnhaft",
        "in «March 2021» she",
        "il «4 luglio 2018»",
        "op «5 mei 2020»",
        "em «7 de março de 2022»",
        "le «3 mars» au matin",
        "«12/2020»",
        "«20041015» scan",
    ),
    no_match=(
        "BP 120/80",
        "2/6 murmur",
        "patients with stage 3 may benefit",
        "1-0-1",
        "9 out of 10",
        "1/2 tablet",
        "6/9 vision",
        "a moment",
        "quarterly",
        "march on",
        "5 mg may 2 be",
        "version 3.2.1",
        "siehe Kapitel 02.03. und",
    ),
)
