"""Events of a model server: cut anywhere, the same answer; keys that are not read leave no trace."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import CordonError
from proxy.workers.http_events import AnswerReader, LineReader
from proxy.workers.wire import Delta, ToolCallOut

TEXT = "Dr. Ñuwan \U0001f600 සිංහල ok"


def _content(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


def _read(reader: AnswerReader, *events: dict[str, object] | None) -> str:
    deltas = [delta for event in events for delta in reader.feed(event)]
    return "".join(d.text.reveal() for d in deltas if d.kind == "content")


@given(cuts=st.lists(st.integers(0, 400), max_size=8), end=st.sampled_from(["\n\n", "\r\n\r\n"]))
def test_lines_are_chunk_invariant(cuts: list[int], end: str) -> None:
    raw = "".join(f"data: {json.dumps(_content(c))}{end}" for c in "abc") + f": note{end}data:[DONE]{end}"
    data, events, at = raw.encode(), [], 0
    reader = LineReader()
    for cut in [*sorted(min(c, len(data)) for c in cuts), len(data)]:
        events += reader.feed(data[at:cut])
        at = cut
    assert events + reader.finish() == [_content("a"), _content("b"), _content("c"), None]


def test_several_data_lines_are_one_event_and_a_last_one_needs_no_empty_line() -> None:
    reader = LineReader()
    assert reader.feed(b'event: x\nid: 1\ndata: {"a":\ndata: 1}\n') == []
    assert reader.finish() == [{"a": 1}]
    assert reader.finish() == []


@pytest.mark.parametrize(
    "line", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n", b"data: " + b"[" * 100_000 + b"\n\n"]
)
def test_broken_events_are_a_fault(line: bytes) -> None:
    with pytest.raises(CordonError) as fault:
        LineReader().feed(line)
    assert fault.value.code == "engine_fault"


@pytest.mark.parametrize("data", [b"x" * (1 << 20) + b"y", b"data: xxxx\n" * 300_000, b"x" * (1 << 20) + b"y\n"])
def test_a_line_has_a_limit(data: bytes) -> None:
    with pytest.raises(CordonError):
        LineReader().feed(data)


def test_one_character_per_event_without_envelope() -> None:
    reader = AnswerReader(4, frozenset())
    assert _read(reader, *map(_content, TEXT), None) == TEXT
    assert reader.finish() == ([], "stop")
    assert reader.pieces == len(TEXT)


def test_halves_of_a_character_are_joined_and_a_lone_half_is_replaced() -> None:
    reader = AnswerReader(4, frozenset())
    assert _read(reader, _content("a\ud83d"), _content("\ude00b\ude00c\ud83d"), None) == "a\U0001f600b\ufffdc"
    rest, _ = reader.finish()
    assert [d.text.reveal() for d in rest if isinstance(d, Delta)] == ["\ufffd"]


def test_only_the_listed_keys_are_read() -> None:
    reader = AnswerReader(4, frozenset())
    event: dict[str, object] = {
        "id": "x", "model": "y", "record_field": "z",
        "choices": [
            {"delta": {"record_field": "secret", "role": "assistant", "content": "a", "refusal": "b",
                       "reasoning_content": "c"}, "logprobs": {"content": "d"}},
            {"delta": {"content": "second"}},
        ],
    }  # fmt: skip
    assert [(d.kind, d.text.reveal()) for d in reader.feed(event)] == [
        ("thought", "c"),
        ("content", "a"),
        ("content", "b"),
    ]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "length"), ("tool_calls", "stop"), ("eos", "length")],
)
def test_finish_reasons(reason: str, finish: str) -> None:
    reader = AnswerReader(4, frozenset())
    reader.feed({"choices": [{"delta": {"content": "a"}, "finish_reason": reason}]})
    assert reader.complete
    assert reader.finish()[1] == finish


def test_no_end_is_a_loss() -> None:
    reader = AnswerReader(4, frozenset())
    _read(reader, _content("a"), {"choices": []}, {"choices": [{"delta": None, "finish_reason": None}]}, {})
    with pytest.raises(CordonError) as lost:
        reader.finish()
    assert lost.value.code == "engine_lost"


def test_usage_and_whole_reply() -> None:
    reader = AnswerReader(4, frozenset())
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}
    whole: dict[str, object] = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage}
    assert _read(reader, whole, None) == "hi"
    assert (reader.prompt_tokens, reader.completion_tokens, reader.cached_tokens) == (5, 2, 1)
    reader.feed({"usage": {"prompt_tokens": True, "completion_tokens": -1}})
    assert (reader.prompt_tokens, reader.completion_tokens) == (0, 0)


def test_an_error_event_is_a_fault() -> None:
    with pytest.raises(CordonError) as fault:
        AnswerReader(4, frozenset()).feed({"error": {"message": "quotes the prompt"}})
    assert fault.value.code == "engine_fault"
    assert str(fault.value) == "engine_fault"


def _piece(**piece: object) -> dict[str, object]:
    return {"choices": [{"delta": {"tool_calls": [piece]}}]}


def test_tool_calls_in_pieces() -> None:
    reader = AnswerReader(4, frozenset({"book", "find"}))
    reader.feed(_piece(index=0, id="a", function={"name": "book", "arguments": '{"b":1,'}))
    reader.feed(_piece(index=0, function={"arguments": '"a":"[NAME_1]"}'}))
    reader.feed(_piece(index=1, function={"name": "find", "arguments": {"q": "x"}}))
    reader.feed({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    calls, finish = reader.finish()
    assert finish == "tool_calls"
    assert [(c.name, c.arguments.reveal()) for c in calls if isinstance(c, ToolCallOut)] == [
        ("book", '{"a":"[NAME_1]","b":1}'), ("find", '{"q":"x"}')
    ]  # fmt: skip


def test_a_call_without_arguments_and_a_call_cut_off() -> None:
    reader = AnswerReader(4, frozenset({"book"}))
    reader.feed(_piece(function={"name": "book"}))
    reader.feed(None)
    calls, _ = reader.finish()
    assert [c.arguments.reveal() for c in calls if isinstance(c, ToolCallOut)] == ["{}"]
    reader = AnswerReader(4, frozenset({"book"}))
    reader.feed(_piece(function={"name": "book", "arguments": '{"a'}))
    reader.feed({"choices": [{"delta": {}, "finish_reason": "length"}]})
    assert reader.finish() == ([], "length")


@pytest.mark.parametrize(
    "pieces",
    [
        [{"index": 0, "function": {"name": "other", "arguments": "{}"}}],
        [{"index": 0, "function": {"name": "book", "arguments": "[1]"}}],
        [{"index": 0, "function": {"name": "book", "arguments": "{"}}],
        [{"index": 0, "function": {"name": "book", "arguments": '{"a":"\\ud800"}'}}],
        [{"index": 3, "function": {"name": "book", "arguments": "{}"}}],
        [{"index": -1, "function": {"name": "book", "arguments": "{}"}}],
        [{"index": 0, "function": {"name": "book", "arguments": "x" * 70_000}}],
        [{"index": n, "function": {"name": "book", "arguments": "{}"}} for n in range(65)],
    ],
)
def test_malformed_calls(pieces: list[dict[str, object]]) -> None:
    reader = AnswerReader(4, frozenset({"book"}))
    with pytest.raises(CordonError) as broken:  # noqa: PT012 - the fault may show at a piece or at the end
        for piece in pieces:
            reader.feed(_piece(**piece))
        reader.feed(None)
        reader.finish()
    assert broken.value.code == "tool_call_malformed"
