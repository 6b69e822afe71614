"""The HTTP gateway: one middleware, a few handlers, and nothing is ever forwarded.

    Door -> middleware: facts -> admit -> handler -> reply

Law: `admit` decides before any handler runs, for unknown paths too. A handler says by its `Route` what it asks of a
caller; paths are never compared. What no handler knows is 404.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Protocol

from aiohttp import web
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy

from proxy.access import SECURITY_HEADERS, AccessRules, Refusal, RequestFacts, Route, RouteKind, admit
from proxy.asking import Account, Asking, Limits, OpenAnswers, read_body
from proxy.caps import Buckets
from proxy.clients import Clients
from proxy.dialects import Dialect, Facts, ModelCard, Read
from proxy.dialects.fields import read_object
from proxy.dialects.ollama import DIALECT as OLLAMA
from proxy.dialects.openai import DIALECT as OPENAI
from proxy.dialects.panel import DIALECT as PANEL
from proxy.dialects.panel import PanelStatus, Preview, encode_changed, parse_preview
from proxy.door import Hall, Peer
from proxy.errors import CordonError, entry_of
from proxy.exchange import Caller, Event, Exchange, Prompt
from proxy.health import ALIVE, Metrics, readiness
from proxy.journal import Journal
from proxy.manage import manage
from proxy.pairing import Pairings
from proxy.panel import Acquaintances, Days, PanelDesk
from proxy.replies import CALLER, PEER, REQUEST_ID, new_request_id, refusal, send, stamp

__all__ = ["CALLER", "CONTROL", "Control", "Gateway", "Shell", "make_app", "make_runner", "verify_parser"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ROUTE: web.RequestKey[Route] = web.RequestKey("route", Route)

_GET = frozenset({"GET"})
_POST = frozenset({"POST"})
_WRONG_TOKENS, _ONE_BACK_S = 10, 6.0


class Gateway(Protocol):
    """What the handlers need from the composition root."""

    @property
    def rules(self) -> AccessRules:
        """Settings of access."""
        ...

    @property
    def clients(self) -> Clients:
        """The token registry."""
        ...

    def run(self, exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Start the journey of a prompt."""
        ...

    def refuse_access(self, caller_id: str, code: str) -> None:
        """Note a refused request for the audit log, coalesced."""
        ...

    def refuse_parse(self, caller: Caller, code: str) -> None:
        """Note a request that could not be read for the audit log, coalesced."""
        ...

    async def preview(self, caller: Caller, prompt: Prompt) -> Preview:
        """What a model would see of a prompt. Raises CordonError."""
        ...

    def status(self) -> PanelStatus:
        """How the service stands, for the panel."""
        ...

    def models(self) -> tuple[ModelCard, ...]:
        """The models that answer now."""
        ...

    def marks(self) -> tuple[str, ...]:
        """What the health answer says beside readiness."""
        ...

    def readiness(self) -> Mapping[str, str]:
        """Part -> `ok` or a code."""
        ...


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds the handlers: who stands at which connection, where counts and lines go, which dialects exist."""

    hall: Hall
    journal: Journal
    dialects: tuple[Dialect, ...] = (OPENAI, OLLAMA, PANEL)
    limits: Limits = field(default_factory=Limits)

    @property
    def metrics(self) -> Metrics:
        """The metrics of the whole gateway."""
        return self.hall.metrics


@dataclass(slots=True)
class Control:
    """The handle for stopping: refuse what comes, end what runs."""

    answers: OpenAnswers
    stopping: bool = False

    def stop(self) -> None:
        """New requests get `stopping`; open answers end with that code in their dialect."""
        self.stopping = True
        self.answers.end_all("stopping")

    def revoked(self, kids: frozenset[str]) -> None:
        """End the answers of tokens that are no longer valid."""
        self.answers.end_of(kids, "token_unknown")


CONTROL: web.AppKey[Control] = web.AppKey("control", Control)


def verify_parser() -> None:
    """The C parser must be there: most request smuggling concerned the Python one. Raises RuntimeError (exit 78)."""
    if HttpRequestParser is HttpRequestParserPy:
        raise RuntimeError("aiohttp was installed without its C parser; install a binary wheel of it")


def make_app(gateway: Gateway, shell: Shell) -> web.Application:
    """Build the application: every route, one middleware."""
    control = Control(OpenAnswers(shell.metrics))
    house = _House(gateway, shell, control)
    app = web.Application(middlewares=[house.guard], client_max_size=shell.limits.body_bytes)
    app[CONTROL] = control
    app.on_response_prepare.append(stamp)
    for path, route, handler in house.handlers():
        house.routes[handler] = route
        app.router.add_route("*", path, handler)  # methods are `admit`'s rule 7, so that 405 has its place in the order
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """Server settings. The defaults suit a server behind a proxy; nothing stands in front of this one."""
    return web.AppRunner(
        app, access_log=None, keepalive_timeout=15, max_line_size=2048, max_field_size=4096, max_headers=48,
        lingering_time=2, handler_cancellation=True, auto_decompress=False, shutdown_timeout=3, handle_signals=False,
    )  # fmt: skip


@dataclass(slots=True)
class _House:
    """The middleware and the handlers."""

    gateway: Gateway
    shell: Shell
    control: Control
    routes: dict[Handler, Route] = field(default_factory=dict)
    wrong_tokens: Buckets = field(default_factory=lambda: Buckets(_WRONG_TOKENS, _ONE_BACK_S))
    days: Days = field(default_factory=Days)
    pairings: Pairings = field(default_factory=Pairings)

    def handlers(self) -> list[tuple[str, Route, Handler]]:
        """Path, what it asks, who answers."""
        fixed: list[tuple[str, Route, Handler]] = [
            ("/healthz", Route("healthz", RouteKind.PUBLIC, _GET), self._alive),
            ("/readyz", Route("readyz", RouteKind.PUBLIC, _GET), self._ready),
            ("/metrics", Route("metrics", RouteKind.METRICS, _GET), self._metrics),
            ("/cordon/v1/clients", Route("clients", RouteKind.LOCAL, _POST), self._clients),
        ]
        desk = PanelDesk(self.gateway, self.pairings, self.days, self.shell, self.control.revoked)
        fixed.extend(desk.handlers())
        for dialect in self.shell.dialects:
            for ask in dialect.asks:
                asking = Asking(dialect, ask, self.gateway, self.control.answers, self.shell.limits, self.shell.journal)
                kind = RouteKind.PANEL if dialect.panel else RouteKind.DIALECT
                fixed.append((ask.path, Route(ask.name, kind, _POST), self._asking(asking)))
            fixed.extend(
                (read.path, Route(read.name, RouteKind.DIALECT, _GET), self._reading(read)) for read in dialect.reads
            )
            fixed.extend(
                (facts.path, Route(facts.name, RouteKind.DIALECT, _POST), self._telling(facts))
                for facts in dialect.facts
            )
        return fixed

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Admit, handle, and turn what was raised into a reply. One of the two borders with a broad `except`."""
        request[REQUEST_ID] = new_request_id()
        route = self.routes.get(handler)
        try:
            self._admit(request, route)
            response = await handler(request)
        except CordonError as error:
            response = self._refusal(request, error, route)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the border: a caller gets a code, the journal a class name
            self.shell.journal.say("fault", exchange=request[REQUEST_ID], exception=type(error).__name__)
            response = self._refusal(request, CordonError("internal"), route)
        if isinstance(response, web.Response) and not response.prepared:
            return await send(request, response, self.shell.limits.write_s)
        return response

    def _admit(self, request: web.Request, route: Route | None) -> None:
        """Put the caller into the request, or raise."""
        peer = self.shell.hall.peer_of(request.transport)
        request[PEER] = peer
        facts = _facts(request, peer)
        known = Acquaintances(self.gateway.clients, self.pairings)
        got = admit(facts, route, clients=known, rules=self.gateway.rules, now_s=time())
        if isinstance(got, Refusal):
            raise self._counted(peer, got.code)
        if self.control.stopping and (route is None or route.kind is not RouteKind.PUBLIC):
            raise CordonError("stopping")
        request[CALLER] = got

    def _counted(self, peer: Peer, code: str) -> CordonError:
        """Count a refusal of access; too many wrong tokens of one user are answered without saying more."""
        error = CordonError(code)
        if code == "token_unknown":
            key, now_s = str(peer.uid), asyncio.get_running_loop().time()
            if not self.wrong_tokens.take(key, now_s):
                error = CordonError("too_many_attempts", retry_after_s=self.wrong_tokens.wait_s(key, now_s))
        self.shell.metrics.count("cordon_access_refusals", code=error.code, listener=peer.listener.value)
        self.gateway.refuse_access("unknown" if peer.uid is None else f"uid:{peer.uid}", error.code)
        return error

    def _refusal(self, request: web.Request, error: CordonError, route: Route | None) -> web.Response:
        response = refusal(request, error, self.shell.dialects)
        if response.status == 405 and route is not None:
            response.headers["Allow"] = ", ".join(sorted(route.methods))  # RFC 9110 section 15.5.6
        return response

    def _asking(self, asking: Asking) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            peer = request[PEER]
            account = Account(
                request[REQUEST_ID], peer.listener.value, asking.dialect.name, asking.ask.name, request[CALLER]
            )
            try:
                return await asking.answer(request, account)
            except CordonError as error:
                account.refused(error.code, entry_of(error.code).status)
                if error.code != "preview_changed":
                    raise
                return await self._changed(request, error)
            finally:
                account.write(self.shell.journal, self.shell.metrics)
                self.days.count(account.caller.uid, account.outcome, time())

        return handle

    def _reading(self, read: Read) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = read.render(self.gateway.models(), request.match_info.get("name", ""))
            if body is None:
                raise CordonError("model_unknown")
            return _whole(body, media=read.media)

        return handle

    def _telling(self, facts: Facts) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            wanted = facts.parse(await read_body(request, self.shell.limits))
            body = facts.render(self.gateway.models(), wanted)
            if body is None:
                raise CordonError("model_unknown")
            return _json(body)

        return handle

    async def _alive(self, request: web.Request) -> web.StreamResponse:
        del request
        return _json(ALIVE)

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        del request
        parts = dict(self.gateway.readiness())
        if self.control.stopping:
            parts["listeners"] = "stopping"
        state = readiness(parts, self.gateway.marks())
        response = _json(state.body, status=200 if state.ready else 503)
        if not state.ready:
            response.headers["Retry-After"] = "5"
        return response

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        del request
        live = sum(entry.state == "ok" for entry in self.gateway.clients.entries)
        self.shell.metrics.level("cordon_tokens", live)
        return web.Response(
            body=self.shell.metrics.render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _changed(self, request: web.Request, error: CordonError) -> web.StreamResponse:
        """What was shown is not what a model would get: the refusal, and the new preview beside it."""
        prompt = parse_preview(await read_body(request, self.shell.limits))
        preview = await self.gateway.preview(request[CALLER], prompt)
        response = refusal(request, error, self.shell.dialects)
        response.body = encode_changed(preview, request[REQUEST_ID])
        return response

    async def _clients(self, request: web.Request) -> web.StreamResponse:
        wish = read_object(await read_body(request, self.shell.limits))
        uid, clients, rules = request[CALLER].uid, self.gateway.clients, self.gateway.rules
        reply = manage(wish, uid=uid, clients=clients, rules=rules, now_s=time())
        self.control.revoked(reply.ended)
        return _json(reply.body)


def _facts(request: web.Request, peer: Peer) -> RequestFacts:
    headers = tuple((name, value) for name in SECURITY_HEADERS for value in request.headers.getall(name, ()))
    return RequestFacts(peer.listener, request.method, request.raw_path, headers, peer.uid)


def _json(body: bytes, *, status: int = 200) -> web.Response:
    return _whole(body, status=status)


def _whole(body: bytes, *, status: int = 200, media: str = "application/json") -> web.Response:
    return web.Response(body=body, status=status, content_type=media, charset="utf-8")
