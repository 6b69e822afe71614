"""The process of the `http` engine over a real socket pair: the same protocol as the embedded engine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from filters.parts import RedactedText
from proxy.workers.http_engine import HttpEngine
from proxy.workers.http_service import HttpService
from proxy.workers.wire import (
    Cancel,
    Credit,
    Delta,
    Done,
    EndExchange,
    Failed,
    Generate,
    Hello,
    Locked,
    Message,
    Probe,
    Reader,
    Score,
    Turn,
    encode,
)
from tests.kit.upstream import Script, Upstream, serving, sse, sse_reply

REQUEST = Generate(
    id=1, exchange="e", caller="uid:0", messages=(Turn("user", RedactedText("hello")),), tools=(), tool_choice="auto",
    stop=(), schema=None, json_mode=False, max_tokens=None, temperature=None, top_p=None, top_k=None, min_p=None,
    seed=None,
    presence_penalty=None, frequency_penalty=None, deadline_ms=20_000, credits=100,
)  # fmt: skip


def _content(text: str) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}]}


async def _endless(request: bytes) -> AsyncGenerator[bytes, None]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    while True:
        yield sse(_content("a"))
        await asyncio.sleep(0)


class _Gateway:
    """The other end of the link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: Upstream) -> None:
        self._reader, self._writer, self.upstream = reader, writer, upstream
        self._frames = Reader()
        self._waiting: list[Message] = []

    def send(self, *messages: Message) -> None:
        for message in messages:
            self._writer.write(encode(message))

    async def next(self) -> Message:
        while not self._waiting:
            data = await asyncio.wait_for(self._reader.read(65536), 5)
            assert data, "the service closed the link"
            self._waiting += self._frames.feed(data)
        return self._waiting.pop(0)

    async def until_end(self, request_id: int) -> list[Message]:
        got = [await self.next()]
        while not (isinstance(got[-1], Done | Failed) and got[-1].id == request_id):
            got.append(await self.next())
        return got

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def _linked(script: Script) -> AsyncIterator[_Gateway]:
    ours, theirs = socket.socketpair()
    async with serving(script) as upstream:
        service = HttpService(HttpEngine(upstream.base_url, "m"), "m", lambda: '{"seccomp":2}')
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(service.serve(theirs))
            gateway = _Gateway(*await asyncio.open_connection(sock=ours), upstream)
            assert await gateway.next() == Locked('{"seccomp":2}')
            hello = await gateway.next()
            assert isinstance(hello, Hello)
            assert [(m.role, m.id, m.arch) for m in hello.models] == [("answer", "m", "http")]
            yield gateway
            gateway.close()  # the service ends with its link


async def test_an_answer() -> None:
    async with _linked(sse_reply(*map(_content, "hello"), "[DONE]")) as gateway:
        gateway.send(REQUEST)
        got = await gateway.until_end(1)
    assert "".join(m.text.reveal() for m in got if isinstance(m, Delta)) == "hello"
    assert isinstance(got[-1], Done)
    assert got[-1].finish == "stop"


async def test_without_credit_nothing_more_is_sent() -> None:
    async with _linked(_endless) as gateway:
        gateway.send(replace(REQUEST, credits=16))
        first = [await gateway.next() for _ in range(16)]
        gateway.send(Probe(0))
        assert isinstance(await gateway.next(), Locked)  # the link is alive, the answer waits
        gateway.send(Credit(1, 3))
        more = [await gateway.next() for _ in range(3)]
        gateway.send(Cancel(1))
        got = await gateway.until_end(1)
        await asyncio.wait_for(gateway.upstream.left.wait(), 5)
    assert all(isinstance(m, Delta) for m in [*first, *more])
    assert isinstance(got[-1], Done)
    assert (len(got), got[-1].finish) == (1, "cancelled")


async def test_two_answers_at_once_and_one_cancelled() -> None:
    async with _linked(_endless) as gateway:
        gateway.send(replace(REQUEST, credits=2), replace(REQUEST, id=2, credits=2))
        got = [await gateway.next() for _ in range(4)]
        gateway.send(Cancel(2))
        assert len(await gateway.until_end(2)) == 1
        gateway.send(Credit(1, 1))
        last = await gateway.next()
    assert sorted(m.id for m in got if isinstance(m, Delta)) == [1, 1, 2, 2]
    assert isinstance(last, Delta)
    assert last.id == 1


async def test_a_deadline_also_ends_an_answer_without_credit() -> None:
    async with _linked(_endless) as gateway:
        gateway.send(replace(REQUEST, credits=1, deadline_ms=100))
        got = await gateway.until_end(1)
    assert isinstance(got[-1], Done)
    assert (got[-1].finish, got[-1].code) == ("deadline", "engine_timeout")


async def test_faults_are_codes_and_the_service_goes_on() -> None:
    async with _linked(sse_reply(_content("h"))) as gateway:
        gateway.send(REQUEST)
        assert (await gateway.until_end(1))[-1] == Failed(1, "engine_lost")
        gateway.send(Score(2, "e", (), (), ("Yes", "No"), 1000), EndExchange("e"), Cancel(77), Credit(77, 1))
        assert await gateway.next() == Failed(2, "guard_unavailable")


async def test_closing_the_link_ends_open_answers() -> None:
    async with _linked(_endless) as gateway:
        gateway.send(REQUEST)
        await gateway.next()
    await asyncio.wait_for(gateway.upstream.left.wait(), 5)
