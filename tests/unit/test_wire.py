"""Whatever is sent arrives equal, however the stream is cut; whatever is not ours is refused."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.findings import Finding, Source, Type
from filters.parts import PatientText, RedactedText
from filters.tokens import Control, Text
from proxy.workers import wire
from proxy.workers.wire import (
    MAX_FRAME_BYTES,
    Cancel,
    Credit,
    Delta,
    Done,
    EndExchange,
    Failed,
    Find,
    Forget,
    FoundParts,
    Generate,
    Hello,
    Locked,
    Look,
    Looked,
    ModelInfo,
    Probe,
    Reader,
    Score,
    Scored,
    ToolCallOut,
    Turn,
    TurnCall,
    TurnTool,
    WireError,
    WirePart,
    encode,
)

FINDING = Finding(0, 4, Type.NAME, "person", 990, Source.NER)
R = RedactedText

EXAMPLES: tuple[Any, ...] = (
    Hello(1, "digest", (ModelInfo("answer", "demo-chat", "ab" * 32, "gemma4", "t", 2048, True, 900.5, 60.0, 0),)),
    Locked('{"a":1}'),
    Probe(0),
    Failed(3, "engine_full"),
    Find(1, "uid:1000", (WirePart("user", "text", PatientText("Ana Pereira")),), (PatientText("Ana"),), "{}"),
    FoundParts(1, ((FINDING,), ()), ((), (FINDING,)), (PatientText("ana"),)),
    Look(2, R("call 555"), "{}"),
    Looked(2, (FINDING,)),
    Generate(
        4,
        "x1",
        "uid:1",
        (Turn("user", R("hi"), (TurnCall("f", R("{}")),), 0),),
        (TurnTool("f", R("d"), R("{}")),),
        "auto",
        (R("stop"),),
        None,
        False,
        10,
        0.5,
        None,
        40,
        None,
        7,
        None,
        None,
        1000,
        512,
    ),
    Delta(4, "content", R("[NAME_1] is"), 2),
    ToolCallOut(4, "f", R('{"a":1}')),
    Done(4, "stop", "", 10, 5, 0, 12, 30),
    Credit(4, 16),
    Cancel(4),
    EndExchange("x1"),
    Forget("k1"),
    Score(5, "x1", (Control("<bos>"), Text("a")), ((Text("b"), Control("c")), (Text(""),)), ("Yes", "No"), 500),
    Scored(5, ((1.5, -2.0), (0.0, 3.25)), 20, 0, 4),
)


def test_every_message_has_an_example() -> None:
    assert {type(m) for m in EXAMPLES} == set(get_args(wire.Message))


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda m: type(m).__name__)
def test_byte_by_byte_equals_at_once(message: Any) -> None:
    frame = encode(message)
    assert Reader().feed(frame) == (message,)
    reader, got = Reader(), []
    for i in range(len(frame)):
        got += reader.feed(frame[i : i + 1])
    assert got == [message]
    reader.finish()


@given(cuts=st.lists(st.integers(0, 3000), max_size=12))
def test_any_cut_of_a_stream_gives_the_same_messages(cuts: list[int]) -> None:
    stream = b"".join(encode(m) for m in EXAMPLES)
    edges = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    reader, got = Reader(), []
    for a, b in pairwise(edges):
        got += reader.feed(stream[a:b])
    assert tuple(got) == EXAMPLES


@given(st.text())
def test_any_text_survives_lone_surrogates_too(text: str) -> None:
    message = Delta(1, "content", R(text), 1)
    assert Reader().feed(encode(message)) == (message,)


def frame_of(body: object) -> bytes:
    raw = json.dumps(body).encode()
    return struct.pack(">I", len(raw)) + raw


@pytest.mark.parametrize(
    "body",
    [
        ["Nope", []],
        ["Cancel", []],
        ["Cancel", [1, 2]],
        ["Cancel", ["1"]],
        ["Cancel", [True]],
        ["Credit", [1, 1.5]],
        ["Find", [1, "c", [["user", "text", 5]], [], "{}"]],
        ["FoundParts", [1, [[[0, 4, "NOPE", "person", 1, "ner"]]], [], []]],
        ["Score", [1, "x", [["Evil", "a"]], [], [], 1, "guard"]],
        {"tag": "Cancel"},
        "Cancel",
        None,
    ],
)
def test_what_is_not_a_message_is_refused(body: object) -> None:
    with pytest.raises(WireError):
        Reader().feed(frame_of(body))


def test_a_huge_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(WireError):
        Reader().feed(struct.pack(">I", MAX_FRAME_BYTES + 1))


def test_a_stream_that_ends_inside_a_frame_is_an_error() -> None:
    reader = Reader()
    reader.feed(encode(Cancel(1))[:-1])
    with pytest.raises(WireError):
        reader.finish()


def test_text_does_not_show() -> None:
    for message in EXAMPLES:
        assert "Pereira" not in repr(message)
        assert "[NAME_1] is" not in repr(message)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    reader = Reader()
    try:
        reader.feed(data)
    except WireError:
        return
