"""A clinic for the browser tests: the real gateway on a real port, with workers that do as a test tells them.

    python -m tests.browser.clinic FOLDER [--port N]      then one JSON command a line on stdin, one reply a line

The gateway, its doors, registry, pairing, pipeline, log and dialects are the real ones; analyst and engine are other
ends of the real wire. What the analyst knows is a short list of invented people and numbers; what the engine says
depends on a word in the question: LONG, HARM, WITHHELD, FLAG, HTML, BREAK, EMPTY, TEN.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from typing import Any

from aiohttp import web

from filters.findings import Finding, Source, Type
from filters.parts import PatientText, RedactedText
from filters.tokens import Text
from proxy.access import Listener
from proxy.door import Hall, open_doors
from proxy.listeners import bind_api, bind_loopback
from proxy.peer import SockDiag, open_diag
from proxy.server import CONTROL, Shell, make_app, make_runner
from proxy.workers.wire import Cancel, Delta, Done, Find, FoundParts, Generate, Look, Looked, Message, Score, Scored
from tests.kit.gateway_house import Worker, Yard, housed

KNOWN: tuple[tuple[str, Type, str], ...] = (
    (r"Nimal Perera|Kumari Perera|Dr Fernando|Ana Fonseka|John Smith", Type.NAME, "person"),
    (r"Kandy General Hospital", Type.ORG, "facility"),
    (r"\b\d{1,2} (?:March|April|May) \d{4}\b", Type.DATE, "date"),
    (r"\b\d{9}V\b|\b\d\d-\d{5}\b|\b\d{8}\b", Type.ID, "record_number"),
    (r"\b0\d\d \d{3} \d{4}\b", Type.PHONE, "phone"),
    (r"\b[a-z.]+@[a-z.]+[a-z]\b", Type.EMAIL, "email"),
    (r"أحمد علي|නිමල් පෙරේරා|குமாரி பெரேரா", Type.NAME, "person"),
)
ANSWER = "{name} has had a persistent cough for 5 days and is treated for pneumonia. Review is planned on {date}."
HTML = '<img src="x" onerror="document.title=1"> <b>bold</b> [a link](http://evil.test/) javascript:alert(1) '
LONG = "The record was read line by line, and every word of it was weighed with care before this was written. "


@dataclass
class Analyst(Worker):
    """Knows `KNOWN`, what a request marks, and what a test adds."""

    also: list[str] = field(default_factory=list)

    def answer(self, message: Message) -> tuple[Message, ...]:
        if isinstance(message, Find):
            marked = tuple(m.reveal() for m in message.marked)
            parts = tuple(self.findings(p.text, marked) for p in message.parts)
            return (FoundParts(message.id, parts, tuple(() for _ in parts), ()),)
        if isinstance(message, Look):
            return (Looked(message.id, ()),)
        return super().answer(message)

    def findings(self, text: PatientText, marked: tuple[str, ...]) -> tuple[Finding, ...]:
        table = [(re.escape(m), Type.MARKED, "marked") for m in marked]
        table += [(re.escape(a), Type.NAME, "person") for a in self.also]
        taken: list[Finding] = []
        for pattern, type_, kind in (*table, *KNOWN):
            for hit in re.finditer(pattern, text.reveal()):
                if all(hit.end() <= f.start or f.end <= hit.start() for f in taken):
                    source = Source.MARKED if type_ is Type.MARKED else Source.NER
                    taken.append(Finding(hit.start(), hit.end(), type_, kind, 900, source))
        return tuple(sorted(taken))


@dataclass
class Engine(Worker):
    """Answers by a word of the question; `gate` holds every answer after its first words."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    cancelled: int = 0

    def answer(self, message: Message) -> tuple[Message, ...]:
        if isinstance(message, Generate):
            self.tasks[message.id] = asyncio.get_running_loop().create_task(self.write(message))
            return ()
        if isinstance(message, Cancel):
            if (task := self.tasks.pop(message.id, None)) is not None:
                task.cancel()
                self.cancelled += 1
            return ()
        return super().answer(message)

    def score(self, message: Score) -> Scored:
        text = "".join(piece.text for piece in message.prefix if isinstance(piece, Text))
        if "FLAG" not in text:
            return super().score(message)
        half = math.log(0.65 / 0.35) / 2
        return Scored(message.id, tuple((half, -half) for _ in message.suffixes), 10, 0, 1)

    async def write(self, message: Generate) -> None:
        asked = message.messages[-1].content.reveal()
        chunks = self.said(asked)
        for number, chunk in enumerate(chunks):
            if number and not self.gate.is_set():
                await self.gate.wait()
            self.say(Delta(message.id, "content", RedactedText(chunk), 4))
            await asyncio.sleep(0.002)
            if "BREAK" in asked and number == 1:
                self.die()
                return
        self.tasks.pop(message.id, None)
        self.say(Done(message.id, "stop", "", 40, 4 * len(chunks), 0, 1, 1))

    def said(self, asked: str) -> list[str]:
        if "EMPTY" in asked:
            return []
        if "HTML" in asked:
            return [HTML]
        if "TEN" in asked:
            return [LONG] * 10
        if "LONG" in asked or "BREAK" in asked:
            return [LONG * 6] + [LONG] * 60
        if "WITHHELD" in asked:
            return [LONG * 8, "HARM HARM HARM. "]
        name = next(iter(re.findall(r"\[NAME_\d+\]", asked)), "The patient")
        date = next(iter(re.findall(r"\[DATE_\d+\]", asked)[-1:]), "another day")
        words = ANSWER.format(name=name, date=date).split(" ")
        return [" ".join(words[:3]), *(" " + w for w in words[3:])]


@dataclass
class Clinic:
    """The yard, its doors, and what they saw."""

    yard: Yard
    port: int
    folder: Path
    analyst: Analyst
    engine: Engine
    seen: list[dict[str, Any]] = field(default_factory=list)
    doors: list[asyncio.Server] = field(default_factory=list)
    server: web.Server[Any] | None = None
    close: Callable[[], Awaitable[None]] | None = None
    hall: Hall | None = None
    app: web.Application | None = None

    async def open(self) -> None:
        """Listen and serve, as the gateway process does."""
        house = self.yard.house
        house.rules = replace(house.rules, port=self.port, own_uid=None)
        sockets = bind_loopback(self.port)
        api = bind_api(self.folder / "run" / "api.sock")
        diag = open_diag()
        self.hall = hall = Hall(house.rules, house.clients, SockDiag(diag), house.metrics)
        self.app = app = make_app(house, Shell(hall, self.yard.ledger._journal))
        app.on_response_prepare.append(self.note)
        runner = make_runner(app)
        await runner.setup()
        self.server = server = runner.server
        assert isinstance(server, web.Server)
        named = [*((Listener.TCP, s) for s in sockets), (Listener.UNIX, api)]
        self.doors = doors = list(await open_doors(named, hall, server))

        async def close() -> None:
            app[CONTROL].stop()
            for door in doors:
                door.close()
            await runner.cleanup()
            diag.close()

        self.close = close

    async def note(self, request: web.Request, response: web.StreamResponse) -> None:
        """What reached the server, in order: no body, only whether a token was there."""
        self.seen.append(
            {
                "path": request.path, "status": response.status, "method": request.method,
                "token": "Authorization" in request.headers, "origin": request.headers.get("Origin", ""),
                "host": request.headers.get("Host", ""), "site": request.headers.get("Sec-Fetch-Site", ""),
            }
        )  # fmt: skip

    async def do(self, op: str, **how: Any) -> dict[str, Any]:
        """One command: the method of its name."""
        reply = await getattr(self, f"do_{op}")(**how)
        return {"ok": True} if reply is None else reply

    async def do_stop(self) -> None:
        if self.close is not None:
            await self.close()
        self.close = None

    async def do_start(self, port: int = 0) -> None:
        self.port = port or self.port
        await self.open()

    async def do_lose_port(self) -> None:
        """The port is lost, the unix socket is not."""
        for door in self.doors[:-1]:
            door.close()
        for connection in self.server.connections if self.server else ():
            connection.force_close()  # a browser would go on using the one it has

    async def do_hold(self) -> None:
        self.engine.gate.clear()

    async def do_go(self) -> None:
        self.engine.gate.set()

    async def do_down(self, part: str, code: str) -> None:
        self.yard.house.down[part] = code

    async def do_also(self, literals: list[str]) -> None:
        self.analyst.also = literals

    async def do_expire(self, days: int) -> None:
        self.yard.house.clients.expire(now_s=time() + days * 86_400)

    async def do_keyless(self, on: bool) -> None:
        uids = frozenset({os.getuid()}) if on else frozenset()
        self.yard.house.rules = replace(self.yard.house.rules, keyless_uids=uids)

    async def do_attach(self) -> None:
        await self.yard.attach("engine")

    async def do_seen(self) -> dict[str, Any]:
        seen, self.seen = self.seen, []
        return {"seen": seen}

    async def do_stats(self) -> dict[str, Any]:
        return {
            "generating": len(self.engine.tasks),
            "cancelled": self.engine.cancelled,
            "open": len(self.app[CONTROL].answers.places) if self.app else 0,
            "refused": _refused(self.yard),
            "prompts": _prompts(self.engine),
        }


def _refused(yard: Yard) -> dict[str, int]:
    """Refusals since the last asking, as they would go to the log."""
    return {f"{r.caller_id} {r.stage} {r.code}": r.count for r in yard.house.tally.take()}


def _prompts(engine: Engine) -> list[str]:
    """The last turn of every prompt the engine was given: what a model really saw."""
    return [m.messages[-1].content.reveal() for m in engine.got if isinstance(m, Generate)]


@asynccontextmanager
async def clinic(folder: Path, port: int) -> AsyncIterator[Clinic]:
    """Serve until left."""
    async with housed(folder) as yard:
        unsafe = yard.workers["engine"].unsafe
        workers = {"analyst": Analyst("analyst"), "engine": Engine("engine", unsafe)}
        for role, worker in workers.items():
            await yard.lose(role)
            yard.workers[role] = worker
            await yard.attach(role)
        workers["engine"].gate.set()
        await yard.ledger.open()
        place = Clinic(yard, port, folder, workers["analyst"], workers["engine"])
        await place.open()
        try:
            yield place
        finally:
            if place.close is not None:
                await place.close()
            await yard.ledger.close()


def free_port() -> int:
    """A port that both families have free."""
    sockets = bind_loopback(0)
    port = int(sockets[0].getsockname()[1])
    for sock in sockets:
        sock.close()
    return port


async def main() -> None:
    """Serve and obey until stdin ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    chosen = parser.parse_args()
    async with clinic(chosen.folder, chosen.port or free_port()) as place:
        print(json.dumps({"port": place.port, "api": str(chosen.folder / "run" / "api.sock")}), flush=True)
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                reply = await place.do(**json.loads(line))
            except Exception as error:  # noqa: BLE001 - the test on the other side is told
                reply = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
