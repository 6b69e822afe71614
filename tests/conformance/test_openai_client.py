"""The official `openai` client, unchanged, against the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import openai
import pytest

from filters.parts import PatientText
from filters.restore import Piece
from proxy.exchange import (
    Broken,
    Event,
    Exchange,
    Finish,
    Finished,
    Opened,
    Prompt,
    Refused,
    ReleasedCall,
    Role,
    ToolChoice,
    Usage,
    Withheld,
)
from tests.kit.gateway import MODEL, Journey, Running, echo, released, running

ASK = [{"role": "user", "content": "Summarise the note of Nimal Perera"}]


def _client(house: Running, token: str | None = None) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=house.url, api_key=token or house.token, max_retries=0)


def _journey(*events: Event) -> Journey:
    async def run(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        for event in events:
            await asyncio.sleep(0)
            yield event

    return run


async def test_whole_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        reply = await client.chat.completions.create(model=MODEL, messages=ASK)
    assert reply.choices[0].message.content == "Summarise the note of Nimal Perera"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == MODEL
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (7, 6, 13)
    exchange = house.gateway.seen[0][0]
    assert reply.id == f"chatcmpl-{exchange.id}"
    assert reply.model_extra["cordon"] == {"exchange": exchange.id, "flags": ["name"], "demo": True}


async def test_streamed_answer_with_usage(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        stream = await client.chat.completions.create(
            model=MODEL, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "Summarise the note of Nimal Perera"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 13
    assert all(c.usage is None for c in chunks[:-1])
    assert len({c.id for c in chunks}) == 1


async def test_streamed_without_usage_has_none(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        chunks = [chunk async for chunk in stream]
    assert all(c.usage is None and c.choices for c in chunks)


async def test_stream_helper_of_the_client(tmp_path: Path) -> None:
    async with (
        running(tmp_path) as house,
        _client(house) as client,
        client.chat.completions.stream(model=MODEL, messages=ASK) as stream,
    ):
        completion = await stream.get_final_completion()
    assert completion.choices[0].message.content == "Summarise the note of Nimal Perera"


async def test_models(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        names = [card.id async for card in client.models.list()]
        card = await client.models.retrieve(MODEL)
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("gpt-9")
    assert names == [MODEL, "clinic"]
    assert card.model_extra["cordon"] == {"demo": True}
    assert missing.value.code == "model_unknown"


async def test_tool_call_round_trip(tmp_path: Path) -> None:
    call = ReleasedCall(0, "book", (Piece(PatientText('{"who":"Nimal"}')),))
    journey = _journey(Opened(MODEL, ()), call, Finished(Finish.TOOL_CALLS, Usage(3, 4), ()))
    tool = {"type": "function", "function": {"name": "book", "description": "Book", "parameters": {"type": "object"}}}
    async with running(tmp_path, journey) as house, _client(house) as client:
        reply = await client.chat.completions.create(model=MODEL, messages=ASK, tools=[tool], tool_choice="required")
        message = reply.choices[0].message
        assert message.content is None
        assert message.tool_calls is not None
        history = [*ASK, message.model_dump(exclude_none=True),
                   {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "done"}]  # fmt: skip
        await client.chat.completions.create(model=MODEL, messages=history)
        stream = await client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        deltas = [c.choices[0].delta.tool_calls async for c in stream]
    assert reply.choices[0].finish_reason == "tool_calls"
    assert json.loads(message.tool_calls[0].function.arguments) == {"who": "Nimal"}
    assert house.gateway.seen[0][1].sampling.tool_choice is ToolChoice.REQUIRED
    asked = house.gateway.seen[1][1].conversation.messages
    assert [m.role for m in asked] == [Role.USER, Role.ASSISTANT, Role.TOOL]
    assert asked[2].answers == 0
    assert [d[0].function.name for d in deltas if d] == ["book"]


async def test_wrong_key_shows_our_sentence(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house, "cordon_wrong") as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(model=MODEL, messages=ASK)
    assert refused.value.code == "token_unknown"
    assert "cordon token create" in refused.value.message
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert not house.gateway.seen


async def test_a_wrong_request_is_not_repeated(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house).with_options(max_retries=3) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model=MODEL, messages=ASK, n=2)
    assert refused.value.code == "unsupported_parameter"
    assert house.gateway.refused == [(house.gateway.refused[0][0], "unsupported_parameter")]


async def test_image_is_422(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [image]}])
    assert refused.value.code == "content_not_inspectable"


@pytest.mark.parametrize("stream", [False, True])
async def test_refused_prompt_is_400_streamed_or_not(tmp_path: Path, stream: bool) -> None:
    journey = _journey(Refused("prompt_refused", "dangerous_content"))
    async with running(tmp_path, journey) as house, _client(house) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model=MODEL, messages=ASK, stream=stream)
    assert refused.value.code == "prompt_refused"
    assert refused.value.body["rule"] == "dangerous_content"


async def test_withheld_answer_is_a_content_filter(tmp_path: Path) -> None:
    events = (Opened(MODEL, ()), released("first part"), Withheld("response_refused", "harassment"))
    async with running(tmp_path, _journey(*events)) as house, _client(house) as client:
        whole = await client.chat.completions.create(model=MODEL, messages=ASK)
        stream = await client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        chunks = [chunk async for chunk in stream]
    assert (whole.choices[0].finish_reason, whole.choices[0].message.content) == ("content_filter", "")
    assert whole.model_extra["cordon"]["code"] == "response_refused"
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert chunks[-1].model_extra["cordon"]["policy"] == "harassment"


async def test_fault_in_the_middle_raises_in_the_client(tmp_path: Path) -> None:
    events = (Opened(MODEL, ()), released("first part"), Broken("engine_lost"))
    async with running(tmp_path, _journey(*events)) as house, _client(house) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        with pytest.raises(openai.APIError) as broken:
            [chunk async for chunk in stream]
        with pytest.raises(openai.InternalServerError) as whole:
            await client.chat.completions.create(model=MODEL, messages=ASK)
    assert broken.value.code == "engine_lost"
    assert whole.value.status_code == 503
    assert whole.value.response.headers["retry-after"] == "5"


async def test_synchronous_client_in_a_thread(tmp_path: Path) -> None:
    def ask(url: str, token: str) -> str | None:
        with openai.OpenAI(base_url=url, api_key=token, max_retries=0) as client:
            return client.chat.completions.create(model=MODEL, messages=ASK).choices[0].message.content

    async with running(tmp_path) as house:
        assert await asyncio.to_thread(ask, house.url, house.token) == ASK[0]["content"]


async def test_unix_socket_needs_no_token(tmp_path: Path) -> None:
    async with running(tmp_path, echo) as house:
        transport = httpx.AsyncHTTPTransport(uds=str(house.api))
        async with httpx.AsyncClient(transport=transport) as http:
            body = {"model": MODEL, "messages": ASK}
            reply = await http.post("http://localhost/v1/chat/completions", json=body)
    assert reply.status_code == 200
    assert reply.json()["choices"][0]["message"]["content"] == ASK[0]["content"]
    assert house.gateway.seen[0][0].caller.kid == ""


async def test_the_older_completions_address(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        reply = await client.completions.create(model=MODEL, prompt="Summarise it", max_tokens=9)
        stream = await client.completions.create(model=MODEL, prompt="Summarise it", stream=True)
        text = "".join([chunk.choices[0].text async for chunk in stream])
    assert reply.choices[0].text == text == "Summarise it"
    assert (reply.choices[0].finish_reason, reply.object) == ("stop", "text_completion")
    assert house.gateway.seen[0][1].sampling.max_tokens == 9


async def test_responses_whole_and_streamed(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        reply = await client.responses.create(model=MODEL, input=ASK, instructions="Be brief.", store=False)
        async with client.responses.stream(model=MODEL, input="Summarise it") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
    assert reply.output_text == "Summarise the note of Nimal Perera"
    assert (reply.status, reply.store if hasattr(reply, "store") else False) == ("completed", False)
    assert final.output_text == "Summarise it"
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    roles = [m.role for m in house.gateway.seen[0][1].conversation.messages]
    assert roles == [Role.SYSTEM, Role.USER]


async def test_responses_tool_call_round_trip(tmp_path: Path) -> None:
    call = ReleasedCall(0, "book", (Piece(PatientText('{"who":"Nimal"}')),))
    journey = _journey(Opened(MODEL, ()), call, Finished(Finish.TOOL_CALLS, Usage(3, 4), ()))
    tool = {"type": "function", "name": "book", "description": "Book", "parameters": {"type": "object"}}
    async with running(tmp_path, journey) as house, _client(house) as client:
        reply = await client.responses.create(model=MODEL, input=ASK, tools=[tool], tool_choice="required")
        made = reply.output[0]
        assert made.type == "function_call"
        history = [*ASK, made.model_dump(exclude_none=True),
                   {"type": "function_call_output", "call_id": made.call_id, "output": "done"}]  # fmt: skip
        await client.responses.create(model=MODEL, input=history, tools=[tool])
    assert json.loads(made.arguments) == {"who": "Nimal"}
    asked = house.gateway.seen[1][1].conversation.messages
    assert [m.role for m in asked] == [Role.USER, Role.ASSISTANT, Role.TOOL]
    assert asked[2].answers == 0


async def test_responses_that_need_a_memory_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(model=MODEL, input="x", previous_response_id="resp_1")
    assert refused.value.code == "unsupported_parameter"
