"""The `http` engine against real servers on loopback: each trap of such servers, and that nothing else is reached."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import pytest

from filters.parts import RedactedText
from proxy.config import ConfigError
from proxy.errors import CordonError
from proxy.workers.http_engine import HttpEngine, HttpLimits, body_of
from proxy.workers.wire import Delta, Done, Generate, ToolCallOut, Turn, TurnCall, TurnTool
from tests.kit.gateway import free_port
from tests.kit.upstream import Script, chunked, serving, sse, sse_reply

TEXT = "Mr. [NAME_1] — ශ්‍රී 😀"
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def _request(*turns: Turn, deadline_ms: int = 20_000) -> Generate:
    return Generate(
        id=3, exchange="e", caller="uid:0", messages=turns or (Turn("user", RedactedText("hello")),), tools=(),
        tool_choice="auto", stop=(), schema=None, json_mode=False, max_tokens=None, temperature=None, top_p=None,
        top_k=None, min_p=None, seed=None, presence_penalty=None, frequency_penalty=None, deadline_ms=deadline_ms,
        credits=100,
    )  # fmt: skip


def _content(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


async def _answer(
    script: Script, request: Generate | None = None, limits: HttpLimits | None = None
) -> tuple[str, Done]:
    async with serving(script) as upstream:
        return await _take(HttpEngine(upstream.base_url, "m", limits), request or _request())


async def _take(engine: HttpEngine, request: Generate) -> tuple[str, Done]:
    items = [item async for item in engine.generate(request)]
    assert isinstance(items[-1], Done)
    return "".join(i.text.reveal() for i in items if isinstance(i, Delta)), items[-1]


async def _code(script: Script, limits: HttpLimits | None = None) -> str:
    with pytest.raises(CordonError) as fault:
        await _answer(script, limits=limits)
    return fault.value.code


def _bytes(*pieces: bytes) -> Script:
    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece

    return script


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:80/v1", "http://example.org/v1", "https://127.0.0.1:80/v1", "http://127.1:80", "http://0x7f000001",
        "http://2130706433", "http://0.0.0.0:80", "http://[::]:80", "http://[::ffff:127.0.0.1]:80", "http://127.0.0.1.evil.test",
        "http://user@127.0.0.1:80", "http://127.0.0.1:80/v1?x=1", "http://127.0.0.1:99999", "http://127.0.0.1/a b", "",
        "localhost",
    ],
)  # fmt: skip
def test_only_this_computer(url: str) -> None:
    with pytest.raises(ConfigError):
        HttpEngine(url, "m")


async def test_one_character_per_event_and_done() -> None:
    text, done = await _answer(sse_reply(*map(_content, TEXT), "[DONE]"))
    assert text == TEXT
    assert (done.finish, done.code, done.completion_tokens) == ("stop", "", len(TEXT))


async def test_finish_reason_without_done_and_usage_after_it() -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    text, done = await _answer(sse_reply(_content("hi"), END, usage))
    assert (text, done.finish, done.prompt_tokens, done.completion_tokens) == ("hi", "stop", 9, 4)


async def test_a_server_that_keeps_the_connection_after_the_end() -> None:
    left = asyncio.Event()

    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        yield SSE + b"\r\n" + sse(_content("hi"), END)
        await left.wait()

    text, done = await _answer(script, limits=HttpLimits(after_end_s=0.05))
    left.set()
    assert (text, done.finish) == ("hi", "stop")


async def test_chunked_and_whole_replies() -> None:
    pieces = [sse(_content(c)) for c in TEXT]
    split = b"".join(pieces)
    text, _ = await _answer(
        _bytes(SSE + b"Transfer-Encoding: chunked\r\n\r\n", chunked(split[:7], split[7:], sse("[DONE]")))
    )
    assert text == TEXT
    whole = json.dumps({"choices": [{"message": {"content": TEXT}, "finish_reason": "length"}]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(whole)}\r\n\r\n".encode()
    text, done = await _answer(_bytes(head, whole[:9], whole[9:]))
    assert (text, done.finish) == (TEXT, "length")


async def test_the_end_of_the_connection_without_an_end_of_the_answer_is_a_loss() -> None:
    assert await _code(sse_reply(_content("hi"))) == "engine_lost"
    assert await _code(_bytes(SSE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nda")) == "engine_lost"
    assert await _code(_bytes(b"")) == "engine_lost"
    assert (
        await _code(_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"))
        == "engine_lost"
    )


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "engine_fault"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", "engine_fault"),
        (b"HTTP/1.1 429 Busy\r\n\r\n", "engine_busy"),
        (b"HTTP/1.1 503 Loading\r\n\r\n", "engine_busy"),
        (b"HTTP/1.1 400 Bad\r\n\r\n{}", "engine_fault"),
        (b'HTTP/1.1 400 Bad\r\n\r\n{"error":{"type":"exceed_context_size_error"}}', "context_length_exceeded"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", "engine_fault"),
        (SSE + b"\r\ndata: " + b"x" * (2 << 20), "engine_fault"),
        (SSE + b'\r\ndata: {"error":{"message":"no"}}\n\n', "engine_fault"),
    ],
)
async def test_other_replies_are_codes_of_ours(head: bytes, code: str) -> None:
    assert await _code(_bytes(head)) == code


async def test_a_silent_server_ends_at_the_idle_limit() -> None:
    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        yield SSE + b"\r\n" + sse(_content("hi"))
        await asyncio.Event().wait()

    assert await _code(script, HttpLimits(idle_s=0.05)) == "engine_timeout"


async def test_the_deadline_ends_an_answer_that_does_not() -> None:
    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        yield SSE + b"\r\n"
        while True:
            yield sse(_content("a"))
            await asyncio.sleep(0.01)

    text, done = await _answer(script, _request(deadline_ms=80))
    assert (done.finish, done.code) == ("deadline", "engine_timeout")
    assert set(text) <= {"a"}


async def test_nobody_there() -> None:
    engine = HttpEngine(f"http://127.0.0.1:{free_port()}", "m")
    with pytest.raises(CordonError) as down:
        await _take(engine, _request())
    assert down.value.code == "engine_unavailable"


async def test_localhost_is_not_looked_up() -> None:
    async with serving(sse_reply(_content("hi"), "[DONE]")) as upstream:
        text, _ = await _take(HttpEngine(f"http://localhost:{upstream.port}/v1", "m"), _request())
    assert text == "hi"
    assert f"\r\nHost: localhost:{upstream.port}\r\n".encode() in upstream.asked[0]


async def test_one_connection_per_request_and_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(sse_reply(_content("hi"), "[DONE]")) as upstream:
        engine = HttpEngine(upstream.base_url, "m")
        for _ in range(3):
            await _take(engine, _request())
    assert upstream.connections == 3
    assert all(asked.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n") for asked in upstream.asked)
    assert all(b"\r\nConnection: close\r\n" in asked for asked in upstream.asked)


async def test_a_port_that_is_bound_again_by_another_server_is_no_difference() -> None:
    async with serving(sse_reply(_content("one"), "[DONE]")) as first:
        engine = HttpEngine(first.base_url, "m")
        assert (await _take(engine, _request()))[0] == "one"
    with pytest.raises(CordonError):
        await _take(engine, _request())
    handled = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(SSE + b"\r\n" + sse(_content("two"), "[DONE]"))
        writer.close()

    second = await asyncio.start_server(handle, "127.0.0.1", first.port)
    assert (await _take(engine, _request()))[0] == "two"
    second.close()


async def test_leaving_closes_the_connection() -> None:
    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        yield SSE + b"\r\n"
        while True:
            yield sse(_content("a" * 1000))
            await asyncio.sleep(0)

    async with serving(script) as upstream:
        async with aclosing(HttpEngine(upstream.base_url, "m").generate(_request())) as items:
            async for _ in items:
                break
        await asyncio.wait_for(upstream.left.wait(), 5)


async def test_tool_calls() -> None:
    call = {"index": 0, "id": "x", "function": {"name": "book", "arguments": '{"a": 1}'}}
    events = (
        {"choices": [{"delta": {"tool_calls": [call]}}]},
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
    )
    tool = TurnTool("book", RedactedText("Book"), RedactedText('{"type":"object"}'))
    async with serving(sse_reply(*events)) as upstream:
        engine = HttpEngine(upstream.base_url, "m")
        items = [i async for i in engine.generate(replace(_request(), tools=(tool,), tool_choice="required"))]
    assert items[0] == ToolCallOut(3, "book", RedactedText('{"a":1}'))
    assert isinstance(items[-1], Done)
    assert items[-1].finish == "tool_calls"
    assert upstream.body()["tool_choice"] == "required"


async def test_thoughts_are_marked() -> None:
    events = ({"choices": [{"delta": {"reasoning_content": "hm"}}]}, _content("hi"), "[DONE]")
    async with serving(sse_reply(*events)) as upstream:
        items = [i async for i in HttpEngine(upstream.base_url, "m").generate(_request())]
    assert [(i.kind, i.text.reveal()) for i in items if isinstance(i, Delta)] == [("thought", "hm"), ("content", "hi")]


def test_the_body_holds_the_conversation_exactly() -> None:
    turns = (
        Turn("system", RedactedText(" keep  spaces \n")),
        Turn("developer", RedactedText("d")),
        Turn("user", RedactedText("one")),
        Turn("user", RedactedText("two")),
        Turn(
            "assistant", RedactedText(""), (TurnCall("f", RedactedText('{"a":1}')), TurnCall("g", RedactedText("{}")))
        ),
        Turn("tool", RedactedText("second"), answers=1),
        Turn("user", RedactedText("")),
    )
    body = json.loads(body_of(_request(*turns), "name"))
    assert body == {
        "model": "name",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": " keep  spaces \n"},
            {"role": "developer", "content": "d"},
            {"role": "user", "content": "one"},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "call_1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ]},
            {"role": "tool", "content": "second", "tool_call_id": "call_1"},
            {"role": "user", "content": ""},
        ],
    }  # fmt: skip


def test_numbers_stops_and_formats_are_passed_on_only_if_given() -> None:
    given = replace(
        _request(),
        max_tokens=5,
        temperature=0.0,
        seed=0,
        stop=(RedactedText("END"),),
        schema=RedactedText('{"type":"object"}'),
    )
    body = json.loads(body_of(given, "m"))
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stop"]) == (5, 0.0, 0, ["END"])
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "top_p" not in body
    assert "tools" not in body
    assert json.loads(body_of(replace(_request(), json_mode=True), "m"))["response_format"] == {"type": "json_object"}
    with pytest.raises(CordonError):
        body_of(replace(_request(), schema=RedactedText("{")), "m")
