"""The life of a gateway, the parts that need no processes of their own: what the supervisor says, starts and ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audit.evidence import Peer
from proxy.access import Listener
from proxy.door import Hall
from proxy.errors import CordonError
from proxy.health import Metrics
from proxy.listeners import bind_loopback
from proxy.peer import open_diag
from proxy.service import EXIT_CONFIG, Service, _Line, _loopback
from proxy.workers.border import Arguments, Control
from tests.kit.audit_house import quick_folder
from tests.kit.gateway_house import OwnLock, Yard, housed, plan_of

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)


@dataclass
class Desk:
    """A service and the supervisor's end of its control socket."""

    service: Service
    control: Control
    supervisor: socket.socket
    heard: list[dict[str, Any]] = field(default_factory=list)

    def said(self) -> list[dict[str, Any]]:
        with suppress(BlockingIOError):
            while data := self.supervisor.recv(4096):
                self.heard.append(json.loads(data))
        return self.heard

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(message["line"]) for message in self.said() if "line" in message]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with made_desk(tmp_path) as made:
        yield made


class made_desk:  # noqa: N801 - a context manager
    def __init__(self, folder: Path, descriptors: dict[str, int] | None = None) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        control = Control(theirs.detach())
        arguments = Arguments(descriptors or {}, "{}", plan_of(folder).model_dump_json())
        self.desk = Desk(Service(arguments, control, OwnLock()), control, ours)  # type: ignore[arg-type]

    def __enter__(self) -> Desk:
        return self.desk

    def __exit__(self, *_: object) -> None:
        self.desk.supervisor.close()
        self.desk.control.socket.close()


class Ledger:
    """Fails to open so often with these codes, then opens; remembers what it was told."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.changed, self.opened = list(codes), [], 0

    async def open(self) -> None:
        if self.codes:
            raise CordonError(self.codes.pop(0))
        self.opened += 1

    async def replaced(self, role: str) -> None:
        self.changed.append(role)


@pytest.mark.parametrize("code", ["guard_drift", "guard_invalid", "guard_missing", "guard_uncalibrated"])
async def test_a_guard_that_no_waiting_cures_ends_the_process(tmp_path: Path, desk: Desk, code: str) -> None:
    async with housed(tmp_path) as yard:
        assert await desk.service._opened(yard.house, Ledger(code)) is False  # type: ignore[arg-type]
        assert yard.house.down["guard"] == code
        assert desk.service._stop.is_set()
        assert desk.service._exit == EXIT_CONFIG == 78
        assert {"failed": code} in desk.said()
        assert [(line["event"], line["code"]) for line in desk.lines()] == [("start_refused", code)]


@pytest.mark.parametrize(
    ("code", "part"), [("audit_full", "log"), ("audit_not_enrolled", "log"), ("guard_unavailable", "guard")]
)
async def test_what_may_pass_is_tried_again_and_named_meanwhile(
    tmp_path: Path, desk: Desk, code: str, part: str
) -> None:
    async with housed(tmp_path) as yard:
        ledger = Ledger(code)
        assert await desk.service._opened(yard.house, ledger) is False  # type: ignore[arg-type]
        assert yard.house.down[part] == code
        assert yard.house.readiness()[part] == code
        assert not desk.service._stop.is_set()
        assert desk.service._exit == 0
        assert not any("failed" in message for message in desk.said())
        assert await desk.service._opened(yard.house, ledger) is True  # type: ignore[arg-type]
        assert ledger.opened == 1


async def test_a_unit_that_is_not_enrolled_stays_down_and_a_lock_that_fails_is_final(
    tmp_path: Path, desk: Desk
) -> None:
    async with housed(tmp_path) as yard:
        desk.service._plan = desk.service._plan.model_copy(update={"unit": "cordon.service " + "ab" * 16})
        assert await desk.service._opened(yard.house, Ledger("audit_not_enrolled")) is False  # type: ignore[arg-type]
        assert desk.service._exit == EXIT_CONFIG
        assert {"failed": "audit_not_enrolled"} in desk.said()
        assert await desk.service._opened(yard.house, Ledger("confinement_failed")) is False  # type: ignore[arg-type]
        assert yard.house.down["confinement"] == "confinement_failed"


async def test_a_ping_is_answered_from_the_loop(tmp_path: Path, desk: Desk) -> None:
    async with housed(tmp_path) as yard:
        hear(desk, yard, Ledger(), b'{"ping":"7"}')
        assert {"pong": "7"} in desk.said()


def hear(desk: Desk, yard: Yard, ledger: Ledger, message: bytes, *descriptors: int) -> None:
    socket.send_fds(desk.supervisor, [message], list(descriptors))
    desk.service._hear(yard.house, yard.tasks, ledger)  # type: ignore[arg-type]


@pytest.mark.parametrize(("role", "code"), [("engine", "engine_failing"), ("analyst", "analyst_unavailable")])
async def test_a_worker_left_down_is_named_and_refuses(tmp_path: Path, desk: Desk, role: str, code: str) -> None:
    async with housed(tmp_path) as yard:
        hear(desk, yard, Ledger(), json.dumps({"down": role}).encode())
        assert yard.house.down[role] == code
        assert yard.house._missing() != ""
        assert not desk.service._stop.is_set()


async def test_a_replaced_worker_is_attached_and_recorded(tmp_path: Path, desk: Desk) -> None:
    async with housed(tmp_path) as yard:
        await yard.lose("engine")
        ours, theirs = socket.socketpair()
        yard.running.append(yard.tasks.create_task(yard.workers["engine"].run(theirs)))
        ledger = Ledger()
        hear(desk, yard, ledger, b'{"attach":"engine"}', ours.fileno())
        ours.close()
        await yard.house.links["engine"].wait_up()
        assert ledger.changed == ["engine"]
        yard.house.links["engine"].close()


@pytest.mark.parametrize("message", [b'{"attach":"engine"}', b'{"attach":"stranger"}', b'{"news":"none"}'])
async def test_other_messages_change_nothing(tmp_path: Path, desk: Desk, message: bytes) -> None:
    async with housed(tmp_path) as yard:
        before, ledger = dict(yard.house.down), Ledger()
        hear(desk, yard, ledger, message)
        await asyncio.sleep(0)
        assert (yard.house.down, ledger.changed, desk.service._stop.is_set()) == (before, [], False)


async def test_without_a_supervisor_nothing_is_served(tmp_path: Path, desk: Desk) -> None:
    async with housed(tmp_path) as yard:
        desk.supervisor.close()
        desk.service._hear(yard.house, yard.tasks, Ledger())  # type: ignore[arg-type]
        assert desk.service._stop.is_set()


async def test_at_the_end_serving_and_ticking_stop_before_the_last_record(tmp_path: Path, desk: Desk) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        order: list[str] = []

        async def part(name: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                order.append(name)

        class Last:
            async def close(self) -> None:
                order.append("log")
                await yard.ledger.close()

        running = [yard.tasks.create_task(part(name)) for name in ("serving", "link", "ticking")]
        await asyncio.sleep(0)
        await desk.service._end(yard.house, Last(), running)  # type: ignore[arg-type]
        await asyncio.wait(running)
        assert set(order[:2]) == {"serving", "ticking"}
        assert order[2:] == ["log", "link"]
        assert yard.kinds() == "SEEX"
        assert [e["gaps"] for e in yard.records("E")] == [[], []]  # the links still answered


def test_journal_lines_go_to_the_supervisor_one_by_one(desk: Desk) -> None:
    line = _Line(desk.control)
    assert line.write('{"event":"ready"}\n') == 18
    line.write("\n")
    assert desk.said() == [{"line": '{"event":"ready"}'}]


def test_callers_are_counted_by_account(tmp_path: Path) -> None:
    hall = Hall(None, None, None, Metrics())  # type: ignore[arg-type]
    hall.visits.accepted, hall.visits.non_loopback = 3, 1
    hall.visits.by_uid.update({1001: 1, 1000: 2})
    taken = _loopback(hall)
    assert (taken.accepted, taken.peers, taken.non_loopback) == (3, (Peer(1000, 2), Peer(1001, 1)), 1)
    again = _loopback(hall)
    assert (again.accepted, again.peers, again.non_loopback) == (0, (), 0)


def test_a_descriptor_that_is_no_lookup_socket_is_said_and_tcp_is_not_served(tmp_path: Path) -> None:
    read, write = os.pipe()
    one, two = socket.socketpair()
    with made_desk(tmp_path, {"diag": read}) as desk:
        assert desk.service._diag([]) is None
        assert [line["event"] for line in desk.lines()] == ["peer_lookup_failed"]
    with two, made_desk(tmp_path, {"diag": one.detach()}) as desk:
        assert desk.service._diag([]) is None
        assert [line["event"] for line in desk.lines()] == ["peer_lookup_failed"]
    os.close(read)
    os.close(write)


def test_a_lookup_that_sees_our_listeners_is_used(tmp_path: Path) -> None:
    listening = bind_loopback(0)[0]
    diag = open_diag()
    with listening, made_desk(tmp_path, {"diag": diag.detach()}) as desk:
        found = desk.service._diag([(Listener.TCP, listening)])
        assert found is not None
        assert desk.said() == []


def test_a_lookup_that_does_not_see_our_listeners_is_not_trusted(tmp_path: Path) -> None:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))  # not listening: the kernel's table does not hold it
    diag = open_diag()
    with bound, made_desk(tmp_path, {"diag": diag.detach()}) as desk:
        assert desk.service._diag([(Listener.TCP, bound)]) is None
        assert [line["event"] for line in desk.lines()] == ["peer_lookup_failed"]


def test_without_a_lookup_socket_there_is_no_lookup(desk: Desk) -> None:
    assert desk.service._diag([]) is None
