"""Read an untrusted JSON body, and take typed fields out of it.

Law: the body is a JSON object in UTF-8 without lone surrogates, at most `MAX_DEPTH` deep, with finite numbers. A field
has the type it should have or the request is refused; `true` is not a number. No error quotes the body.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from proxy.errors import CordonError

__all__ = ["MAX_DEPTH", "Fields", "as_fields", "dump", "read_object"]

MAX_DEPTH = 64
"""Levels of nesting. Real tool schemas stay below 20; Python's parser gives up near 1,000 by exception."""

Json = object


def read_object(body: bytes) -> Fields:
    """Parse a request body. Raises CordonError `bad_json` or `too_deep`."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise CordonError("too_deep") from None
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are both; so is a number of too many digits
        raise CordonError("bad_json") from None
    _verify(value)
    if not isinstance(value, dict):
        raise CordonError("bad_json")
    return Fields(value)


def dump(value: Json) -> str:
    """JSON text in the form in which schemas and arguments travel inside: short, and not escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _no_constant(name: str) -> None:
    raise ValueError(len(name))  # NaN and Infinity are not JSON (RFC 8259 section 6)


def _verify(root: Json) -> None:
    """Walk the tree without recursion: depth, lone surrogates (RFC 8259 section 8.2), overflowed numbers."""
    level: list[Json] = [root]
    for _ in range(MAX_DEPTH + 1):
        following: list[Json] = []
        for value in level:
            if isinstance(value, dict):
                following.extend(value)
                following.extend(value.values())
            elif isinstance(value, list):
                following.extend(value)
            elif isinstance(value, str):
                _verify_text(value)
            elif isinstance(value, float) and value in (float("inf"), float("-inf")):
                raise CordonError("bad_json")
        if not following:
            return
        level = following
    raise CordonError("too_deep")


def _verify_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise CordonError("bad_json") from None


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object with typed access; `null` and an absent key are the same. Unknown keys are never looked at."""

    values: dict[str, Json]

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self.values.get(key) is not None

    def text(self, key: str) -> str | None:
        """A string, or None."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise CordonError("bad_request")
        return value

    def need_text(self, key: str) -> str:
        """A string that must be there."""
        value = self.text(key)
        if value is None:
            raise CordonError("bad_request")
        return value

    def flag(self, key: str) -> bool:
        """A boolean; absent is false."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise CordonError("bad_request")
        return bool(value)

    def integer(self, key: str, low: int, high: int) -> int | None:
        """A whole number within bounds, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise CordonError("bad_request")
        return value

    def number(self, key: str, low: float, high: float) -> float | None:
        """A number within bounds, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise CordonError("bad_request")
        return float(value)

    def object(self, key: str) -> Fields | None:
        """An object, or None."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise CordonError("bad_request")
        return Fields(value)

    def need_object(self, key: str) -> Fields:
        """An object that must be there."""
        value = self.object(key)
        if value is None:
            raise CordonError("bad_request")
        return value

    def items(self, key: str) -> Iterator[Json]:
        """The items of a list; none if it is absent."""
        value = self.values.get(key)
        if value is None:
            return iter(())
        if not isinstance(value, list):
            raise CordonError("bad_request")
        return iter(value)

    def objects(self, key: str) -> Iterator[Fields]:
        """The items of a list of objects; none if it is absent."""
        return (as_fields(item) for item in self.items(key))


def as_fields(value: Json) -> Fields:
    """Take a value that must be an object."""
    if not isinstance(value, dict):
        raise CordonError("bad_request")
    return Fields(value)
