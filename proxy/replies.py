"""What every reply carries, and the form of a refusal.

Law: headers say that nothing may be kept, framed or read across origins, and there is never an `Access-Control-*`
header. The body of an error has the form of the API whose path was asked, and its words come from the table.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from uuid import uuid4

from aiohttp import web

from proxy.dialects import Dialect
from proxy.dialects.panel import DIALECT as PANEL
from proxy.door import Peer
from proxy.errors import CordonError, entry_of
from proxy.exchange import Caller

__all__ = ["CALLER", "PEER", "REQUEST_ID", "cut_off", "new_request_id", "refusal", "send", "stamp"]

REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
_FIVE_DIGITS = re.compile(r"[0-9]{5}")
CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
PEER: web.RequestKey[Peer] = web.RequestKey("peer", Peer)

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "cordon",
}
_RETRY_AFTER_S = 5
"""When nobody knows better: long enough for a worker to be replaced."""


def new_request_id() -> str:
    """Return 32 random hexadecimal digits, of which never five in a row are decimal.

    The id is in every answer. With longer runs a scanner for leaks
    takes a piece of it for a piece of a card now and then.
    """
    while _FIVE_DIGITS.search(drawn := uuid4().hex):
        continue
    return drawn


async def stamp(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on any reply; runs for aiohttp's own ones too."""
    response.headers.update(_HEADERS)
    if (request_id := request.get(REQUEST_ID)) is not None:
        response.headers["X-Request-Id"] = request_id


def refusal(request: web.Request, error: CordonError, dialects: Sequence[Dialect]) -> web.Response:
    """An error reply."""
    entry = entry_of(error.code)
    response = web.Response(
        status=entry.status, body=_body(request, error, dialects), content_type="application/json", charset="utf-8"
    )
    if entry.may_retry:
        response.headers["Retry-After"] = str(max(1, min(60, error.retry_after_s or _RETRY_AFTER_S)))
    else:
        response.headers["X-Should-Retry"] = "false"  # the official clients repeat 408, 409 and 5xx otherwise
    if entry.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if entry.status in (408, 413):
        response.force_close()  # what is left of the body must not be read as a request
    return response


def _body(request: web.Request, error: CordonError, dialects: Sequence[Dialect]) -> bytes:
    request_id = request.get(REQUEST_ID, "")
    for dialect in dialects:
        if _speaks(dialect, request.raw_path):
            return dialect.error(error.code, request_id, error.rule)
    return PANEL.error(error.code, request_id, error.rule)  # health, metrics and what nobody knows


def _speaks(dialect: Dialect, target: str) -> bool:
    """Whether an address is this API's, also one that does not exist."""
    return target.startswith(dialect.prefix) or target.partition("?")[0] in {read.path for read in dialect.reads}


async def send(request: web.Request, response: web.Response, write_s: float) -> web.Response:
    """Write a whole reply within the time of one write; a peer that does not read is cut off."""
    try:
        async with asyncio.timeout(write_s):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        cut_off(request)
    return response


def cut_off(request: web.Request) -> None:
    """Close the connection without waiting for what is still unsent."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
