"""The official `ollama` client, unchanged, against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import httpx
import ollama
import pytest

from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects.ollama_models import API_LEVEL
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
    Usage,
    Withheld,
)
from tests.kit.gateway import MODEL, Journey, Running, released, running

TEXT = "Summarise the note of Nimal Perera"
ASK = [{"role": "user", "content": TEXT}]
USAGE = Usage(7, 6, 0, 20, 300, 1_500)


def _host(house: Running) -> str:
    return f"http://127.0.0.1:{house.port}"


def _client(house: Running, token: str | None = None):
    return ollama.AsyncClient(_host(house), headers={"Authorization": f"Bearer {token or house.token}"})


def _journey(*events: Event) -> Journey:
    async def run(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        for event in events:
            await asyncio.sleep(0)
            yield event

    return run


async def _read_all(client, *, stream: bool) -> None:
    """Take an answer to its end: some refusals come with the first line."""
    reply = await client.chat(MODEL, ASK, stream=stream)
    if stream:
        [part async for part in reply]


def book(who: str) -> str:
    """Book a bed.

    Args:
        who: for whom
    """
    return f"booked for {who}"


async def test_whole_chat(tmp_path: Path) -> None:
    journey = _journey(Opened(MODEL, ()), released("She is well."), Finished(Finish.STOP, USAGE, ("name",)))
    async with running(tmp_path, journey) as house, _client(house) as client:
        reply = await client.chat(MODEL, ASK)
    assert (reply.model, reply.message.role, reply.message.content) == (MODEL, "assistant", "She is well.")
    assert (reply.done, reply.done_reason) == (True, "stop")
    assert (reply.prompt_eval_count, reply.eval_count) == (7, 6)
    assert (reply.prompt_eval_duration, reply.eval_duration) == (20_000_000, 300_000_000)
    assert (reply.total_duration, reply.load_duration) == (1_500_000_000, 0)
    exchange, prompt = house.gateway.seen[0]
    assert (exchange.dialect, exchange.stream) == ("ollama", False)
    assert prompt.conversation.messages[0].content.reveal() == TEXT


async def test_streamed_chat(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        parts = [part async for part in await client.chat(MODEL, ASK, stream=True)]
    assert "".join(part.message.content or "" for part in parts) == TEXT
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].done_reason == "stop"
    assert parts[-1].eval_count == 6
    assert house.gateway.seen[0][0].stream


@pytest.mark.parametrize("stream", [False, True])
async def test_generate(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        reply = await client.generate(MODEL, TEXT, system="be brief", stream=stream)
        text = "".join([part.response async for part in reply]) if stream else reply.response
    assert text == TEXT
    messages = house.gateway.seen[0][1].conversation.messages
    assert [(m.role, m.content.reveal()) for m in messages] == [(Role.SYSTEM, "be brief"), (Role.USER, TEXT)]


async def test_options_and_format_arrive(tmp_path: Path) -> None:
    options = ollama.Options(
        temperature=0.5, top_p=0.9, top_k=40, seed=7, num_predict=30, stop=["END"], num_ctx=8192, num_gpu=1
    )
    schema = {"type": "object", "properties": {"beds": {"type": "integer"}}}
    async with running(tmp_path) as house, _client(house) as client:
        await client.chat(MODEL, ASK, options=options, format=schema, keep_alive="5m")
        await client.generate(MODEL, TEXT, options={"min_p": 0.05}, format="json", think=False)
    (_, chat), (_, generate) = house.gateway.seen
    sampling = chat.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == (0.5, 0.9, 40)
    assert (sampling.seed, sampling.max_tokens) == (7, 30)
    assert chat.conversation.stop == (PatientText("END"),)
    assert chat.conversation.schema == PatientText('{"type":"object","properties":{"beds":{"type":"integer"}}}')
    assert (generate.sampling.min_p, generate.sampling.json_mode) == (0.05, True)


async def test_tool_call_round_trip(tmp_path: Path) -> None:
    call = ReleasedCall(0, "book", (Piece(PatientText('{"who":"Nimal"}')),))
    journey = _journey(Opened(MODEL, ()), call, Finished(Finish.TOOL_CALLS, Usage(3, 4), ()))
    async with running(tmp_path, journey) as house, _client(house) as client:
        reply = await client.chat(MODEL, ASK, tools=[book])
        made = reply.message.tool_calls[0].function
        result = {"role": "tool", "tool_name": made.name, "content": book(**made.arguments)}
        await client.chat(MODEL, [*ASK, reply.message, result], tools=[book])
        parts = [part async for part in await client.chat(MODEL, ASK, tools=[book], stream=True)]
    assert (made.name, made.arguments) == ("book", {"who": "Nimal"})
    assert [p.message.tool_calls[0].function.arguments for p in parts if p.message.tool_calls] == [{"who": "Nimal"}]
    tool = house.gateway.seen[0][1].conversation.tools[0]
    assert (tool.name, tool.description) == ("book", PatientText("Book a bed."))
    asked = house.gateway.seen[1][1].conversation.messages
    assert [m.role for m in asked] == [Role.USER, Role.ASSISTANT, Role.TOOL]
    assert (asked[2].answers, asked[2].content.reveal()) == (0, "booked for Nimal")


async def test_models(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        listed, loaded, shown = await client.list(), await client.ps(), await client.show(f"{MODEL}:latest")
        with pytest.raises(ollama.ResponseError) as missing:
            await client.show("llama3")
    assert [model.model for model in listed.models] == [model.model for model in loaded.models] == [MODEL, "clinic"]
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo["general.architecture"]
    assert (shown.modelfile, shown.template) == (None, None)
    assert missing.value.status_code == 404
    assert "/api/tags" in missing.value.error


async def test_an_unknown_model_is_404(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as missing:
            await client.chat("llama3", ASK)
    assert missing.value.status_code == 404
    assert not house.gateway.seen


MANAGING: dict[str, Callable[..., object]] = {
    "pull": lambda client: client.pull("llama3"),
    "push": lambda client: client.push("llama3"),
    "create": lambda client: client.create("mine", from_=MODEL),
    "copy": lambda client: client.copy(MODEL, "mine"),
    "embed": lambda client: client.embed(MODEL, TEXT),
}


@pytest.mark.parametrize("name", MANAGING)
async def test_no_address_manages_models(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as missing:
            await MANAGING[name](client)  # type: ignore[misc] # a coroutine of the client
    assert missing.value.status_code == 404


async def test_wrong_key_shows_our_sentence(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house, "cordon_wrong") as client:
        with pytest.raises(ollama.ResponseError) as refused:
            await client.chat(MODEL, ASK, stream=False)
    assert refused.value.status_code == 401
    assert "cordon token create" in refused.value.error
    assert not house.gateway.seen


UNDOABLE = ({"logprobs": True}, {"raw": True}, {"suffix": "x"}, {"context": [1]})


@pytest.mark.parametrize("more", UNDOABLE)
async def test_what_cannot_be_done_is_400(tmp_path: Path, more: dict[str, object]) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as refused:
            await client.generate(MODEL, TEXT, **more)
    assert refused.value.status_code == 400
    assert "Remove the parameter" in refused.value.error


async def test_image_is_422(tmp_path: Path) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as chat:
            await client.chat(MODEL, [{"role": "user", "content": "look", "images": [b"\x89PNG"]}])
        with pytest.raises(ollama.ResponseError) as generate:
            await client.generate(MODEL, TEXT, images=[b"\x89PNG"])
    assert (chat.value.status_code, generate.value.status_code) == (422, 422)
    assert [code for _, code in house.gateway.refused] == ["content_not_inspectable"] * 2


@pytest.mark.parametrize("stream", [False, True])
async def test_refused_prompt_is_400_streamed_or_not(tmp_path: Path, stream: bool) -> None:
    journey = _journey(Refused("prompt_refused", "dangerous_content"))
    async with running(tmp_path, journey) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as refused:
            await _read_all(client, stream=stream)
    assert refused.value.status_code == 400


async def test_withheld_answer_is_a_content_filter(tmp_path: Path) -> None:
    events = (Opened(MODEL, ()), released("first part"), Withheld("response_refused", "harassment"))
    async with running(tmp_path, _journey(*events)) as house, _client(house) as client:
        whole = await client.chat(MODEL, ASK)
        parts = [part async for part in await client.chat(MODEL, ASK, stream=True)]
    assert (whole.done_reason, whole.message.content) == ("content_filter", "")
    assert (parts[-1].done, parts[-1].done_reason) == (True, "content_filter")
    assert [part.done for part in parts].count(True) == 1


async def test_fault_in_the_middle_raises_in_the_client(tmp_path: Path) -> None:
    events = (Opened(MODEL, ()), released("first part"), Broken("engine_lost"))
    async with running(tmp_path, _journey(*events)) as house, _client(house) as client:
        with pytest.raises(ollama.ResponseError) as broken:
            await _read_all(client, stream=True)
        with pytest.raises(ollama.ResponseError) as whole:
            await client.chat(MODEL, ASK)
    assert "stopped in the middle" in broken.value.error
    assert whole.value.status_code == 503


async def test_synchronous_client_in_a_thread(tmp_path: Path) -> None:
    def ask(host: str, token: str) -> str | None:
        with ollama.Client(host, headers={"Authorization": f"Bearer {token}"}) as client:
            return client.chat(MODEL, ASK).message.content

    async with running(tmp_path) as house:
        assert await asyncio.to_thread(ask, _host(house), house.token) == TEXT


async def test_the_key_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as house:
        monkeypatch.setenv("OLLAMA_API_KEY", house.token)
        monkeypatch.setenv("OLLAMA_HOST", _host(house))
        async with ollama.AsyncClient() as client:
            assert (await client.chat(MODEL, ASK)).message.content == TEXT


async def test_unix_socket_needs_no_token(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        transport = httpx.AsyncHTTPTransport(uds=str(house.api))
        async with ollama.AsyncClient("http://localhost", transport=transport) as client:
            assert (await client.chat(MODEL, ASK)).message.content == TEXT


async def test_bare_addresses(tmp_path: Path) -> None:
    """What programs without the client look at: who is there, which level, lines without being asked to stream."""
    async with running(tmp_path) as house:
        headers = {"Authorization": f"Bearer {house.token}"}
        async with httpx.AsyncClient(base_url=_host(house), headers=headers) as http:
            there, head, level = await http.get("/"), await http.head("/"), await http.get("/api/version")
            lines = await http.post("/api/chat", json={"model": MODEL, "messages": ASK})
            wrong = await http.post("/", json={})
            wrong_type = await http.post("/api/show", content=b"{}", headers={"Content-Type": "text/plain"})
            nobody = await http.get("/", headers={"Authorization": ""})
    assert (there.text, head.status_code, head.text) == ("Cordon instead of Ollama is running", 200, "")
    assert there.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert level.json() == {"version": API_LEVEL}
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert len(lines.text.splitlines()) == 7
    assert [(r.status_code, r.json()["code"]) for r in (wrong, wrong_type, nobody)] == [
        (405, "method_not_allowed"), (415, "content_type"), (401, "token_missing"),
    ]  # fmt: skip
    assert all(set(r.json()) == {"error", "code", "request_id"} for r in (wrong, wrong_type, nobody))


async def test_a_web_page_is_no_caller(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        headers = {"Authorization": f"Bearer {house.token}", "Origin": "http://127.0.0.1:3000"}
        async with httpx.AsyncClient(base_url=_host(house), headers=headers) as http:
            refused = await http.post("/api/chat", json={"model": MODEL, "messages": ASK})
    assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")
    assert not any(name.lower().startswith("access-control") for name in refused.headers)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_that_only_loads_a_model_is_answered_and_asks_nobody(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path) as house, _client(house) as client:
        generated = await client.generate(MODEL, "", system="be brief", keep_alive="5m", stream=stream)
        chatted = await client.chat(f"{MODEL}:latest", [], stream=stream)
        replies = [[part async for part in reply][-1] if stream else reply for reply in (generated, chatted)]
        with pytest.raises(ollama.ResponseError) as unknown:
            await client.generate("another", "")
        with pytest.raises(ollama.ResponseError) as past:
            await client.generate(MODEL, "", template="{{ .Prompt }}")
    assert [(r.model, r.done, r.done_reason) for r in replies] == [(MODEL, True, "load")] * 2
    assert house.gateway.seen == []
    assert (unknown.value.status_code, past.value.status_code) == (404, 400)
