"""The older address: one text in, one out."""

from __future__ import annotations

import json

import pytest

from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects import ReplyHead
from proxy.dialects.openai_completions import Stream, parse, whole
from proxy.errors import CordonError
from proxy.exchange import Broken, Finish, Finished, Message, Opened, Refused, Released, Role, Sampling, Usage, Withheld

HEAD = ReplyHead("f0", 7, include_usage=True, demo_models=frozenset({"demo"}))
OPENED = Opened("demo", ())
DONE = Finished(Finish.STOP, Usage(3, 2), ("name",))


def body(**more: object) -> bytes:
    return json.dumps({"model": "m", "prompt": "hello", **more}).encode()


def code_of(raw: bytes) -> str:
    with pytest.raises(CordonError) as caught:
        parse(raw)
    return caught.value.code


def text(said: str) -> Released:
    return Released((Piece(PatientText(said)),))


@pytest.mark.parametrize("prompt", ["hello", ["hello"]])
def test_the_text_is_one_turn_of_a_user(prompt: object) -> None:
    parsed = parse(body(prompt=prompt, max_tokens=16, stop=["\n"], stream=True, stream_options={"include_usage": True}))
    assert parsed.stream
    assert parsed.prompt.conversation.messages == (Message(Role.USER, PatientText("hello")),)
    assert parsed.prompt.conversation.stop == (PatientText("\n"),)
    assert parsed.prompt.sampling == Sampling("m", max_tokens=16, include_usage=True)


def test_what_belongs_to_the_chat_address_does_not_exist_here() -> None:
    sneaked = parse(
        body(messages=[{"role": "system", "content": "x"}], tools=[{"type": "function"}], logprobs=0, best_of=1)
    )
    assert sneaked == parse(body())


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"suffix": "end"}, "unsupported_parameter"),
        ({"echo": True}, "unsupported_parameter"),
        ({"logprobs": 1}, "unsupported_parameter"),
        ({"best_of": 2}, "unsupported_parameter"),
        ({"n": 2}, "unsupported_parameter"),
        ({"prompt": [1, 2]}, "unsupported_parameter"),
        ({"prompt": [[1, 2]]}, "unsupported_parameter"),
        ({"prompt": ["a", "b"]}, "unsupported_parameter"),
        ({"prompt": ""}, "bad_request"),
        ({"prompt": []}, "bad_request"),
        ({"prompt": None}, "bad_request"),
        ({"prompt": {"a": 1}}, "bad_request"),
        ({"prompt": "data:image/png;base64,AAAA"}, "content_not_inspectable"),
        ({"temperature": "hot"}, "bad_request"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(more: dict[str, object], code: str) -> None:
    assert code_of(body(**more)) == code


def streamed(*events: object) -> list[object]:
    codec = Stream(HEAD)
    raw = b"".join(codec.feed(event) for event in events)  # type: ignore[arg-type] # events by construction
    return [
        line.removeprefix("data: ") if "DONE" in line else json.loads(line[6:])
        for line in raw.decode().split("\n\n")[:-1]
    ]


def test_a_stream() -> None:
    first, second, end, usage, done = streamed(OPENED, text("a "), text("b"), DONE)
    assert [c["choices"][0]["text"] for c in (first, second, end)] == ["a ", "b", ""]
    assert [c["choices"][0]["finish_reason"] for c in (first, second, end)] == [None, None, "stop"]
    assert end["cordon"] == {"exchange": "f0", "flags": ["name"], "demo": True}
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 5, "[DONE]")
    assert {c["object"] for c in (first, end, usage)} == {"text_completion"}


def test_the_whole_says_the_same() -> None:
    reply = json.loads(whole(HEAD, (OPENED, text("a "), text("b"), DONE)))
    assert reply["choices"] == [{"text": "a b", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    assert (reply["usage"]["total_tokens"], reply["id"]) == (5, "cmpl-f0")


def test_of_a_withheld_answer_nothing_is_returned() -> None:
    held = Withheld("response_refused", "sexual")
    reply = json.loads(whole(HEAD, (OPENED, text("so far"), held)))
    assert reply["choices"][0] == {"text": "", "index": 0, "logprobs": None, "finish_reason": "content_filter"}
    assert streamed(OPENED, text("so far"), held)[1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_fault_is_an_error_without_an_end() -> None:
    last = streamed(OPENED, text("a"), Broken("engine_lost"))[-1]
    assert last["error"]["code"] == "engine_lost"
    assert streamed(Refused("prompt_refused", "hate"))[0]["error"]["rule"] == "hate"
    with pytest.raises(CordonError, match="internal"):
        whole(HEAD, (OPENED, Broken("engine_lost")))
