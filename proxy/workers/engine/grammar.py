"""JSON schema to a grammar that the answer must follow.

Law: what the converter does not enforce is refused, not ignored: remote references, patterns, names that would need
escapes inside a grammar. Limits keep the library's parser away from inputs that make it slow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llama_cpp.llama_grammar import json_schema_to_gbnf

from proxy.workers.engine.batch import EngineError

__all__ = ["ANY_OBJECT", "gbnf_of"]

ANY_OBJECT = '{"type":"object"}'
"""The schema of `json_object`."""

_MAX_BYTES = 32 * 1024
_MAX_DEPTH = 16
_MAX_REPEATS = 500
_MAX_GRAMMAR = 256 * 1024
_REPEATS = frozenset({"minItems", "maxItems", "minLength", "maxLength"})
_ENFORCED = frozenset({
    "$ref", "$defs", "definitions", "type", "properties", "required", "additionalProperties", "items", "prefixItems",
    "enum", "const", "anyOf", "minItems", "maxItems", "minLength", "maxLength",
})  # fmt: skip
_ANNOTATIONS = frozenset({
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated", "format",
})  # fmt: skip
_ALONE = ("$ref", "anyOf", "const", "enum")
"""Beside one of these the converter forgets what else a schema says."""
_SHAPE = frozenset({"properties", "additionalProperties", "items", "prefixItems", *_REPEATS})
_TABLES = ("$defs", "definitions")
_RULE = "shared-schema-"
_LOOSE_CHAR = 'char ::= [^"\\\\] |'
_STRICT_CHAR = 'char ::= [^"\\\\\\x00-\\x1F\\x7F] |'


def gbnf_of(schema_text: str) -> str:
    """Return the grammar of a schema's JSON text.

    Raises:
        EngineError: `schema_unsupported`.
    """
    if len(schema_text.encode("utf-8", "replace")) > _MAX_BYTES:
        raise EngineError("schema_unsupported")
    try:
        schema = json.loads(schema_text)
        _check(schema)
        gbnf = str(json_schema_to_gbnf(json.dumps(_with_own_names(schema))))
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError, RecursionError):
        raise EngineError("schema_unsupported") from None
    if len(gbnf) > _MAX_GRAMMAR:
        raise EngineError("schema_unsupported")
    # The converter lets raw control characters stand in strings, which JSON forbids (RFC 8259 section 7).
    return gbnf.replace(_LOOSE_CHAR, _STRICT_CHAR)


def _check(schema: object) -> None:
    if not isinstance(schema, dict):
        raise TypeError("not an object")
    for node, depth in _nodes(schema):
        if depth > _MAX_DEPTH or not node.keys() <= _ENFORCED | _ANNOTATIONS:
            raise ValueError("unsupported")
        if node is not schema and not node.keys().isdisjoint(_TABLES):
            raise ValueError("definitions inside")
        _check_shape(node)
        _check_literals(node)


def _check_shape(node: dict[str, Any]) -> None:
    alone = [key for key in _ALONE if key in node]
    if len(alone) > 1 or ((alone or isinstance(node.get("type"), list)) and not _SHAPE.isdisjoint(node)):
        raise ValueError("only part of it would be enforced")
    for key in _REPEATS & node.keys():
        if type(node[key]) is not int or not 0 <= node[key] <= _MAX_REPEATS:
            raise ValueError("repetitions")


def _check_literals(node: dict[str, Any]) -> None:
    literals = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
    texts = list(node.get("properties", {}))
    texts += [json.dumps(v, ensure_ascii=False).removeprefix('"').removesuffix('"') for v in literals]
    if any(c in '"\\' or not 32 <= ord(c) <= 0xFFFF or 0xD800 <= ord(c) <= 0xDFFF for text in texts for c in text):
        raise ValueError("needs escapes")  # beyond U+FFFF the converter writes halves that no token is made of
    if any(text.startswith(_RULE) for text in texts):
        raise ValueError("a name of ours")


def _with_own_names(schema: dict[str, Any]) -> dict[str, Any]:
    """Give shared schemas names that no property can have: the converter confuses rules of one name."""
    names = {f"#/{table}/{name}": (table, name) for table in _TABLES for name in schema.get(table, {})}
    renamed = {ref: f"{_RULE}{i}" for i, ref in enumerate(names)}
    shared = {new: schema[names[ref][0]][names[ref][1]] for ref, new in renamed.items()}
    body = {key: value for key, value in schema.items() if key not in _TABLES}
    root = {**body, "$defs": shared} if shared else body
    for node, _ in _nodes(root):
        if "$ref" in node:
            node["$ref"] = f"#/$defs/{renamed[node['$ref']]}"
    # A reference at the root would keep the converter from looking at the rest.
    return {**shared[root["$ref"].rpartition("/")[2]], "$defs": shared} if "$ref" in root else root


def _nodes(schema: object) -> Iterator[tuple[dict[str, Any], int]]:
    """Every sub-schema with its depth; `True`, `False` and other non-objects are left to the converter."""
    todo: list[tuple[object, int]] = [(schema, 1)]
    while todo:
        node, depth = todo.pop()
        if isinstance(node, list):
            todo += [(item, depth) for item in node]
        if not isinstance(node, dict):
            continue
        yield node, depth
        for key in ("items", "prefixItems", "additionalProperties", "anyOf"):
            todo.append((node.get(key), depth + 1))
        for key in ("properties", *_TABLES):
            todo += [(value, depth + 1) for value in node.get(key, {}).values()]
