"""Our Gemma 4 renderer says what the pinned template says, and content stays content."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from filters.parts import RedactedText
from filters.tokens import Control, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates import FAMILIES, template_digest
from proxy.workers.engine.templates.chat import PLACEHOLDER_HINT, Chat, joined
from proxy.workers.wire import Turn, TurnCall, TurnTool

_GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "gemma4_template.json").read_text("utf-8"))
_FAMILY = FAMILIES["gemma4"]
_DIGEST = "cb09573fc081d14fd20f121e8f18b059d8bf368b431ae917c8fb5403e161c884"


def _text(value: str) -> RedactedText:
    return RedactedText(value)


def _turn(message: dict[str, Any]) -> Turn:
    calls = tuple(
        TurnCall(c["function"]["name"], _text(json.dumps(c["function"]["arguments"])))
        for c in message.get("tool_calls", ())
    )
    answers = int(message["tool_call_id"]) if "tool_call_id" in message else None
    thought = _text(message["reasoning_content"]) if "reasoning_content" in message else None
    return Turn(message["role"], _text(message["content"]), calls, answers, thought)


def _tool(tool: dict[str, Any]) -> TurnTool:
    function = tool["function"]
    return TurnTool(function["name"], _text(function["description"]), _text(json.dumps(function["parameters"])))


def _render(messages: list[dict[str, Any]], **changes: Any) -> tuple[Control | Text, ...]:
    return _FAMILY.render(Chat(tuple(map(_turn, messages)), **changes))


@pytest.mark.parametrize("number", range(len(_GOLDEN["cases"])))
def test_rendering_equals_the_pinned_template(number: int) -> None:
    case = _GOLDEN["cases"][number]
    tools = tuple(map(_tool, case["tools"]))
    pieces = _render(case["messages"], tools=tools, thinking=case["thinking"], empty_thought=True)
    assert joined(pieces) == case["expected"]


@pytest.mark.parametrize("number", range(0, len(_GOLDEN["cases"]), 7))
def test_texts_between_control_tokens_are_one_text(number: int) -> None:
    pieces = _render(_GOLDEN["cases"][number]["messages"])
    kinds = [type(piece) for piece in pieces]
    assert (Text, Text) not in set(itertools.pairwise(kinds))
    assert pieces[0] == Control("<bos>")
    assert all(piece.name in _FAMILY.controls for piece in pieces if isinstance(piece, Control))


def test_markers_in_content_stay_text() -> None:
    evil = "".join(_FAMILY.controls)
    pieces = _render([{"role": "system", "content": evil}, {"role": "user", "content": evil}])
    clean = _render([{"role": "system", "content": "x"}, {"role": "user", "content": "x"}])
    assert [p for p in pieces if isinstance(p, Control)] == [p for p in clean if isinstance(p, Control)]


def test_a_thought_stays_between_calls_as_text_and_nowhere_else() -> None:
    function = {"name": "f", "arguments": {}}
    calling = {"role": "assistant", "content": "", "reasoning_content": f"I {''.join(_FAMILY.controls)}",
               "tool_calls": [{"id": "0", "function": function}]}  # fmt: skip
    open_, closed = Control("<|channel>"), Control("<channel|>")
    kept = _render([{"role": "user", "content": "U"}, calling, {"role": "tool", "tool_call_id": "0", "content": "R"}])
    at = kept.index(open_)
    assert kept[at + 2] == closed
    assert kept[at + 1] == Text(f"thought\nI {''.join(_FAMILY.controls)}\n")
    past = _render([
        {"role": "user", "content": "U"}, calling, {"role": "tool", "tool_call_id": "0", "content": "R"},
        {"role": "user", "content": "V"}, {"role": "assistant", "content": "A", "reasoning_content": "T"},
    ])  # fmt: skip
    assert open_ not in past


def test_the_empty_thought_is_a_property_of_the_file() -> None:
    history = [{"role": "user", "content": "U"}]
    assert joined(_render(history)).endswith("<|turn>model\n")
    assert joined(_render(history, empty_thought=True)).endswith("<|turn>model\n<|channel>thought\n<channel|>")


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([{"role": "user", "content": "U"}], PLACEHOLDER_HINT),
        ([{"role": "system", "content": " S "}, {"role": "user", "content": "U"}], f"S\n{PLACEHOLDER_HINT}"),
    ],
)
def test_the_hint_stands_in_the_system_turn(messages: list[dict[str, Any]], system: str) -> None:
    text = joined(_render(messages, hint=PLACEHOLDER_HINT))
    assert text.startswith(f"<bos><|turn>system\n{system}<turn|>\n<|turn>user\nU<turn|>\n")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "tool", "content": "orphan", "tool_call_id": "0"}],
        [{"role": "user", "content": "U"}, {"role": "tool", "content": "orphan", "tool_call_id": "0"}],
        [{"role": "root", "content": "U"}],
        [{"role": "user", "content": "U", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "a b", "arguments": {}}}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"}{": 1}}}]}],
        [{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": [1]}}]}],
    ],
)
def test_what_the_template_would_drop_or_misread_is_refused(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(EngineError, match="bad_request"):
        _render(messages)


@pytest.mark.parametrize(
    "parameters",
    ["[]", "{", '"x"', '{"properties":[]}'.replace("[]", "[1]"), '{"required":"x"}', '{"properties":{"a b":{}}}',
     '{"properties":{"a":{"type":"array","items":{"$ref":"#"}}}}', '{"properties":{"a":{"description":7}}}',
     "[" * 100_000],
)  # fmt: skip
def test_a_declaration_out_of_form_is_refused(parameters: str) -> None:
    tool = TurnTool("f", _text("d"), _text(parameters))
    with pytest.raises(EngineError, match="bad_request"):
        _render([{"role": "user", "content": "U"}], tools=(tool,))


def test_the_digest_names_this_rendering() -> None:
    assert template_digest(_FAMILY) == _DIGEST
    assert len({template_digest(family) for family in FAMILIES.values()}) == len(FAMILIES)
