"""The strings and numbers of a JSON document, each with its place in the text.

Law: the document is read, never rewritten: everything between the leaves stays byte for byte as it was sent. Offsets
are code points of the whole text. A schema's keys, and the few values that name other things in it, are structure:
they mean something to a program, so they cannot be replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from filters.parts import Form

__all__ = ["Leaf", "keys_of", "leaves_of"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*|[{}\[\],:]|[A-Za-z]+', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")
_NAMING = frozenset(
    {"required", "dependentRequired", "type", "format", "$ref", "$id", "$anchor", "$dynamicRef", "$schema"}
)
"""JSON Schema 2020-12 keywords whose string values are names or grammar, not text."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string (its inside, without the quotes) or one number.

    Attributes:
        start: first character.
        end: one past the last character.
        number: whether this is a bare number.
        key_of: the object this is a key of, counted from 0, or None for a value.
        structure: whether a program reads it as a name, so that it must not change.
    """

    start: int
    end: int
    number: bool
    key_of: int | None
    structure: bool

    def whole_escapes(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Widen a span inside this leaf so that it cuts no escape and no pair of surrogates in two."""
        if "\\" in text[self.start : self.end]:
            for match in _ESCAPE.finditer(text, self.start, self.end):
                start = match.start() if match.start() < start < match.end() else start
                end = match.end() if match.start() < end < match.end() else end
        return start, end


@dataclass(slots=True)
class _Frame:
    """An open object or array while reading."""

    object: int | None
    under: str
    """The key this container stands under."""
    key: str = ""
    """The key read last in this object."""
    wants_key: bool = field(default=False)


def leaves_of(text: str, form: Form) -> tuple[Leaf, ...] | None:
    """Return the leaves of a JSON document in order, or None if `text` is not one."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    return tuple(_walk(text, form is Form.SCHEMA))


def keys_of(text: str) -> list[tuple[int, str]]:
    """Return (object, key) for every key of a JSON document in order; nothing if `text` is not one."""
    keys = [leaf for leaf in leaves_of(text, Form.JSON) or () if leaf.key_of is not None]
    return [(leaf.key_of or 0, str(json.loads(f'"{text[leaf.start : leaf.end]}"'))) for leaf in keys]


def _walk(text: str, schema: bool) -> Iterator[Leaf]:
    stack = [_Frame(None, "")]
    objects = 0
    for match in _TOKEN.finditer(text):
        top = stack[-1]
        first = match.group()[0]
        if first == "{":
            stack.append(_Frame(objects, _name(top), wants_key=True))
            objects += 1
        elif first == "[":
            stack.append(_Frame(None, _name(top)))
        elif first in "}]":
            stack.pop()
        elif first == ",":
            top.wants_key = top.object is not None
        elif first == '"':
            yield _string(match, top, schema)
        elif first in "-0123456789":
            yield Leaf(match.start(), match.end(), number=True, key_of=None, structure=False)


def _name(frame: _Frame) -> str:
    """The key a value in this frame stands under; the elements of an array stand under the array's key."""
    return frame.key if frame.object is not None else frame.under


def _string(match: re.Match[str], top: _Frame, schema: bool) -> Leaf:
    start, end = match.start() + 1, match.end() - 1
    if top.wants_key:
        top.wants_key = False
        top.key = str(json.loads(match.group()))
        return Leaf(start, end, number=False, key_of=top.object, structure=schema)
    naming = schema and _name(top) in _NAMING
    return Leaf(start, end, number=False, key_of=None, structure=naming)
