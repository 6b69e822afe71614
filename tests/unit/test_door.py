"""The door: peers found once, strangers few, others out; six callbacks passed on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.access import AccessRules, Listener
from proxy.caps import ConnectionLimits, Connections
from proxy.clients import Clients, NewClient
from proxy.door import Door, Hall, Peer, Visits
from proxy.health import Metrics


class Inner(asyncio.Protocol):
    """Writes down what reached it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(f"data {len(data)}")

    def eof_received(self) -> bool | None:
        self.calls.append("eof")
        return True

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")


class Wire(asyncio.Transport):
    """A connection that only has addresses."""

    def __init__(self, client: str = "127.0.0.1") -> None:
        super().__init__({"peername": (client, 5), "sockname": (client, 8642)})
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


class Lookup:
    """Says what it was told to say."""

    def __init__(self, uid: int | None) -> None:
        self.answer = uid

    def uid(self, client: tuple[str, int], server: tuple[str, int]) -> int | None:
        return self.answer


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    clients = Clients(tmp_path / "access" / "clients.json")
    clients.add(NewClient("x", 1000, 1), now_s=1)
    held = Connections(ConnectionLimits(total=6, per_uid=3, per_stranger=1))
    return Hall(AccessRules(8642, keyless_uids=frozenset({1002})), clients, Lookup(1000), Metrics(), held)


def _open(hall: Hall, wire: Wire | None = None) -> tuple[Door, Wire, Inner]:
    inner, wire = Inner(), wire or Wire()
    door = Door(inner, hall, Listener.TCP)
    door.connection_made(wire)
    return door, wire, inner


def test_callbacks_are_passed_on_and_the_peer_is_known_while_open(hall: Hall) -> None:
    door, wire, inner = _open(hall)
    assert hall.peer_of(wire) == Peer(Listener.TCP, 1000)
    door.data_received(b"abc")
    door.pause_writing()
    door.resume_writing()
    assert door.eof_received() is True
    door.connection_lost(None)
    assert inner.calls == ["made", "data 3", "pause", "resume", "eof", "lost"]
    assert hall.peer_of(wire).uid is None
    assert hall.peer_of(None).uid is None
    assert not hall.connections.open
    assert b'cordon_connections{listener="tcp"} 0.0' in hall.metrics.render()


@pytest.mark.parametrize("address", ["192.168.1.5", "8.8.8.8", "2001:db8::1", "fe80::1%eth0", "::ffff:10.0.0.1"])
def test_another_computer_is_closed_without_a_word(hall: Hall, address: str) -> None:
    door, wire, inner = _open(hall, Wire(address))
    door.data_received(b"GET /")
    door.eof_received()
    door.connection_lost(None)
    assert wire.aborted
    assert inner.calls == []
    assert b"cordon_non_loopback_total 1.0" in hall.metrics.render()
    assert hall.take_visits() == Visits(non_loopback=1)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.5.5.5", "::1", "::ffff:127.0.0.1"])
def test_this_computer(hall: Hall, address: str) -> None:
    assert _open(hall, Wire(address))[2].calls == ["made"]


@pytest.mark.parametrize(("uid", "allowed"), [(1000, 3), (1002, 3), (1001, 1), (None, 1)])
def test_limits(hall: Hall, uid: int | None, allowed: int) -> None:
    hall.lookup = Lookup(uid)
    opened = [_open(hall) for _ in range(4)]
    assert [wire.aborted for _, wire, _ in opened] == [False] * allowed + [True] * (4 - allowed)
    for door, _, _ in opened:
        door.connection_lost(None)
    assert not hall.connections.open
    visits = hall.take_visits()
    assert (visits.accepted, visits.by_uid.total()) == (allowed, 0 if uid is None else allowed)
    assert hall.take_visits() == Visits()


def test_without_a_lookup_nobody_is_known(hall: Hall) -> None:
    hall.lookup = None
    _, wire, _ = _open(hall)
    assert hall.peer_of(wire) == Peer(Listener.TCP, None)
