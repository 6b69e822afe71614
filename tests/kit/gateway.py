"""A gateway without a house behind it: it answers as a test tells it, by the same events as the pipeline.

The server under test is the real one: real sockets, real door, real registry, real dialect.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from aiohttp import web

from filters.parts import PatientText
from filters.restore import Piece
from proxy.access import AccessRules, Listener
from proxy.asking import Limits
from proxy.clients import Clients, NewClient
from proxy.dialects import ModelCard
from proxy.dialects.panel import PanelStatus, Preview, PreviewMessage
from proxy.door import Hall, open_doors
from proxy.exchange import Caller, Event, Exchange, Finish, Finished, Opened, Prompt, Released, Usage
from proxy.health import PARTS, Metrics
from proxy.listeners import bind_api, bind_loopback
from proxy.peer import SockDiag, open_diag
from proxy.server import CONTROL, Control, Shell, make_app, make_runner

__all__ = ["MODEL", "FakeGateway", "RecordingJournal", "Running", "echo", "free_port", "released", "running", "until"]

MODEL = "demo-clinic"

Journey = Callable[[Exchange, Prompt], AsyncGenerator[Event, None]]


def released(text: str) -> Released:
    """Answer text as the pipeline would release it."""
    return Released((Piece(PatientText(text)),))


async def echo(exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
    """Answer with the last message, word by word."""
    del exchange
    yield Opened(MODEL, ())
    words = prompt.conversation.messages[-1].content.reveal().split(" ")
    for number, word in enumerate(words):
        await asyncio.sleep(0)
        yield released(word if number == 0 else " " + word)
    yield Finished(Finish.STOP, Usage(7, len(words)), ("name",))


@dataclass(slots=True)
class RecordingJournal:
    """Keeps what was said."""

    lines: list[dict[str, object]] = field(default_factory=list)

    def say(self, event: str, **facts: object) -> None:
        """Keep one line."""
        self.lines.append({"event": event, **facts})


@dataclass(slots=True)
class FakeGateway:
    """Runs the journey it was given and remembers what it was told."""

    rules: AccessRules
    clients: Clients
    journey: Journey = echo
    seen: list[tuple[Exchange, Prompt]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    previewed: list[tuple[Caller, Prompt]] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    seen_as: str = "0" * 64
    parts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PARTS, "ok"))

    async def run(self, exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Run the journey; `closed` is set when its generator has ended, however it ended."""
        self.seen.append((exchange, prompt))
        events = self.journey(exchange, prompt)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()
            self.closed.set()

    def refuse_access(self, caller_id: str, code: str) -> None:
        """Remember a refusal."""
        self.refused.append((caller_id, code))

    def refuse_parse(self, caller: Caller, code: str) -> None:
        """Remember a request that could not be read."""
        self.refused.append((caller.id, code))

    async def preview(self, caller: Caller, prompt: Prompt) -> Preview:
        """Every message as it is: nothing is found here."""
        self.previewed.append((caller, prompt))
        messages = tuple(PreviewMessage(m.role.value, (Piece(m.content),)) for m in prompt.conversation.messages)
        return Preview(messages, (("NAME", 0),), "fake", self.seen_as)

    def status(self) -> PanelStatus:
        """A service that is well."""
        return PanelStatus("0", "fake", "ab" * 32, MODEL, True, "demo", 500_000, "E1", "Nothing left.", False)

    def models(self) -> tuple[ModelCard, ...]:
        """One demonstration model and one that is none."""
        return (ModelCard(MODEL, 1_700_000_000, demo=True), ModelCard("clinic", 1_700_000_000, demo=False))

    def marks(self) -> tuple[str, ...]:
        """Nothing to say."""
        return ()

    def readiness(self) -> Mapping[str, str]:
        """What the test set."""
        return self.parts


@dataclass(slots=True)
class Running:
    """A gateway that listens."""

    gateway: FakeGateway
    port: int
    api: Path
    token: str
    metrics: Metrics
    journal: RecordingJournal
    control: Control
    hall: Hall
    app: web.Application

    @property
    def url(self) -> str:
        """What a program is told."""
        return f"http://127.0.0.1:{self.port}/v1"


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens in another task, at most five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the thing under test has no event to wait for
            await asyncio.sleep(0.005)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@asynccontextmanager
async def running(
    folder: Path,
    journey: Journey = echo,
    *,
    limits: Limits | None = None,
    rules: AccessRules | None = None,
    keepalive_s: float = 15,
) -> AsyncIterator[Running]:
    """Serve on a free port of both loopback families and on a unix socket."""
    sockets = bind_loopback(0)
    port = sockets[0].getsockname()[1]
    api_path = folder / "run" / "api.sock"
    api = bind_api(api_path)
    clients = Clients(folder / "access" / "clients.json")
    token = clients.add(NewClient("test", os.getuid(), 1), now_s=time())
    own = AccessRules(port, own_uid=os.getuid()) if rules is None else AccessRules(
        port, rules.extension_ids, rules.keyless_uids, rules.own_uid
    )  # fmt: skip
    gateway = FakeGateway(own, clients, journey)
    metrics, journal = Metrics(), RecordingJournal()
    diag = open_diag()
    hall = Hall(own, clients, SockDiag(diag), metrics)
    app = make_app(gateway, Shell(hall, journal, limits=limits or Limits()))
    runner = make_runner(app)
    runner._kwargs |= {"keepalive_timeout": keepalive_s}  # a test does not wait 15 s
    await runner.setup()
    server = runner.server
    assert isinstance(server, web.Server)
    doors = await open_doors([*((Listener.TCP, s) for s in sockets), (Listener.UNIX, api)], hall, server)
    try:
        yield Running(gateway, port, api_path, token, metrics, journal, app[CONTROL], hall, app)
    finally:
        for door in doors:
            door.close()
        await runner.cleanup()
        diag.close()
