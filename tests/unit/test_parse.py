"""Ids to events: the state table walked, and the argument grammar there and back."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.parse import Call, Content, End, Event, Marks, Parser, Quoted, Thought, parse_call

_MARKS = Marks(
    channel_open=100, channel_close=101, tool_open=48, tool_close=49, quote=52, tool_response=50, turn_open=105
)
_EOG = frozenset({1, 106, 50})
_TOOLS = frozenset({"weather"})


def _run(*tokens: int | str, tools: frozenset[str] = _TOOLS) -> list[Event]:
    """Marks by number, plain tokens by their text."""
    parser = Parser(_MARKS, tools)
    events: list[Event] = []
    for token in tokens:
        number, piece = (999, token.encode()) if isinstance(token, str) else (token, b"")
        events.extend(parser.feed(number, piece, ends=number in _EOG))
    return events


def test_plain_answer() -> None:
    assert _run("Hel", "lo", 106) == [Content(b"Hel"), Content(b"lo"), End("stop")]


@pytest.mark.parametrize("end", [1, 106, 105])
def test_each_end_of_generation_and_an_own_turn_end_the_answer(end: int) -> None:
    assert _run("a", end)[-1] == End("stop")


@pytest.mark.parametrize("channel", ["thought\n", "analysis\n", "\n", "nonsense without a newline" * 2 + "\n"])
def test_any_channel_is_a_thought(channel: str) -> None:
    events = _run(100, channel, "secret", 101, "shown", 106)
    assert [e for e in events if isinstance(e, Content)] == [Content(b"shown")]


def test_a_name_without_newline_ends_after_eight_tokens_and_is_not_shown() -> None:
    events = _run(100, *"abcdefghij", 101, "shown", 106)
    assert events[-2:] == [Content(b"shown"), End("stop")]
    assert events[:-2] == [*[Thought()] * 9, Thought(b"i"), Thought(b"j"), Thought()]


def test_what_a_thought_says_begins_after_the_name_of_its_channel() -> None:
    events = _run(100, "thou", "ght\nI", " think", 48, "x", 101, "so", 106)
    assert events == [
        Thought(), Thought(), Thought(b"I"), Thought(b" think"), Thought(), Thought(b"x"), Thought(), Content(b"so"),
        End("stop"),
    ]  # fmt: skip


def test_a_stray_close_is_dropped_and_an_empty_thought_too() -> None:
    assert _run(101, "a", 100, "thought\n", 101, "b", 106) == [
        Thought(), Content(b"a"), Thought(), Thought(), Thought(), Content(b"b"), End("stop"),
    ]  # fmt: skip


def test_a_call_comes_out_whole() -> None:
    events = _run("Let me see. ", 48, "call:wea", "ther{city:", 52, "Kan", "dy", 52, ",days:3}", 49, 50)
    assert events == [Content(b"Let me see. "), Call("weather", '{"city":"Kandy","days":3}'), End("tool_calls")]


def test_markers_inside_a_string_are_text() -> None:
    events = _run(48, "call:weather{city:", 52, "a}{,:", 52, "}", 49, 106)
    assert events == [Call("weather", '{"city":"a}{,:"}'), End("tool_calls")]


@pytest.mark.parametrize(
    "tokens",
    [
        (48, "call:weather{city:", 106),
        (48, "call:weather{}", 50),
        (48, "call:other{}", 49),
        (48, "weather{}", 49),
        (48, "call:weather{a:1}x", 49),
        (48, "call:weather{a:1,}", 49),
        (48, "call:weather{a:1,a:2}", 49),
        (48, "call:weather{a:01}", 49),
        (48, "call:weather{a:1e999}", 49),
        (48, "call:weather{a:NaN}", 49),
        (48, "call:weather{a b:1}", 49),
        (48, "call:weather{a:text}", 49),
        (48, "call:weather{a:", 52, "open", 49),
        (48, 48, "call:weather{}", 49),
        (48, "call:weather{a:" + "[" * 40 + "]" * 40 + "}", 49),
        (48, "call:weather{a:", 52, "x" * 65_536, 52, "}", 49),
        (48, "call:weather{", 52, "k", 52, "}", 49),
        (48, "call:weather{}", 52, "k", 52, 49),
        (48, 49),
        (48, "call:weather{city:", 52, "a", 51, "b", 52, "}", 49),
        (48, "call:weather{", 100, "}", 49),
    ],
)
def test_a_broken_call_is_an_error_and_never_text(tokens: tuple[int | str, ...]) -> None:
    with pytest.raises(EngineError, match="tool_call_malformed"):
        _run(*tokens)


def test_the_sixty_fifth_call_is_one_too_many() -> None:
    one = (48, "call:weather{}", 49)
    assert len(_run(*one * 64)) == 64
    with pytest.raises(EngineError, match="tool_call_malformed"):
        _run(*one * 65)


def test_an_answer_cut_inside_a_call_is_malformed() -> None:
    parser = Parser(_MARKS, _TOOLS)
    parser.feed(48, b"", ends=False)
    with pytest.raises(EngineError, match="tool_call_malformed"):
        parser.finish()


_KEYS = st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def _write(value: Any, out: list[str | Quoted]) -> None:
    if isinstance(value, str):
        out.append(Quoted(value))
    elif isinstance(value, dict):
        out.append("{")
        for i, (key, item) in enumerate(value.items()):
            out.append(("," if i else "") + f" {key} :")
            _write(item, out)
        out.append("}")
    elif isinstance(value, list):
        out.append("[")
        for i, item in enumerate(value):
            out.append("," if i else "")
            _write(item, out)
        out.append("]")
    else:
        out.append(json.dumps(value))


def _merged(pieces: list[str | Quoted]) -> tuple[str | Quoted, ...]:
    merged: list[str | Quoted] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return tuple(merged)


@given(st.dictionaries(_KEYS, _JSON, max_size=4))
def test_arguments_round_trip(arguments: dict[str, Any]) -> None:
    pieces: list[str | Quoted] = ["call:f"]
    _write(arguments, pieces)
    name, text = parse_call(_merged(pieces))
    assert name == "f"
    assert json.loads(text) == arguments
    assert text == json.dumps(arguments, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(st.lists(st.text("call:f{}[],:1-e. \n", max_size=6) | st.builds(Quoted, st.text(max_size=3)), max_size=6))
def test_anything_else_is_an_error_of_ours(pieces: list[str | Quoted]) -> None:
    with contextlib.suppress(EngineError):
        name, text = parse_call(tuple(pieces))
        assert set(name) <= set("call:f1-e.")
        assert isinstance(json.loads(text), dict)


def test_a_structural_token_in_content_shows_nothing() -> None:
    assert _run("a", 51, 52, 49, "b", 106) == [Content(b"a"), Content(b"b"), End("stop")]
