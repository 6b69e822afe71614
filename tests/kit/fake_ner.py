"""A model that keeps the promise of the clinical NER: the same text gives the same spans, offsets of whole words.

It knows a list of names and places, and is sure of them; `brittle` words make it fail, for tests of failing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filters.words import words

__all__ = ["FakeNer", "FakeSpan"]

_NAMES = (
    "john smith maria garcia anna schneider carmen rodríguez anil perera nimal silva rose may parkinson james brown "
    "fatima hassan lang novak kumar hodgkin peter"
)
_PEOPLE = frozenset(_NAMES.split())
_PLACES = frozenset(("kandy", "colombo", "berlin", "madrid", "springfield"))
_FACILITIES = ("oak hospital", "klinikum nord")


@dataclass(frozen=True, slots=True)
class FakeSpan:
    """One span."""

    start: int
    end: int
    label: str
    score: int


class FakeNer:
    """People, places and two hospitals."""

    digest = "fake"

    def __init__(self, *, score: int = 900, error: Exception | None = None, extra: Sequence[FakeSpan] = ()) -> None:
        self._score = score
        self._error = error
        self._extra = tuple(extra)
        self.asked = 0

    def spans(self, text: str) -> tuple[FakeSpan, ...]:
        """Return the known names and places of `text`."""
        self.asked += 1
        if self._error is not None:
            raise self._error
        found: list[FakeSpan] = []
        for word in words(text):
            label = "PERSON" if word.text in _PEOPLE else "LOCATION" if word.text in _PLACES else ""
            if not label:
                continue
            last = found[-1] if found else None
            if last is not None and last.label == label and text[last.end : word.start] == " ":
                found[-1] = FakeSpan(last.start, word.end, label, self._score)
            else:
                found.append(FakeSpan(word.start, word.end, label, self._score))
        lower = text.lower()
        for name in _FACILITIES:
            at = lower.find(name)
            if at >= 0:
                found.append(FakeSpan(at, at + len(name), "ORG", self._score))
        return tuple(found) + self._extra

    def unknown_words(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return words of more than a hundred letters, as the tokenizer does."""
        return tuple((word.start, word.end) for word in words(text) if word.end - word.start > 100)
