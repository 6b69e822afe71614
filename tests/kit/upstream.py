"""A model server on loopback that answers as a test tells it, and remembers the bytes it was asked with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

__all__ = ["Upstream", "chunked", "serving", "sse", "sse_reply"]

Script = Callable[[bytes], AsyncGenerator[bytes, None]]


@dataclass(slots=True)
class Upstream:
    """What happened at the server. `left` is set when a client closed before the reply was over."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        """The address an administrator would configure."""
        return f"http://127.0.0.1:{self.port}/v1"

    def body(self, number: int = -1) -> dict[str, object]:
        """The JSON of a request."""
        loaded: dict[str, object] = json.loads(self.asked[number].partition(b"\r\n\r\n")[2])
        return loaded


def sse(*events: object) -> bytes:
    """Server-sent events; a string is written as it is."""
    return b"".join(
        b"data: " + (e.encode() if isinstance(e, str) else json.dumps(e).encode()) + b"\n\n" for e in events
    )


def chunked(*pieces: bytes) -> bytes:
    """A chunked body."""
    return b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"


def sse_reply(*events: object) -> Script:
    """A script: an event stream that ends with the connection."""

    async def script(request: bytes) -> AsyncGenerator[bytes, None]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        for event in events:
            yield sse(event)

    return script


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Upstream]:
    """Serve one script on a free port."""
    upstream = Upstream()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            request = head + await reader.readexactly(length)
            upstream.asked.append(request)
            async for piece in script(request):
                writer.write(piece)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            upstream.left.set()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()
