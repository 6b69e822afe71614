"""Sinhala, Tamil and Arabic letters as Latin ones, so that a model that knows Latin spellings can read a name in them.

Law: a fixed table, no guessing by word: the same letters give the same Latin, and every Latin letter knows the stretch
of the original it stands for. Nothing is ever shown to a person in this form. Sinhala and Tamil are read by aksara: a
consonant carries an "a" unless a vowel sign or the virama follows (Unicode Standard, chapters 12 and 13). Arabic
writes few vowels, so an "a" is put where two consonants meet; the spelling is the one a passport would not use, but
the same name always comes out the same.

    romanise("රෝගියා පෙරේරා").text -> "rogiya perera"
    romanise("Mr Perera")          -> None: nothing to change
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


_OTHERS = re.compile(r"[\u0600-\u06ff\u0750-\u077f\u0b80-\u0bff\u0d80-\u0dff]")
_JOINERS = "\u200c\u200d"


def _table(*lines: str) -> dict[str, str]:
    """Read "letter latin" pairs; a letter without Latin stands for nothing."""
    pairs = (pair.split("=") for line in lines for pair in line.split())
    return dict(pairs)


_CONSONANTS = _table(
    # Sinhala, spelled as Sri Lankan names are in English
    "ක=k ඛ=k ග=g ඝ=g ඞ=n ඟ=ng ච=ch ඡ=ch ජ=j ඣ=j ඤ=n ඥ=gn ඦ=j ට=t ඨ=t ඩ=d ඪ=d ණ=n ඬ=nd ත=th ථ=th ද=d ධ=d න=n ඳ=nd",
    "ප=p ඵ=p බ=b භ=b ම=m ඹ=mb ය=y ර=r ල=l ව=w ශ=sh ෂ=sh ස=s හ=h ළ=l ෆ=f",
    # Tamil; stops are voiced between vowels (below)
    "க=k ங=n ச=s ஜ=j ஞ=n ட=t ண=n த=th ந=n ன=n ப=p ம=m ய=y ர=r ற=r ல=l ள=l ழ=l வ=v ஶ=s ஷ=sh ஸ=s ஹ=h",
)
_VOWELS = _table(
    "අ=a ආ=a ඇ=a ඈ=a ඉ=i ඊ=i උ=u ඌ=u ඍ=ru ඎ=ru එ=e ඒ=e ඓ=ai ඔ=o ඕ=o ඖ=au ං=n ඃ=h",
    "அ=a ஆ=a இ=i ஈ=i உ=u ஊ=u எ=e ஏ=e ஐ=ai ஒ=o ஓ=o ஔ=au ஃ=h",
)
_SIGNS = _table(
    "ා=a ැ=a ෑ=a ි=i ී=i ු=u ූ=u ෘ=ru ෲ=ru ෙ=e ේ=e ෛ=ai ො=o ෝ=o ෞ=au",
    "ா=a ி=i ீ=i ு=u ூ=u ெ=e ே=e ை=ai ொ=o ோ=o ௌ=au",
)
_VIRAMAS = "්்"
_VOICED = _table("க=g ச=s ட=d த=th ப=b")
_ARABIC_CONSONANTS = _table(
    "ب=b ت=t ث=th ج=j ح=h خ=kh د=d ذ=dh ر=r ز=z س=s ش=sh ص=s ض=d ط=t ظ=z غ=gh ف=f ق=q ك=k ل=l م=m ن=n ه=h",
    "پ=p چ=ch ژ=zh گ=g ک=k ٹ=t ڈ=d ڑ=r ں=n ھ=h ہ=h ڤ=v",
)
_ARABIC_VOWELS = _table(
    "ا=a أ=a إ=i آ=a ٱ=a ى=a ة=a ع=a ء= ؤ=u ئ=i ے=e \u064e=a \u064f=u \u0650=i \u064b=an \u064c=un \u064d=in",
    "\u0651= \u0652= \u0670=a \u0640=",
)
_ARABIC_GLIDES = {"و": ("w", "u"), "ي": ("y", "i"), "ی": ("y", "i")}
_ARTICLE = re.compile(r"(?<![^\W\d_])ال\Z")
_LATIN_VOWELS = frozenset("aeiou")


def romanise(text: str) -> Romanised | None:
    """Return the Latin form of a text that holds Sinhala, Tamil or Arabic letters; None where there is none."""
    if text.isascii() or not _OTHERS.search(text):
        return None
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(text):
        latin, end = _read(text, at, "".join(out[-1:]))
        out.extend(latin)
        starts.extend([at] * len(latin))
        ends.extend([end] * len(latin))
        at = end
    return Romanised("".join(out), tuple(starts), tuple(ends))


def _read(text: str, at: int, before: str) -> tuple[str, int]:
    """Return the Latin of what begins at `at`, and where it ends; `before` is the Latin letter before it."""
    char = text[at]
    if char in _CONSONANTS:
        return _aksara(text, at, before)
    if char in _VOWELS:
        return _VOWELS[char], at + 1
    if char in _SIGNS:
        return _SIGNS[char], at + 1
    if char in _VIRAMAS or (char in _JOINERS and at and _OTHERS.match(text[at - 1])):
        return "", at + 1
    if char in _ARABIC_CONSONANTS or char in _ARABIC_GLIDES:
        return _arabic(text, at, before), at + 1
    return _ARABIC_VOWELS.get(char, char), at + 1


def _aksara(text: str, at: int, before: str) -> tuple[str, int]:
    """Read a consonant with its vowel sign, virama or own "a"; joiners belong to it."""
    char, end = text[at], at + 1
    voiced = before in _LATIN_VOWELS and char in _VOICED and text[end : end + 1] not in _VIRAMAS
    latin = _VOICED[char] if voiced else _CONSONANTS[char]
    while end < len(text) and text[end] in _JOINERS:
        end += 1
    if end < len(text) and text[end] in _VIRAMAS:
        end += 1
        while end < len(text) and text[end] in _JOINERS:
            end += 1
        return latin, end
    if end < len(text) and text[end] in _SIGNS:
        return latin + _SIGNS[text[end]], end + 1
    return latin + "a", end


def _arabic(text: str, at: int, before: str) -> str:
    """Read one Arabic consonant, with the "a" that parts it from a consonant before it."""
    char = text[at]
    after = text[at + 1 : at + 2]
    vowel_after = after in _ARABIC_VOWELS and _ARABIC_VOWELS[after] != ""
    if char in _ARABIC_GLIDES:
        glide, vowel = _ARABIC_GLIDES[char]
        return vowel if before.isalpha() and before not in _LATIN_VOWELS and not vowel_after else glide
    latin = _ARABIC_CONSONANTS[char]
    if _ARTICLE.search(text, max(0, at - 3), at):
        return latin
    inside = at > 0 and (text[at - 1] in _ARABIC_CONSONANTS or text[at - 1] == "\u0651")
    return "a" + latin if inside and before.isalpha() and before not in _LATIN_VOWELS else latin
