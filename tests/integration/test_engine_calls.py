"""A call that must happen happens: what a random model writes under the grammar is a call the function takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from filters.parts import RedactedText
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.calls import calls_gbnf
from proxy.workers.engine.parse import Marks
from proxy.workers.wire import Done, ToolCallOut, TurnTool
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, said
from tests.kit.tinymodels import tiny_gemma4

ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "drug": {"type": "string", "enum": ["aspirin", "insulin"]},
        "dose_mg": {"type": "integer"},
        "daily": {"type": "boolean"},
        "times": {"type": "array", "items": {"enum": ["morning", "noon", "night"]}},
        "who": {"type": "object", "properties": {"ward": {"enum": [1, 2]}}, "required": ["ward"]},
    },
    "required": ["drug", "daily"],
}


def tool(name: str, schema: dict[str, Any]) -> TurnTool:
    return TurnTool(name, RedactedText("d"), RedactedText(json.dumps(schema)))


TOOLS = (tool("order", ORDER), tool("stop", {"type": "object", "properties": {}}), tool("free", {}))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    path = tmp_path_factory.mktemp("models") / "answer.gguf"
    with EngineProcess(engine_plan(answer_role(path, tiny_gemma4(path), max_tokens=300))) as process:
        process.hello()
        yield process


def test_forty_random_answers_are_calls_the_functions_take(engine: EngineProcess) -> None:
    schemas = {"order": ORDER, "stop": {"type": "object"}, "free": {"type": "object"}}
    finished, called = 0, set()
    for seed in range(40):
        messages = engine.ask(
            generate(seed + 1, "x", tools=TOOLS, tool_choice="required", temperature=1.0, seed=seed, max_tokens=400)
        )
        done = messages[-1]
        assert isinstance(done, Done)
        assert said(messages) == ""
        calls = [message for message in messages if isinstance(message, ToolCallOut)]
        assert len(calls) <= 4
        for call in calls:
            jsonschema.validate(json.loads(call.arguments.reveal()), schemas[call.name])
            called.add(call.name)
        if done.finish == "tool_calls":
            assert calls
            finished += 1
        else:  # cut by its length, in the middle of a call or between two
            assert (done.finish, done.code) in (("length", ""), ("error", "tool_call_malformed"))
    assert finished >= 10
    assert "order" in called


def test_one_function_by_name(engine: EngineProcess) -> None:
    """The dialect leaves only that one."""
    for seed in range(5):
        messages = engine.ask(
            generate(
                100 + seed, "x", tools=TOOLS[1:2], tool_choice="required", temperature=1.0, seed=seed, max_tokens=80
            )
        )
        calls = [(m.name, m.arguments.reveal()) for m in messages if isinstance(m, ToolCallOut)]
        assert calls
        assert {name for name, _ in calls} == {"stop"}
        assert {arguments for _, arguments in calls} == {"{}"}


def test_greedy_and_alone_or_beside_others_it_is_the_same(engine: EngineProcess) -> None:
    def asked(number: int, caller: str) -> Any:
        return generate(number, "x", tools=TOOLS[:1], tool_choice="required", max_tokens=200, caller=caller)

    alone = [m for m in engine.ask(asked(200, "a")) if isinstance(m, ToolCallOut)]
    engine.send(asked(201, "a"), generate(202, "the patient has pain", caller="b", max_tokens=60), asked(203, "c"))
    seen: list[Any] = []
    while sum(isinstance(m, Done) for m in seen) < 3:
        seen.append(engine.next())
    for number in (201, 203):
        together = [m for m in seen if isinstance(m, ToolCallOut) and m.id == number]
        assert [(m.name, m.arguments.reveal()) for m in together] == [(m.name, m.arguments.reveal()) for m in alone]


MARKS = Marks(channel_open=1, channel_close=2, tool_open=48, tool_close=49, quote=52, tool_response=50, turn_open=105)


def test_the_grammar_names_structure_by_id() -> None:
    gbnf = calls_gbnf(TOOLS, MARKS)
    assert "<[48]>" in gbnf
    assert '<[52]> "aspirin" <[52]>' in gbnf
    assert '"call:order"' in gbnf
    assert "<|tool_call>" not in gbnf


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"enum": ["x|y"]}}},
        {"type": "object", "properties": {"a": {"enum": [1.5]}}},
        {"type": "object", "properties": {"a": {"enum": ['say "x"']}}},
        {"type": "object", "properties": {f"k{i}": {"type": "object", "properties": {f"m{j}": {"type": "string"}
         for j in range(60)}} for i in range(60)}},
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="schema_unsupported"):
        calls_gbnf((tool("f", schema),), MARKS)


def test_a_key_that_is_not_bare_is_refused() -> None:
    with pytest.raises(EngineError, match="bad_request"):
        calls_gbnf((tool("f", {"type": "object", "properties": {"a b": {"type": "string"}}}),), MARKS)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"anyOf": [{}]}, {"properties": {"a": {"$ref": "#/x"}}}])
def test_other_words_of_a_schema_mean_any_value(schema: dict[str, Any]) -> None:
    assert "any ::= " in calls_gbnf((tool("f", schema),), MARKS)
