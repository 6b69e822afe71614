"""Calendar date in the forms of seven languages; found, never parsed into a value: two readings are still one span."""

from __future__ import annotations

import re

from filters.calendar_words import AMBIGUOUS_MONTHS, CONNECTOR, MONTHS, WEEKDAYS
from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER", "has_score", "is_short_date"]

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

_UNTIL = re.compile(r"\A\d{1,2}\.?[-–/](?=\d{1,2}\.\d{1,2}\.\d)")
"""The first day of "21.-25.8.2023"."""
_NUMERIC = re.compile(r"\d+")
_BARE_MAY = re.compile(r"march|mars|may|mar|jun|sat|sun", re.IGNORECASE)
_CUE_BEFORE = re.compile(
    r"(?<!\w)(?:on|dated?|since|from|until|till|by|seen|d\.?o\.?b|am|vom|bis zum|seit|ab|dem|el|le|du|il|dal|op|em|"
    r"desde|hasta|fecha|datum|data|día|dia|tag|dag|giorno|jour|next|last|nächster?|prochaine?|próxim[oa]|prossim[oa]|volgende|admitted|discharged|zum|geb|geboren|geburtstag|geburtsdatum|geb\.?-dat|"
    r"eingang|aufnahme|entlassung|entlassen|\w{0,12}vorstellung|den|befund|born|né|née|nato|nata|nacid[oa]|"
    r"lmp|edd|edc|ddr|dpa|dpp|dum|fur|fum|fpp|regels|règles|d/c(?:'?d)?|dced|reviewed|presented|referred|attended|"
    r"transferred|aufgenommen|vorgestellt|operiert|alta|ingres[oa]|ingresó|entrée|sortie|hospitalisée?|ricovero|"
    r"dimiss[oa]|dimissione|consultas?|visita|"
    r"visite|cita|\w{0,12}termin|\w{0,12}kontrolle|controle|"
    r"ontslag|ontslagen|opgenomen|gezien|admissão|internad[oa])[ \t:.]{1,3}\Z|"
    r"(?<![\w*])\* {0,2}\Z",
    re.IGNORECASE,
)
_SET_OFF = re.compile(r"[,;/|(][ \t]{0,2}\d\d\.\d\d\.[ \t]{0,2}(?:[,;/|)\n]|\Z)")
"""A short date between marks, as after a name: "Betrifft Frau Menke, 08.08., wohnhaft in"."""
_LONG_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|(?:19|20)\d\d")
_NOT_A_DATE = re.compile(
    r"[ \t]?(?:murmur|systolic|diastolic|vision|power|strength|pulses?|tablets?|pack|on the|of |ago(?!\w)|later|pain|"
    r"sessions?|points?|punkte|puntos|punti|postop|post-op)",
    re.IGNORECASE,
)
_PAIN = re.compile(r"pain|dolor|douleur|schmerz|pijn", re.IGNORECASE)
_OF_TEN = re.compile(r"(?:\d|10)/10\Z")
_ENTRY = re.compile(r"(?:\A|\n)[ \t]{0,8}(?:3[01]|2\d|1[3-9])/(?:1[0-2]|0?[1-9])[ \t:]")
"""A line of a list of days: "13/6 slept well"."""
_SCORE_BEFORE = re.compile(
    r"(?<![^\W_])(?:apgar|mmse?|moca|gcs|glasgow|vas|nrs|eva|esas|score|power|pain|schmerz\w{0,8}|dolore?|douleur|pijn|"
    r"dor|visus|va|vision|agudeza|barthel|tinetti|norton|braden|murmur|grade|kraft|force|forza|kracht|força|bp|rr|ta|pa)"
    r"[ \t:=]{0,3}(?:(?:of|de|di|von|van|score|was|ist|a|à|bei|od|os|l|r|re|li)[ \t:=]{1,2})?\Z",
    re.IGNORECASE,
)
_PADDED = re.compile(r"(?:0\d/(?:1[3-9]|[23]\d)|(?:1[3-9]|[23]\d)/0[1-9])\Z")
"""A day over twelve beside a month with a zero: no score and no measure is written so."""
_LAST = re.compile(
    r"(?<![^\W_])(?:last|since|from|until|till|in|on|zuletzt|seit|bis|ab|dal|da|nel|desde|hasta|en|em|depuis|jusqu'en|"
    r"sinds|tot|ultim[oa]|últim[oa]|dernière?|laatste?)"
    r"(?:[ \t]{1,2}(?:\d{1,3}(?:[.,]\d{1,2})?[ \t]?[\w%]{1,6}(?:/[a-z]{1,4})?"
    r"[ \t]{1,2})?(?:in[ \t])?|[ \t]?[(:][ \t]?)\Z",
    re.IGNORECASE,
)
_MONTH_YEAR = re.compile(r"(?:0[1-9]|1[0-2])/\d\d\Z")
_GERMAN = re.compile(
    r"(?<!\w)(?:und|der|das|mit|bei|nach|wurde|wird|ohne|für|auf|zur|zum|uhr|keine?|nicht|patientin)(?!\w)|[ßäöü]",
    re.IGNORECASE,
)
_SATURATION = re.compile(r"sat(?![a-z])", re.IGNORECASE)
_TWO_DIGITS = re.compile(r"\d\d\.\d\d\.\Z")
_HEADED = re.compile(
    r"(?<![^\W_])(?:kapitel|kap|abschnitt|ziffern?|ziff|punkt|nr|nummer|pos|art|artikel|version|seite|teil|anlage|goä|ebm|"
    r"ops|icd|code|satz|tabelle|tab|abb|stufe|grad|ph|dichte|faktor|wert|hb|inr)[.:]?[ \t]{0,2}\Z|"
    r"[§=<>≤≥+±*x×][ \t]{0,2}\Z",
    re.IGNORECASE,
)
_NEW_HEADING = re.compile(r"[ \t]{1,4}[A-ZÄÖÜ]")
_LINE_START = re.compile(r"(?:\A|\n)[ \t]{0,8}\Z")
_CLOCK_AFTER = re.compile(
    r",?[ \t]{1,4}(?:um[ \t]|gegen[ \t])?\d{1,2}[:.]\d\d(?!\d)|,?[ \t]{1,4}\d{1,2}[ \t]?(?:h|uhr)(?!\w)", re.IGNORECASE
)
_MAYO_SCORE = re.compile(r"mayo [0-3]\Z", re.IGNORECASE)
_MODAL = re.compile(r"[ \t]+(?:be|have|not|also|need|require|benefit)\b")
_BESIDE = 60
_PAGE = 500


def _plausible(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse numbers that no calendar has, and short forms nothing near them explains."""
    weekday = _WEEKDAY.search(text[max(0, start - 20) : start])
    first = start - len(weekday.group()) if weekday else start
    value = text[start:end]
    if any(c.isalpha() for c in value.split("T")[0]):
        return (first, end, 0) if _is_plausible_in_words(text, start, end) else None
    return (first, end, 0) if _is_plausible(text, start, end) else None


def _is_plausible(text: str, start: int, end: int) -> bool:
    value = _UNTIL.sub("", text[start:end])
    numbers = [int(n) for n in _NUMERIC.findall(value)]
    lengths = [len(n) for n in _NUMERIC.findall(value)]
    if len(numbers) == 1:  # compact: 20211015 or 15102021
        return _is_day(value[6:], value[4:6]) or _is_day(value[:2], value[2:4])
    if len(numbers) == 2:
        return max(lengths) == 4 or is_short_date(text, start, end)
    first, second, third = numbers[:3]
    if lengths[2] < 4 and _SCORE_BEFORE.search(text[max(0, start - 40) : start]):
        return False  # Apgar 9/10/10
    days = ((third, second),) if lengths[0] == 4 else ((first, second), (second, first))
    return any(_is_day(day, month) for day, month in days)


def _is_day(day: int | str, month: int | str) -> bool:
    return 1 <= int(day) <= 31 and 1 <= int(month) <= 12


def has_score(text: str, start: int) -> bool:
    """Return whether a score or a measure is announced before `start`: "Apgar", "BP", "Visus"."""
    return _SCORE_BEFORE.search(text[max(0, start - 40) : start]) is not None


def is_short_date(text: str, start: int, end: int) -> bool:
    """Day and month alone: after "on", "am", "le", "LMP" or a weekday, near a whole date, or in a form of its own."""
    value = text[start:end]
    a, b = (int(n) for n in _NUMERIC.findall(value)[:2])
    before = text[max(0, start - 40) : start]
    if has_score(text, start) or _NOT_A_DATE.match(text, end) or (_OF_TEN.match(value) and _PAIN.search(before)):
        return False
    if _MONTH_YEAR.match(value) and (value[0] == "0" or b > 12) and _LAST.search(before):
        return True
    if not (_is_day(a, b) or _is_day(b, a)):
        return False
    if _CUE_BEFORE.search(before[-20:]) or _PADDED.match(value) or _is_after_weekday(before):
        return True
    return _is_set_off(text, start, end)


def _is_set_off(text: str, start: int, end: int) -> bool:
    """Between marks, in German words, in a list of days, or near a whole date."""
    if "/" not in text[start:end]:
        marked = _SET_OFF.search(text, max(0, start - 3), end + 3) is not None
        return marked or (_TWO_DIGITS.match(text[start:end]) is not None and _is_german(text, start, end))
    if _LINE_START.search(text[max(0, start - 24) : start]) and (
        _ENTRY.search(text, max(0, start - _PAGE), start) or _ENTRY.search(text, end, end + _PAGE)
    ):
        return True
    near = text[max(0, start - _BESIDE) : start] + "\n" + text[end : end + _BESIDE]
    return end - start == 5 and _LONG_DATE.search(near) is not None


def _is_after_weekday(before: str) -> bool:
    weekday = _WEEKDAY.search(before)
    return weekday is not None and not _SATURATION.match(weekday.group())


def _is_german(text: str, start: int, end: int) -> bool:
    """ "11.02." in German words, no number of a chapter: a heading of a line needs the time of day behind it."""
    before = text[max(0, start - 24) : start]
    if not _is_day(*_NUMERIC.findall(text[start:end])) or _HEADED.search(before):
        return False
    if _LINE_START.search(before) and _NEW_HEADING.match(text, end):
        return False
    if _CLOCK_AFTER.match(text, end):
        return True
    return _GERMAN.search(text, max(0, start - 2 * _BESIDE), end + 2 * _BESIDE) is not None


def _is_plausible_in_words(text: str, start: int, end: int) -> bool:
    """ "May", "March", "mars" and "Sun" are words too: without a four-digit year they need a capital letter."""
    value = text[start:end]
    if _MAYO_SCORE.match(value):
        return False
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
        # 9-XI-2020
        r"(?<![\w./-])(?:3[01]|[12]\d|0?[1-9])([-./ ])(?:I{1,3}|IV|VI{0,3}|IX|XI{0,2})\1(?:19|20)\d\d(?![\w]|[./-]\d)",
        # 15.10.2004, 10/15/04
        rf"(?<![\w./-])(?:\d{{1,2}}\.?[-–/](?=\d{{1,2}}\.))?\d{{1,2}}{_SIGN}\d{{1,2}}(?P=a)(?P=b)(?P=a){_Y4_OR_2}{_TIME}{_STOP}",
        rf"(?<![\w./-])\d{{1,2}}\. \d{{1,2}}\. {_Y4_OR_2}{_TIME}{_STOP}",
        # 20041015, 15102004
        rf"(?<![\w./-])(?:(?:19|20)\d\d{_MM}{_DD}|{_DD}{_MM}(?:19|20)\d\d){_STOP}",
        # 10/2004, 10.2004
        r"(?<![\w./-])(?<!\d[.,])(?:(?:0?[1-9]|1[0-2])/|(?:0[1-9]|1[0-2])[.-])(?:19\d\d|20[0-3]\d)(?![\w]|[./-]\d)",
        # 15/10, 15.10. (only with help from beside)
        r"(?<![\w./,-])(?:3[01]|[12]\d|0?[1-9])(?:/(?:3[01]|[12]\d|0?[1-9])|\.(?:1[0-2]|0?[1-9])\.)(?![\w%]|[./,-]\d)",
        # 06/95 (month and year, likewise)
        r"(?<![\w./,-])(?:0[1-9]|1[0-2])/(?:3[2-9]|[4-9]\d|00)(?![\w%]|[./,-]\d)",
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
        "Verlauf\n«11.02.» 21:30 Bew. liegt im Bett",
        "letzte Einnahme «17.10.» abends, keine Blutung",
        "angemeldet «Freitag, 20.10.» in Wiesbaden",
        "visto «venerdì 20/10» in",
        "effusion drained «27/05», cytology",
        "abd pain LMP «2/5», UPT +ve",
        "zuletzt 3,8 ng/ml «06/23»).",
        "PSA-Kontrolle zuletzt «10/19», dann",
        "last surgery was in «03/95». She",
        "d/c «3/9» home",
        "entlassen «12.3.» nach Hause",
        "Fecha: «9-XI-2020»",
        "\n«12/6» sliep goed\n13/6 moe",
        "stationär «21.-25.8.2023» bei uns",
        "Wiedervorstellung: «30.6.»",
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
        "\n02.03. Anamnese und Befund",
        "nach Nr. 11.02. der Ordnung",
        "the score rose to 11.02. The",
        "MMSE 12/30",
        "Apgar 9/10/10",
        "pain 08/10 today",
        "worse on nights, pain increasing to 10/10 during",
        "\n4/5 Kraft\n3/5 links",
        "seen 3/7 ago",
        "Sat 2/7",
        "Kraft 4/5",
        "vision 06/09",
        "colitis Mayo 2",
        "in 6/52",
        "last 10/10 pain",
    ),
)
