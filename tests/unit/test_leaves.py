"""Every string and number of a document, in place, and nothing else."""

from __future__ import annotations

import json

import pytest

from filters.leaves import leaves_of
from filters.parts import Form


def _read(text: str, form: Form = Form.JSON) -> list[tuple[str, str]]:
    names = []
    for leaf in leaves_of(text, form) or pytest.fail("not JSON"):
        kind = "number" if leaf.number else f"key {leaf.key_of}" if leaf.key_of is not None else "value"
        names.append((text[leaf.start : leaf.end], kind + "!" * leaf.structure))
    return names


def test_keys_strings_and_numbers_in_order() -> None:
    text = '{"a": "b\\"c", "d": [1, -2.5e3, {"e": true, "f": null}], "": "x:y,{z}"}'
    assert _read(text) == [
        ("a", "key 0"), ('b\\"c', "value"), ("d", "key 0"), ("1", "number"), ("-2.5e3", "number"),
        ("e", "key 1"), ("f", "key 1"), ("", "key 0"), ("x:y,{z}", "value"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "leaf"), [('"a"', ("a", "value")), (" 12 ", ("12", "number"))])
def test_a_document_may_be_one_leaf(text: str, leaf: tuple[str, str]) -> None:
    assert _read(text) == [leaf]


@pytest.mark.parametrize("text", ["", "{", "{a: 1}", '{"a": [NAME_1]}', "nul", "[" * 200_000])
def test_what_is_no_document(text: str) -> None:
    assert leaves_of(text, Form.JSON) is None


@pytest.mark.parametrize("text", ["{}", "[]", "true", "[null, {}, [[]]]"])
def test_a_document_without_leaves(text: str) -> None:
    assert leaves_of(text, Form.JSON) == ()


def test_in_a_schema_keys_and_naming_values_are_structure() -> None:
    schema = {
        "type": "object",
        "properties": {"type": {"description": "kind of visit", "enum": ["a"], "type": ["string", "null"]}},
        "required": ["type"],
    }
    assert _read(json.dumps(schema), Form.SCHEMA) == [
        ("type", "key 0!"), ("object", "value!"), ("properties", "key 0!"), ("type", "key 1!"),
        ("description", "key 2!"),
        ("kind of visit", "value"), ("enum", "key 2!"), ("a", "value"), ("type", "key 2!"), ("string", "value!"),
        ("null", "value!"), ("required", "key 0!"), ("type", "value!"),
    ]  # fmt: skip


def test_an_escaped_key_is_read_as_what_it_says() -> None:
    assert _read('{"requ\\u0069red": ["x"], "enum": ["y"]}', Form.SCHEMA)[1] == ("x", "value!")
