"""What does finding out who asks cost? The same handler behind the same server, with access and without it.

    python -m benchmarks.access [--requests N] [--rounds N]

`with access` is the product's own server: the door looks the peer up in the kernel, `admit` walks its rules, the token
is compared with every stored hash. `without` is that server with both answering at once, on its own port. Both are
asked in turn, one request at a time; the journey behind them answers with one word.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import perf_counter

import proxy.server
from benchmarks.table import added, machine, ms, p50, p95, show
from proxy.access import USE
from proxy.clients import NewClient
from proxy.exchange import Caller, CallerKind
from tests.kit.gateway import MODEL, Running, running

_KNOWN = Caller(os.getuid(), CallerKind.UID, "", "", frozenset({USE}))
_BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "yes"}]}).encode()


class _Everybody:
    """A peer look-up that asks nobody."""

    def uid(self, client: tuple[str, int], server: tuple[str, int]) -> int | None:
        """This very user."""
        del client, server
        return os.getuid()


@contextmanager
def _open_to_all() -> Iterator[None]:
    """The server's modules with a rule that asks nothing; only for the twin of this benchmark."""
    names = vars(proxy.server)
    real = names["admit"]
    names["admit"] = lambda *_, **__: _KNOWN
    try:
        yield
    finally:
        names["admit"] = real


class _Client:
    """One connection that is kept, or a new one for every request."""

    def __init__(self, house: Running, *, keep: bool) -> None:
        self._house, self._keep = house, keep
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {house.token}\r\nContent-Length: {len(_BODY)}\r\n\r\n"
        )
        self._request = head.encode() + _BODY

    async def ask(self) -> float:
        """Seconds from the first byte sent to the last received."""
        began = perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._house.port)
        reader, writer = self._streams
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode("latin-1").splitlines()[0])
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        took = perf_counter() - began
        if not self._keep:
            await self.close()
        return took

    async def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            await self._streams[1].wait_closed()
            self._streams = None


@asynccontextmanager
async def _twins(folder: Path) -> AsyncIterator[tuple[Running, Running]]:
    """The server, and its twin without access; 64 tokens are in each registry, as many as one user may have."""
    async with running(folder / "with") as closed, running(folder / "without") as open_:
        open_.hall.lookup = _Everybody()
        for house in (closed, open_):
            for number in range(63):
                house.gateway.clients.add(NewClient(f"other {number}", os.getuid(), 1), now_s=0)
        yield closed, open_


async def _measure(requests: int, rounds: int) -> list[tuple[str, list[float], list[float]]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with _twins(Path(folder)) as (closed, open_):
            for label, keep in (("kept connection", True), ("new connection each", False)):
                times: tuple[list[float], list[float]] = ([], [])
                for round_ in range(rounds + 1):
                    got = await _round(closed, open_, requests, keep=keep)
                    if round_:  # the first one warms up
                        times[0].extend(got[0])
                        times[1].extend(got[1])
                rows.append((label, *times))
    return rows


async def _round(closed: Running, open_: Running, requests: int, *, keep: bool) -> tuple[list[float], list[float]]:
    with_access, without = _Client(closed, keep=keep), _Client(open_, keep=keep)
    first = [await with_access.ask() for _ in range(requests)]
    with _open_to_all():
        second = [await without.ask() for _ in range(requests)]
    await with_access.close()
    await without.close()
    return first, second


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rows = [
        (label, ms(p50(closed)), ms(p50(open_)), added(p50(closed) - p50(open_)), ms(p95(closed)))
        for label, closed, open_ in asyncio.run(_measure(args.requests, args.rounds))
    ]
    print(machine())
    show("Access, one request at a time", ("", "with", "without", "added", "with p95"), rows)


if __name__ == "__main__":
    main()
