"""Which script a letter belongs to, and which runs of a text no detector was measured on.

Law: what cannot be read well is not trusted to be clean: runs of a script without measured recall become TEXT.
Latin is measured. One or two Greek letters are symbols of medicine (β, μ), not a language.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from filters.words import Word, words

__all__ = ["Uncovered", "uncovered"]

_COVERED_TO = "\u024f"
_LATIN = ("\u1e00", "\u1eff")
_SYMBOLS = ("\u2100", "\u214f")
_GREEK = ("\u0370", "\u03ff")


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Runs of uncovered script, and whether they make up more than half of the letters."""

    spans: tuple[tuple[int, int], ...]
    is_most: bool


def uncovered(text: str) -> Uncovered:
    """Return runs of words in scripts without measured recall. Adjacent such words make one run."""
    if text.isascii():
        return Uncovered((), is_most=False)
    spans: list[tuple[int, int]] = []
    foreign = letters = 0
    for word in words(text):
        here = sum(c.isalpha() for c in word.text)
        letters += here
        if not _is_foreign(text, word):
            continue
        foreign += here
        if spans and _is_gap(text[spans[-1][1] : word.start]):
            spans[-1] = (spans[-1][0], word.end)
        else:
            spans.append((word.start, word.end))
    return Uncovered(tuple(spans), is_most=foreign * 2 > letters)


def _is_foreign(text: str, word: Word) -> bool:
    strange = [c for c in text[word.start : word.end] if not _is_latin(c)]
    if not strange:
        return False
    if all(_GREEK[0] <= c <= _GREEK[1] for c in strange) and len(strange) <= 2:
        return False
    return any(c.isalpha() for c in strange)


def _is_latin(char: str) -> bool:
    if char <= _COVERED_TO or _LATIN[0] <= char <= _LATIN[1] or _SYMBOLS[0] <= char <= _SYMBOLS[1]:
        return True
    return not char.isalpha() and unicodedata.category(char)[0] != "M"


def _is_gap(between: str) -> bool:
    return "\n" not in between and len(between) <= 3 and not any(c.isalnum() for c in between)
