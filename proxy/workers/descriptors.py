"""What a process holds open: every descriptor is expected for its role, or is named.

Law: a private network says nothing about sockets that were opened elsewhere and inherited, so this list is the key
line of the evidence. What is not known to be expected is unexpected. Nothing is opened here: links of an already open
/proc/self/fd and `getsockopt` are enough, and both work in the sealed engine.
"""

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.workers.callbacks import is_callback_room
from proxy.workers.lockstate import FactFds, Kept, LockPlan, Role

__all__ = ["FdFacts", "InetFd", "UnixFd", "View", "inspect_descriptors", "read_targets"]

# asm-generic/socket.h; Python names only some of them
_SO_TYPE, _SO_PROTOCOL, _SO_NETNS_COOKIE = 3, 38, 71
_AF_NETLINK, _NETLINK_SOCK_DIAG = 16, 4
_STREAMS = {socket.SOCK_STREAM, socket.SOCK_SEQPACKET}
_INET = {socket.AF_INET, socket.AF_INET6}
_TCP_STATES = (
    "unknown",
    "established",
    "syn-sent",
    "syn-recv",
    "fin-wait1",
    "fin-wait2",
    "time-wait",
    "close",
    "close-wait",
    "last-ack",
    "listen",
    "closing",
    "syn-recv",
)
_NO_PEER_YET = {"close", "syn-sent"}
_ANONYMOUS = {"anon_inode:[eventpoll]": "eventpoll", "anon_inode:[eventfd]": "eventfd"}
_KINDS = {socket.SOCK_STREAM: "tcp", socket.SOCK_DGRAM: "udp"}


@dataclass(frozen=True, slots=True)
class InetFd:
    """An IPv4 or IPv6 socket; `netns` is `own` or `host`."""

    fd: int
    state: str
    laddr: str
    netns: str


@dataclass(frozen=True, slots=True)
class UnixFd:
    """A Unix socket and who is at its other end: supervisor, gateway, analyst, engine, client, self."""

    fd: int
    peer: str


@dataclass(frozen=True, slots=True)
class FdFacts:
    """All descriptors of a process."""

    inet: tuple[InetFd, ...]
    unix: tuple[UnixFd, ...]
    other: Mapping[str, int]
    unexpected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """What descriptors are compared with."""

    plan: LockPlan
    fact_fds: FactFds
    kept: tuple[Kept, ...]
    links: Mapping[int, str]
    """Who is at the other end of a link, by descriptor: those of the plan, or those of now."""


@dataclass(frozen=True, slots=True)
class _Socket:
    family: int
    kind: int
    protocol: int
    listening: bool
    local: str
    peer: str | None
    state: str
    netns: str
    made_by: int


def read_targets(fds: int) -> dict[int, str]:
    """Return what every open descriptor points to; `fds` is an open /proc/self/fd."""
    targets = {}
    for name in os.listdir(fds):
        try:
            targets[int(name)] = os.readlink(name, dir_fd=fds)
        except FileNotFoundError:  # closed since, or the one listdir itself used
            continue
    return targets


def inspect_descriptors(view: View) -> FdFacts:
    """Sort every descriptor of this process into expected kinds and unexpected ones."""
    inet: list[InetFd] = []
    unix: list[UnixFd] = []
    other: dict[str, int] = {}
    unexpected: list[str] = []
    targets = read_targets(view.fact_fds.fds)
    sockets = {fd: found for fd, target in targets.items() if target.startswith("socket:") and (found := _look(fd))}
    listeners = frozenset(one.local for one in sockets.values() if one.family in _INET and one.listening)
    for fd, target in sorted(targets.items()):
        held = Kept(fd, target) in view.kept
        found = sockets.get(fd)
        if found is None:
            kind = _plain_kind(fd, target, view, held=held)
            name = kind or _name_of(target)
        elif found.family in _INET:
            inet.append(InetFd(fd, found.state, found.local, found.netns))
            kind, name = _inet_kind(found, view.plan.role, listeners, held=held)
        elif found.family == socket.AF_UNIX:
            peer = _unix_peer(fd, found, view, held=held)
            kind, name = peer, f"unix {found.local or found.peer or 'unnamed'}"
            if peer is not None:
                unix.append(UnixFd(fd, peer))
        else:
            kind, name = _other_socket(found, view.plan.role, held=held)
        if kind is None:
            unexpected.append(name[:64])
        elif found is None or found.family == _AF_NETLINK:
            other[kind] = other.get(kind, 0) + 1
    return FdFacts(tuple(inet), tuple(unix), other, tuple(unexpected))


def _look(fd: int) -> _Socket | None:
    try:
        probe = socket.socket(fileno=fd)
    except OSError:  # closed meanwhile
        return None
    try:
        family, kind = int(probe.family), int(probe.type)
        return _Socket(
            family,
            kind,
            probe.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL),
            bool(probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)),
            _address(probe.getsockname()),
            _peer(probe),
            _state(probe) if family in _INET and kind == socket.SOCK_STREAM else "none",
            _netns(probe),
            _maker(probe) if family == socket.AF_UNIX else 0,
        )
    except OSError:
        return _Socket(-1, 0, -1, False, "", None, "none", "host", 0)  # unreadable: matches nothing expected
    finally:
        probe.detach()


def _address(name: object) -> str:
    match name:
        case (str(host), int(port), *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case str() | bytes():
            return name.decode("ascii", "replace") if isinstance(name, bytes) else name
        case _:
            return ""


def _peer(probe: socket.socket) -> str | None:
    try:
        return _address(probe.getpeername())
    except OSError:
        return None


def _state(probe: socket.socket) -> str:
    number = probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return _TCP_STATES[number] if number < len(_TCP_STATES) else "unknown"


def _netns(probe: socket.socket) -> str:
    """Compare the socket's namespace with that of a fresh pair; where the kernel cannot say, assume the host's."""
    left, right = socket.socketpair()
    with left, right:
        try:
            own = left.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
            return "own" if probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8) == own else "host"
        except OSError:
            return "host"


def _maker(probe: socket.socket) -> int:
    """Return the process that made this end, or that connected to it (unix(7), SO_PEERCRED)."""
    pid, _, _ = struct.unpack("iII", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)


def _plain_kind(fd: int, target: str, view: View, *, held: bool) -> str | None:
    facts = view.fact_fds
    if fd in {facts.status, facts.stat, facts.net_dev, facts.children, facts.fds}:
        return "proc"
    if target == "/dev/null":
        return "null"
    if target in _ANONYMOUS:
        return _ANONYMOUS[target]
    if target.startswith(("pipe:", "/memfd:cordon-")) or is_callback_room(target):  # what the supervisor handed over
        return target.strip("/").split(":")[0] if held else None
    if target.startswith("/") and not target.startswith(("/dev/", "/memfd:")):
        return "file" if held or _below(target, view.plan) else None
    return None


def _below(target: str, plan: LockPlan) -> bool:
    return any(
        target == path or target.startswith(path.rstrip("/") + "/")
        for path in (os.path.realpath(one) for one in (*plan.read_exec, *plan.read, *plan.write))
    )


def _name_of(target: str) -> str:
    """Name an unexpected descriptor by kind: a file by its top directory alone, for its name may say too much."""
    if target.startswith(("/memfd:", "/dev/")):
        return target[1:].removesuffix(" (deleted)")
    if target.startswith("/"):
        return f"file /{target.split('/')[1]}"
    if target.startswith("anon_inode:"):
        return target.removeprefix("anon_inode:").strip("[]")
    return target.split(":", 1)[0]


def _inet_kind(found: _Socket, role: Role, listeners: frozenset[str], *, held: bool) -> tuple[str | None, str]:
    name = f"{_KINDS.get(socket.SocketKind(found.kind), 'raw')} {found.local}"
    if found.kind != socket.SOCK_STREAM or found.protocol != socket.IPPROTO_TCP:
        return None, name
    if role is Role.GATEWAY:
        if found.listening:
            return ("listener" if held and _loopback(found.local) else None), name
        ours = found.local in listeners
        return ("accepted" if ours and _loopback_peer(found) else None), name
    if role is Role.ENGINE_HTTP and not found.listening:
        return ("server" if _loopback_peer(found) else None), f"tcp {found.peer}"
    return None, name


def _loopback(address: str) -> bool:
    return address.startswith(("127.", "[::1]:", "[::ffff:127."))


def _loopback_peer(found: _Socket) -> bool:
    return found.state in _NO_PEER_YET if found.peer is None else _loopback(found.peer)


def _unix_peer(fd: int, found: _Socket, view: View, *, held: bool) -> str | None:
    if found.kind not in _STREAMS:  # a datagram socket can `sendmsg` to any address
        return None
    gateway = view.plan.role is Role.GATEWAY
    if found.listening:
        return "client" if gateway and held else None
    if gateway and found.local.endswith("/api.sock"):
        return "client"
    if found.local or found.peer:  # connected to somebody's socket by name
        return None
    unlabelled = "supervisor" if held else None
    return view.links.get(fd, "self" if found.made_by == os.getpid() else unlabelled)


def _other_socket(found: _Socket, role: Role, *, held: bool) -> tuple[str | None, str]:
    if found.family == _AF_NETLINK:
        allowed = role is Role.GATEWAY and held and found.protocol == _NETLINK_SOCK_DIAG
        return ("diag" if allowed else None), f"netlink {found.protocol}"
    return None, f"socket family {found.family}"
