"""Strict JSON: one value has exactly one spelling, so bytes can be hashed and two languages agree.

Rules (docs/formats/audit-v1.md): one ASCII line, compact, no floats, integers within ±(2^53-1), keys
`[A-Za-z_][A-Za-z0-9_-]*`, everything beyond ASCII as `\\uXXXX` in lower case, no half of a surrogate pair. A reader
parses, serialises again in the same way and requires identical bytes; that one comparison refuses duplicate keys,
spaces, `-0`, `1.0` and odd escapes alike in Python and in JavaScript.
"""

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

__all__ = ["MAX_INT", "Json", "MalformedError", "check_spelling", "dumps", "loads", "parse", "spell"]

Json = dict[str, Any]
"""A JSON object. Values are judged by `audit.shapes`, not by the type checker."""

MAX_INT = 2**53 - 1
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_MAX_DEPTH = 16
"""Records nest four deep; a bound far above that keeps hostile input away from the interpreter's stack."""


class MalformedError(ValueError):
    """The bytes or the value are not of the agreed form. Carries no content."""


def dumps(value: Mapping[str, Any]) -> bytes:
    """Return the one spelling of an object; raise `MalformedError` for anything that has none."""
    _check(value, 0)
    return spell(value)


def loads(data: bytes) -> Json:
    """Parse an object and require that it was spelled in the one allowed way."""
    value = parse(data)
    _check(value, 0)
    check_spelling(value, data)
    return value


def parse(data: bytes) -> Json:
    """Parse an object without floats; the caller judges values and spelling."""
    try:
        value = _DECODER.decode(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise MalformedError("not strict JSON") from None
    if not isinstance(value, dict):
        raise MalformedError("not a JSON object")
    return value


def check_spelling(value: Json, data: bytes) -> None:
    """Refuse any bytes but the one spelling of a value whose parts were judged already."""
    if spell(value) != data:
        raise MalformedError("not the canonical spelling")
    if b"\\ud" in data:
        _check_pairs(value)


def spell(value: Mapping[str, Any]) -> bytes:
    """Spell a value whose parts were judged already."""
    return _ENCODER.encode(value).encode("ascii")


def _refuse(_: str) -> NoReturn:
    raise MalformedError("floats are not allowed")


def _check_pairs(value: Json) -> None:
    """Refuse half of a surrogate pair: it is no character, and no UTF-8 can be made of it (RFC 8259, 8.2)."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedError("half a character") from None


def _check(value: object, depth: int) -> None:
    """Refuse what has no spelling. Texts are passed over early: this runs for every value of every record."""
    if depth > _MAX_DEPTH:
        raise MalformedError("nested too deeply")
    if isinstance(value, dict):
        if not all(map(_is_key, value)):
            raise MalformedError("key not allowed")
        value = value.values()
    elif not isinstance(value, list | tuple):
        _check_plain(value)
        return
    for item in value:
        kind = type(item)
        if kind is not str and not (kind is int and -MAX_INT <= item <= MAX_INT):
            _check(item, depth + 1)


def _check_plain(value: object) -> None:
    if isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise MalformedError("integer out of range")
    elif value is not None and not isinstance(value, str):
        raise MalformedError("type not allowed")


_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


@functools.lru_cache(maxsize=4096)
def _is_key(key: object) -> bool:
    return isinstance(key, str) and _KEY.match(key) is not None
