"""A TOML table that is read key by key.

Law: every key has to be asked for with its type; `close()` refuses what nobody asked for. A refusal names the place in
the file, never the value.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from policies.model import PolicyError

__all__ = ["Table", "read_toml"]

T = TypeVar("T")


def read_toml(raw: bytes, where: str) -> dict[str, Any]:
    """Return the document."""
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise PolicyError("policy_invalid", f"{where} is not TOML in UTF-8") from None


class Table:
    """A TOML table that is read key by key; what is left over at the end is refused."""

    __slots__ = ("_left", "_where")

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, dict):
            raise PolicyError("policy_invalid", f"{where} is not a table")
        self._left: dict[str, object] = dict(values)
        self._where = where

    def refuse(self, key: str, why: str) -> PolicyError:
        """Return the refusal of one key."""
        return PolicyError("policy_invalid", f"{self._where}.{key} {why}")

    def take(self, key: str, kind: type[T]) -> T:
        """Return a required value of exactly this type."""
        if key not in self._left:
            raise self.refuse(key, "is missing")
        value = self._left.pop(key)
        if type(value) is not kind:
            raise self.refuse(key, f"is not of type {kind.__name__}")
        return value

    def number(self, key: str) -> float:
        """Return a required number, written with or without a point."""
        return float(self.take(key, int if type(self._left.get(key)) is int else float))

    def whole(self, key: str, least: int, most: int) -> int:
        """Return a required whole number within its bounds."""
        value = self.take(key, int)
        if not least <= value <= most:
            raise self.refuse(key, f"is not between {least} and {most}")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a required list of numbers."""
        values = self.take(key, list)
        if not all(type(value) in {int, float} for value in values):
            raise self.refuse(key, "is not a list of numbers")
        return tuple(map(float, values))

    def fact(self, key: str) -> str | int:
        """Return a required string or whole number."""
        return self.take(key, int) if type(self._left.get(key)) is int else self.take(key, str)

    def word(self, key: str, words: Iterable[str]) -> str:
        """Return a required string out of a closed list."""
        value = self.take(key, str)
        if value not in tuple(words):
            raise self.refuse(key, f"is none of {', '.join(words)}")
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        """Return a required string of a given shape."""
        value = self.take(key, str)
        if not pattern.fullmatch(value):
            raise self.refuse(key, "has the wrong form")
        return value

    def text(self, key: str, most: int) -> str:
        """Return a required text that is not empty."""
        value = self.take(key, str)
        if not 0 < len(value) <= most:
            raise self.refuse(key, f"is empty or longer than {most} characters")
        return value

    def texts(self, key: str, least: int) -> tuple[str, ...]:
        """Return a required list of different texts."""
        value = self.take(key, list)
        if not all(type(entry) is str and entry for entry in value) or len(set(value)) != len(value):
            raise self.refuse(key, "is not a list of different texts")
        if len(value) < least:
            raise self.refuse(key, f"has under {least} entries")
        return tuple(value)

    def table(self, key: str) -> Table:
        """Return a required table."""
        return Table(self.take(key, dict), f"{self._where}.{key}")

    def has(self, key: str) -> bool:
        """Return whether a key is there and not read yet."""
        return key in self._left

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return an array of tables, empty if it is not there."""
        rows = self.take(key, list) if key in self._left else []
        return tuple(Table(row, f"{self._where}.{key}.{n}") for n, row in enumerate(rows, 1))

    def optional(self, key: str) -> Table:
        """Return a table, empty if it is not there."""
        return self.table(key) if key in self._left else Table({}, f"{self._where}.{key}")

    def rest(self, read: Callable[[Table, str], T]) -> tuple[tuple[str, T], ...]:
        """Read all remaining keys in the same way, sorted."""
        return tuple((key, read(self, key)) for key in sorted(self._left))

    def close(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            raise self.refuse(min(self._left), "is not known")
