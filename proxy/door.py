"""The door in front of aiohttp: who is it, are there too many of them, and then the six callbacks passed on.

Law: the user of a connection is found once, when it is made; a peer that is not this computer is closed without a word.
Only public API of asyncio and aiohttp is used.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from proxy.access import AccessRules, Listener
from proxy.caps import Connections
from proxy.clients import Clients
from proxy.health import Metrics
from proxy.peer import PeerLookup, unix_peer

__all__ = ["Door", "Hall", "Peer", "Visits", "open_doors"]

_NOBODY = -1


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a connection came from. `uid` is None when the kernel gave no clear answer."""

    listener: Listener
    uid: int | None


@dataclass(slots=True)
class Visits:
    """Connections since somebody last asked: in all, per user, and from elsewhere. The evidence record takes them."""

    accepted: int = 0
    by_uid: Counter[int] = field(default_factory=Counter)
    non_loopback: int = 0


@dataclass(slots=True)
class Hall:
    """What all doors share: the rules, the counts, and who stands at which open connection."""

    rules: AccessRules
    clients: Clients
    lookup: PeerLookup | None
    metrics: Metrics
    connections: Connections = field(default_factory=Connections)
    peers: dict[asyncio.BaseTransport, Peer] = field(default_factory=dict)
    visits: Visits = field(default_factory=Visits)

    def take_visits(self) -> Visits:
        """Return the counts and begin anew."""
        taken, self.visits = self.visits, Visits()
        return taken

    def peer_of(self, transport: asyncio.BaseTransport | None) -> Peer:
        """The peer of a request's connection; a connection that is gone has no user."""
        return self.peers.get(transport, Peer(Listener.TCP, None)) if transport else Peer(Listener.TCP, None)

    def limit_of(self, peer: Peer) -> int:
        """How many connections this peer's user may hold."""
        limits = self.connections.limits
        if peer.uid is None:
            return limits.per_stranger
        known = self.clients.has_uid(peer.uid) or peer.uid in self.rules.keyless_uids
        return limits.per_uid if known or peer.listener is Listener.UNIX else limits.per_stranger


class Door(asyncio.Protocol):
    """One connection."""

    def __init__(self, inner: asyncio.Protocol, hall: Hall, listener: Listener) -> None:
        self._inner, self._hall, self._listener = inner, hall, listener
        self._transport: asyncio.BaseTransport | None = None
        self._uid = _NOBODY

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find the peer, count it in, or close."""
        peer = self._find(transport)
        if peer is None:
            _abort(transport)
            return
        uid = _NOBODY if peer.uid is None else peer.uid
        if not self._hall.connections.enter(uid, self._hall.limit_of(peer)):
            self._hall.metrics.count("cordon_connections_refused", listener=self._listener.value)
            _abort(transport)
            return
        self._transport, self._uid = transport, uid
        self._hall.peers[transport] = peer
        self._hall.visits.accepted += 1
        if peer.uid is not None:
            self._hall.visits.by_uid[peer.uid] += 1
        self._level()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it out."""
        if self._transport is None:
            return
        self._hall.connections.leave(self._uid)
        self._hall.peers.pop(self._transport, None)
        self._transport = None
        self._level()
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._transport is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._inner.eof_received() if self._transport is not None else None

    def pause_writing(self) -> None:
        """Pass on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._inner.resume_writing()

    def _find(self, transport: asyncio.BaseTransport) -> Peer | None:
        if self._listener is Listener.UNIX:
            return Peer(Listener.UNIX, unix_peer(transport.get_extra_info("socket")))
        client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not client or not _is_loopback(client[0]):
            self._hall.metrics.count("cordon_non_loopback")
            self._hall.visits.non_loopback += 1
            return None
        began = perf_counter()
        uid = self._hall.lookup.uid(client[:2], server[:2]) if self._hall.lookup else None
        self._hall.metrics.took("cordon_peer_lookup_seconds", perf_counter() - began)
        return Peer(Listener.TCP, uid)

    def _level(self) -> None:
        count = sum(peer.listener is self._listener for peer in self._hall.peers.values())
        self._hall.metrics.level("cordon_connections", count, listener=self._listener.value)


async def open_doors(
    sockets: Sequence[tuple[Listener, socket.socket]], hall: Hall, inner: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Server, ...]:
    """Accept on every socket. Close the servers before cleaning up what `inner` belongs to."""
    loop = asyncio.get_running_loop()
    servers = []
    for listener, sock in sockets:
        factory = _factory(hall, inner, listener)
        if sock.family == socket.AF_UNIX:
            servers.append(await loop.create_unix_server(factory, sock=sock))
        else:
            servers.append(await loop.create_server(factory, sock=sock))
    return tuple(servers)


def _factory(hall: Hall, inner: Callable[[], asyncio.Protocol], listener: Listener) -> Callable[[], Door]:
    return lambda: Door(inner(), hall, listener)


def _is_loopback(host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _abort(transport: asyncio.BaseTransport) -> None:
    if isinstance(transport, asyncio.Transport):
        transport.abort()
