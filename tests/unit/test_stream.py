"""One answer's tokens become messages whose texts and counts add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.parse import Marks, Parser
from proxy.workers.engine.stream import AnswerStream, Step
from proxy.workers.wire import Delta, ToolCallOut

_MARKS = Marks(channel_open=100, channel_close=101, tool_open=48, tool_close=49, quote=52, tool_response=50)


def _stream(stops: tuple[str, ...] = (), max_tokens: int = 100, *, sends_thoughts: bool = False) -> AnswerStream:
    return AnswerStream(7, Parser(_MARKS, frozenset({"f"})), stops, max_tokens, sends_thoughts=sends_thoughts)


def _feed(stream: AnswerStream, *pieces: bytes | int) -> list[Step]:
    tokens = [(p, b"") if isinstance(p, int) else (999, p) for p in pieces]
    return [stream.feed(token, piece, ends=token in (1, 50)) for token, piece in tokens]


def _text(steps: list[Step], kind: str = "content") -> str:
    return "".join(m.text.reveal() for s in steps for m in s.messages if isinstance(m, Delta) and m.kind == kind)


@given(st.text(max_size=12), st.integers(1, 3))
def test_text_and_counts_add_up_whatever_the_tokens(text: str, size: int) -> None:
    raw = text.encode("utf-8", "replace")
    pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
    steps = _feed(_stream(), *pieces, 1)
    assert _text(steps) == raw.decode()
    assert sum(step.charged for step in steps) == len(pieces)
    assert [step.finish for step in steps] == [""] * len(pieces) + ["stop"]


def test_half_a_character_at_the_length_limit_is_a_replacement() -> None:
    steps = _feed(_stream(max_tokens=2), b"a", "é".encode()[:1])
    assert (_text(steps), steps[-1].finish) == ("a\ufffd", "length")


def test_a_stop_string_ends_the_answer_without_itself() -> None:
    steps = _feed(_stream(("END",)), b"a E", b"N", b"D and more")
    assert (_text(steps), steps[-1].finish) == ("a ", "stop")


def test_held_text_comes_with_the_end() -> None:
    steps = _feed(_stream(("END",)), b"a E", b"N", 1)
    assert _text(steps) == "a EN"
    assert [step.charged for step in steps] == [1, 0, 1]


def test_thoughts_and_calls_are_not_text_and_use_no_credit() -> None:
    steps = _feed(_stream(), 100, b"thought\n", b"hm", 101, b"ok", 48, b"call:f{}", 49, 50)
    assert (_text(steps), _text(steps, "thought")) == ("ok", "")
    assert sum(step.charged for step in steps) == 1
    assert next(m for s in steps for m in s.messages if isinstance(m, ToolCallOut)).arguments.reveal() == "{}"
    assert steps[-1].finish == "tool_calls"


@given(st.text(max_size=12), st.text(max_size=12), st.integers(1, 3))
def test_thoughts_that_were_asked_for_come_beside_the_content(thought: str, content: str, size: int) -> None:
    def cut(text: str) -> list[bytes]:
        raw = text.encode("utf-8", "replace")
        return [raw[i : i + size] for i in range(0, len(raw), size)]

    stream = _stream(("END",), sends_thoughts=True)
    steps = _feed(stream, 100, b"thought\n", b"END ", *cut(thought), 101, *cut(content), 100, b"\n", *cut(thought), 1)
    said = thought.encode("utf-8", "replace").decode()
    assert _text(steps, "thought") == f"END {said}{said}"
    assert _text(steps) == content.encode("utf-8", "replace").decode().partition("END")[0]
    assert stream.thought_tokens == 6 + 2 * len(cut(thought))
    assert sum(step.charged for step in steps) <= stream.tokens
    kinds = [m.kind for s in steps for m in s.messages if isinstance(m, Delta)]
    assert kinds[0] == "thought"


def test_half_a_character_does_not_pass_from_a_thought_into_the_content() -> None:
    half, rest = "é".encode()[:1], "é".encode()[1:]
    steps = _feed(_stream(sends_thoughts=True), 100, b"\n", half, 101, rest, 100, b"\n", half, 1)
    assert (_text(steps, "thought"), _text(steps)) == ("\ufffd\ufffd", "\ufffd")
    assert steps[-1].finish == "stop"


def test_a_call_cut_by_the_length_limit_is_an_error() -> None:
    stream = _stream(max_tokens=2)
    _feed(stream, 48)
    with pytest.raises(EngineError, match="tool_call_malformed"):
        _feed(stream, b"call:f{")


def test_a_grammar_applies_to_content_only() -> None:
    stream = _stream()
    assert stream.in_content
    _feed(stream, 100)
    assert not stream.in_content
