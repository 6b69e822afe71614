"""One question over HTTP: read the body, let the dialect parse it, send the journey's events as they come.

    body -> Parsed -> gateway.run(...) -> events -> bytes

Law: the handler sees events only, whose text was released. A reply with status 200 that is not streamed is sent after
`Finished`, when the outcome is durable. The journey is consumed inside `aclosing`: a caller who leaves, a write that
takes too long, a revoked token and a stop of the service all close it, and that cancels the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from proxy.dialects import Ask, Dialect, Idle, ModelCard, Parsed, ReplyHead, StreamCodec
from proxy.errors import CordonError
from proxy.exchange import (
    Broken,
    Caller,
    CallerKind,
    Event,
    Exchange,
    Finished,
    Opened,
    Prompt,
    Refused,
    Withheld,
)
from proxy.health import Metrics
from proxy.journal import Journal
from proxy.replies import cut_off, send

__all__ = ["Account", "Asking", "Journeys", "Limits", "OpenAnswers", "Place", "read_body"]

_MAX_PER_EXTENSION = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """Times and sizes of one request."""

    body_bytes: int = 1 << 20
    body_s: float = 5
    write_s: float = 30
    answer_ms: int = 600_000
    """From arrival to the end of the answer."""


class Journeys(Protocol):
    """What a question needs from the composition root."""

    def run(self, exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Start the journey of a prompt."""
        ...

    def refuse_parse(self, caller: Caller, code: str) -> None:
        """Note a request that could not be read, for the audit log."""
        ...

    def models(self) -> tuple[ModelCard, ...]:
        """The models that answer now; empty while none is loaded."""
        ...


async def read_body(request: web.Request, limits: Limits) -> bytes:
    """Read the body within its time and size. Raises CordonError."""
    if (request.content_length or 0) > limits.body_bytes:
        raise CordonError("body_too_large")
    try:
        async with asyncio.timeout(limits.body_s):
            return await request.read()
    except TimeoutError:
        raise CordonError("body_too_slow") from None
    except web.HTTPRequestEntityTooLarge:
        raise CordonError("body_too_large") from None
    except (HttpProcessingError, web.RequestPayloadError):
        raise CordonError("bad_json") from None  # broken chunks: the body never ended as HTTP says


class Place:
    """One answer being written: may be ended from outside, with a code."""

    __slots__ = ("caller", "code", "scope")

    def __init__(self, caller: Caller) -> None:
        self.caller, self.code = caller, ""
        self.scope = asyncio.timeout(None)

    def end(self, code: str) -> None:
        """Cancel the answer at its next wait."""
        if not self.code:
            self.code = code
            with suppress(RuntimeError):  # already over
                self.scope.reschedule(asyncio.get_running_loop().time())


@dataclass(slots=True)
class OpenAnswers:
    """The answers being written, so that a stop or a revoked token can end them."""

    metrics: Metrics
    places: list[Place] = field(default_factory=list)

    @contextmanager
    def place(self, caller: Caller) -> Iterator[Place]:
        """Take a place. Raises CordonError when a panel has too many answers open."""
        own = sum(p.caller.kid == caller.kid for p in self.places)
        if caller.kind is CallerKind.EXTENSION and own >= _MAX_PER_EXTENSION:
            raise CordonError("too_many_requests")
        place = Place(caller)
        self.places.append(place)
        self.metrics.level("cordon_open_answers", len(self.places))
        try:
            yield place
        finally:
            self.places.remove(place)
            self.metrics.level("cordon_open_answers", len(self.places))

    def end_all(self, code: str) -> None:
        """End every answer: the service stops."""
        for place in tuple(self.places):
            place.end(code)

    def end_of(self, kids: frozenset[str], code: str) -> None:
        """End the answers of these tokens."""
        for place in tuple(self.places):
            if place.caller.kid in kids:
                place.end(code)


@dataclass(slots=True)
class Account:
    """One exchange for journal and metrics: no text."""

    exchange: str
    listener: str
    dialect: str
    route: str
    caller: Caller
    outcome: str = "cancelled"
    code: str = ""
    status: int = 0
    began_s: float = field(default_factory=monotonic)

    def settle(self, last: Event, status: int) -> None:
        """Take over how it ended."""
        self.status = status
        if isinstance(last, Finished):
            self.outcome = "ok"
        elif isinstance(last, Refused | Withheld | Broken):
            self.outcome = {Refused: "refused", Withheld: "withheld", Broken: "broken"}[type(last)]
            self.code = last.code

    def settled(self, outcome: str, status: int) -> None:
        """Take over an end that no event told."""
        self.outcome, self.status = outcome, status

    def refused(self, code: str, status: int) -> None:
        """Take over a refusal that no event told."""
        self.status, self.code = status, code
        if self.outcome == "cancelled":
            self.outcome = "rejected"

    def write(self, journal: Journal, metrics: Metrics) -> None:
        """One line and one count."""
        metrics.count("cordon_exchanges", dialect=self.dialect, outcome=self.outcome)
        journal.say(
            "exchange", exchange=self.exchange, listener=self.listener, dialect=self.dialect, route=self.route,
            kind=self.caller.kind.value, kid=self.caller.kid, outcome=self.outcome, code=self.code, status=self.status,
            ms=int((monotonic() - self.began_s) * 1000),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asking:
    """The handler of one address of one dialect."""

    dialect: Dialect
    ask: Ask
    journeys: Journeys
    answers: OpenAnswers
    limits: Limits
    journal: Journal

    async def answer(self, request: web.Request, account: Account) -> web.StreamResponse:
        """Read, parse, run, reply. Raises CordonError for what is refused before an answer began."""
        cards = self.journeys.models()
        parsed = await self._parse(request, account.caller)
        wanted = parsed.model if isinstance(parsed, Idle) else parsed.prompt.sampling.model
        if cards and wanted and all(card.id != wanted for card in cards):  # "" is the model that answers
            self.journeys.refuse_parse(account.caller, "model_unknown")
            raise CordonError("model_unknown")
        if isinstance(parsed, Idle):
            account.settled("ok", 200)
            body = parsed.render(ReplyHead(account.exchange, int(time())))
            return web.Response(body=body, content_type="application/json", charset="utf-8")
        exchange = Exchange(
            account.exchange, account.caller, self.dialect.name, parsed.stream, self.limits.answer_ms,
            int(account.began_s * 1000),
        )  # fmt: skip
        demo = frozenset(card.id for card in cards if card.demo)
        head = ReplyHead(exchange.id, int(time()), parsed.prompt.sampling.include_usage, demo)
        with self.answers.place(account.caller) as place:
            reply = _Reply(self, request, account, place, head)
            async with aclosing(self._events(exchange, parsed.prompt)) as events:
                return await (reply.streamed(events) if parsed.stream else reply.whole(events))

    async def _parse(self, request: web.Request, caller: Caller) -> Parsed | Idle:
        try:
            body = await read_body(request, self.limits)
            idle = None if self.ask.idle is None else self.ask.idle(body)
            return self.ask.parse(body) if idle is None else idle
        except CordonError as error:
            self.journeys.refuse_parse(caller, error.code)
            raise

    async def _events(self, exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """The journey, with our own mistakes turned into an event. One of the two borders with a broad `except`."""
        try:
            async with aclosing(self.journeys.run(exchange, prompt)) as events:
                async for event in events:
                    yield event
        except CordonError as error:
            yield Broken(error.code)
        except Exception as error:  # noqa: BLE001 - the border: a caller gets a code, the journal a class name
            self.journal.say("fault", exchange=exchange.id, exception=type(error).__name__)
            yield Broken("internal")


class _TooSlowError(Exception):
    """The caller did not read for the time of one write."""


@dataclass(slots=True)
class _Reply:
    """One reply in the making."""

    asking: Asking
    request: web.Request
    account: Account
    place: Place
    head: ReplyHead

    async def whole(self, events: AsyncGenerator[Event, None]) -> web.Response:
        """Collect everything; nothing is sent before the last event."""
        try:
            async with self.place.scope:
                got = [event async for event in events]
        except TimeoutError:
            got = [Broken(self.place.code or "internal")]
        last = got[-1] if got else Broken("internal")
        if not isinstance(last, Finished | Withheld):
            raise self._refused(last if isinstance(last, Refused | Broken) else Broken("internal"))
        body = self.asking.ask.whole(self.head, got)
        self.account.settle(last, 200)
        response = web.Response(body=body, content_type="application/json", charset="utf-8")
        return await send(self.request, response, self.asking.limits.write_s)

    async def streamed(self, events: AsyncGenerator[Event, None]) -> web.StreamResponse:
        """Send each event as it comes; before the first there is still a status to choose."""
        response = web.StreamResponse(headers={"Content-Type": self.asking.dialect.stream_type})
        codec = self.asking.ask.stream(self.head)
        last: Event = Broken("internal")
        try:
            async with self.place.scope:
                async for event in events:
                    last = event
                    await self._write(response, codec, event)
        except TimeoutError:
            last = Broken(self.place.code or "internal")
            await self._write(response, codec, last)
        except _TooSlowError:
            self.account.code = "client_slow"
            cut_off(self.request)
            return response
        if not isinstance(last, Finished | Withheld | Broken):
            last = Broken("internal")  # a journey without an end is not an answer
            await self._write(response, codec, last)
        self.account.settle(last, 200)
        await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse, codec: StreamCodec, event: Event) -> None:
        """Write one event within its time; the first opens the stream. Raises CordonError while there is a status."""
        if not response.prepared and not isinstance(event, Opened):
            raise self._refused(event)
        try:
            async with asyncio.timeout(self.asking.limits.write_s):
                if not response.prepared:
                    await response.prepare(self.request)
                if data := codec.feed(event):
                    await response.write(data)
        except TimeoutError:
            raise _TooSlowError from None

    def _refused(self, event: Event) -> CordonError:
        """The refusal or fault in an event that comes instead of an answer."""
        self.account.settle(event, 0)
        if isinstance(event, Refused):
            return CordonError(event.code, rule=event.rule, retry_after_s=event.retry_after_s)
        return CordonError(event.code if isinstance(event, Broken) else "internal")
