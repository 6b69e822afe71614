"""Arabic letters as Latin ones, so that a model that knows Latin spellings can read a name in them.

Law: a fixed table, no guessing by word: the same letters give the same Latin, and every Latin letter knows what of
the original it stands for. Nothing is ever shown to a person in this form. Arabic writes few vowels, so an "a" is
put where two consonants meet; no passport would spell so, but the same name always comes out the same.

    romanise("المريض بدر").text -> "almarid badar"
    romanise("Mr Perera")       -> None: nothing to change
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Romanised", "romanise"]


@dataclass(frozen=True, slots=True)
class Romanised:
    """Latin text and where each of its characters comes from.

    Attributes:
        text: the Latin text.
        starts: start in the original of every character.
        ends: end in the original of every character.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the stretch of the original for a stretch of the Latin text (not empty)."""
        return self.starts[start], self.ends[end - 1]


_OTHERS = re.compile(r"[\u0600-\u06ff\u0750-\u077f]")
_JOINERS = "\u200c\u200d"


def _table(*lines: str) -> dict[str, str]:
    """Read "letter latin" pairs; a letter without Latin stands for nothing."""
    pairs = (pair.split("=") for line in lines for pair in line.split())
    return dict(pairs)


_CONSONANTS = _table(
    "ب=b ت=t ث=th ج=j ح=h خ=kh د=d ذ=dh ر=r ز=z س=s ش=sh ص=s ض=d ط=t ظ=z غ=gh ف=f ق=q ك=k ل=l م=m ن=n ه=h",
    "پ=p چ=ch ژ=zh گ=g ک=k ٹ=t ڈ=d ڑ=r ں=n ھ=h ہ=h ڤ=v",
)
_VOWELS = _table(
    "ا=a أ=a إ=i آ=a ٱ=a ى=a ة=a ع=a ء= ؤ=u ئ=i ے=e \u064e=a \u064f=u \u0650=i \u064b=an \u064c=un \u064d=in",
    "\u0651= \u0652= \u0670=a \u0640=",
)
_GLIDES = {"و": ("w", "u"), "ي": ("y", "i"), "ی": ("y", "i")}
_ARTICLE = re.compile(r"(?<![^\W\d_])ال\Z")
_LATIN_VOWELS = frozenset("aeiou")


def romanise(text: str) -> Romanised | None:
    """Return the Latin form of a text that holds Arabic letters; None where there is none."""
    if text.isascii() or not _OTHERS.search(text):
        return None
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for at in range(len(text)):
        latin = _read(text, at, "".join(out[-1:]))
        out.extend(latin)
        starts.extend([at] * len(latin))
        ends.extend([at + 1] * len(latin))
    return Romanised("".join(out), tuple(starts), tuple(ends))


def _read(text: str, at: int, before: str) -> str:
    """Return the Latin of the character at `at`; `before` is the Latin letter before it."""
    char = text[at]
    if char in _JOINERS and at and _OTHERS.match(text[at - 1]):
        return ""
    if char in _CONSONANTS or char in _GLIDES:
        return _consonant(text, at, before)
    return _VOWELS.get(char, char)


def _consonant(text: str, at: int, before: str) -> str:
    """Read one consonant, with the "a" that parts it from a consonant before it."""
    char = text[at]
    after = text[at + 1 : at + 2]
    vowel_after = after in _VOWELS and _VOWELS[after] != ""
    if char in _GLIDES:
        glide, vowel = _GLIDES[char]
        return vowel if before.isalpha() and before not in _LATIN_VOWELS and not vowel_after else glide
    latin = _CONSONANTS[char]
    if _ARTICLE.search(text, max(0, at - 3), at):
        return latin
    inside = at > 0 and (text[at - 1] in _CONSONANTS or text[at - 1] == "\u0651")
    return "a" + latin if inside and before.isalpha() and before not in _LATIN_VOWELS else latin
