"""Schemas become grammars that enforce them whole, or are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.grammar import ANY_OBJECT, gbnf_of


def _nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}, "required": ["a"]},
        {"type": "array", "items": {"enum": ["a", "b", 3, None]}, "minItems": 1, "maxItems": 3},
        {"anyOf": [{"type": "integer"}, {"const": "x"}]},
        {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
        {"type": ["string", "null"], "title": "T", "description": 'any "text" here', "format": "email"},
        _nested(15),
    ],
)
def test_these_are_enforced(schema: dict[str, Any]) -> None:
    assert "root ::=" in gbnf_of(json.dumps(schema))


@pytest.mark.parametrize(
    "schema",
    [
        "not json", "[]", "3", "true", "[" * 100_000,
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#"},
        {"type": "string", "pattern": "^a$"},
        {"type": "integer", "minimum": 3},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"allOf": [{"type": "string"}]},
        {"not": {"type": "string"}},
        {"type": ["object", "null"], "properties": {"a": {"type": "string"}}},
        {"anyOf": [{"type": "object"}], "properties": {"a": {"type": "string"}}},
        {"type": "array", "items": {"type": "string"}, "maxItems": 501},
        {"type": "array", "items": {"type": "string"}, "maxItems": True},
        {"type": "array", "items": {"type": "string"}, "minItems": -1},
        {"enum": ['say "x"']},
        {"enum": ["😀"]},
        {"const": "\ud800"},
        {"const": "back\\slash"},
        {"type": "object", "properties": {'a" | root "': {"type": "string"}}},
        {"type": "object", "properties": {"a": {"$defs": {"b": {"type": "string"}}}}},
        {"type": "nonsense"},
        {"type": "object", "properties": [1]},
        {"type": "object", "title": "x" * 33_000},
        _nested(16),
    ],
)  # fmt: skip
def test_these_are_refused(schema: Any) -> None:
    with pytest.raises(EngineError, match="schema_unsupported"):
        gbnf_of(schema if isinstance(schema, str) else json.dumps(schema))


def test_strings_hold_no_raw_control_characters() -> None:
    assert r"[^\"\\\x00-\x1F\x7F]".replace(r"\"", '"') in gbnf_of(ANY_OBJECT)


def test_a_shared_schema_and_a_property_of_one_name_are_two_rules() -> None:
    schema = {
        "type": "object",
        "properties": {"node": {"type": "integer"}, "other": {"$ref": "#/$defs/node"}},
        "required": ["node", "other"],
        "$defs": {"node": {"type": "boolean"}},
    }
    rules = dict(line.split(" ::= ", 1) for line in gbnf_of(json.dumps(schema)).splitlines())
    assert rules["other"] == "boolean"
    assert rules["root"].split().index("node-kv")
    assert "integer" in rules["node-kv"]
