"""The stateless subset of the responses address: read as a chat is read, answered by numbered events."""

from __future__ import annotations

import json

import pytest

from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects import ReplyHead
from proxy.dialects.openai_request import parse as parse_chat
from proxy.dialects.openai_responses_reply import Stream, whole
from proxy.dialects.openai_responses_request import parse
from proxy.errors import CordonError
from proxy.exchange import (
    Broken,
    Event,
    Finish,
    Finished,
    Opened,
    Released,
    ReleasedCall,
    Usage,
    Withheld,
)

HEAD = ReplyHead("f0", 7)
OPENED = Opened("clinic", ())
DONE = Finished(Finish.STOP, Usage(3, 2, 1), ())
TOOL = {
    "type": "function",
    "name": "book",
    "description": "Book a bed",
    "parameters": {"type": "object"},
    "strict": True,
}


def body(**more: object) -> bytes:
    return json.dumps({"model": "m", "input": "hello", **more}).encode()


def code_of(raw: bytes) -> str:
    with pytest.raises(CordonError) as caught:
        parse(raw)
    return caught.value.code


def chat(messages: list[dict[str, object]], **more: object):
    return parse_chat(json.dumps({"model": "m", "messages": messages, **more}).encode())


USER = {"role": "user", "content": "hello"}


def test_a_text_is_a_turn_of_the_user() -> None:
    assert parse(body()) == chat([USER])
    assert parse(body(instructions="Be brief.", stream=True)) == chat(
        [{"role": "system", "content": "Be brief."}, USER], stream=True
    )


def test_settings_are_those_of_a_chat() -> None:
    got = parse(body(max_output_tokens=9, temperature=0.5, top_p=1, tools=[TOOL], tool_choice="required", store=False,
                     user="Nimal", metadata={"a": "b"}, include=["x"], reasoning={"effort": "low"}))  # fmt: skip
    function = {key: TOOL[key] for key in ("name", "description", "parameters")}
    wanted = chat([USER], max_tokens=9, temperature=0.5, top_p=1, tool_choice="required",
                  tools=[{"type": "function", "function": function}])  # fmt: skip
    assert got == wanted
    named = parse(body(tools=[TOOL], tool_choice={"type": "function", "name": "book"}))
    assert [tool.name for tool in named.prompt.conversation.tools] == ["book"]


def test_a_schema_of_the_answer() -> None:
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    assert parse(body(text={"format": form})) == chat(
        [USER], response_format={"type": "json_schema", "json_schema": {"schema": schema}}
    )
    assert parse(body(text={"format": {"type": "json_object"}})) == chat(
        [USER], response_format={"type": "json_object"}
    )
    assert parse(body(text={"verbosity": "low"})) == chat([USER])


def test_items_become_turns_and_calls_of_one_turn_stay_together() -> None:
    items = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One moment."}]},
        {"type": "function_call", "call_id": "c1", "name": "book", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "book", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c2", "output": "done"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "too"}]},
        {"type": "function_call", "call_id": "c3", "name": "book", "arguments": "{}"},
    ]
    call = {"type": "function", "function": {"name": "book", "arguments": "{}"}}
    assert parse(body(input=items)) == chat(
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "a\nb"},
            {"role": "assistant", "content": "One moment.", "tool_calls": [call | {"id": "c1"}, call | {"id": "c2"}]},
            {"role": "tool", "tool_call_id": "c2", "content": "done"},
            {"role": "tool", "tool_call_id": "c1", "content": "too"},
            {"role": "assistant", "tool_calls": [call | {"id": "c3"}]},
        ]
    )


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"previous_response_id": "resp_1"}, "unsupported_parameter"),
        ({"conversation": "c"}, "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "unsupported_parameter"),
        ({"store": True}, "unsupported_parameter"),
        ({"background": True}, "unsupported_parameter"),
        ({"truncation": "auto"}, "unsupported_parameter"),
        ({"top_logprobs": 3}, "unsupported_parameter"),
        ({"tools": [{"type": "web_search"}]}, "unsupported_parameter"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "unsupported_parameter"),
        ({"input": [{"type": "reasoning", "summary": []}]}, "unsupported_parameter"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "content_not_inspectable"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "content_not_inspectable"),
        ({"input": []}, "bad_request"),
        ({"input": None}, "bad_request"),
        ({"input": 7}, "bad_request"),
        ({"input": ["a"]}, "bad_request"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "bad_request"),
        ({"input": [{"type": "message", "role": "nurse", "content": "x"}]}, "bad_request"),
        ({"text": {"format": {"type": "grammar"}}}, "unsupported_parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(more: dict[str, object], code: str) -> None:
    assert code_of(body(**more)) == code


def text(said: str) -> Released:
    return Released((Piece(PatientText(said)),))


def streamed(*events: Event) -> list[dict]:
    codec = Stream(HEAD)
    raw = b"".join(codec.feed(event) for event in events).decode("ascii")
    found = []
    for block in raw.split("\n\n")[:-1]:
        name, data = block.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


CALL = ReleasedCall(0, "book", (Piece(PatientText('{"who":"Ñ"}')),))
LISTS: dict[str, tuple[Event, ...]] = {
    "answer": (OPENED, text("a "), text(""), text("b"), DONE),
    "empty": (OPENED, DONE),
    "call": (OPENED, CALL, Finished(Finish.TOOL_CALLS, Usage(1, 1), ())),
    "text and call": (OPENED, text("wait"), CALL, text("more"), Finished(Finish.TOOL_CALLS, Usage(1, 1), ())),
    "length": (OPENED, text("a"), Finished(Finish.LENGTH, Usage(1, 1), ())),
    "withheld": (OPENED, text("so far"), Withheld("response_refused", "sexual")),
}


def test_a_message_has_its_events_in_order() -> None:
    assert [event["type"].removeprefix("response.") for event in streamed(*LISTS["answer"])] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_both_forms_say_the_same(name: str) -> None:
    events = streamed(*LISTS[name])
    assert json.loads(whole(HEAD, LISTS[name])) == events[-1]["response"]
    added = [e["item"]["id"] for e in events if e["type"] == "response.output_item.added"]
    done = [e["item"] for e in events if e["type"] == "response.output_item.done"]
    assert added == [item["id"] for item in done]
    if name != "withheld":
        assert events[-1]["response"]["output"] == done


def test_how_an_answer_ended() -> None:
    ends = {name: streamed(*events)[-1] for name, events in LISTS.items()}
    assert ends["answer"]["response"]["usage"]["total_tokens"] == 5
    assert ends["answer"]["response"]["output"][0]["content"][0]["text"] == "a b"
    assert ends["call"]["response"]["output"][0]["arguments"] == '{"who":"Ñ"}'
    assert ends["length"]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    held = ends["withheld"]["response"]
    assert (held["status"], held["incomplete_details"], held["output"]) == (
        "incomplete",
        {"reason": "content_filter"},
        [],
    )
    assert held["cordon"]["policy"] == "sexual"
    failed = streamed(OPENED, text("a"), Broken("engine_lost"))[-1]
    assert (failed["type"], failed["response"]["cordon"]["code"]) == ("response.failed", "engine_lost")
    assert failed["response"]["error"]["code"] == "server_error"


def test_an_answer_without_an_end_is_a_mistake_of_ours() -> None:
    with pytest.raises(CordonError, match="internal"):
        whole(HEAD, (OPENED, Broken("engine_lost")))
