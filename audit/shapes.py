"""The shapes of all bodies, interpreted from one table, `shapes.json`, that other languages read too.

A field is `[key, type, required]`; key `*` splices another object in. Unknown keys, missing keys and values outside
their type are refused alike. Type expressions: `name`, `name(limit)`, `list(type,most)`, `map(type)`, `enum(a|b)`.
"""

import base64
import binascii
import functools
import json
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from audit.record import parse_time
from audit.strictjson import MAX_INT, Json, MalformedError, check_spelling, parse

__all__ = ["Table", "b64", "check", "read", "unb64"]

Table = Mapping[str, Mapping[str, list[list[Any]]]]
_PATTERNS = {
    "sha": r"[0-9a-f]{64}",
    "sha0": r"([0-9a-f]{64})?",
    "hm": r"hmac-sha256:[0-9a-f]{64}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "month": r"[0-9]{4}(0[1-9]|1[0-2])",
    "origin": r"(?!cordon1)(?=.{3,200}\Z)[a-z0-9.-]+(/[a-z0-9.-]+)+",
    "vkey": r"[^+ \x00-\x20]{1,300}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{1,4000}={0,2}",
    "ref": r"[A-Za-z0-9-]{1,64}",
    "recipient": r"age1pq1[02-9ac-hj-np-z]{1,4000}",
    "secret": r"AGE-SECRET-KEY-PQ-1[02-9AC-HJ-NP-Z]{1,200}",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")
_CONTROL = re.compile(r"[\x00-\x1f]")
_MAX_NAMES = 256
_NOTHING = object()


def check(group: str, name: str, value: Mapping[str, Any]) -> None:
    """Raise `MalformedError` unless `value` has the shape `name` of `group` (records, statements, files)."""
    if name not in _table()[group]:
        raise MalformedError("unknown kind")
    _check_object(_compiled(group, name), value, name)


def read(group: str, name: str, data: bytes) -> Json:
    """Parse an object that has exactly this shape and the one spelling of strict JSON.

    `strictjson.loads` and `check` in one: what a shape accepts has known keys, bounded integers and no floats, so the
    value need not be walked twice. This runs for every record of a log.
    """
    value = parse(data)
    check(group, name, value)
    check_spelling(value, data)
    return value


def b64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """Read standard base64; a second spelling of the same bytes is refused."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MalformedError("not base64") from None
    if b64(data) != text:
        raise MalformedError("not canonical base64")
    return data


@functools.cache
def _table() -> Table:
    table: Table = json.loads(resources.files("audit").joinpath("shapes.json").read_text("ascii"))
    return table


def _check_object(fields: "Fields", value: object, where: str) -> None:
    if not isinstance(value, dict):
        raise MalformedError(f"{where}: not an object")
    missing = 0
    for key, accepts, required in fields:
        item = value.get(key, _NOTHING)
        if item is not _NOTHING:
            accepts(item, key)
        elif required:
            raise MalformedError(f"{where}.{key}: missing")
        else:
            missing += 1
    if len(fields) - missing != len(value):
        raise MalformedError(f"{where}: unknown key")


@functools.cache
def _compiled(group: str, name: str) -> "Fields":
    return _fields(_table()[group][name])


def _fields(rows: list[list[Any]]) -> "Fields":
    compiled: list[tuple[str, Checker, bool]] = []
    for key, kind, required in rows:
        compiled.extend(_compiled("types", kind) if key == "*" else [(key, _checker(kind), bool(required))])
    return tuple(compiled)


Checker = Callable[[object, str], None]
Fields = tuple[tuple[str, Checker, bool], ...]


@functools.cache
def _checker(kind: str) -> Checker:
    """Turn a type expression into a function; each expression is compiled once."""
    name, _, argument = kind.partition("(")
    argument = argument.removesuffix(")")
    if name in _COMPOUND:
        return _COMPOUND[name](argument)
    if name in _PATTERNS:
        return _text(re.compile(_PATTERNS[name] + r"\Z").match)
    if name in _table()["types"]:
        return lambda value, where: _check_object(_compiled("types", name), value, where)
    raise LookupError(f"shapes.json: unknown type {kind}")


def _text(accepts: Callable[[str], object]) -> Checker:
    known = functools.lru_cache(maxsize=512)(accepts)  # digests of policy and models repeat in every record

    def checker(value: object, where: str) -> None:
        if type(value) is not str or not known(value):
            raise MalformedError(f"{where}: value not allowed")

    return checker


def _number(low: int, high: int) -> Checker:
    def checker(value: object, where: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise MalformedError(f"{where}: number not allowed")

    return checker


def _list(argument: str) -> Checker:
    item_kind, _, most = argument.rpartition(",")
    item, limit = _checker(item_kind), int(most)

    def checker(value: object, where: str) -> None:
        if not isinstance(value, list | tuple) or len(value) > limit:
            raise MalformedError(f"{where}: not a list of at most {limit}")
        for element in value:
            item(element, where)

    return checker


def _map(argument: str) -> Checker:
    item = _checker(argument)

    def checker(value: object, where: str) -> None:
        if not isinstance(value, Mapping) or len(value) > _MAX_NAMES:
            raise MalformedError(f"{where}: not a map of names")
        for key, element in value.items():
            if not _NAME.match(key):
                raise MalformedError(f"{where}: name not allowed")
            item(element, where)

    return checker


def _pair(first: str, second: str) -> Checker:
    checkers = (_checker(first), _checker(second))

    def checker(value: object, where: str) -> None:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise MalformedError(f"{where}: not a pair")
        for accepts, element in zip(checkers, value, strict=True):
            accepts(element, where)

    return checker


def _printable(limit: int) -> Checker:
    return _text(lambda text: len(text) <= limit and _CONTROL.search(text) is None)


def _file(value: object, where: str) -> None:
    """`[path, bytes, sha]` of a manifest; the path rules are those of the package reader."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise MalformedError(f"{where}: not a file row")
    for accepts, element in zip(_file_row(), value, strict=True):
        accepts(element, where)


@functools.cache
def _file_row() -> tuple[Checker, ...]:
    return tuple(_checker(kind) for kind in ("s(200)", "int", "sha"))


def _is_hash(text: str) -> bool:
    return len(unb64(text)) == 32


def _is_time(text: str) -> bool:
    parse_time(text)
    return True


_COMPOUND: Mapping[str, Callable[[str], Checker]] = {
    "int": lambda _: _number(0, MAX_INT),
    "num": lambda _: _number(-1, MAX_INT),
    "bit": lambda _: _number(0, 1),
    "score": lambda _: _number(0, 10_000),
    "const": lambda argument: _number(int(argument), int(argument)),
    "s": lambda argument: _printable(int(argument)),
    "s16": lambda _: _printable(16),
    "s32": lambda _: _printable(32),
    "s64": lambda _: _printable(64),
    "hex": lambda argument: _text(re.compile(rf"[0-9a-f]{{{argument}}}\Z").match),
    "note": lambda _: _text(lambda text: len(text) <= 50_000),
    "enum": lambda argument: _text(frozenset(argument.split("|")).__contains__),
    "act": lambda _: _text(frozenset(("permit", "flag", "refuse")).__contains__),
    "time": lambda _: _text(_is_time),
    "hash": lambda _: _text(_is_hash),
    "list": _list,
    "map": _map,
    "months": lambda _: _pair("month", "list(recipient,4)"),
    "identity": lambda _: _pair("month", "secret"),
    "file": lambda _: _file,
}
