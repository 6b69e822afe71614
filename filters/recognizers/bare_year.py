"""Year without day or month, in digits or in words. Safe Harbor allows years, so a policy decides."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["COUNTED", "EXAMPLES", "NUMBERS", "RECOGNIZER", "SPOKEN_YEAR", "compounds", "first_words"]


def _any(words: str) -> str:
    return "|".join(sorted(set(words.split()), key=lambda word: (-len(word), word)))


_ONES = {
    "en": "one two three four five six seven eight nine",
    "de": "ein zwei drei vier fünf sechs sieben acht neun",
    "es": "uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "un deux trois quatre cinq six sept huit neuf",
    "it": "uno due tre quattro cinque sei sette otto nove",
    "nl": "een twee drie vier vijf zes zeven acht negen",
    "pt": "um dois três quatro cinco seis sete oito nove",
}
_TEENS = {
    "en": "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "de": "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "es": "diez once doce trece catorce quince dieciséis dieciseis diecisiete dieciocho diecinueve veintiuno veintidós "
    "veintidos veintitrés veintitres veinticuatro veinticinco veintiséis veintiseis veintisiete veintiocho veintinueve",
    "fr": "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
    "it": "dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove",
    "nl": "tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien",
    "pt": "dez onze doze treze catorze quatorze quinze dezasseis dezesseis dezassete dezessete dezoito "
    "dezanove dezenove",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr": "vingt trente quarante cinquante soixante quatre-vingts? septante octante nonante",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "nl": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
}


def compounds(language: str, least: int = 1, most: int = 99) -> tuple[str, ...]:
    """Return the numbers of a language that writes them as one word ("de", "it" or "nl")."""
    ones, tens = _ONES[language].split(), _TENS[language].replace("dreissig ", "").split()
    said = ["", *ones, *_TEENS[language].split()]
    for ten in tens:
        said.append(ten)
        for one in ones:
            if language == "it":
                said.append((ten[:-1] if one[0] in "uo" else ten) + one)
            else:
                said.append(one + ("und" if language == "de" else "ën" if one[-1] == "e" else "en") + ten)
    said[1] = "eins" if language == "de" else said[1]
    words = said[least : most + 1]
    words += [f"{word[:-1]}é" for word in words if language == "it" and word.endswith("tre") and word != "tre"]
    return (*words, *(word.replace("dreißig", "dreissig") for word in words if "dreißig" in word))


def first_words(language: str) -> tuple[str, ...]:
    """Return the words with which the numbers of days begin."""
    if language in ("de", "it", "nl"):
        return compounds(language, 1, 31)
    tables = " ".join((_ONES[language], _TEENS[language], _TENS[language]))
    return tuple(word.partition("-")[0] for word in tables.split())


def _separate(language: str, link: str) -> str:
    tens, ones, teens = (_any(table[language]) for table in (_TENS, _ONES, _TEENS))
    return rf"(?:{teens}|(?:{tens})(?:{link}(?:{ones}))?|{ones})"


_FR_ONES = _any(_ONES["fr"] + " " + _TEENS["fr"])
NUMBERS = {
    "en": _separate("en", "[ -]"),
    "es": _separate("es", " y "),
    "fr": rf"(?:(?:{_any(_TENS['fr'])})[ -](?:et[ -])?(?:{_FR_ONES})|{_any(_TENS['fr'])}|{_FR_ONES})",
    "pt": _separate("pt", " e "),
    **{language: f"(?:{_any(' '.join(compounds(language)))})" for language in ("de", "it", "nl")},
}
"""1 to 99 in words."""

_EN_ONES, _EN_TENS, _EN_TEENS = (_any(table["en"]) for table in (_ONES, _TENS, _TEENS))
_EN_TWO = rf"(?:(?:{_EN_TENS})(?:[ -](?:{_EN_ONES}))?|oh[ -](?:{_EN_ONES})|{_EN_TEENS})"
_CENTURIES = {"de": ("neunzehnhundert", "zweitausend"), "it": ("millenovecento", "duemila"),
              "nl": ("negentienhonderd", "tweeduizend")}  # fmt: skip
_JOINED = {
    language: [old + n for n in compounds(language, 10)] + [new + n for n in compounds(language, 1, 49)]
    for language, (old, new) in _CENTURIES.items()
}
_JOINED["it"] += ["millenovecent" + n for n in compounds("it", 80, 89)]
_JOINED["nl"] += ["negentien" + n for n in compounds("nl", 20)]
SPOKEN_YEAR = {
    "en": rf"(?:nineteen[ -]{_EN_TWO}|twenty[ -](?:twenty[ -](?:{_EN_ONES})|{_EN_TEENS}|twenty|oh[ -](?:{_EN_ONES}))"
    rf"|two thousand(?:(?: and)? {NUMBERS['en']})?)",
    "es": rf"(?:mil novecientos {NUMBERS['es']}|dos mil {NUMBERS['es']})",
    "fr": rf"(?:(?:mille neuf|dix-neuf)[ -]cents? {NUMBERS['fr']}|deux mille {NUMBERS['fr']})",
    "pt": rf"(?:mil novecentos e {NUMBERS['pt']}|dois mil e {NUMBERS['pt']})",
    "de": f"(?:{_any(' '.join(_JOINED['de']))})",
    "it": f"(?:{_any(' '.join(_JOINED['it']))}|duemila {NUMBERS['it']})",
    "nl": rf"(?:{_any(' '.join(_JOINED['nl']))}|negentien(?:honderd)? (?:{_any(_TENS['nl'])})"
    rf"|negentienhonderd {NUMBERS['nl']}|tweeduizend (?:en )?{NUMBERS['nl']})",
}
"""Years from 1900 as they are said."""

COUNTED = (
    r"[ -](?:hundred|thousand|million|point|over|percent|per|mil[il]\w{1,12}|mi[ck]ro\w{1,10}|mgs?|mcg|mls?|units?|"
    r"international|grams?|kilo\w{0,10}|lit[rt]\w{1,4}|steps?|kcal|[ck]alor\w{1,4}|times|people|patients?|women|men|pounds?|"
    r"dollars?|euros?|rupees?|dirhams?|seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|tablets?|puffs?|"
    r"drops?|cells?|beats|copies|o'?clock|unidad\w{1,3}|einheiten|schritte|jahre|unités|unità|eenheden|stappen|passi|"
    r"pas[so]\w{0,3}|años|anos|ans|anni|jaar|vision|"
    rf"oh|zero|{_EN_TEENS}|{_EN_TENS}|{_EN_ONES})(?!\w)"
)
"""What follows a number that counts something, or goes on."""

_IS_COUNTED = re.compile(COUNTED, re.IGNORECASE)
_GOES_ON = re.compile(
    rf"(?<![^\W_])(?:at|point|over|hundred|hundred and|thousand|double|triple|oh|zero|plus|minus|times|by mouth|number|"
    rf"{_EN_TEENS}|{_EN_TENS}|{_EN_ONES})[ ,-]{{1,2}}\Z",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"(?<![^\W_])(?:in|since|of|from|to|till|until|before|after|during|year|back|around|about|early|late|mid|by|was|born|"
    r"and|or|summer|winter|spring|autumn|fall|christmas)[ ,]{1,2}\Z|(?:\A|\n|: |[.?!] )\Z",
    re.IGNORECASE,
)
_UNSURE = re.compile(rf"(?:nineteen[ -](?:{_EN_TEENS})|twenty[ -](?:{_EN_TEENS}|twenty)|two thousand)\Z", re.IGNORECASE)
"""Also a time of day, good eyesight, an amount."""


def _is_year(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """A number in words is a year when it counts nothing, and what may be something else when a word says so."""
    if text[start].isalpha():
        before = text[max(0, start - 24) : start]
        if _IS_COUNTED.match(text, end) or _GOES_ON.search(before):
            return None
        if _UNSURE.match(text, start, end) and not _WHEN.search(before):
            return None
    return start, end, 0


RECOGNIZER = Recognizer(
    kind="bare_year",
    type=Type.DATE,
    patterns=(
        r"(?<![\w.,/:+-])(?:18|19|20)\d{2}(?:[-/](?:(?:19|20)\d{2}|\d{2}))?(?![\w%]|[.,/:-]\d)",
        rf"(?<!\w)(?:{'|'.join(SPOKEN_YEAR.values())})(?!\w)",
    ),
    starts=(
        "#", "nineteen", "twenty", "two", "mil", "dos", "mille", "dix", "deux", "dois", "duemila", "negentien",
        "negentienhonderd", "tweeduizend", *_JOINED["de"], *_JOINED["it"], *_JOINED["nl"],
    ),
    scores=Scores(shape=550, cued=600),
    cues=(
        "dob",
        "born",
        "birth",
        "geb",
        "geboren",
        "geburtsjahr",
        "nacido",
        "nacida",
        "né en",
        "née en",
        "nato nel",
        "nata nel",
    ),
    cued_kind="birth_year",
    refine=_is_year,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "since «1998» she",
        "in «2010-2015»",
        "born in «1931»",
        "«2019», then",
        "geboren «1940»",
        "she dead since «nineteen eighty two» that can happen",
        "first time in «two thousand and sixteen» and",
        "its «twenty twenty four»",
        "dad passed in «twenty fifteen»",
        "before in «two thousand nineteen» they",
        "in «two thousand» i think",
        "seit «neunzehnhundertzweiundachtzig» nicht",
        "im Jahr «zweitausendsechzehn» operiert",
        "desde «mil novecientos ochenta y dos» no",
        "en «dos mil dieciséis» vine",
        "depuis «mille neuf cent quatre-vingt-deux» je",
        "en «deux mille seize» déjà",
        "dal «millenovecentottantadue» vivo",
        "nel «duemilasedici» sono",
        "sinds «negentienhonderd tweeëntachtig» al",
        "sinds «tweeduizend zestien» niet",
        "desde «mil novecentos e oitenta e dois» que",
        "em «dois mil e dezasseis» vim",
    ),
    no_match=(
        "2000 mg",
        "19:45",
        "1850.5",
        "20000",
        "2100 calls",
        "version 2019",
        "she is eighty two years old",
        "vision is twenty twenty",
        "two thousand milligrams",
        "two thousand and fifty units",
        "come at nineteen forty five tonight",
        "nineteen eighty two four six",
        "take twenty fifteen minutes before",
        "one hundred and nineteen over eighty two",
        "dos mil quinientos pasos",
        "deux mille pas",
    ),
)
