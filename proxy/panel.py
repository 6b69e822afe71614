"""The browser panel's addresses, and those by which a person connects one.

    TCP, Origin, no token     hello, pair            unix socket        pairing, pairing/wait
    token of the panel        preview, status, unpair  (`ask` is a dialect's question; see `asking`)

Law: nothing over TCP makes a token except a code that the same user was shown over the unix socket. `hello` and `pair`
are limited by attempts; a token that is in use is never slowed by somebody else's guessing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import Protocol

from aiohttp import web

from proxy.access import INSTALLED_ORIGIN, AccessRules, Client, Route, RouteKind
from proxy.asking import Limits, read_body
from proxy.caps import Buckets
from proxy.clients import PANEL_DAYS, REMEMBERED_DAYS, Clients, NewClient, RegistryError
from proxy.dialects.fields import read_object
from proxy.dialects.panel import PanelStatus, Preview, Today, encode_preview, encode_status, parse_preview
from proxy.errors import CordonError
from proxy.exchange import Caller, CallerKind, Prompt
from proxy.health import Metrics
from proxy.pairing import LIFE_S, Paired, Pairings, Window, WindowState
from proxy.proof import Hello, Prover, read_nonce
from proxy.replies import CALLER

__all__ = ["Acquaintances", "Days", "Front", "PanelDesk", "Surroundings", "browser_of"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_POST = frozenset({"POST"})
_UNKNOWN_KID = "-"
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome or Chromium"))
_ENDED = {"ok": "answered", "refused": "refused", "withheld": "refused"}


class Front(Protocol):
    """What the panel needs from the composition root."""

    @property
    def rules(self) -> AccessRules:
        """Settings of access."""
        ...

    @property
    def clients(self) -> Clients:
        """The token registry."""
        ...

    async def preview(self, caller: Caller, prompt: Prompt) -> Preview:
        """What a model would see of a prompt. Raises CordonError."""
        ...

    def status(self) -> PanelStatus:
        """How the service stands."""
        ...


class Surroundings(Protocol):
    """What the panel needs from the server."""

    @property
    def metrics(self) -> Metrics:
        """Where attempts are counted."""
        ...

    @property
    def limits(self) -> Limits:
        """Times and sizes of a request."""
        ...


@dataclass(frozen=True, slots=True)
class Acquaintances:
    """`access.Registry` over the registry and the open windows."""

    clients: Clients
    pairings: Pairings

    def match(self, presented: str) -> Client | None:
        """The registry's word."""
        return self.clients.match(presented)

    def knows_origin(self, uid: int, origin: str, *, pairing: bool) -> bool:
        """An Origin that is made at installation is a stranger's until it has a token, except while its user pairs."""
        if self.clients.knows_origin(uid, origin, pairing=pairing):
            return True
        made_there = INSTALLED_ORIGIN.fullmatch(origin) is not None
        return pairing and made_there and self.pairings.is_open(uid, now_s=_loop_s())


@dataclass(slots=True)
class Days:
    """How each user's requests of this day (UTC) ended; numbers only, forgotten at midnight and at a restart."""

    day: str = ""
    counts: dict[tuple[int, str], int] = field(default_factory=dict)

    def count(self, uid: int, outcome: str, now_s: float) -> None:
        """Count one request; one that the caller left counts as nothing."""
        self._turn(now_s)
        if outcome != "cancelled":
            key = (uid, _ENDED.get(outcome, "failed"))
            self.counts[key] = self.counts.get(key, 0) + 1

    def of(self, uid: int, now_s: float) -> Today:
        """The counts of one user."""
        self._turn(now_s)
        return Today(*(self.counts.get((uid, name), 0) for name in ("answered", "refused", "failed")))

    def _turn(self, now_s: float) -> None:
        day = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")
        if day != self.day:
            self.day, self.counts = day, {}


@dataclass(slots=True)
class PanelDesk:
    """The handlers."""

    front: Front
    pairings: Pairings
    days: Days
    around: Surroundings
    revoked: Callable[[frozenset[str]], None]
    prover: Prover = field(default_factory=Prover)
    hellos: Buckets = field(default_factory=lambda: Buckets(20, 0.1))
    attempts: Buckets = field(default_factory=lambda: Buckets(10, 6.0))

    def handlers(self) -> list[tuple[str, Route, Handler]]:
        """Path, what it asks, who answers."""
        public, panel, local = RouteKind.PANEL_PUBLIC, RouteKind.PANEL, RouteKind.LOCAL
        return [
            ("/cordon/v1/hello", Route("hello", public, _POST), self._hello),
            ("/cordon/v1/pair", Route("pair", public, _POST), self._pair),
            ("/cordon/v1/preview", Route("preview", panel, _POST), self._preview),
            ("/cordon/v1/status", Route("status", panel, _POST), self._status),
            ("/cordon/v1/unpair", Route("unpair", panel, _POST), self._unpair),
            ("/cordon/v1/pairing", Route("pairing", local, _POST), self._offer),
            ("/cordon/v1/pairing/wait", Route("pairing_wait", local, _POST), self._wait),
        ]

    async def _hello(self, request: web.Request) -> web.StreamResponse:
        """Prove that this is the service that gave the token."""
        said, uid = read_object(await self._body(request)), request[CALLER].uid
        nonce, kid = read_nonce(said.need_text("nonce")), said.need_text("kid")
        entries = self.front.clients.entries
        known = any(e.kid == kid and e.uid == uid for e in entries)
        self._take(self.hellos, f"{uid}/{kid if known else _UNKNOWN_KID}")
        hello = Hello(kid, nonce, uid, request.headers["Host"], request.headers["Origin"])
        proof = self.prover.answer(hello, entries, now_s=time())
        return _json({"proof": proof.proof, "state": proof.state})

    async def _pair(self, request: web.Request) -> web.StreamResponse:
        """Take the code a person typed, give a token that is bound to this user and this Origin."""
        said, uid = read_object(await self._body(request)), request[CALLER].uid
        code, remember = said.need_text("code"), said.flag("remember")
        self._take(self.attempts, str(uid))
        try:
            window = self.pairings.redeem(uid, code, now_s=_loop_s())
        except CordonError as error:
            self.around.metrics.count("cordon_pairings", result=error.code.removeprefix("pairing_"))
            raise
        token, paired = self._token(request, remember)
        window.paired = paired
        window.end(WindowState.PAIRED)
        self.around.metrics.count("cordon_pairings", result="paired")
        return _json({"token": token, "kid": paired.kid, "expires": paired.expires_s})

    def _token(self, request: web.Request, remember: bool) -> tuple[str, Paired]:
        browser = browser_of(request.headers.get("User-Agent", ""))
        days = REMEMBERED_DAYS if remember else PANEL_DAYS
        new = NewClient(
            f"panel in {browser}", request[CALLER].uid, days,
            kind=CallerKind.EXTENSION, origin=request.headers["Origin"], remembered=remember,
        )  # fmt: skip
        try:
            token = self.front.clients.add(new, now_s=time())
        except RegistryError:
            raise CordonError("internal") from None
        entry = self.front.clients.entries[-1]
        return token, Paired(entry.kid, browser, entry.expires)

    async def _preview(self, request: web.Request) -> web.StreamResponse:
        """What a model would see: steps 2 to 4 of the journey, no model asked, nothing recorded."""
        preview = await self.front.preview(request[CALLER], parse_preview(await self._body(request)))
        return _whole(encode_preview(preview))

    async def _status(self, request: web.Request) -> web.StreamResponse:
        """How the service stands, and the caller's own day."""
        read_object(await self._body(request))
        caller = request[CALLER]
        entry = self.front.clients.of_kid(caller.kid) if caller.kid else None
        client = None if entry is None else (entry.kid, entry.expires)
        return _whole(encode_status(self.front.status(), client, self.days.of(caller.uid, time())))

    async def _unpair(self, request: web.Request) -> web.StreamResponse:
        """End the panel's own token, and its open answers."""
        read_object(await self._body(request))
        caller = request[CALLER]
        if not caller.kid:
            raise CordonError("bad_request")  # on the unix socket there is no token to end
        count = self.front.clients.revoke(caller.kid, uid=caller.uid)
        self.revoked(frozenset({caller.kid}))
        return _json({"revoked": count})

    async def _offer(self, request: web.Request) -> web.StreamResponse:
        """Open a window for the user at the unix socket and show the digits, once."""
        read_object(await self._body(request))
        window = self.pairings.open(request[CALLER].uid, now_s=_loop_s())
        return _json({"code": window.code, "seconds": LIFE_S, "port": self.front.rules.port})

    async def _wait(self, request: web.Request) -> web.StreamResponse:
        """Wait until the user's window is over, and say how it ended."""
        read_object(await self._body(request))
        window = self.pairings.windows.get(request[CALLER].uid)
        if window is None:
            raise CordonError("pairing_closed")
        try:
            async with asyncio.timeout(max(0.0, window.until_s - _loop_s())):
                await window.over.wait()
        except TimeoutError:
            window.end(WindowState.EXPIRED)
        return _json(_ended(window))

    async def _body(self, request: web.Request) -> bytes:
        return await read_body(request, self.around.limits)

    def _take(self, buckets: Buckets, key: str) -> None:
        if not buckets.take(key, _loop_s()):
            raise CordonError("too_many_attempts", retry_after_s=buckets.wait_s(key, _loop_s()))


def browser_of(agent: str) -> str:
    """A browser's name from a closed list: what a client says of itself never travels further."""
    return next((name for mark, name in _BROWSERS if mark in agent), "a browser")


def _ended(window: Window) -> dict[str, object]:
    said: dict[str, object] = {"state": window.state.value}
    if window.paired is not None:
        said |= {"kid": window.paired.kid, "browser": window.paired.browser, "expires": window.paired.expires_s}
    return said


def _loop_s() -> float:
    return asyncio.get_running_loop().time()


def _json(body: dict[str, object]) -> web.Response:
    return _whole(json.dumps(body, separators=(",", ":")).encode("ascii"))


def _whole(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", charset="utf-8")
