"""Invariant: an identifier planted at any place of a request, of any dialect, reaches no text an engine is given.

Every string of a full request, every key, and keys nobody knows get a marker, one after the other; the request is then
refused with a code, or the marker is gone. What the walk forgets would show here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filters.analyse import Analyst, AnalystFault
from filters.redact import RedactionError, redact
from filters.switches import Switches
from filters.vault import Actions, Vault
from proxy.dialects import ollama_request, openai_completions, openai_request, openai_responses_request, panel
from proxy.errors import ERRORS, CordonError
from proxy.exchange import Conversation, Prompt, parts_of, rebuild

MARKER = "planted.marker@hospital.local"
_TOOL = {
    "type": "function",
    "function": {
        "name": "book_bed",
        "description": "Books a bed",
        "strict": True,
        "parameters": {
            "type": "object",
            "title": "Bed",
            "properties": {
                "ward": {
                    "type": "string",
                    "description": "Where",
                    "enum": ["a", "b"],
                    "default": "a",
                    "pattern": "a|b",
                },
                "note": {"type": "array", "items": {"type": "string", "const": "x", "examples": ["y"]}},
            },
            "required": ["ward"],
        },
    },
}
_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "book_bed", "arguments": '{"ward": "a", "more": ["b", 7]}'},
}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object", "title": "T",
           "properties": {"a": {"type": "string", "description": "D"}}}}}  # fmt: skip
_CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "You help.", "name": "sys"},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}],
            "name": "someone",
        },
        {
            "role": "assistant",
            "content": "Well",
            "reasoning_content": "Thinking",
            "tool_calls": [_CALL],
            "refusal": None,
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": '{"bed": "7"}'}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]},
        {"role": "user", "content": "Three"},
    ],
    "tools": [_TOOL],
    "tool_choice": {"type": "function", "function": {"name": "book_bed"}},
    "response_format": _SCHEMA,
    "stop": ["END", "STOP"],
    "user": "u1",
    "metadata": {"ward": "x"},
    "prediction": {"type": "content", "content": "p"},
    "logit_bias": {"5": 1},
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "stream_options": {"include_usage": True},
}
_OLLAMA_CALL = {"function": {"name": "book_bed", "arguments": {"ward": "a", "more": {"deep": ["b"]}}}}
BODIES: dict[str, tuple[Callable[[bytes], Prompt], dict[str, Any]]] = {
    "chat": (lambda body: openai_request.parse(body).prompt, _CHAT),
    "completions": (
        lambda body: openai_completions.parse(body).prompt,
        {"model": "m", "prompt": "Say", "stop": ["END"], "user": "u", "max_tokens": 5},
    ),
    "responses": (
        lambda body: openai_responses_request.parse(body).prompt,
        {
            "model": "m",
            "instructions": "You help.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "One"}]},
                {"type": "function_call", "call_id": "c1", "name": "book_bed", "arguments": '{"ward": "a"}'},
                {"type": "function_call_output", "call_id": "c1", "output": "done"},
                {"role": "user", "content": "Two"},
            ],
            "tools": [{"type": "function", **_TOOL["function"]}],
            "metadata": {"a": "b"},
            "user": "u",
        },
    ),
    "ollama-chat": (
        lambda body: ollama_request.parse_chat(body).prompt,
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "You help."},
                {"role": "user", "content": "One"},
                {"role": "assistant", "content": "Well", "thinking": "Thinking", "tool_calls": [_OLLAMA_CALL]},
                {"role": "tool", "content": "done", "tool_name": "book_bed"},
                {"role": "user", "content": "Two"},
            ],
            "tools": [_TOOL],
            "format": _SCHEMA["json_schema"]["schema"],
            "options": {"stop": ["END"], "num_predict": 5},
            "keep_alive": "5m",
        },
    ),
    "ollama-generate": (
        lambda body: ollama_request.parse_generate(body).prompt,
        {"model": "m", "prompt": "Say", "system": "You help.", "options": {"stop": ["END"]}, "format": "json"},
    ),
    "panel": (panel.parse_preview, {"messages": [{"role": "user", "content": "One"}], "marked": ["Lotus"]}),
}
Path = tuple[str | int, ...]


def _places(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every string, every key, and a place for a key nobody knows, of a document."""
    if isinstance(value, dict):
        yield path, "unknown"
        for key, inner in value.items():
            yield (*path, key), "key"
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _places(inner, (*path, n))
    elif isinstance(value, str):
        yield path, "value"


def _planted(body: dict[str, Any], path: Path, how: str, text: str) -> dict[str, Any]:
    made = copy.deepcopy(body)
    if how == "unknown":
        _at(made, path)["x_unknown"] = {"text": text, text: ["deep", {"er": text}]}
        return made
    holder, last = _at(made, path[:-1]), path[-1]
    if how == "key":
        holder[f"{last} {text}"] = holder[last]
        return made
    holder[last] = f"{holder[last]} {text}" if how == "value" else text
    return made


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _what_an_engine_gets(conversation: Conversation[Any]) -> str:
    names = [tool.name for tool in conversation.tools]
    names += [call.name for message in conversation.messages for call in message.tool_calls]
    roles = [message.role.value for message in conversation.messages]
    texts = [part.text.reveal() for part in parts_of(conversation)]
    return "\n".join([*names, *roles, *texts])


def _seen(analyst: Analyst, prompt: Prompt) -> str:
    parts = parts_of(prompt.conversation)
    found = analyst.find(parts, prompt.marked, Switches())
    with Vault() as vault:
        result = redact(parts, found, vault, actions=Actions())
    return _what_an_engine_gets(rebuild(prompt.conversation, result.texts))


def _refused_or_gone(analyst: Analyst, dialect: str, body: dict[str, Any], marker: str) -> str:
    """The code of the refusal, or "" when the marker is in nothing an engine is given."""
    parse = BODIES[dialect][0]
    try:
        seen = _seen(analyst, parse(json.dumps(body).encode()))
    except (CordonError, AnalystFault, RedactionError) as refusal:
        return refusal.code if marker not in str(refusal) else "quoted"
    assert marker not in seen
    return ""


@pytest.fixture(scope="module")
def analyst() -> Analyst:
    return Analyst.build(None)


PLACES = [(dialect, path, how) for dialect, (_, body) in BODIES.items() for path, how in _places(body)]
_IDS = [f"{dialect}-{'.'.join(map(str, path))}-{how}" for dialect, path, how in PLACES]


@pytest.mark.parametrize("dialect", BODIES)
def test_a_full_request_is_read(dialect: str, analyst: Analyst) -> None:
    """Without a marker nothing is refused: the other tests would pass over a request that is."""
    assert _refused_or_gone(analyst, dialect, BODIES[dialect][1], MARKER) == ""


@pytest.mark.parametrize(("dialect", "path", "how"), PLACES, ids=_IDS)
def test_a_marker_at_any_place_is_refused_or_gone(dialect: str, path: Path, how: str, analyst: Analyst) -> None:
    body = BODIES[dialect][1]
    for way in (how, "instead") if how == "value" else (how,):
        code = _refused_or_gone(analyst, dialect, _planted(body, path, way, MARKER), MARKER)
        assert code == "" or code in ERRORS


@pytest.mark.parametrize("dialect", BODIES)
def test_a_key_nobody_knows_refuses_nothing(dialect: str, analyst: Analyst) -> None:
    """Clients send many: dropped without a word, at the top and in a message."""
    for path in [(), *([("messages", 0)] if "messages" in BODIES[dialect][1] else [])]:
        body = _planted(BODIES[dialect][1], path, "unknown", MARKER)
        assert _refused_or_gone(analyst, dialect, body, MARKER) in {"", "bad_request"}


_TEXT_PLACES = [(d, p) for d, p, how in PLACES if how == "value" and p[-1] in {"content", "text", "prompt", "system",
                "arguments", "description", "output", "instructions", "reasoning_content", "thinking"}]  # fmt: skip
_WRITTEN = st.sampled_from([
    "911042754V", "536-90-4399", "NHS 943 476 5919", "+94 77 123 4567", "MRN 20-12345", "jane%40ward.lan",
    "３ May 1950",
    "https://ward.lan/p?id=7", "password: hunter22x",
])  # fmt: skip


@given(st.sampled_from(_TEXT_PLACES), _WRITTEN, st.sampled_from(["", " and ", '"', "\n", "\\u0020"]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_identifiers_of_every_sort_at_every_text(
    analyst: Analyst, place: tuple[str, Path], value: str, glue: str
) -> None:
    dialect, path = place
    body = _planted(BODIES[dialect][1], path, "value", f"seen{glue} {value} {glue}now")
    core = value.split(" ", 1)[-1] if value.startswith(("NHS", "MRN", "password")) else value
    _refused_or_gone(analyst, dialect, body, core)
