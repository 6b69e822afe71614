"""The last look: does a redacted text still hold a value that was to be replaced?

Law: this is a second opinion. It shares the readings of a text (`fold.views`) with the detectors and nothing else: no
finding, no offset, no search code of theirs. What it looks for is the spread set: normal forms of values that may not
stand anywhere in the request. A hit means Cordon made a mistake, so nothing is sent.

    verify_no_leaks([Look(0, Form.TEXT, "seen by [NAME_1]", ())], ("ana pereira", "pereira"))      silence is success
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from filters.findings import Type
from filters.fold import TooEncodedError, views
from filters.parts import Form
from filters.vault import RedactionError

__all__ = ["Look", "verify_no_leaks"]

_SHORTEST_KEY = 4
_SHORTEST_NUMBER = 7

_PLACEHOLDER = re.compile(
    rf"[\[［【]\s{{0,8}}(?:{'|'.join(Type)})(?:\s{{0,8}}[_\s-]\s{{0,8}}\d{{1,4}})?\s{{0,8}}[\]］】]", re.IGNORECASE
)
_WORD = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"(?<![^\W_])\d++(?:[ .()/-]{1,2}\d++){0,31}(?![^\W_])")
_GROUP = re.compile(r"\d+")
_CUT = "\x00"
"""Stands where a placeholder or a kept span was: no letter, no white space, so nothing is read across it."""


@dataclass(frozen=True, slots=True)
class Look:
    """One redacted part as the last look reads it.

    Attributes:
        index: part number, for the refusal.
        form: how the part is read.
        text: the redacted text.
        kept: spans of it that the policy or a guard leaves standing.
    """

    index: int
    form: Form
    text: str = field(repr=False)
    kept: tuple[tuple[int, int], ...]


class _Wanted:
    """The spread set, indexed for one pass over a text."""

    __slots__ = ("_numbers", "_words")

    def __init__(self, spread: Sequence[str]) -> None:
        self._words: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        """By the first two words: many people have the same first name."""
        self._numbers: set[str] = set()
        for value in spread:
            self._add(_flat(value))

    def _add(self, key: str) -> None:
        first = _WORD.search(key)
        if first is None:
            return
        if sum(map(_in_word, key)) >= _SHORTEST_KEY:
            self._words.setdefault(tuple(_WORD.findall(key)[:2]), []).append((first.start(), key))
        digits = "".join(filter(str.isdigit, key))
        if len(digits) >= _SHORTEST_NUMBER and sum(map(str.isalpha, key)) <= 3:
            self._numbers.add(digits)

    def __bool__(self) -> bool:
        return bool(self._words or self._numbers)

    def stands_in(self, text: str) -> bool:
        """Whether any wanted value stands in `text`, at word bounds."""
        flat = _flat(text)
        return self._word_in(flat) or any(number in self._numbers for number in _numbers(flat, self._numbers))

    def _word_in(self, flat: str) -> bool:
        words = [(match.group(), match.start()) for match in _WORD.finditer(flat)]
        for (word, place), (after, _) in pairwise((*words, ("", 0))):
            for before, key in (*self._words.get((word,), ()), *self._words.get((word, after), ())):
                start = place - before
                if start >= 0 and flat.startswith(key, start) and _bounded(flat, start, start + len(key)):
                    return True
        return False


def verify_no_leaks(looks: Sequence[Look], spread: Sequence[str]) -> None:
    """Search every reading of every redacted part for every value that may not stand there.

    Raises:
        RedactionError: `redaction_incomplete` with the part; `text_too_encoded` if a part cannot be read.
    """
    wanted = _Wanted(spread)
    if not wanted:
        return
    for look in looks:
        try:
            readings = views(_cut_out(look), look.form)
        except TooEncodedError:
            raise RedactionError("text_too_encoded", part=look.index) from None
        if any(wanted.stands_in(view.text) for view in readings):
            raise RedactionError("redaction_incomplete", part=look.index)


def _cut_out(look: Look) -> str:
    rest: list[str] = []
    done = 0
    for start, end in sorted(look.kept):
        if end > done:
            rest.append(look.text[done : max(done, start)])
            done = end
    rest.append(look.text[done:])
    return _PLACEHOLDER.sub(_CUT, _CUT.join(rest))


def _flat(text: str) -> str:
    """Case and white space folded; a line break becomes a space, so that a wrapped name is still one."""
    return _SPACE.sub(" ", text.casefold())


def _bounded(text: str, start: int, end: int) -> bool:
    before = start == 0 or not _in_word(text[start]) or not _in_word(text[start - 1])
    after = end == len(text) or not _in_word(text[end - 1]) or not _in_word(text[end])
    return before and after


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _numbers(text: str, wanted: set[str]) -> Iterator[str]:
    """Every run of whole digit groups, separators removed, that is as long as a wanted number."""
    lengths = {len(number) for number in wanted}
    if not lengths:
        return
    longest = max(lengths)
    for match in _NUMBER.finditer(text):
        groups = _GROUP.findall(match.group())
        for i in range(len(groups)):
            run = ""
            for group in groups[i:]:
                run += group
                if len(run) > longest:
                    break
                if len(run) in lengths:
                    yield run
