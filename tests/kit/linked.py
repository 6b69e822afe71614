"""An analyst at the other end of a real link, in a thread: the pipeline speaks to it as to its own process.

    async with linked(analyst) as (room, killed):       a room for the pipeline; how often a kill was asked for
        house.analyst = room

The loop at the other end is that of the analyst process; what a detector throws crosses the same border.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from filters.analyse import Analyst
from filters.findings import Finding, Found
from filters.parts import Part, PatientText, RedactedText
from filters.switches import Switches
from proxy.exchange import Exchange
from proxy.workers.analyst import WIRE_VERSION, serve
from proxy.workers.client import AnalystClient, Link
from proxy.workers.wire import Hello, Locked, encode

__all__ = ["Direct", "linked"]


@dataclass(frozen=True, slots=True)
class Direct:
    """A real analyst as a room, asked in this very process: no link, no limit."""

    analyst: Analyst
    switches: Switches = field(default_factory=Switches)

    async def find(self, exchange: Exchange, parts: Sequence[Part], marked: Sequence[PatientText]) -> Found:
        """Find in every part."""
        await asyncio.sleep(0)
        return self.analyst.find(parts, marked, self.switches, caller=exchange.caller.id)

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Look at a window of an answer."""
        del exchange
        await asyncio.sleep(0)
        return self.analyst.look(window.reveal(), self.switches)


class _Room(AnalystClient):
    """The gateway's client, with a limit of the test's choosing: a busy machine must not decide."""

    limit_s: ClassVar[float] = 60

    async def _call(self, make: Any, kind: Any, limit_s: float) -> Any:
        return await super()._call(make, kind, min(self.limit_s, 30 * limit_s))


class _Hasty(_Room):
    limit_s: ClassVar[float] = 0.3


@asynccontextmanager
async def linked(analyst: Any, *, hasty: bool = False) -> AsyncGenerator[tuple[AnalystClient, list[str]], None]:
    """Serve `analyst` from a thread; a test hands in a real one, or one that it broke. `hasty`: it may take 0.3 s."""
    ours, theirs = socket.socketpair()
    link, killed = Link("analyst_unavailable", "analyst_unavailable"), []

    def run() -> None:
        with theirs, suppress(OSError, SystemExit):  # a link that is gone, a process that was told to die
            theirs.sendall(encode(Locked("{}")) + encode(Hello(WIRE_VERSION, "digest")))
            serve(theirs, analyst, lambda: "{}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(link.serve(ours))
        await link.wait_up()
        try:
            yield (_Hasty if hasty else _Room)(link, Switches().to_json(), lambda: killed.append("analyst")), killed
        finally:
            serving.cancel()
    with suppress(OSError):
        theirs.shutdown(socket.SHUT_RDWR)
