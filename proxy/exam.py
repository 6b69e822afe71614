"""Questions with known answers, and what the results say: the pure half of `cordon eval`.

    {"id": "1", "topic": "anatomy", "question": "...", "options": {"A": "...", "B": "..."}, "answer": "B"}
    {"id": "2", "question": "...", "answer": "aspirin", "match": "contains"}       exact, contains or regex

Law: an answer is right or wrong and nothing between; an accuracy never stands without its interval (Wilson, 95 %), a
comparison never without the chance that it is one (exact McNemar test on the questions that differ).
"""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Accuracy", "Comparison", "Item", "Match", "Outcome", "RowError", "accuracy", "by_topic", "compare", "is_right",
    "items_of", "prompt_of",
]  # fmt: skip

_Z = 1.959964
_LETTERS = re.compile(r"[A-Z]")
_MAX_PATTERN = 500


class RowError(ValueError):
    """A row is not in its form. Names the line and the field, never their content."""


class Match(enum.StrEnum):
    """How an answer is compared."""

    CHOICE = "choice"
    EXACT = "exact"
    CONTAINS = "contains"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Item:
    """One question."""

    id: str
    topic: str
    match: Match
    answer: str
    question: str = field(repr=False)
    context: str = field(repr=False, default="")
    options: tuple[tuple[str, str], ...] = field(repr=False, default=())

    @property
    def letters(self) -> tuple[str, ...]:
        """What may be answered, of a choice."""
        return tuple(letter for letter, _ in self.options)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model answered to one question."""

    item: Item
    given: str = field(repr=False)
    right: bool


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share with its interval."""

    right: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """0 where nothing was asked."""
        return self.right / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results on the same questions."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float
    """Chance of a difference this large if the two were equal."""


def items_of(text: str) -> tuple[Item, ...]:
    """Read JSON lines. Raises RowError."""
    items = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            items.append(_item(line, number))
    if len({item.id for item in items}) != len(items):
        raise RowError("two rows have one id")
    return tuple(items)


def prompt_of(item: Item) -> str:
    """The question as a person would put it."""
    parts = [item.context, item.question] if item.context else [item.question]
    if item.match is Match.CHOICE:
        options = "\n".join(f"{letter}. {text}" for letter, text in item.options)
        parts += [options, "Answer with the letter only."]
    else:
        parts.append("Answer as shortly as possible.")
    return "\n\n".join(parts)


def is_right(item: Item, given: str) -> bool:
    """Compare as the row says; case and outer space do not count, except in a pattern that asks for them."""
    said, wanted = given.strip(), item.answer.strip()
    match item.match:
        case Match.CHOICE | Match.EXACT:
            return said.rstrip(".").casefold() == wanted.rstrip(".").casefold()
        case Match.CONTAINS:
            return wanted.casefold() in said.casefold()
        case Match.REGEX:
            return re.search(item.answer, said, re.IGNORECASE) is not None


def accuracy(outcomes: Sequence[Outcome]) -> Accuracy:
    """Share and Wilson interval; see Brown, Cai and DasGupta, Statistical Science 16 (2001)."""
    right, n = sum(outcome.right for outcome in outcomes), len(outcomes)
    if not n:
        return Accuracy(0, 0, 0.0, 1.0)
    share, z2 = right / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Accuracy(right, n, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def by_topic(outcomes: Sequence[Outcome]) -> Mapping[str, Accuracy]:
    """The same for every topic, in the order of their names."""
    topics = sorted({outcome.item.topic for outcome in outcomes})
    return {topic: accuracy([o for o in outcomes if o.item.topic == topic]) for topic in topics}


def compare(first: Sequence[Outcome], second: Sequence[Outcome]) -> Comparison:
    """Two results on the same questions, in the same order."""
    pairs = [(a.right, b.right) for a, b in zip(first, second, strict=True)]
    only_first, only_second = pairs.count((True, False)), pairs.count((False, True))
    return Comparison(
        pairs.count((True, True)),
        only_first,
        only_second,
        pairs.count((False, False)),
        _mcnemar(only_first, only_second),
    )


def _mcnemar(one: int, other: int) -> float:
    """Two-sided exact binomial test of the questions on which the two differ."""
    n = one + other
    if not n:
        return 1.0
    tail: float = sum(math.comb(n, k) for k in range(min(one, other) + 1)) / 2**n
    return float(min(1.0, 2 * tail))


def _item(line: str, number: int) -> Item:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise TypeError
        return _read(row)
    except (ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        where = error.args[0] if isinstance(error, RowError | KeyError) and error.args else "its form"
        raise RowError(f"line {number}: {where}") from None


def _read(row: Mapping[str, Any]) -> Item:
    options = tuple(_options(row.get("options", {})))
    match = Match(row.get("match", "choice" if options else "contains"))
    answer = _text(row, "answer")
    if (match is Match.CHOICE) != bool(options):
        raise RowError("options and match do not agree")
    if match is Match.CHOICE and answer not in dict(options):
        raise RowError("the answer is not among the options")
    if match is Match.REGEX:
        if len(answer) > _MAX_PATTERN:
            raise RowError("the pattern is too long")
        re.compile(answer)
    topic = row.get("topic") or row.get("source") or "all"
    if not isinstance(topic, str):
        raise RowError("topic")
    return Item(str(row["id"]), topic, match, answer, _text(row, "question"), str(row.get("context") or ""), options)


def _options(raw: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for letter, text in sorted(raw.items()):
        if not _LETTERS.fullmatch(letter) or not isinstance(text, str):
            raise RowError("options")
        yield letter, text


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        raise RowError(key)
    return value
