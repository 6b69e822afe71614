"""Is a pattern linear by construction? Asked of our own patterns by a test, and of a site's before it is ever run.

Law: read the parsed pattern, never a clock. Every quantifier is bounded by 256; a quantifier inside another begins with
other characters than what it repeats; lookaround is bounded; and the ways one start can be tried are at most
`_MOST_PATHS`, so that the work over a text is a constant times its length, whatever stands in it.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found] # nobody else reads patterns
import re._parser as sre_parser  # type: ignore[import-not-found] # the same
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["PatternRefused", "paths", "verify_linear"]

_MOST = 256
_MOST_PATHS = 5_000
_ALPHABET = frozenset([*map(chr, range(32, 127)), *"éßµ№ඩ\n\t"])
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_LOOKS = (sre.ASSERT, sre.ASSERT_NOT)

_CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdecimal,
    sre.CATEGORY_NOT_DIGIT: lambda c: not c.isdecimal(),
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
    sre.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
    sre.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
}


class PatternRefused(Exception):  # noqa: N818 - it names what happened to the pattern
    """The pattern is not safe to run on text of any length; `why` says it for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def verify_linear(pattern: str) -> None:
    """Check one pattern.

    Raises:
        PatternRefused: it does not compile, or its work is not bounded by the length of the text.
    """
    parsed = _parsed(pattern)
    for low, high, body, _ in _repeats(parsed):
        if high is sre.MAXREPEAT:
            raise PatternRefused("a quantifier has no upper bound (write {1,40} for +)")
        if high > _MOST:
            raise PatternRefused(f"a quantifier allows more than {_MOST}")
        if high in (low, 1):
            continue
        for inner_low, inner_high, inner, possessive in _repeats(body):
            varies = inner_high not in (inner_low, 1) and not possessive
            if varies and _first(body) & _first(inner):
                raise PatternRefused("a quantifier stands inside another over the same characters")


def paths(pattern: str) -> int:
    """Return a bound on the ways one start can be tried. Raises PatternRefused over the limit."""
    parsed = _parsed(pattern)
    if any(op in (sre.GROUPREF, sre.GROUPREF_EXISTS) for op, _ in _items(parsed)):
        raise PatternRefused("it refers back to a group")
    found = _paths(parsed)
    if found > _MOST_PATHS:
        raise PatternRefused("quantifiers over the same characters follow each other; separate or narrow them")
    return found


def _parsed(pattern: str) -> Any:
    try:
        parsed = sre_parser.parse(pattern)
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        raise PatternRefused("it is no regular expression") from None
    return parsed


def _items(parsed: Any) -> Iterable[tuple[Any, Any]]:
    for op, arg in parsed:
        yield op, arg
        for body in _bodies(op, arg):
            yield from _items(body)


def _bodies(op: Any, arg: Any) -> tuple[Any, ...]:
    """The patterns inside one item."""
    if op in _REPEATS:
        return (arg[2],)
    if op is sre.SUBPATTERN:
        return (arg[3],)
    if op is sre.BRANCH:
        return tuple(arg[1])
    if op in _LOOKS:
        return (arg[1],)
    return (arg,) if op is sre.ATOMIC_GROUP else ()


def _repeats(parsed: Any) -> list[tuple[int, Any, Any, bool]]:
    """All (low, high, body, possessive), nested ones included."""
    return [(arg[0], arg[1], arg[2], op is sre.POSSESSIVE_REPEAT) for op, arg in _items(parsed) if op in _REPEATS]


def _first(parsed: Any) -> frozenset[str]:
    """The characters a match of `parsed` can begin with."""
    seen: frozenset[str] = frozenset()
    for op, arg in parsed:
        if op in _LOOKS or op is sre.AT:
            continue
        if op in _REPEATS:
            seen |= _first(arg[2])
            if arg[0] == 0:
                continue
            return seen
        bodies = _bodies(op, arg)
        if bodies:
            return seen.union(*map(_first, bodies))
        return seen | _class_of(op, arg)
    return seen


def _class_of(op: Any, arg: Any) -> frozenset[str]:
    """The printable characters a single-character item matches, whatever their case."""
    if op is sre.LITERAL:
        return frozenset({chr(arg), chr(arg).lower(), chr(arg).upper()})
    if op is sre.IN:
        return frozenset(c for c in _ALPHABET if _in_set(arg, c))
    return _ALPHABET


def _in_set(items: Any, char: str) -> bool:
    hit = False
    for op, arg in items:
        if op is sre.LITERAL:
            hit |= char.lower() == chr(arg).lower()
        elif op is sre.RANGE:
            hit |= any(arg[0] <= ord(c) <= arg[1] for c in (char, char.lower(), char.upper()[0]))
        elif op is sre.CATEGORY:
            hit |= _CATEGORIES[arg](char)
    return hit != (items[0][0] is sre.NEGATE)


def _paths(parsed: Any, after: frozenset[str] = frozenset()) -> int:
    """A repeat that could end earlier with the same characters multiplies the ways; branches add up.

    `after` is what may follow `parsed`: the next turn of a repeat around it, too.
    """
    ways = 1
    items = list(parsed)
    for at, (op, arg) in enumerate(items):
        follows = _first(items[at + 1 :]) | after
        if op in _REPEATS:
            ways *= _repeat_paths(op, arg, follows)
        elif op is sre.BRANCH:
            ways *= sum(_paths(branch, follows) for branch in arg[1])
        elif op is not sre.ATOMIC_GROUP:
            for body in _bodies(op, arg):
                ways *= _paths(body, follows)
        if ways > _MOST_PATHS:
            return _MOST_PATHS + 1
    return ways


def _repeat_paths(op: Any, arg: Any, follows: frozenset[str]) -> int:
    low, high, body = arg[0], min(arg[1], _MOST), arg[2]
    begins = _first(body)
    inside = _paths(body, follows | begins if high > 1 else follows)
    steps = 1 if op is sre.POSSESSIVE_REPEAT or high == low or not (begins & follows or inside > 1) else high - low + 1
    return int(min(inside ** min(high, 20), _MOST_PATHS + 1) * steps)
