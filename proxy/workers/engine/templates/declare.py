"""Gemma 4's notation for functions and values: bare keys, strings between quote tokens.

It follows the macros of the pinned template, their quirks too: a property that is called like a schema keyword is left
out, an object without `properties` lists its own keys, the closing brace of the parameters hangs on their `type`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates.chat import Writer, bare, json_object
from proxy.workers.wire import TurnTool

__all__ = ["QUOTE", "declare", "write_value"]

QUOTE = '<|"|>'
_KEYWORDS = frozenset({"description", "type", "properties", "required", "nullable"})


def declare(write: Writer, tool: TurnTool) -> None:
    """Write the declaration of one function."""
    write.text(f"declaration:{bare(tool.name)}{{description:")
    write.quoted(QUOTE, tool.description.reveal())
    parameters = json_object(tool.parameters.reveal() or "{}")
    if parameters:
        write.text(",parameters:{")
        if parameters.get("properties"):
            write.text("properties:{")
            _properties(write, _mapping(parameters["properties"]))
            write.text("},")
        if parameters.get("required"):
            write.text("required:[")
            _strings(write, parameters["required"])
            write.text("],")
        if parameters.get("type"):
            write.text("type:")
            write.quoted(QUOTE, _upper(parameters["type"]))
            write.text("}")
    write.text("}")


def write_value(write: Writer, value: object, *, quoted_keys: bool) -> None:
    """Write a JSON value."""
    if isinstance(value, str):
        write.quoted(QUOTE, value)
    elif isinstance(value, bool):
        write.text("true" if value else "false")
    elif isinstance(value, dict):
        write.text("{")
        for i, key in enumerate(_sorted(value)):
            write.text("," if i else "")
            _key(write, key, quoted=quoted_keys)
            write.text(":")
            write_value(write, value[key], quoted_keys=quoted_keys)
        write.text("}")
    elif isinstance(value, list):
        write.text("[")
        for i, item in enumerate(value):
            write.text("," if i else "")
            write_value(write, item, quoted_keys=quoted_keys)
        write.text("]")
    else:
        write.text(str(value))


def _key(write: Writer, key: str, *, quoted: bool) -> None:
    if quoted:
        write.quoted(QUOTE, key)
    else:
        write.text(bare(key))


def _sorted(value: Mapping[str, Any]) -> list[str]:
    return sorted(value, key=str.lower)


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EngineError("bad_request")
    return value


def _upper(value: object) -> str:
    return str(value).upper()


def _strings(write: Writer, values: object) -> None:
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise EngineError("bad_request")
    for i, value in enumerate(values):
        write.text("," if i else "")
        write.quoted(QUOTE, value)


class _List:
    """Writes commas between the entries that are present."""

    def __init__(self, write: Writer) -> None:
        self._write = write
        self._first = True

    def entry(self, text: str) -> None:
        self._write.text(text if self._first else f",{text}")
        self._first = False


def _properties(write: Writer, properties: Mapping[str, Any]) -> None:
    names = [name for name in _sorted(properties) if name not in _KEYWORDS]
    for i, name in enumerate(names):
        write.text(f"{',' if i else ''}{bare(name)}:{{")
        value = properties[name]
        _property(write, value if isinstance(value, dict) else {})


def _property(write: Writer, value: Mapping[str, Any]) -> None:
    entries = _List(write)
    if value.get("description"):
        if not isinstance(value["description"], str):
            raise EngineError("bad_request")
        entries.entry("description:")
        write.quoted(QUOTE, value["description"])
    kind = _upper(value.get("type", ""))
    if kind == "STRING" and value.get("enum"):
        entries.entry("enum:")
        write_value(write, value["enum"], quoted_keys=True)
    if kind == "ARRAY" and isinstance(value.get("items"), dict) and value["items"]:
        entries.entry("items:{")
        _items(write, value["items"])
        write.text("}")
    if value.get("nullable"):
        entries.entry("nullable:true")
    if kind == "OBJECT":
        entries.entry("properties:{")
        inner = value.get("properties")
        _properties(write, inner if isinstance(inner, dict) else value)
        write.text("}")
        if value.get("required"):
            entries.entry("required:[")
            _strings(write, value["required"])
            write.text("]")
    entries.entry("type:")
    write.quoted(QUOTE, kind)
    write.text("}")


def _items(write: Writer, items: Mapping[str, Any]) -> None:
    entries = _List(write)
    for key in _sorted(items):
        value = items[key]
        if value is None:
            continue
        if key == "properties":
            entries.entry("properties:{")
            if isinstance(value, dict):
                _properties(write, value)
            write.text("}")
        elif key == "required":
            entries.entry("required:[")
            _strings(write, value)
            write.text("]")
        else:
            entries.entry(f"{bare(key)}:")
            write_value(write, _kinds(value) if key == "type" else value, quoted_keys=True)


def _kinds(value: object) -> str | list[str]:
    if isinstance(value, str):
        return value.upper()
    if isinstance(value, Iterable) and not isinstance(value, dict):
        return [_upper(v) for v in value]
    raise EngineError("bad_request")
