"""The life of a gateway process, from the first socket to the last record.

    1 links and doors open (503 not_ready)   2 workers say Hello   3 log opened, S   4 guard canaries   5 E   6 ready
    then: each second the log's tick, each minute the tally, evidence when due; links are replaced as they come
    stop: answers end, doors close, E, X, exit 0

Law: tasks belong to one TaskGroup; a part that fails at start names its code in /readyz and nothing is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TextIO, cast

from aiohttp import web

from audit.evidence import Loopback, Peer
from proxy.access import Listener
from proxy.asking import Limits, OpenAnswers
from proxy.build import House
from proxy.clock import Clock
from proxy.door import Hall, open_doors
from proxy.errors import CordonError
from proxy.evidence import Witness
from proxy.journal import JsonJournal, open_journal, quiet_foreign_loggers
from proxy.ledger import Ledger
from proxy.listeners import ListenerRefused, verify_diag, verify_listener
from proxy.peer import SockDiag
from proxy.plan import GatewayPlan
from proxy.server import CONTROL, Shell, make_app, make_runner, verify_parser
from proxy.workers.border import Arguments, Control
from proxy.workers.lockdown import Lockdown

__all__ = ["Service"]

_RETRY_S = 5
EXIT_CONFIG = 78
_FINAL = frozenset({"confinement_failed", "guard_drift", "guard_invalid", "guard_missing", "guard_uncalibrated"})
"""Codes at start that no waiting cures."""
_FINAL_UNDER_A_UNIT = _FINAL | {"audit_not_enrolled"}
"""In a terminal a person may enrol meanwhile; a unit that is not enrolled stays down and says how, it does not hang."""
_PARTS = {"confinement_failed": "confinement"}
_CLOSING_S = 5.0


def _loopback(hall: Hall) -> Loopback:
    """The callers of each account since the last evidence record."""
    visits = hall.take_visits()
    peers = tuple(Peer(uid, count) for uid, count in sorted(visits.by_uid.items()))
    return Loopback(visits.accepted, peers, visits.non_loopback)


async def _shut(servers: Sequence[asyncio.Server], answers: OpenAnswers, code: str) -> None:
    """Accept nothing more, end every open answer with a code, and wait until each has its last record."""
    for server in servers:
        server.close()
    answers.end_all(code)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING_S):
            while answers.places:  # noqa: ASYNC110 - a list of places signals nobody
                await asyncio.sleep(0.02)


class _Line(io.TextIOBase):
    """Where the journal writes: the supervisor, who alone has a terminal or a journal."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def write(self, text: str) -> int:
        if line := text.strip():
            self._control.say(line=line)
        return len(text)


def _protocols(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    return server


class Service:
    """One gateway."""

    def __init__(self, arguments: Arguments, control: Control, locked: Lockdown) -> None:
        self._fds, self._control, self._locked = arguments.descriptors, control, locked
        self._plan = GatewayPlan.model_validate_json(arguments.plan)
        self._journal: JsonJournal = open_journal(cast("TextIO", _Line(control)))
        self._stop = asyncio.Event()
        self._ledger: Ledger | None = None
        self._exit = 0

    def run(self) -> int:
        """Serve until told to stop; returns the exit status."""
        quiet_foreign_loggers(self._journal)
        verify_parser()
        return asyncio.run(self._main())

    async def _main(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        clock = Clock(self._plan.boot_id)
        house = House(self._plan, clock, lambda: self._control.say(kill="analyst"))
        house.fault, house.replace = self._fault, lambda role: self._control.say(kill=role)
        witness = Witness(house, self._locked)
        self._ledger = ledger = Ledger(house, witness, self._journal)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._serve(house))]
            for role, link in house.links.items():
                sock = socket.socket(fileno=self._fds[f"link.{role}"])
                running.append(tasks.create_task(link.serve(sock)))
            loop.add_reader(self._control.socket, self._hear, house, tasks, ledger)
            running.append(tasks.create_task(self._begin(house, ledger)))
            await self._stop.wait()
            loop.remove_reader(self._control.socket)
            await self._end(house, ledger, running)
        return self._exit

    def _hear(self, house: House, tasks: asyncio.TaskGroup, ledger: Ledger) -> None:
        """A message of the supervisor: a worker was replaced, or stays down."""
        message, descriptors = self._control.hear()
        if not message:
            self._stop.set()  # the supervisor is gone; nothing is served without it
        elif (number := message.get("ping")) is not None:
            self._control.say(pong=str(number))  # from the loop itself: a stuck loop does not answer
        elif (role := message.get("attach")) in house.links and descriptors:
            tasks.create_task(house.links[role].serve(socket.socket(fileno=descriptors[0])))
            tasks.create_task(ledger.replaced(role))
        elif (role := message.get("down")) is not None:
            house.down[role] = "engine_failing" if role != "analyst" else "analyst_unavailable"

    async def _begin(self, house: House, ledger: Ledger) -> None:
        """Steps 2 to 6, then the ticking."""
        await self._workers_up(house)
        while not await self._opened(house, ledger):
            await asyncio.sleep(_RETRY_S)
            await self._workers_up(house)
        self._journal.say("ready", model=house.models()[0].id if house.models() else "", port=house.rules.port)
        self._control.say(ready=True)
        await ledger.keep()

    async def _workers_up(self, house: House) -> None:
        for link in house.links.values():
            await link.wait_up()

    async def _opened(self, house: House, ledger: Ledger) -> bool:
        """Try to open log and rooms; what an administrator must mend ends the process, the rest is tried again."""
        try:
            await ledger.open()
        except CordonError as error:
            self._journal.say("start_refused", code=error.code)
            part = "guard" if error.code.startswith("guard") else "log"
            house.down[_PARTS.get(error.code, part)] = error.code
            if error.code in (_FINAL if self._plan.unit == "none" else _FINAL_UNDER_A_UNIT):
                self._fault(error.code)
            return False
        return True

    def _fault(self, code: str) -> None:
        """End for good: the supervisor ends the others, and nothing starts them again by itself."""
        self._control.failed(code, self._ledger.lost[:8] if self._ledger is not None else ())
        self._exit = EXIT_CONFIG
        self._stop.set()

    async def _serve(self, house: House) -> None:
        """Accept until cancelled."""
        port = house.rules.port
        api = (house.plan.settings.access.socket,)
        sockets = [socket.socket(fileno=n) for name, n in sorted(self._fds.items()) if name.startswith("listen.")]
        named = [(verify_listener(sock, port=port, api=api), sock) for sock in sockets]
        diag = self._diag(named)
        if diag is None:
            house.down["peer"] = "peer_lookup_failed"
            named = [(listener, sock) for listener, sock in named if listener is Listener.UNIX]
        hall = Hall(house.rules, house.clients, diag, house.metrics)
        house.loopback = lambda: _loopback(hall)
        limits = Limits(answer_ms=house.plan.settings.engine.deadline_s * 1000)
        app = make_app(house, Shell(hall, self._journal, limits=limits))
        runner = make_runner(app)
        await runner.setup()
        servers = await open_doors(named, hall, _protocols(runner))
        house.shut = functools.partial(_shut, servers, app[CONTROL].answers)
        try:
            await asyncio.Event().wait()
        finally:
            app[CONTROL].stop()
            for server in servers:
                server.close()
            await runner.cleanup()

    def _diag(self, named: list[tuple[Listener, socket.socket]]) -> SockDiag | None:
        """The peer look-up, once it has shown that it sees our own listeners; without it TCP is not served."""
        if "diag" not in self._fds:
            return None
        try:
            sock = socket.socket(fileno=self._fds["diag"])
            verify_diag(sock)
            diag = SockDiag(sock)
            for listener, listening in named:
                if listener is Listener.TCP:
                    diag.verify_sees(listening)
        except (OSError, ListenerRefused):
            self._journal.say("peer_lookup_failed")
            return None
        return diag

    async def _end(self, house: House, ledger: Ledger, running: list[asyncio.Task[None]]) -> None:
        """Answers and ticks first, then the log, then the links, over which the last evidence was asked for."""
        serving, *rest, keeping = running
        for task in (serving, keeping):
            task.cancel()
        await asyncio.wait([serving, keeping])
        await ledger.close()
        for task in rest:
            task.cancel()
        for link in house.links.values():
            link.close()
