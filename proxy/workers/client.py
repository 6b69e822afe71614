"""The gateway's side of the worker links: one `Link` per worker, and what the pipeline calls.

Law: every wait has a limit; when a worker is lost, all that waited for it gets the code of that loss, and the link
works again as soon as the supervisor hands over the socket of the replacement. A caller who leaves cancels the work.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from filters.findings import Finding, Found
from filters.parts import Part, PatientText, RedactedText
from proxy.errors import CordonError
from proxy.exchange import Cleared, Conversation, Exchange
from proxy.workers.admission import FairQueue
from proxy.workers.wire import (
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
    Message,
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
)  # fmt: skip

__all__ = ["AnalystClient", "EngineClient", "Link"]

_R = TypeVar("_R")
_CHUNK = 1 << 16
_CREDITS = 512
"""Tokens the engine may be ahead of what was judged: two windows of the largest size."""


class Link:
    """A worker as the gateway sees it: messages out, messages back by request id."""

    def __init__(self, lost_code: str, down_code: str) -> None:
        self._lost_code, self._down_code = lost_code, down_code
        self._writer: asyncio.StreamWriter | None = None
        self._inboxes: dict[int, asyncio.Queue[Message | None]] = {}
        self._next = 0
        self.hello: Hello | None = None
        self.facts: str = ""
        self._changed = asyncio.Event()

    @property
    def up(self) -> bool:
        """Whether the worker has said Hello and is connected."""
        return self._writer is not None and self.hello is not None

    async def wait_up(self) -> None:
        """Return when the worker is ready."""
        while not self.up:
            self._changed.clear()
            await self._changed.wait()

    async def serve(self, sock: socket.socket) -> None:
        """Read messages of one worker process until its socket closes."""
        reader, writer = await asyncio.open_connection(sock=sock)
        frames = Reader()
        self._writer, self.hello, self.facts = writer, None, ""
        try:
            while data := await reader.read(_CHUNK):
                for message in frames.feed(data):
                    self._dispatch(message)
        except (WireError, ConnectionError):
            pass  # a worker that breaks the protocol counts as lost; the supervisor replaces it
        finally:
            writer.close()
            if self._writer is writer:  # a replacement may be connected already
                self._writer, self.hello = None, None
            for inbox in self._inboxes.values():
                inbox.put_nowait(None)

    def _dispatch(self, message: Message) -> None:
        if isinstance(message, Hello):
            self.hello = message
            self._changed.set()
        elif isinstance(message, Locked):
            self.facts = message.facts
            if (inbox := self._inboxes.get(0)) is not None:
                inbox.put_nowait(message)
        elif (inbox := self._inboxes.get(getattr(message, "id", 0))) is not None:
            inbox.put_nowait(message)

    def send(self, message: Message) -> None:
        """Queue a message; raises CordonError when the worker is down."""
        if self._writer is None:
            raise CordonError(self._down_code)
        self._writer.write(encode(message))

    @asynccontextmanager
    async def conversation(self, first: Callable[[int], Message]) -> AsyncGenerator[_Talk, None]:
        """Open an exchange of messages under a fresh id; the inbox is gone at the end."""
        if not self.up:
            raise CordonError(self._down_code)
        self._next += 1
        talk = _Talk(self, self._next, self._lost_code)
        self._inboxes[talk.id] = talk.inbox
        try:
            self.send(first(talk.id))
            yield talk
        finally:
            del self._inboxes[talk.id]

    def close(self) -> None:
        """Hang up; the worker ends with its link."""
        if self._writer is not None:
            self._writer.close()

    async def probe(self, timeout_s: float) -> str:
        """Ask for the process facts again."""
        inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._inboxes[0] = inbox
        try:
            self.send(Probe(0))
            async with asyncio.timeout(timeout_s):
                answer = await inbox.get()
        finally:
            self._inboxes.pop(0, None)
        if not isinstance(answer, Locked):
            raise CordonError(self._lost_code)
        return answer.facts


class _Talk:
    """One request to a worker and its answers."""

    def __init__(self, link: Link, talk_id: int, lost_code: str) -> None:
        self.id = talk_id
        self.inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._link, self._lost_code = link, lost_code

    async def next(self) -> Message:
        """The next answer; `Failed` and a lost worker are raised as CordonError."""
        message = await self.inbox.get()
        if message is None:
            raise CordonError(self._lost_code)
        if isinstance(message, Failed):
            raise CordonError(message.code)
        return message

    def send(self, message: Message) -> None:
        self._link.send(message)


@dataclass(frozen=True, slots=True)
class AnalystClient:
    """`AnalystRoom` over a link. `kill` asks the supervisor to replace an analyst that hangs."""

    link: Link
    switches: str
    kill: Callable[[], None]

    async def find(self, exchange: Exchange, parts: Sequence[Part], marked: Sequence[PatientText]) -> Found:
        """Find identifiers; a limit of 2 s and 1 s per 10,000 characters."""
        wire = tuple(WirePart(p.role, p.form.value, p.text) for p in parts)
        limit_s = 2 + sum(len(p.text) for p in parts) / 10_000
        reply = await self._call(
            lambda i: Find(i, exchange.caller.id, wire, tuple(marked), self.switches), FoundParts, limit_s
        )
        if len(reply.parts) != len(parts):
            raise CordonError("analyst_fault")
        return Found(reply.parts, reply.kept, tuple(s.reveal() for s in reply.spread))

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Find identifiers in a window of an answer."""
        del exchange
        reply = await self._call(lambda i: Look(i, window, self.switches), Looked, 2 + len(window) / 10_000)
        return reply.findings

    async def _call(self, make: Callable[[int], Message], kind: type[_R], limit_s: float) -> _R:
        try:
            async with asyncio.timeout(limit_s), self.link.conversation(make) as talk:
                reply = await talk.next()
        except TimeoutError:
            self.kill()
            raise CordonError("analyst_timeout") from None
        if not isinstance(reply, kind):
            raise CordonError("analyst_fault")
        return reply


class EngineClient:
    """`EngineRoom` over a link, with the queue in front of it."""

    def __init__(self, link: Link, guard_link: Link, queue: FairQueue, *, now_s: Callable[[], float]) -> None:
        self._link, self._guard_link, self._queue, self._now_s = link, guard_link, queue, now_s
        self._turns: dict[int, asyncio.Event] = {}

    def model(self) -> ModelInfo:
        """The model that answers; raises CordonError while the engine is down."""
        for model in self._link.hello.models if self._link.hello else ():
            if model.role == "answer":
                return model
        raise CordonError("engine_unavailable")

    async def check(self, exchange: Exchange, conversation: Conversation[RedactedText]) -> None:
        """Refuse early when the engine is down or the line is full."""
        del conversation
        if not self._link.up:
            raise CordonError("engine_unavailable", retry_after_s=5)
        self._queue.check(exchange.caller.id)

    async def generate(self, exchange: Exchange, cleared: Cleared) -> AsyncGenerator[Delta | ToolCallOut | Done, None]:
        """Wait for a place, then stream. Leaving early cancels the generation."""
        caller = exchange.caller.id
        await self._wait_turn(caller, exchange)
        began, finished = self._now_s(), False
        left_ms = self._left_ms(exchange)
        try:
            async with self._link.conversation(lambda i: _generate(i, exchange, cleared, left_ms)) as talk:
                try:
                    while not finished:
                        message = await talk.next()
                        finished = isinstance(message, Done)
                        if isinstance(message, Delta | ToolCallOut | Done):
                            yield message
                        if isinstance(message, Delta):
                            talk.send(Credit(talk.id, message.tokens))
                finally:
                    if not finished and self._link.up:
                        talk.send(Cancel(talk.id))
        finally:
            self._queue.done(caller, self._now_s() - began)
            self._wake()

    async def score(self, make: Callable[[int], Score], limit_s: float) -> Scored:
        """Ask the guard for logits; raises CordonError (`guard_...`, `too_long`)."""
        try:
            async with asyncio.timeout(limit_s), self._guard_link.conversation(make) as talk:
                reply = await self._scored(talk)
        except TimeoutError:
            raise CordonError("guard_timeout") from None
        except CordonError as error:
            raise CordonError(_GUARD_CODES.get(error.code, error.code)) from None
        if not isinstance(reply, Scored):
            raise CordonError("guard_missing")
        return reply

    async def _scored(self, talk: _Talk) -> Message:
        """Wait for a score; leaving early cancels it, or the engine would go on reading what nobody asks any more."""
        answered = False
        try:
            reply = await talk.next()
            answered = True
        finally:
            if not answered and self._guard_link.up:
                talk.send(Cancel(talk.id))
        return reply

    def guard_speed(self) -> float:
        """Prompt tokens per second of the guard as measured at start; 0 while unknown."""
        models = self._guard_link.hello.models if self._guard_link.hello else ()
        return next((m.prompt_tokens_per_s for m in models if m.role == "guard"), 0.0)

    def end(self, exchange: Exchange) -> None:
        """Drop what the guard keeps for an exchange."""
        if self._guard_link.up:
            self._guard_link.send(EndExchange(exchange.id))

    def forget(self, kid: str) -> None:
        """A token has ended: drop what the engine keeps of its caller."""
        if self._link.up:
            self._link.send(Forget(kid))

    def _left_ms(self, exchange: Exchange) -> int:
        return max(1, exchange.deadline_ms - (int(self._now_s() * 1000) - exchange.started_ms))

    async def _wait_turn(self, caller: str, exchange: Exchange) -> None:
        ticket = self._queue.join(caller)
        self._turns[ticket] = turn = asyncio.Event()
        self._wake()
        try:
            async with asyncio.timeout(self._left_ms(exchange) / 1000):
                await turn.wait()
        except TimeoutError:
            self._abandon(caller, ticket, turn)
            raise CordonError("engine_timeout") from None
        except asyncio.CancelledError:
            self._abandon(caller, ticket, turn)
            raise
        finally:
            self._turns.pop(ticket, None)

    def _abandon(self, caller: str, ticket: int, turn: asyncio.Event) -> None:
        if turn.is_set():  # admitted in the same moment: give the place back
            self._queue.done(caller, self._queue.mean_s)
            self._wake()
        else:
            self._queue.leave(caller, ticket)

    def _wake(self) -> None:
        while (admitted := self._queue.admit()) is not None:
            self._turns[admitted[1]].set()


_GUARD_CODES = {"engine_lost": "guard_unavailable", "engine_unavailable": "guard_unavailable"}


def _generate(talk_id: int, exchange: Exchange, cleared: Cleared, left_ms: int) -> Generate:
    c, s = cleared.conversation, cleared.sampling
    turns = tuple(
        Turn(
            m.role.value, m.content, tuple(TurnCall(t.name, t.arguments) for t in m.tool_calls), m.answers, m.reasoning
        )
        for m in c.messages
    )
    tools = tuple(TurnTool(t.name, t.description, t.parameters) for t in c.tools)
    return Generate(
        talk_id, exchange.id, exchange.caller.id, turns, tools, s.tool_choice.value, c.stop, c.schema, s.json_mode,
        s.max_tokens, s.temperature, s.top_p, s.top_k, s.min_p, s.seed, s.presence_penalty, s.frequency_penalty,
        left_ms, _CREDITS, s.thinking,
    )  # fmt: skip
