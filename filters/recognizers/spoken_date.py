"""Date in words, as speech recognition writes it: "four november nineteen fifty one"; no age, dose or time."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.bare_year import COUNTED, NUMBERS, SPOKEN_YEAR, compounds, first_words
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar jänner februar märz april mai juni juli august september oktober november dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre",
    "fr": "janvier février fevrier mars avril mai juin juillet août aout septembre octobre novembre décembre decembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
_MONTH = {language: f"(?:{words.replace(' ', '|')})" for language, words in _MONTHS.items()}
_FIRST = {
    "es": "primero|primer",
    "fr": "premier",
    "it": "primo",
    "pt": "primeiro",
    "nl": "eerste|tweede|derde|vierde|vijfde|zesde|zevende|achtste|negende|tiende",
}

_ONE, _TEN = "one|two|three|four|five|six|seven|eight|nine", "ten|eleven|twelve"
_TEEN = "thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_ONE_TH = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_TEN_TH = "tenth|eleventh|twelfth"
_TEEN_TH = "thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth"
_DAY = rf"(?:twenty[ -](?:{_ONE})|thirty[ -]one|twenty|thirty|{_TEEN}|{_TEN}|{_ONE})"
_DAY_TH = rf"(?:twenty[ -](?:{_ONE_TH})|thirty[ -]first|twentieth|thirtieth|{_TEEN_TH}|{_TEN_TH}|{_ONE_TH})"
_DIGITS = r"(?:19|20)\d\d"
_YEAR = rf"(?:{SPOKEN_YEAR['en']}|{_DIGITS})"
_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_SHORT = rf"(?:(?:{_TENS}(?:[ -](?:{_ONE}))?|oh[ -](?:{_ONE}))(?!\w|{COUNTED}))"
_ANY_YEAR = rf"(?:{_YEAR}|{_SHORT})"
_SEP = r",?[ \t]{1,2}"

_DE_IRREGULAR = ["erst", "zweit", "dritt", "viert", "fünft", "sechst", "siebt", "siebent", "acht", "neunt"]
_DE_STEMS = [*_DE_IRREGULAR, *(f"{n}t" for n in compounds("de", 10, 19)), *(f"{n}st" for n in compounds("de", 20, 31))]
_DE_DAYS = [stem + ending for stem in _DE_STEMS for ending in ("e", "en", "er")]
_DE_DAY = f"(?:{'|'.join(sorted(_DE_DAYS, key=lambda day: (-len(day), day)))})"
_DE_YEAR = rf"(?:{SPOKEN_YEAR['de']}|{_DIGITS}|{NUMBERS['de']}(?! uhr)(?!\w|{COUNTED}))"


_LINKS = {"es": " de ", "pt": " de ", "fr": " ", "it": " ", "nl": " "}


def _in_words(language: str, link: str) -> str:
    """Return the pattern of day, month and year where a day is a plain number."""
    days = "|".join(first_words(language)[::-1]) if language in ("it", "nl") else NUMBERS[language]
    day, year = rf"(?:{_FIRST[language]}|{days})", rf"(?:{SPOKEN_YEAR[language]}|{_DIGITS})"
    return rf"{day}{link}{_MONTH[language]}(?:{link}(?:del? )?{year})?"


_BIRTH = re.compile(r"birth|born|(?<!\w)d\.?o\.?b(?!\w)", re.IGNORECASE)
_SPEAKER = 70
_CALENDAR = re.compile("|".join(_MONTH.values()), re.IGNORECASE)
_NTH_NTH = re.compile(rf"{_DAY_TH} of the {_DAY_TH}\Z", re.IGNORECASE)
_CARDINAL = re.compile(rf"(?:oh|{_DAY})(?!\w|[ -](?:{_ONE_TH})(?!\w))", re.IGNORECASE)
_ON_THE = re.compile(r"(?<!\w)(?:on|from|since|by|till|until|before|after|was|its|is) the \Z", re.IGNORECASE)
_BARE_MAY = re.compile(r"[a-z]{3,9}(?:[ -][a-z]{3,9})? may\Z", re.IGNORECASE)
_END = re.compile(r"[ \t]{0,2}(?:[.,;)\n]|\Z)")
_ONLY_YEAR = re.compile(rf"{_MONTH['en']}(?: of)? (?:two|twenty|nineteen)", re.IGNORECASE)
_IS_COUNTED = re.compile(COUNTED, re.IGNORECASE)
_NUMBER_BEFORE = re.compile(rf"(?<!\w)(?:hundred|hundred and|thousand|point|{_TENS})[ -]\Z", re.IGNORECASE)


def _plausible(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Numbers alone are a date after "date of birth"; "may" is a word; "in march two thousand patients" counts."""
    value = text[start:end]
    if _NUMBER_BEFORE.search(text[max(0, start - 16) : start]):
        return None
    if _NTH_NTH.match(value):
        is_date = _ON_THE.search(text[max(0, start - 12) : start]) is not None
    elif _CALENDAR.search(value) is None and _CARDINAL.match(value):
        is_date = _BIRTH.search(text, max(0, start - _SPEAKER), start) is not None
    elif _BARE_MAY.match(value):
        is_date = " of " in value.casefold() or _END.match(text, end) is not None
    else:
        is_date = not (_ONLY_YEAR.match(value) and _IS_COUNTED.match(text, end))
    return (start, end, 0) if is_date else None


_EN = _MONTH["en"]
_MONTH_TH = rf"(?:{_ONE_TH}|{_TEN_TH})"

_SAID_YEAR = rf"(?:{SPOKEN_YEAR['en']}|{_SHORT})"
_ENGLISH = (
    # twenty second of july nineteen ninety four; four november fifty one
    rf"(?:{_DAY_TH}|{_DAY})(?: of)?(?: the month of)? {_EN}(?:{_SEP}(?:of )?{_ANY_YEAR})?",
    # november the fourth, nineteen fifty one; october twenty twenty three
    rf"(?<!\d ){_EN}(?: the)? {_DAY_TH}(?:{_SEP}{_ANY_YEAR})?",
    rf"{_EN} (?:{_DAY},? |of )?{SPOKEN_YEAR['en']}",
    # twenty second of the seventh ninety four
    rf"{_DAY_TH} (?:of the {_MONTH_TH}(?:{_SEP}{_ANY_YEAR})?|(?:of )?{_MONTH_TH}{_SEP}{_ANY_YEAR})",
    # date of birth four eleven fifty one
    rf"(?:oh )?{_DAY} (?:oh )?(?:{_TEN}|{_ONE}) {_ANY_YEAR}",
)
_GERMAN = rf"{_DE_DAY} (?:{_MONTH['de']}(?: {_DE_YEAR})?|{_DE_DAY} {_DE_YEAR})"

RECOGNIZER = Recognizer(
    kind="spoken_date",
    type=Type.DATE,
    patterns=(
        # 22nd of november nineteen fifty one
        rf"(?<![\w.,/-])(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?: of)? {_EN}{_SEP}{_SAID_YEAR}(?!\w)",
        rf"(?<!\w)(?:{'|'.join(_ENGLISH)})(?!\w)",
        rf"(?<!\w)(?:{_GERMAN}|{'|'.join(_in_words(*way) for way in _LINKS.items())})(?!\w)",
    ),
    scores=Scores(shape=650, cued=850),
    cues=("dob", "d.o.b", "date of birth", "born", "birthday", "geboren", "nacido", "nacida", "né le", "née le"),
    cued_kind="birth_date",
    starts=(
        "#", "oh", "twentieth", "thirtieth", *_MONTHS["en"].split(), *first_words("en"), *_DE_DAYS,
        *f"{_ONE_TH}|{_TEN_TH}|{_TEEN_TH}".split("|"), *"|".join(_FIRST.values()).split("|"),
        *(word for language in _LINKS for word in first_words(language)),
    ),
    refine=_plausible,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "its «four november nineteen fifty one» lovely",
        "date of birth «twenty second of the seventh ninety four» and",
        "the «first of april nineteen forty five» no joke",
        "due date is the «thirtieth of september» so",
        "hba1c in «november twenty twenty three» was",
        "come back on «twenty sixth march»",
        "since about the «twelfth of january» i moved",
        "on the «third of may» they",
        "«november the fourth nineteen fifty one» he",
        "on the «third of the sixth» she",
        "the «22nd of november nineteen fifty one» yes",
        "«twenty-first of june 1980» at",
        "date of birth patient: «four eleven fifty one» thanks",
        "in «may two thousand and six» he",
        "am «zweiundzwanzigsten siebten vierundneunzig» geboren",
        "am «dritten mai neunzehnhunderteinundfünfzig» in",
        "el «cuatro de noviembre de mil novecientos cincuenta y uno» en",
        "el «primero de abril» viene",
        "le «quatre novembre mille neuf cent cinquante et un» à",
        "le «premier avril» au",
        "il «quattro novembre millenovecentocinquantuno» a",
        "op «eerste april negentienhonderd vijfenveertig» in",
        "em «vinte e dois de julho de mil novecentos e noventa e quatro» no",
    ),
    no_match=(
        "he is eighty two years old",
        "four tablets in the morning",
        "the first may be better",
        "two may need surgery",
        "at nine thirty on monday",
        "first of all",
        "twenty one units at night",
        "in march two thousand patients came",
        "bp was one twenty over eighty",
        "second opinion",
        "on 30 april the fourth patient",
        "a third of the sixth floor",
        "four eleven fifty one",
        "march on",
        "dos de cada diez",
        "am ersten tag",
        "un mes",
    ),
)
