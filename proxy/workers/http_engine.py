"""The `http` engine: answers by a server that the user already runs on this computer (llama-server, Ollama, vLLM).

    gateway --Generate, Credit, Cancel--> this process --one POST--> 127.0.0.1 --events--> Delta, ToolCallOut, Done

Law: the address is a literal of this computer; a name is never looked up. One connection per request, no pool, no
repeat, no redirect, no proxy, no environment, no probe. The body is built here from the request and holds nothing else:
no message is added, folded or trimmed. That server is a second process outside the cordon, and the log says so.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from proxy.config import ConfigError, check_loopback_url
from proxy.errors import CordonError
from proxy.workers.http_events import AnswerReader, Event, LineReader, object_of
from proxy.workers.http_reply import ReplyHead, ReplyParser
from proxy.workers.wire import Delta, Done, Generate, ToolCallOut, Turn, TurnTool

__all__ = ["HttpEngine", "HttpLimits", "body_of"]

_CHUNK = 1 << 16
_PATH = re.compile(r"(?:/[A-Za-z0-9._~%\-]+)*")
_LOCALHOST = ("127.0.0.1", "::1")
"""`localhost` without a look-up (RFC 6761 section 6.3): the first of these that listens."""
_MAX_REPLY = 8 << 20
"""Of a reply that is not streamed."""
_CONTEXT_MARKS = (b"exceed_context_size", b"context_length_exceeded", b"maximum context length")

Item = Delta | ToolCallOut | Done


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Times of one request. `after_end_s`: how long the usage may lag behind the finish reason."""

    connect_s: float = 5
    idle_s: float = 60
    after_end_s: float = 2


class HttpEngine:
    """Generates by POST to `base_url`/chat/completions."""

    def __init__(self, base_url: str, model: str, limits: HttpLimits | None = None) -> None:
        """Check the address. Raises ConfigError unless it is one of this computer."""
        host, self._port, self._path = check_loopback_url(base_url)
        if not _PATH.fullmatch(self._path):
            raise ConfigError("engine.base_url has a path that is not plain; nothing was started")
        self._addresses = _LOCALHOST if host == "localhost" else (host,)
        self._host = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        self._model = model
        self._limits = limits or HttpLimits()

    async def generate(self, request: Generate) -> AsyncGenerator[Item, None]:
        """Stream the answer, then one `Done`. Raises CordonError with a code of the engine."""
        clock = _Clock(request.deadline_ms)
        answer = AnswerReader(request.id, frozenset(tool.name for tool in request.tools))
        first_s: float | None = None
        try:
            async with aclosing(self._deltas(request, answer, clock)) as deltas:
                async for delta in deltas:
                    first_s = clock.spent_s() if first_s is None else first_s
                    yield delta
            rest, finish = answer.finish()
            for item in rest:
                yield item
        except _DeadlineError:
            finish = "deadline"
        prompt_s = clock.spent_s() if first_s is None else first_s
        yield Done(
            request.id, finish, "engine_timeout" if finish == "deadline" else "", answer.prompt_tokens,
            answer.completion_tokens or answer.pieces, answer.cached_tokens, int(prompt_s * 1000),
            int((clock.spent_s() - prompt_s) * 1000), answer.thought_tokens,
        )  # fmt: skip

    async def _deltas(self, request: Generate, answer: AnswerReader, clock: _Clock) -> AsyncGenerator[Delta, None]:
        """One connection: send, read until the server has ended the answer."""
        connection = _Connection(*await self._connect(clock), clock, self._limits.idle_s)
        try:
            head = await connection.ask(self._request(body_of(request, self._model)))
            if head.status != 200:
                raise CordonError(await _refusal(connection, head.status))
            streamed = "json" not in head.content_type
            async with aclosing(_streamed(connection) if streamed else _whole(connection)) as events:
                async for event in events:
                    for delta in answer.feed(event):
                        yield delta
                    if answer.complete:  # only a moment more, for the usage
                        connection.idle_s, connection.may_end = self._limits.after_end_s, True
        finally:
            connection.abort()  # also when the caller has left: that server must notice at once

    async def _connect(self, clock: _Clock) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for address in self._addresses:
            with suppress(OSError):
                async with clock.within(self._limits.connect_s, "engine_unavailable"):
                    return await asyncio.open_connection(address, self._port)
        raise CordonError("engine_unavailable")

    def _request(self, body: bytes) -> bytes:
        head = (
            f"POST {self._path}/chat/completions HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: cordon\r\n"
            "Content-Type: application/json\r\nAccept: text/event-stream, application/json\r\n"
            f"Accept-Encoding: identity\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body


class _DeadlineError(Exception):
    """The time of the whole exchange is over."""


class _Clock:
    """The deadline of one request, and shorter waits within it."""

    def __init__(self, deadline_ms: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._until = self._began + deadline_ms / 1000

    def spent_s(self) -> float:
        """Seconds since the request came."""
        return self._loop.time() - self._began

    @asynccontextmanager
    async def within(self, seconds: float, code: str) -> AsyncGenerator[None, None]:
        """Bound one wait: CordonError `code`, or _DeadlineError if the whole time is over first."""
        until = min(self._until, self._loop.time() + seconds)
        try:
            async with asyncio.timeout_at(until):
                yield
        except TimeoutError:
            if until >= self._until:
                raise _DeadlineError from None
            raise CordonError(code) from None


class _Connection:
    """One request and its reply. `may_end`: the answer is complete, so an end of any kind is no loss."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: _Clock, idle_s: float
    ) -> None:
        self._reader, self._writer, self._clock = reader, writer, clock
        self._reply = ReplyParser()
        self._first = b""
        self.idle_s, self.may_end = idle_s, False

    async def ask(self, request: bytes) -> ReplyHead:
        """Send, and wait for the head of the reply."""
        with suppress(ConnectionError):  # a server may answer and close before it has read everything
            async with self._clock.within(self.idle_s, "engine_timeout"):
                self._writer.write(request)
                await self._writer.drain()
        while self._reply.head is None:
            self._first = self._reply.feed(await self._read())
        return self._reply.head

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the body until it ends. Raises CordonError `engine_lost` or `engine_timeout`."""
        yield self._first
        while not self._reply.done:
            try:
                data = await self._read()
            except (CordonError, _DeadlineError):
                if self.may_end:
                    return
                raise
            if not data:
                return
            yield self._reply.feed(data)

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def _read(self) -> bytes:
        """The next bytes, or none at an end that the framing allows."""
        try:
            async with self._clock.within(self.idle_s, "engine_timeout"):
                data = await self._reader.read(_CHUNK)
        except OSError:
            raise CordonError("engine_lost") from None
        if not data:
            self._reply.finish()
        return data


async def _streamed(connection: _Connection) -> AsyncGenerator[Event, None]:
    """Events as they come, up to `[DONE]` or the end of the body."""
    lines = LineReader()
    async with aclosing(connection.body()) as pieces:
        async for piece in pieces:
            for event in lines.feed(piece):
                yield event
                if event is None:
                    return
    for event in lines.finish():
        yield event


async def _whole(connection: _Connection) -> AsyncGenerator[Event, None]:
    """The one event of a reply that is not streamed."""
    yield object_of(await _read_all(connection, _MAX_REPLY))
    yield None


async def _read_all(connection: _Connection, limit: int) -> bytes:
    body = bytearray()
    async with aclosing(connection.body()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > limit:
                raise CordonError("engine_fault")
    return bytes(body)


async def _refusal(connection: _Connection, status: int) -> str:
    """The code for another status than 200; of its body only known marks are looked at."""
    if status in (429, 503):
        return "engine_busy"
    if status not in (400, 413):
        return "engine_fault"  # 3xx too: a redirect is not followed
    body = await _read_all(connection, _MAX_REPLY)
    return "context_length_exceeded" if any(mark in body for mark in _CONTEXT_MARKS) else "engine_fault"


def body_of(request: Generate, model: str) -> bytes:
    """The body of the POST: the conversation exactly, and the numbers that were given."""
    calls = iter(range(1 << 30))
    body: dict[str, object] = {
        "model": model,
        "messages": [_turn(turn, calls) for turn in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    for name in (
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    ):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.thinking:  # two names for it: that of llama-server and vLLM, and that of Ollama
        body |= {"chat_template_kwargs": {"enable_thinking": True}, "reasoning_effort": "medium"}
    if request.stop:
        body["stop"] = [text.reveal() for text in request.stop]
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        body["tool_choice"] = request.tool_choice
    if request.schema is not None:
        form = {"name": "answer", "strict": True, "schema": _json(request.schema.reveal())}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    elif request.json_mode:
        body["response_format"] = {"type": "json_object"}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _turn(turn: Turn, calls: Iterator[int]) -> dict[str, object]:
    message: dict[str, object] = {"role": turn.role, "content": turn.content.reveal()}
    if turn.tool_calls:
        # The ids are ours: positions over the whole history, which `answers` names.
        message["tool_calls"] = [
            {
                "id": f"call_{next(calls)}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments.reveal()},
            }
            for call in turn.tool_calls
        ]
    if turn.answers is not None:
        message["tool_call_id"] = f"call_{turn.answers}"
    return message


def _tool(tool: TurnTool) -> dict[str, object]:
    function = {
        "name": tool.name, "description": tool.description.reveal(), "parameters": _json(tool.parameters.reveal()),
    }  # fmt: skip
    return {"type": "function", "function": function}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise CordonError("engine_fault") from None
