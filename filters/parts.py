"""The text values of Cordon, and what may be done with them.

Law: a value of these types never shows its text by accident. `repr`, `str` and `format` give a length; comparison
with a plain `str` is false; the text comes out only through `reveal()`, which is easy to search for in review.

    PatientText    what a person typed; only the gateway and the analyst process may hold it
    RedactedText   the same text after replacement; the engine may hold it
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Form", "Part", "PatientText", "RedactedText"]


class _Hidden:
    """A string that shows only its length."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Every call site is a place where text is really needed."""
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._text)})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and type(other) is type(self) and other._text == self._text

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._text))

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} is not pickled")


class PatientText(_Hidden):
    """Text as a person or a program of a person sent it."""

    __slots__ = ()


class RedactedText(_Hidden):
    """Text after replacement: what a model may see."""

    __slots__ = ()


class Form(enum.StrEnum):
    """How a part is read: plain text, a JSON document, or a JSON document whose keys are structure (a schema)."""

    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"
    NAME = "name"
    """A name from the request's structure (a function name): may hold no identifier at all."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of text of a request: its place in discovery order, who said it, how to read it."""

    index: int
    role: str
    form: Form
    text: PatientText
