"""Tool calls through the official `openai` client and the real service: what a tool gets is what the person wrote.

A server on loopback stands where a model would: it takes the placeholders out of what reached it and hands them back in
the arguments of two calls at once, in pieces of a few characters. It never sees an original. The arguments the client
reads must be JSON, and hold the originals: with quotes, line breaks and backslashes, in values, keys and lists.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from filters.findings import Type
from filters.parts import RedactedText
from proxy.exchange import Event, Exchange, Prompt
from proxy.pipeline import journey
from proxy.workers.wire import ToolCallOut
from tests.kit.gateway import MODEL, free_port, running
from tests.kit.rooms import FakeHouse
from tests.kit.service import Running, http_house
from tests.kit.upstream import Upstream, serving, sse

NOTE = (
    'Patient: Nimal Perera (NIC 911042754V, MRN 20-12345). The portal password: pa"ss\\w0rd!7 was reset. His daughter '
    "Ana Pereira, tel 077 123 4567, mail \"dr who\"@ward.intern. Scans lie on \\\\fileserver\\share\\x7."
)  # fmt: skip
ORIGINALS = (
    "Nimal Perera", "911042754V", "20-12345", 'pa"ss\\w0rd!7', "Ana Pereira", "077 123 4567", '"dr who"@ward.intern',
    "\\\\fileserver\\share\\x7",
)  # fmt: skip
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "description": "Files it", "parameters": {"type": "object"}}}
    for name in ("file_note", "call_family")
]
_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")


def _delta(**delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta}]}


def _piece(index: int, text: str) -> dict[str, object]:
    return _delta(tool_calls=[{"index": index, "function": {"arguments": text}}])


def documents(placeholders: Sequence[str]) -> tuple[dict[str, object], dict[str, object]]:
    """What the model wants to hand to its two tools: every placeholder in values, lists and keys."""
    return (
        {"who": placeholders[0], "all": list(placeholders), "text": 'said "' + "\n".join(placeholders) + '" \\ twice'},
        {placeholder: {"deep": [placeholder * 2, 7, None, True]} for placeholder in placeholders},
    )


async def two_calls(request: bytes) -> AsyncGenerator[bytes, None]:
    """Answer with two calls at once, a few characters at a time, turn about."""
    asked = json.loads(request.partition(b"\r\n\r\n")[2])
    placeholders = list(dict.fromkeys(_PLACEHOLDER.findall(asked["messages"][-1]["content"])))
    texts = [json.dumps(document) for document in documents(placeholders)]
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    for index, name in enumerate(("file_note", "call_family")):
        yield sse(_delta(tool_calls=[{"index": index, "id": f"up_{index}", "type": "function",
                                      "function": {"name": name, "arguments": ""}}]))  # fmt: skip
    cuts = [[text[at : at + 5] for at in range(0, len(text), 5)] for text in texts]
    for one, other in itertools.zip_longest(*cuts, fillvalue=""):
        yield sse(_piece(0, one), _piece(1, other))
    yield sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}, "[DONE]")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Running, Upstream]]:
    async with serving(two_calls) as upstream:
        house = http_house(folder, free_port(), upstream.base_url)
        stack = house.serving(lambda parts: None)
        await asyncio.to_thread(stack.__enter__)
        try:
            yield Running(house), upstream
        finally:
            await asyncio.to_thread(stack.__exit__, None, None, None)


async def _calls(client: openai.AsyncOpenAI, model: str, messages: Any, *, stream: bool) -> list[tuple[str, str]]:
    """The calls as (name, arguments)."""
    asked = {"model": model, "messages": messages, "tools": TOOLS}
    if not stream:
        choice = (await client.chat.completions.create(**asked)).choices[0]
        assert choice.finish_reason == "tool_calls"
        return [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    finish = None
    async for chunk in await client.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                names[call.index] = names.get(call.index, "") + (call.function.name or "")
                arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
    assert finish == "tool_calls"
    return [(names[index], arguments[index]) for index in sorted(names)]


async def test_the_real_service_restores_two_calls_at_once(tmp_path: Path) -> None:
    """Every detector, the http engine, streamed and whole; then the calls go back as history with their results."""
    messages: list[Any] = [{"role": "user", "content": NOTE}]
    async with served(tmp_path) as (service, upstream):
        url = f"http://127.0.0.1:{service.house.port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key=service.house.token, max_retries=0) as client:
            whole = await _calls(client, "conformance", messages, stream=False)
            streamed = await _calls(client, "conformance", messages, stream=True)
            called = [{"id": f"call_{i}", "type": "function", "function": {"name": n, "arguments": a}}
                      for i, (n, a) in enumerate(whole)]  # fmt: skip
            results = [{"role": "tool", "tool_call_id": f"call_{i}", "content": f"done for {ORIGINALS[0]}"}
                       for i in range(2)]  # fmt: skip
            history = [*messages, {"role": "assistant", "tool_calls": called}, *results, messages[0]]
            again = await _calls(client, "conformance", history, stream=False)
    assert whole == streamed
    assert again == whole
    assert [name for name, _ in whole] == ["file_note", "call_family"]
    first, second = (json.loads(arguments) for _, arguments in whole)
    assert (first, second) == documents(first["all"])
    assert sorted(first["all"]) == sorted(ORIGINALS)
    for asked in upstream.asked:  # in no spelling JSON has for it
        text = asked.decode()
        assert not [o for o in ORIGINALS if o in text or json.dumps(o)[1:-1] in text]


HARD = {
    'Jo "Jay" O\'Neil': Type.NAME, "Perera,\nAnil": Type.NAME, "C:\\Users\\ana": Type.URL, "tab\tand \x01": Type.TEXT,
    "\\": Type.TEXT, '"': Type.TEXT, "නිමල් 😀": Type.NAME, '","x":"': Type.MARKED, "[NAME_1]]": Type.MARKED,
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_originals_that_could_end_a_string(tmp_path: Path, stream: bool) -> None:
    """Values no hospital has, through the real server and pipeline: none of them may end the string it stands in."""
    house = FakeHouse()
    house.analyst.literals = HARD
    note = "Note: " + "; ".join(f"({value})" for value in HARD)
    seen: list[str] = []

    def answer(cleared: Any) -> Sequence[ToolCallOut]:
        seen.extend(dict.fromkeys(_PLACEHOLDER.findall(cleared.conversation.messages[-1].content.reveal())))
        return tuple(ToolCallOut(1, name, RedactedText(json.dumps(document)))
                     for name, document in zip(("file_note", "call_family"), documents(seen), strict=True))  # fmt: skip

    house.engine.answer = answer
    rooms = house.rooms()

    async def run(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        async for event in journey(exchange, prompt, rooms):
            yield event

    async with (
        running(tmp_path, run) as server,
        openai.AsyncOpenAI(base_url=server.url, api_key=server.token, max_retries=0) as client,
    ):
        calls = await _calls(client, MODEL, [{"role": "user", "content": note}], stream=stream)
    first, second = (json.loads(arguments) for _, arguments in calls)
    assert len(seen) >= len(HARD) - 1
    assert (first, second) == documents(first["all"])
    assert set(HARD) - {"[NAME_1]]"} <= set(first["all"])
    house.verify_settled()
