"""Values and declarations in Gemma 4's notation, spelled out; the golden file has the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from filters.parts import RedactedText
from filters.tokens import Control, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates.chat import Writer, bare, joined, json_object, with_hint
from proxy.workers.engine.templates.declare import QUOTE, declare, write_value
from proxy.workers.wire import TurnTool


def _value(value: Any, *, quoted_keys: bool = False) -> str:
    write = Writer()
    write_value(write, value, quoted_keys=quoted_keys)
    return joined(write.pieces()).replace(QUOTE, "~")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a", "~a~"), ("", "~~"), (True, "true"), (False, "false"), (None, "None"), (3, "3"), (-2.5, "-2.5"),
        ([], "[]"), ([1, "a"], "[1,~a~]"), ({}, "{}"), ({"b": 1, "A": "x"}, "{A:~x~,b:1}"),
        ({"a": {"c": [True, {"d": None}]}}, "{a:{c:[true,{d:None}]}}"),
    ],
)  # fmt: skip
def test_values(value: Any, written: str) -> None:
    assert _value(value) == written


def test_keys_can_be_quoted() -> None:
    assert _value({"a b": 1}, quoted_keys=True) == "{~a b~:1}"
    with pytest.raises(EngineError, match="bad_request"):
        _value({"a b": 1})


@pytest.mark.parametrize("key", ["", "a b", "a:b", "a}", "a" * 65, "é", "a\n", '<|"|>', "a,b"])
def test_a_bare_key_that_could_say_more_is_refused(key: str) -> None:
    with pytest.raises(EngineError, match="bad_request"):
        _value({key: 1})


def _declared(parameters: Any) -> str:
    write = Writer()
    declare(write, TurnTool("f", RedactedText("d"), RedactedText(json.dumps(parameters))))
    return joined(write.pieces()).replace(QUOTE, "~").removeprefix("declaration:f{description:~d~").removesuffix("}")


@pytest.mark.parametrize(
    ("parameters", "written"),
    [
        ({}, ""),
        ({"type": "object"}, ",parameters:{type:~OBJECT~}"),
        ({"properties": {"a": {"type": "string"}}, "type": "object"},
         ",parameters:{properties:{a:{type:~STRING~}},type:~OBJECT~}"),
        ({"properties": {"a": {"type": "string", "enum": ["x"], "description": "y"}}, "required": ["a"],
          "type": "object"},
         ",parameters:{properties:{a:{description:~y~,enum:[~x~],type:~STRING~}},required:[~a~],type:~OBJECT~}"),
        ({"properties": {"a": {"type": "array", "items": {"type": "integer"}, "nullable": True}}, "type": "object"},
         ",parameters:{properties:{a:{items:{type:~INTEGER~},nullable:true,type:~ARRAY~}},type:~OBJECT~}"),
        ({"properties": {"a": {"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b"]}}},
         ",parameters:{properties:{a:{properties:{b:{type:~NUMBER~}},required:[~b~],type:~OBJECT~}},"),
    ],
)  # fmt: skip
def test_declarations(parameters: Any, written: str) -> None:
    assert _declared(parameters) == written


def test_a_missing_schema_is_an_empty_one() -> None:
    write = Writer()
    declare(write, TurnTool("f", RedactedText(""), RedactedText("")))
    assert joined(write.pieces()) == f"declaration:f{{description:{QUOTE}{QUOTE}}}"


def test_a_name_with_structure_in_it_is_refused() -> None:
    with pytest.raises(EngineError, match="bad_request"):
        declare(Writer(), TurnTool("f{}", RedactedText(""), RedactedText("{}")))


def test_adjacent_texts_are_one_piece_and_empty_ones_none() -> None:
    write = Writer()
    for step in ("a", "", "b"):
        write.text(step)
    write.control("<x>")
    write.text("")
    write.control("<y>")
    write.quoted("<q>", "c")
    assert write.pieces() == (Text("ab"), Control("<x>"), Control("<y>"), Control("<q>"), Text("c"), Control("<q>"))


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 64])
def test_bare_names(name: str) -> None:
    assert bare(name) == name


@pytest.mark.parametrize(
    "text", ["", "[]", "1", "null", '"a"', "{", '{"a":}', "{" * 5000, '{"a":' * 70 + "1" + "}" * 70]
)
def test_only_objects_of_bounded_depth_are_read(text: str) -> None:
    with pytest.raises(EngineError, match="bad_request"):
        json_object(text)


@pytest.mark.parametrize(
    ("system", "hint", "both"), [("", "", ""), (" S ", "", "S"), ("", "H", "H"), ("S\n", "H", "S\nH")]
)
def test_the_hint_follows_the_system_text(system: str, hint: str, both: str) -> None:
    assert with_hint(system, hint) == both
