"""Events in the Ollama dialect: golden transcripts, and what holds for all of them.

A transcript under `tests/golden/ollama/` is the exact reply to a list of events; a change of the wire is its diff.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filters.findings import Type
from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects import ReplyHead
from proxy.dialects.ollama import DIALECT
from proxy.dialects.ollama_reply import chat_stream, chat_whole, error, stamp
from proxy.errors import ERRORS, CordonError
from proxy.exchange import (
    Broken,
    Event,
    Finish,
    Finished,
    Opened,
    Refused,
    Released,
    ReleasedCall,
    ReleasedThought,
    Usage,
    Withheld,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "ollama"
HEAD = ReplyHead("0123456789abcdef", 1_700_000_000, demo_models=frozenset({"demo-clinic"}))


def _text(text: str, placeholder: str = "") -> Released:
    return Released((Piece(PatientText(text), placeholder, Type.NAME if placeholder else None),))


def _thought(text: str) -> ReleasedThought:
    return ReleasedThought((Piece(PatientText(text)),))


def _call(index: int, name: str, arguments: str) -> ReleasedCall:
    return ReleasedCall(index, name, (Piece(PatientText(arguments)),))


OPENED = Opened("demo-clinic", ())
DONE = Finished(Finish.STOP, Usage(12, 5, 3, 70, 250, 900), ("dangerous_content",))
CALLED = Finished(Finish.TOOL_CALLS, Usage(1, 2), ())
THOUGHT = Finished(Finish.STOP, Usage(12, 9, 3, reasoning_tokens=6), ())
TRANSCRIPTS: dict[str, tuple[Event, ...]] = {
    "answer": (OPENED, _text("Mrs. "), _text("Ñādī\u2028Perera", "[NAME_1]"), _text(" is well.\n"), DONE),
    "cut": (Opened("clinic", ()), _text("ok"), Finished(Finish.LENGTH, Usage(12, 5, 3, 1, 2, 3), ())),
    "empty": (OPENED, Finished(Finish.STOP, Usage(12, 0), ())),
    "tool-calls": (OPENED, _call(0, "book", '{"who":"Ñ","beds":[1,2.5]}'), _call(1, "find", "{}"), CALLED),
    "text-and-tool-call": (OPENED, _text("one moment"), _call(0, "book", "{}"), CALLED),
    "thinking": (OPENED, _thought("Fever "), _thought("\u2028and "), _text("Rest."), THOUGHT),
    "withheld": (OPENED, _thought("first"), _text("first"), Withheld("response_refused", "harassment")),
    "broken": (OPENED, _text("first"), Broken("engine_lost")),
}
CASES = [(ask, name) for ask in DIALECT.asks for name in TRANSCRIPTS if "tool" not in name or "chat" in ask.path]
ENDED = [(ask, name) for ask, name in CASES if name != "broken"]


def _stem(path: str, name: str) -> str:
    return f"{path.rpartition('/')[2]}-{name}"


def _lines(raw: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in raw.decode("ascii").splitlines()]


@pytest.mark.parametrize(("ask", "name"), CASES)
def test_streamed_transcripts(ask, name: str) -> None:
    codec = ask.stream(HEAD)
    got = b"".join(codec.feed(event) for event in TRANSCRIPTS[name])
    assert got.decode("ascii") == (GOLDEN / f"{_stem(ask.path, name)}.ndjson").read_text(encoding="ascii")


@pytest.mark.parametrize(("ask", "name"), ENDED)
def test_whole_transcripts(ask, name: str) -> None:
    got = json.loads(ask.whole(HEAD, TRANSCRIPTS[name]))
    assert got == json.loads((GOLDEN / f"{_stem(ask.path, name)}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("ask", "name"), CASES)
def test_one_line_an_event_and_one_last_line(ask, name: str) -> None:
    codec = ask.stream(HEAD)
    fed = [codec.feed(event) for event in TRANSCRIPTS[name]]
    assert fed[0] == b""
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in fed[1:])
    lines = _lines(b"".join(fed))
    assert [line.get("done") for line in lines[:-1]] == [False] * (len(lines) - 1)
    assert lines[-1].get("done") is (None if name == "broken" else True)
    assert ("error" in lines[-1]) == (name == "broken")


@pytest.mark.parametrize(("ask", "name"), [(ask, name) for ask, name in ENDED if name != "withheld"])
def test_both_forms_say_the_same(ask, name: str) -> None:
    codec = ask.stream(HEAD)
    lines = _lines(b"".join(codec.feed(event) for event in TRANSCRIPTS[name]))
    whole = json.loads(ask.whole(HEAD, TRANSCRIPTS[name]))
    if "chat" in ask.path:
        messages = [line["message"] for line in lines]
        calls = [call for m in messages for call in m.get("tool_calls", ())]  # type: ignore[attr-defined] # JSON
        assert calls == whole["message"].pop("tool_calls", [])
        text = "".join(m["content"] for m in messages)  # type: ignore[index] # JSON
        thought = "".join(m.get("thinking", "") for m in messages)  # type: ignore[attr-defined] # JSON
        assert whole["message"].pop("thinking", "") == thought
        assert whole["message"] == {"role": "assistant", "content": text}
    else:
        assert "".join(str(line.get("thinking", "")) for line in lines) == whole.get("thinking", "")
        assert "".join(str(line["response"]) for line in lines) == whole["response"]
    said = {"message", "response", "thinking"}
    assert {k: v for k, v in lines[-1].items() if k not in said} == {k: v for k, v in whole.items() if k not in said}


@pytest.mark.parametrize("ask", DIALECT.asks)
def test_nothing_of_a_withheld_answer_is_in_the_whole_reply(ask) -> None:
    assert b"first" not in ask.whole(HEAD, TRANSCRIPTS["withheld"])


@pytest.mark.parametrize("events", [(OPENED, Broken("engine_lost")), (OPENED,), (Refused("prompt_refused"),)])
def test_a_whole_reply_needs_its_last_event(events: tuple[Event, ...]) -> None:
    with pytest.raises(CordonError, match="internal"):
        chat_whole(HEAD, events)


@pytest.mark.parametrize("arguments", ["", "[]", "5", '{"a":1', '{"a":1e999}', "[" * 100_000])
def test_arguments_that_are_no_object_end_the_stream(arguments: str) -> None:
    codec = chat_stream(HEAD)
    codec.feed(OPENED)
    (line,) = _lines(codec.feed(_call(0, "book", arguments)))
    assert line["code"] == "tool_call_malformed"
    assert codec.feed(CALLED) == b""
    with pytest.raises(CordonError, match="tool_call_malformed"):
        chat_whole(HEAD, (OPENED, _call(0, "book", arguments), CALLED))


def test_an_empty_release_says_nothing() -> None:
    assert chat_stream(HEAD).feed(Released(())) == b""


def test_a_refusal_in_a_stream_has_its_rule() -> None:
    assert _lines(chat_stream(HEAD).feed(Refused("prompt_refused", "harassment")))[0]["rule"] == "harassment"


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_body_in_words_that_fit_this_api(code: str) -> None:
    said = json.loads(error(code, "r1"))
    assert set(said) == {"error", "code", "request_id"}
    assert (said["code"], said["request_id"]) == (code, "r1")
    assert said["error"].endswith(".")
    assert "OpenAI" not in said["error"]
    assert "/v1/" not in said["error"]
    assert json.loads(error(code, "r1", "hate"))["rule"] == "hate"


def test_stamp() -> None:
    assert stamp(1_700_000_000) == "2023-11-14T22:13:20Z"
