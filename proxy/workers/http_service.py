"""The process of the `http` engine: serves the messages of the wire on its link, and speaks to one local server.

Law: locked before anything heavy is imported; the gateway sees the same protocol as from the embedded engine. Nothing
is sent that the gateway gave no credit for.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.errors import CordonError
from proxy.workers.border import Control, parse_arguments
from proxy.workers.confine import Role
from proxy.workers.lockdown import lock_child
from proxy.workers.wire import (
    Cancel,
    Credit,
    Delta,
    Done,
    Failed,
    Generate,
    Hello,
    Locked,
    Message,
    ModelInfo,
    Probe,
    Reader,
    Score,
    encode,
)

if TYPE_CHECKING:  # imported for real only after the lock
    from proxy.workers.http_engine import HttpEngine

__all__ = ["HttpService", "main", "run"]

_CHUNK = 1 << 16
_WIRE_VERSION = 1


def main(argv: Sequence[str]) -> int:
    """Lock, check the address, serve until the link closes. Plan: `{"base_url": ..., "model": ...}`."""
    arguments = parse_arguments(argv)
    control = Control(arguments.descriptors["control"])
    locked = lock_child(Role.ENGINE_HTTP, arguments, control)
    if locked is None:
        return 78
    plan = json.loads(arguments.plan)
    with socket.socket(fileno=arguments.descriptors["link"]) as link:
        run(link, plan["base_url"], plan["model"], facts=locked.facts)
    return 0


def run(link: socket.socket, base_url: str, model: str, *, facts: Callable[[], str]) -> None:
    """Say Locked and Hello, then serve. Raises ConfigError for an address that is not of this computer."""
    # pydantic comes with the settings' check of the address: imported inside the lock.
    from proxy.workers.http_engine import HttpEngine

    engine = HttpEngine(base_url, model)
    asyncio.run(HttpService(engine, model, facts).serve(link))


@dataclass(slots=True)
class _Credits:
    """Tokens that may still be sent."""

    left: int
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, tokens: int) -> None:
        self.left += tokens
        self._more.set()

    async def take(self, tokens: int) -> None:
        """Wait until anything is left, then use it; one delta may overdraw, as one token may not be split."""
        while self.left <= 0:
            self._more.clear()
            await self._more.wait()
        self.left -= tokens


@dataclass(slots=True)
class _Job:
    """One answer being fetched."""

    credits: _Credits
    task: asyncio.Task[None] | None = None


class HttpService:
    """Serves one link."""

    def __init__(self, engine: HttpEngine, model: str, facts: Callable[[], str]) -> None:
        self._engine, self._facts = engine, facts
        self._info = ModelInfo("answer", model, "", "http", "", 0, demo=False)
        self._jobs: dict[int, _Job] = {}

    async def serve(self, link: socket.socket) -> None:
        """Answer until the gateway closes the link."""
        link.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=link)
        frames = Reader()
        writer.write(encode(Locked(self._facts())))
        writer.write(encode(Hello(_WIRE_VERSION, "", (self._info,))))
        async with asyncio.TaskGroup() as tasks:
            with suppress(ConnectionError):  # a link that breaks is a link that ended
                while data := await reader.read(_CHUNK):
                    for message in frames.feed(data):
                        self._take(message, tasks, writer)
            for job in tuple(self._jobs.values()):
                if job.task is not None:
                    job.task.cancel()
        writer.close()

    def _take(self, message: Message, tasks: asyncio.TaskGroup, writer: asyncio.StreamWriter) -> None:
        match message:
            case Generate():
                job = _Job(_Credits(message.credits))
                self._jobs[message.id] = job
                job.task = tasks.create_task(self._answer(message, job, writer))
            case Credit():
                if (known := self._jobs.get(message.id)) is not None:
                    known.credits.add(message.tokens)
            case Cancel():
                if (known := self._jobs.get(message.id)) is not None and known.task is not None:
                    known.task.cancel()
            case Probe():
                writer.write(encode(Locked(self._facts())))
            case Score():
                writer.write(encode(Failed(message.id, "guard_unavailable")))  # the guard stays embedded
            case _:
                return

    async def _answer(self, request: Generate, job: _Job, writer: asyncio.StreamWriter) -> None:
        """Fetch one answer and pass it on as credits allow; every end is one message."""
        try:
            async with asyncio.timeout(request.deadline_ms / 1000), aclosing(self._engine.generate(request)) as items:
                async for item in items:
                    if isinstance(item, Delta):
                        await job.credits.take(item.tokens)
                    writer.write(encode(item))
                    await writer.drain()
        except TimeoutError:
            writer.write(encode(_ended(request.id, "deadline", "engine_timeout")))
        except CordonError as error:
            writer.write(encode(Failed(request.id, error.code)))
        except ConnectionError:
            return  # the gateway is gone; so is this process soon
        except asyncio.CancelledError:
            writer.write(encode(_ended(request.id, "cancelled", "")))
            raise
        finally:
            self._jobs.pop(request.id, None)


def _ended(request_id: int, finish: str, code: str) -> Done:
    return Done(request_id, finish, code, 0, 0, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
