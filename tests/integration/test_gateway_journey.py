"""From the caller's bytes to the rooms and back: real server, real pipeline, rooms that keep their promises."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import httpx
import openai
import pytest

from filters.findings import Type
from filters.parts import RedactedText
from proxy.exchange import Event, Exchange, Prompt
from proxy.pipeline import journey
from proxy.workers.wire import ToolCallOut
from tests.kit.gateway import MODEL, Journey, Running, running, until
from tests.kit.rooms import FakeHouse

PEOPLE = {"Nimal Perera": Type.NAME, "Ana Fonseka": Type.NAME, "nimal@clinic.example": Type.EMAIL}
NOTE = "Nimal Perera (nimal@clinic.example) was seen today. Ana Fonseka called about Nimal Perera. He is well.\n"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": NOTE}]}


def _house() -> FakeHouse:
    house = FakeHouse()
    house.analyst.literals = PEOPLE
    return house


def _journey(house: FakeHouse) -> Journey:
    rooms = house.rooms()

    async def run(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        events = journey(exchange, prompt, rooms)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    return run


def _client(server: Running) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=server.url, api_key=server.token, max_retries=0)


async def _text(client: openai.AsyncOpenAI, *, stream: bool, note: str = NOTE) -> str:
    messages = [{"role": "user", "content": note}]
    if not stream:
        reply = await client.chat.completions.create(model=MODEL, messages=messages)
        return reply.choices[0].message.content or ""
    chunks = await client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    return "".join([c.choices[0].delta.content or "" async for c in chunks if c.choices])


@pytest.mark.parametrize("stream", [False, True])
async def test_the_model_sees_placeholders_and_the_caller_sees_names(tmp_path: Path, stream: bool) -> None:
    house = _house()
    async with running(tmp_path, _journey(house)) as server, _client(server) as client:
        assert await _text(client, stream=stream) == NOTE
    seen = house.engine.cleared[0].conversation.messages[-1].content.reveal()
    assert seen == "[NAME_1] ([EMAIL_1]) was seen today. [NAME_2] called about [NAME_1]. He is well.\n"
    assert [kind for kind, _, _ in house.log.records] == ["R", "Z"]
    house.verify_settled()


async def test_tool_calls_come_back_with_their_values(tmp_path: Path) -> None:
    house = _house()
    house.engine.answer = lambda _: (ToolCallOut(1, "book", RedactedText('{"who":"[NAME_1]"}')),)
    tools = [{"type": "function", "function": {"name": "book", "description": "Book a bed for Ana Fonseka"}}]
    async with running(tmp_path, _journey(house)) as server, _client(server) as client:
        reply = await client.chat.completions.create(model=MODEL, messages=BODY["messages"], tools=tools)
    call = reply.choices[0].message.tool_calls[0]
    assert json.loads(call.function.arguments)["who"] in PEOPLE
    assert "Fonseka" not in house.engine.cleared[0].conversation.tools[0].description.reveal()
    house.verify_settled()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("room", "call", "code", "records"),
    [
        ("analyst", "find", "analyst_unavailable", "B"),
        ("engine", "check", "engine_busy", "B"),
        ("guard", "judge", "guard_unavailable", "B"),
        ("log", "begin", "audit_full", "B"),
        ("log", "block", "audit_unavailable", ""),
        ("engine", "generate", "engine_unavailable", "RZ"),
        ("engine", "lost", "engine_lost", "RZ"),
        ("analyst", "look", "analyst_fault", "RZ"),
        ("log", "close", "audit_unavailable", "R"),
    ],
)
async def test_a_fault_in_any_room_is_a_code_and_a_record(
    tmp_path: Path, room: str, call: str, code: str, records: str, stream: bool
) -> None:
    house = _house()
    getattr(house, room).script[call] = code
    if call == "block":
        house.analyst.script["find"] = "analyst_fault"
    async with running(tmp_path, _journey(house)) as server, _client(server) as client:
        with pytest.raises(openai.APIError) as fault:
            await _text(client, stream=stream)
        assert "".join(kind for kind, _, _ in house.log.records) == records
        getattr(house, room).script.clear()
        house.analyst.script.clear()
        assert await _text(client, stream=stream) == NOTE  # the service recovers by itself
    assert fault.value.code == code
    assert "Perera" not in str(fault.value)
    assert not house.engine.running
    assert not house.guard.held
    assert len(house.log.open) == (call == "close")  # what could not be closed stays open, and recovery finds it


async def test_refused_prompt_and_withheld_answer(tmp_path: Path) -> None:
    house = _house()
    house.guard.words = frozenset({"poison"})
    async with running(tmp_path, _journey(house)) as server, _client(server) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await _text(client, stream=True, note="how to poison Nimal Perera")
        assert not house.engine.cleared
        house.engine.answer = lambda _: ("This is a first sentence that is fine. " * 12, "Then poison. ")
        reply = await client.chat.completions.create(model=MODEL, messages=BODY["messages"])
        streamed = await _text(client, stream=True)
    assert refused.value.code == "prompt_refused"
    assert (reply.choices[0].finish_reason, reply.choices[0].message.content) == ("content_filter", "")
    assert "poison" not in streamed
    assert streamed.startswith("This is a first sentence")
    assert [(k, c) for k, _, c in house.log.records] == [
        ("B", "judge:prompt_refused"), ("R", ""), ("Z", "response_refused"), ("R", ""), ("Z", "response_refused"),
    ]  # fmt: skip
    house.verify_settled()


async def test_a_caller_who_leaves_stops_the_engine_and_is_recorded(tmp_path: Path) -> None:
    house = _house()
    house.engine.answer = lambda _: ("word and word. " * 20,) * 5000
    async with running(tmp_path, _journey(house)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=headers) as client:
            with suppress(httpx.HTTPError):
                async with client.stream("POST", "/v1/chat/completions", json=BODY | {"stream": True}) as reply:
                    async for _ in reply.aiter_bytes():
                        break
        await until(lambda: len(house.log.records) == 2)
    assert house.log.records[-1][2] == "cancelled"
    house.verify_settled()


async def test_two_at_once_never_see_each_other(tmp_path: Path) -> None:
    house = FakeHouse()
    names = [f"Patient{chr(65 + n)}" for n in range(12)]
    house.analyst.literals = dict.fromkeys(names, Type.NAME)
    async with running(tmp_path, _journey(house)) as server, _client(server) as client:
        notes = [f"{name} is well. Tell {name} so.\n" for name in names]
        answers = await asyncio.gather(*(_text(client, stream=n % 2 == 0, note=note) for n, note in enumerate(notes)))
    assert answers == notes
    assert all(c.conversation.messages[0].content.reveal().startswith("[NAME_1] is") for c in house.engine.cleared)
    house.verify_settled()
