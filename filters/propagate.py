"""Known values: what was found once is looked for everywhere, earlier and later, in every part of the exchange.

Law: one pass over the words of a text, with a dictionary; no pattern per name. Nothing is fuzzy. A known value covers
only characters that no other finding covers. What a guard lets stand is reported, so that the last look knows of it.

    known = Known.of(values, marked)
    known.search(view.text)   -> matches and kept spans, in offsets of that text
    known.spread              -> the keys, for the last look
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from filters.eponyms import is_eponym_construction
from filters.findings import Source, Type
from filters.fold import normal
from filters.words import places_of, tokens_of

__all__ = ["Known", "Match", "Meaning", "Value", "has_name_cue", "searchable"]

_GAP = 3
"""Characters between two words of one value, at most: "O'Brien", "Perera,\\nAnil"."""
_LONG_DIGITS = 7
_PHONE_DIGITS = 6
_MOST_DIGITS = 64
"""No identifier has more digits; every beginning of a key is a key of its own, so long ones would cost their square."""
_MOST_GROUPS = 32
"""A number has at most this many groups of digits; without a bound, a text of "1-1-1-" costs its square."""
_MOST_RUNS = 2_000
"""Long numbers a text can hold and still be remembered by them."""
_MOST_WORDS, _MOST_NAME_WORDS = 64, 12
"""Longer values are looked for by their words, or found again by what found them: tried at every place where its first
word stands, a value as long as the text would cost the square of it."""
_SURE = 700
_CERTAIN = 950

_NAME_CUE = re.compile(
    r"(?<![^\W_])(?:mr|mrs|ms|miss|mx|dr|drs|prof|professor|sir|lady|herrn?|frau|fr|hr|sr|sra|srta|don|doña|dr?a|señora?|"
    r"mme|mlle|monsieur|madame|sig|signora?|dott|dottor|dott\.ssa|dhr|mevr|mevrouw|meneer|name|surname|patient|pt|"
    r"nombre|apellidos?|nom|prénom|nome|cognome|naam|vorname|nachname|paciente|paziente|dear|geehrter?|"
    r"named|called|is|am|i'm)[.:]?[\"']?[ \t]{1,3}\Z",
    re.IGNORECASE,
)
_TITLE_CUE = re.compile(
    r"(?<![^\W_])(?:mr|mrs|ms|miss|mx|dr|drs|prof|sir|lady|herrn?|frau|sr|sra|srta|don|doña|dra|señora?|mme|mlle|monsieur|"
    r"madame|sig|signora?|dott|dhr|mevr|mevrouw|meneer|name|nombre|apellidos?|nom|prénom|nome|cognome|naam|vorname|nachname|"
    r"dear|geehrter?)[.:]?[ \t]{1,3}\Z",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_GROUP_GAP = re.compile(r"[ .()/-]{1,3}\Z")


class Value(NamedTuple):
    """A value that was found, with what decides whether it spreads."""

    type: Type
    kind: str
    text: str
    score: int
    source: Source
    cued: bool

    def __repr__(self) -> str:
        return f"Value({self.type}, {len(self.text)})"


class Match(NamedTuple):
    """An occurrence of a known value in a view."""

    start: int
    end: int
    type: Type
    kind: str


class _Key(NamedTuple):
    """A value as it is looked for. A tuple, because a long history has thousands and they are made anew each time."""

    words: tuple[str, ...]
    type: Type
    kind: str
    alone: bool
    """False: this word is also a common word, and needs a name beside it."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A text with its words and where they are."""

    text: str
    tokens: list[str]
    places: list[tuple[int, int]]

    def gap(self, i: int) -> str:
        """What stands between word `i` and the next."""
        return self.text[self.places[i][1] : self.places[i + 1][0]]

    def is_close(self, i: int, length: int) -> bool:
        """Whether `length` words from `i` follow each other closely."""
        return all(self.places[k][0] - self.places[k - 1][1] <= _GAP for k in range(i + 1, i + length))


class Known:
    """The keys of one exchange."""

    __slots__ = ("_by_words", "_digits", "_lengths", "_longest", "_name_words", "spread")

    def __init__(self, keys: Iterable[_Key], digits: Iterable[tuple[str, Type, str]], spread: Iterable[str]) -> None:
        self._by_words: dict[tuple[str, ...], list[_Key]] = {}
        lengths: dict[str, set[int]] = {}
        for key in sorted(set(keys)):
            same = self._by_words.setdefault(key.words, [])
            if not any((key.type, key.alone) == (other.type, other.alone) for other in same):
                same.append(key)  # of several kinds of one value the first stands for all
            lengths.setdefault(key.words[0], set()).add(len(key.words))
        self._lengths = {word: tuple(sorted(found, reverse=True)) for word, found in lengths.items()}
        """First word -> the numbers of words of the keys that begin with it, longest first."""
        self._digits = {d: (t, k) for d, t, k in sorted(set(digits), reverse=True)}
        self._longest = max(map(len, self._digits), default=0)
        names = (key for keys in self._by_words.values() for key in keys if key.type is Type.NAME)
        self._name_words = frozenset(word for key in names for word in key.words)
        self.spread = tuple(sorted(set(spread)))

    @classmethod
    def of(cls, values: Sequence[Value], marked: Sequence[str], common: frozenset[str]) -> Known:
        """Build the keys of all values that spread."""
        keys: list[_Key] = []
        digits: list[tuple[str, Type, str]] = []
        spread: list[str] = []
        marks = [Value(Type.MARKED, "marked", text, 1000, Source.MARKED, cued=True) for text in marked]
        for value in {*values, *marks}:
            if not _spreads(value, common):
                continue
            form = normal(value.type, value.text)
            tokens = tuple([token.casefold() for token in tokens_of(form)])
            if not tokens:
                continue
            if len(tokens) <= (_MOST_NAME_WORDS if value.type is Type.NAME else _MOST_WORDS):
                whole = _Key(tokens, value.type, value.kind, _stands_alone(value, tokens, common))
                keys.append(whole)
                if whole.alone:
                    spread.append(form)
            flat = "".join(_DIGITS.findall(form))
            if _LONG_DIGITS <= len(flat) <= _MOST_DIGITS and sum(map(str.isalpha, form)) <= 3:
                digits.append((flat, value.type, value.kind))
            if value.type is Type.NAME:
                parts = [_Key((t,), Type.NAME, value.kind, t not in common) for t in tokens if _is_part(t)]
                keys += parts
                spread += [key.words[0] for key in parts if key.alone]
        return cls(keys, digits, spread)

    def __bool__(self) -> bool:
        return bool(self._by_words)

    def meaning(self, hashed: Callable[[str], int]) -> Meaning:
        """Return what it means to a text that it holds these words and numbers."""
        said: list[tuple[tuple[str, ...], str]] = [((word,), "beside") for word in self._name_words]
        said += [((number,), f"{type_}\x1f{kind}") for number, (type_, kind) in self._digits.items()]
        for words_, keys in self._by_words.items():
            means = "\x1e".join(f"{key.type}\x1f{key.kind}\x1f{key.alone}" for key in keys)
            said.append((words_, "\x1f".join((*words_, means))))
        hashes = {word: hashed(word) for words_, _ in said for word in words_}
        return Meaning([([hashes[word] for word in words_], hashed(means)) for words_, means in said])

    def search(self, text: str) -> tuple[tuple[Match, ...], tuple[Match, ...]]:
        """Return occurrences to replace, and occurrences a guard lets stand."""
        tokens = [token.casefold() for token in tokens_of(text)]
        starts = [i for i, token in enumerate(tokens) if token in self._lengths]
        numbers = [i for i, token in enumerate(tokens) if token.isdecimal()] if self._digits else []
        if not starts and not numbers:
            return (), ()
        read = _Read(text, tokens, places_of(text))
        found: list[Match] = []
        kept: list[Match] = []
        for i in starts:
            for key in self._beginning(read, i):
                match = Match(read.places[i][0], read.places[i + len(key.words) - 1][1], key.type, key.kind)
                if self._taken(read, i, key, match):
                    found.append(match)
                    break
                if key.alone:
                    kept.append(match)
        found += self._numbers(read, numbers)
        return tuple(found), tuple(kept)

    def _beginning(self, read: _Read, i: int) -> Iterator[_Key]:
        """Yield the keys whose words stand at `i`, the longest first."""
        for length in self._lengths[read.tokens[i]]:
            keys = self._by_words.get(tuple(read.tokens[i : i + length]))
            if keys is not None and i + length <= len(read.tokens) and read.is_close(i, length):
                yield from keys

    def _taken(self, read: _Read, i: int, key: _Key, match: Match) -> bool:
        if key.type is not Type.NAME or len(key.words) > 1:
            return key.alone or key.type is not Type.NAME
        if is_eponym_construction(read.text, match.start, match.end):
            return False
        return key.alone or self._beside_name(read, i)

    def _beside_name(self, read: _Read, i: int) -> bool:
        text, start = read.text, read.places[i][0]
        if not text[start].isupper() and text[start].isascii():
            return False
        if _TITLE_CUE.search(text[max(0, start - 24) : start]):
            return True
        for j in (i - 1, i + 1):
            if 0 <= j < len(read.tokens) and read.tokens[j] in self._name_words and text[read.places[j][0]].isupper():
                gap = read.gap(min(i, j))
                if gap.strip(" .,-'") == "" and "\n" not in gap:
                    return True
        return False

    def _numbers(self, read: _Read, numbers: list[int]) -> Iterator[Match]:
        """Long numbers match by their digits alone, whatever the separators."""
        for i, j, flat in _runs(read, numbers, self._longest):
            if flat in self._digits:
                type_, kind = self._digits[flat]
                yield Match(read.places[i][0], read.places[j][1], type_, kind)


class Meaning:
    """What the known values of an exchange mean to a text, in hashes: two exchanges that mean the same to it find the
    same in it, and one that means nothing finds nothing.
    """

    __slots__ = ("_by_rarest",)

    def __init__(self, said: Sequence[tuple[Sequence[int], int]]) -> None:
        often = Counter(word for words_, _ in said for word in set(words_))
        self._by_rarest: dict[int, list[tuple[frozenset[int], int]]] = {}
        for words_, means in said:
            rarest = min(words_, key=lambda word: (often[word], word))
            self._by_rarest.setdefault(rarest, []).append((frozenset(words_), means))

    def to(self, sketch: Sequence[int]) -> bytes:
        """Return a digest of what is said of the words of a text, empty if nothing is: 16 bytes, however much that is.

        Args:
            sketch: hashes of its words and long numbers, sorted.
        """
        there = frozenset(sketch)
        by_rarest = self._by_rarest
        found = [means for word in sketch if word in by_rarest for all_, means in by_rarest[word] if all_ <= there]
        ordered = array("Q", sorted(found))  # whichever word is the rarest in this exchange
        return hashlib.blake2b(ordered, digest_size=16).digest() if found else b""


def _runs(read: _Read, numbers: Iterable[int], longest: int) -> Iterator[tuple[int, int, str]]:
    """Yield (first word, last word, digits) of the numbers of up to `longest` digits that begin at one of `numbers`."""
    for i in numbers:
        flat = ""
        for j in range(i, min(len(read.tokens), i + _MOST_GROUPS)):
            if not read.tokens[j].isdecimal() or (j > i and not _GROUP_GAP.match(read.gap(j - 1))):
                break
            flat += read.tokens[j]
            if len(flat) > longest:
                break
            yield i, j, flat


def searchable(text: str) -> frozenset[str] | None:
    """Return the words of a text and the digits of its long numbers: what a `Meaning` speaks of.

    None where there are too many numbers to note (`_MOST_RUNS`): such a text is searched every time.
    """
    read = _Read(text, [token.casefold() for token in tokens_of(text)], places_of(text))
    found = set(read.tokens)
    most = len(found) + _MOST_RUNS
    numbers = (i for i, token in enumerate(read.tokens) if token.isdecimal())
    for _, _, flat in _runs(read, numbers, _MOST_DIGITS):
        if len(flat) >= _LONG_DIGITS:
            found.add(flat)
            if len(found) > most:
                return None
    return frozenset(found)


def has_name_cue(text: str, start: int) -> bool:
    """Return whether a title or a label for a name stands right before `start`."""
    return _NAME_CUE.search(text[max(0, start - 24) : start]) is not None


def _spreads(value: Value, common: frozenset[str]) -> bool:
    if value.type is Type.NAME:
        return value.cued or value.score >= _SURE or len(tokens_of(value.text)) > 1
    if value.type in (Type.LOCATION, Type.ORG):
        return value.score >= _SURE and _is_telling(value.text, common)
    if value.type is Type.DATE:
        return value.kind in ("date", "birth_date") and _is_whole_date(value.text)
    if value.type is Type.ID:
        return value.kind not in ("ward_bed", "lk_bht") and len(value.text) >= 4
    if value.type is Type.PHONE:  # an extension, or half a number, is any number elsewhere
        return len("".join(_DIGITS.findall(value.text))) >= _PHONE_DIGITS
    return value.type in (Type.MARKED, Type.EMAIL, Type.URL, Type.SECRET)


def _is_telling(text: str, common: frozenset[str]) -> bool:
    """Not an acronym, which means something else elsewhere, nor a common word."""
    tokens = [token.casefold() for token in tokens_of(text)]
    is_acronym = len(tokens) == 1 and (text.isupper() or len(text) < 4)
    return not is_acronym and not all(token in common for token in tokens)


def _is_whole_date(text: str) -> bool:
    """Day, month and year."""
    numbers = re.findall(r"\d+", text)
    return (
        len(numbers) >= 3 or (len(numbers) == 2 and any(c.isalpha() for c in text)) or any(len(n) >= 7 for n in numbers)
    )


def _stands_alone(value: Value, tokens: tuple[str, ...], common: frozenset[str]) -> bool:
    if value.type is not Type.NAME:
        return True
    if len(tokens) > 1:  # "Rose May" is a name where somebody says so; "Chest Pain" is a mistake of the model
        return value.cued or value.score >= _CERTAIN or not all(token in common for token in tokens)
    return _is_part(tokens[0]) and tokens[0] not in common


def _is_part(token: str) -> bool:
    return not token.isdecimal() and len(token) >= (3 if token.isascii() or token[0] < "\u0250" else 2)
