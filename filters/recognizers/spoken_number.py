"""Number spoken digit by digit, as speech recognition writes it: "oh seven seven double oh nine one eight two"."""

from __future__ import annotations

import re
from itertools import pairwise

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_SPOKEN = {
    "en": "zero one two three four five six seven eight nine",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf",
    "it": "zero uno due tre quattro cinque sei sette otto nove",
    "nl": "nul een twee drie vier vijf zes zeven acht negen",
    "pt": "zero um dois três quatro cinco seis sete oito nove",
}
_ALSO = {
    "en": "oh o nought niner hundred thousand double triple treble",
    "de": "zwo fuenf fünnef hundert doppel dreifach",
    "es": "cien cientos doble triple",
    "fr": "zero une cent double triple",
    "it": "cento doppio triplo",
    "nl": "één eén nil honderd dubbel driedubbel",
    "pt": "meia tres uma cem duplo triplo",
}
_DIGIT = {word: value for words in _SPOKEN.values() for value, word in enumerate(words.split())}
_ONES = {language: frozenset(words.split()) for language, words in _SPOKEN.items()}
_BETWEEN = r"[ \t,.…–-]{1,3}+"
_FILLER = r"(?:(?:uh|um|erm|er|äh|ähm|euh|eh|ehm|and then|then|and|und|et|y|e|en)[ \t,.…]{1,3}+)?"
_LABELS = "number|numbers|nummer|numero|número|numéro|code|codice|código|pin|mrn|id|extension|ext|bleep|pager|reference"
_SAID = r"(?:'?s|’s)?[ \t,:.]{1,3}(?:(?:is|its|it's|it’s|ist|lautet|es|est|è|é|um|uh)[ \t,:.]{1,3}){0,2}"
_WORDS = re.compile(r"[^\W\d_]+")
_ENOUGH = 6
_LABELLED = 4


def _words(language: str) -> str:
    words = {*_SPOKEN[language].split(), *_ALSO[language].split()}
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


def _row(language: str, least: int) -> str:
    words = _words(language)
    return rf"(?:{words})(?:{_BETWEEN}{_FILLER}(?:{words})(?![\w'’])){{{least - 1},39}}"


def _counted(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Refuse counting up or down ("one two three four five six") and the same word over and over."""
    said = [_DIGIT[word] for word in _WORDS.findall(text[start:end].casefold()) if word in _DIGIT]
    steps = [b - a for a, b in pairwise(said)]
    even = max((steps.count(step) for step in set(steps)), default=0)
    same = steps.count(0) == len(steps)
    if len(said) < _LABELLED - 1 or same or (even >= len(steps) - 1 and steps.count(0) != even and len(steps) > 2):
        return None
    return start, end, 0


RECOGNIZER = Recognizer(
    kind="spoken_number",
    type=Type.ID,
    patterns=(
        *(rf"(?<![\w'’-])(?P<value>{_row(language, _ENOUGH)})" for language in _SPOKEN),
        *(rf"(?<![\w'’-])(?P<cue>{_LABELS}){_SAID}(?P<value>{_row(language, _LABELLED)})" for language in _SPOKEN),
    ),
    scores=Scores(shape=750, cued=800),
    starts=tuple(sorted({
        *_LABELS.split("|"), *(word for words in _SPOKEN.values() for word in words.split()),
        *(word for words in _ALSO.values() for word in words.split()),
    })),
    guarded=False,
    refine=_counted,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "my number changed its «oh seven seven double oh nine hundred one eight two»",
        "i have it here «four four one nine oh seven»\nperfect",
        "his cell is «three oh five five five five oh one four two» okay",
        "the clinic book number its «three three zero eight» thank you",
        "«zero, seven, seven, zero, zero, nine, um, zero, zero»",
        "meine Nummer ist «null eins sieben eins drei drei vier acht» danke",
        "mi teléfono es «seis uno dos cinco cinco cero nueve»",
        "c'est le «zéro six deux quatre neuf neuf un trois»",
        "il numero è «tre tre otto uno due cinque sette»",
        "het is «nul zes vier vier twee acht een drie»",
        "o número é «nove um dois sete meia quatro zero»",
        "MRN is «seven two double nine four one»",
    ),
    no_match=(
        "one two three",
        "one two three four five six seven eight nine",
        "on my count, three two one zero",
        "take one or two",
        "five to six or seven",
        "one one one one one one",
        "eins zwei drei vier fünf sechs",
        "un deux trois quatre cinq six",
        "uno due tre quattro cinque sei sette",
        "number one two three four",
        "two of four, six of eight",
        "seven, five and three tablets",
        "no one two",
    ),
)
