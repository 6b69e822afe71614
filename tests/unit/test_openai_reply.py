"""Events in the OpenAI dialect: golden transcripts, and what holds for all of them.

A transcript under `tests/golden/openai/` is the exact reply to a list of events; a change of the wire is its diff.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filters.findings import Type
from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects import ModelCard, ReplyHead
from proxy.dialects.openai import DIALECT
from proxy.dialects.openai_reply import Stream, error, model, models, whole
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

GOLDEN = Path(__file__).parents[1] / "golden" / "openai"
HEAD = ReplyHead("0123456789abcdef", 1_700_000_000, demo_models=frozenset({"demo-clinic"}))
WITH_USAGE = ReplyHead("0123456789abcdef", 1_700_000_000, include_usage=True)


def _text(text: str, placeholder: str = "") -> Released:
    return Released((Piece(PatientText(text), placeholder, Type.NAME if placeholder else None),))


def _thought(text: str) -> ReleasedThought:
    return ReleasedThought((Piece(PatientText(text)),))


def _call(index: int, name: str, arguments: str) -> ReleasedCall:
    return ReleasedCall(index, name, (Piece(PatientText(arguments)),))


OPENED = Opened("demo-clinic", ())
DONE = Finished(Finish.STOP, Usage(12, 5, 3), ("dangerous_content",))
THOUGHT = Finished(Finish.STOP, Usage(12, 9, 3, reasoning_tokens=6), ())
TRANSCRIPTS: dict[str, tuple[ReplyHead, tuple[Event, ...]]] = {
    "answer": (HEAD, (OPENED, _text("Mrs. "), _text("Ñādī\u2028Perera", "[NAME_1]"), _text(" is well."), DONE)),
    "answer-with-usage": (
        WITH_USAGE, (Opened("clinic", ()), _text("ok"), Finished(Finish.LENGTH, Usage(12, 5, 3), ())),
    ),
    "empty": (HEAD, (OPENED, Finished(Finish.STOP, Usage(12, 0), ()))),
    "tool-calls": (
        HEAD,
        (OPENED, _call(0, "book", '{"who":"Ñ"}'), _call(1, "find", "{}"), Finished(Finish.TOOL_CALLS, Usage(1, 2), ())),
    ),
    "text-and-tool-call": (
        HEAD, (OPENED, _text("one moment"), _call(0, "book", "{}"), Finished(Finish.TOOL_CALLS, Usage(1, 2), ())),
    ),
    "thinking": (HEAD, (OPENED, _thought("Fever "), _thought("\u2028and "), _text("Rest."), THOUGHT)),
    "withheld": (WITH_USAGE, (OPENED, _thought("first"), _text("first"), Withheld("response_refused", "harassment"))),
    "broken": (HEAD, (OPENED, _text("first"), Broken("engine_lost"))),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_streamed_transcripts(name: str) -> None:
    head, events = TRANSCRIPTS[name]
    codec = Stream(head)
    got = b"".join(codec.feed(event) for event in events)
    assert got.decode("ascii") == (GOLDEN / f"{name}.sse").read_text(encoding="ascii")


@pytest.mark.parametrize("name", [name for name in TRANSCRIPTS if name != "broken"])
def test_whole_transcripts(name: str) -> None:
    head, events = TRANSCRIPTS[name]
    got = json.loads(whole(head, events))
    assert got == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def _chunks(raw: bytes) -> list[dict[str, object]]:
    lines = raw.decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line and line != "data: [DONE]"]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_both_forms_say_the_same(name: str) -> None:
    head, events = TRANSCRIPTS[name]
    codec = Stream(head)
    raw = b"".join(codec.feed(event) for event in events)
    assert raw.count(b"[DONE]") == (0 if name == "broken" else 1)
    assert all(line.startswith(b"data: ") for line in raw.split(b"\n\n") if line)
    if name in ("broken", "withheld"):
        return
    choices = [c for chunk in _chunks(raw) for c in chunk["choices"]]  # type: ignore[attr-defined] # JSON of a test
    text = "".join(c["delta"].get("content") or "" for c in choices)
    message = json.loads(whole(head, events))["choices"][0]
    assert text == (message["message"]["content"] or "")
    thought = "".join(c["delta"].get("reasoning_content") or "" for c in choices)
    assert thought == message["message"].get("reasoning_content", "")
    assert [c["finish_reason"] for c in choices if c["finish_reason"]] == [message["finish_reason"]]
    calls = [call for c in choices for call in c["delta"].get("tool_calls", ())]
    assert [{k: v for k, v in c.items() if k != "index"} for c in calls] == message["message"].get("tool_calls", [])


def test_nothing_of_a_withheld_answer_is_in_the_whole_reply() -> None:
    head, events = TRANSCRIPTS["withheld"]
    assert b"first" not in whole(head, events)


@pytest.mark.parametrize("events", [(OPENED, Broken("engine_lost")), (OPENED,), (Refused("prompt_refused"),)])
def test_a_whole_reply_needs_its_last_event(events: tuple[Event, ...]) -> None:
    with pytest.raises(CordonError, match="internal"):
        whole(HEAD, events)


def test_an_empty_release_says_nothing() -> None:
    assert Stream(HEAD).feed(Released(())) == b""


def test_a_refusal_in_a_stream_has_its_rule() -> None:
    assert _chunks(Stream(HEAD).feed(Refused("prompt_refused", "harassment")))[0]["error"]["rule"] == "harassment"  # type: ignore[index] # JSON


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_has_a_body(code: str) -> None:
    said = json.loads(error(code, "r1"))["error"]
    assert set(said) == {"message", "type", "param", "code", "request_id"}
    assert (said["code"], said["request_id"], said["type"]) == (code, "r1", ERRORS[code].type)
    assert said["message"].startswith(ERRORS[code].message)


def test_models() -> None:
    cards = (ModelCard("demo-clinic", 5, demo=True), ModelCard("clinic", 6, demo=False))
    listed = json.loads(models(cards, "") or b"")
    assert [(c["id"], c.get("cordon")) for c in listed["data"]] == [("demo-clinic", {"demo": True}), ("clinic", None)]
    assert json.loads(model(cards, "clinic") or b"") == {
        "id": "clinic",
        "object": "model",
        "created": 6,
        "owned_by": "cordon",
    }
    assert model(cards, "gpt-9") is None
    assert DIALECT.asks[0].path == "/v1/chat/completions"
