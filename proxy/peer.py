"""Whose process is at the other end of a connection? The kernel's answer, or none.

    unix socket   SO_PEERCRED
    TCP           one NETLINK_SOCK_DIAG query per connection (sock_diag(7)), about 13 microseconds

Law: anything but one clear answer is None, and None is refused. There is no fallback: reading /proc/net/tcp takes
milliseconds and reads other users' connections. The netlink socket answers for the namespaces in which it was opened,
so it is opened before the lock-down and handed in.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from typing import Protocol

__all__ = ["PeerLookup", "SockDiag", "open_diag", "unix_peer"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_ESTABLISHED, _LISTEN = 1, 10
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port id
_ASK = struct.Struct("=BBBxI")  # struct inet_diag_req_v2: family, protocol, extensions, states
_PORTS = struct.Struct("!HH")  # both ports of struct inet_diag_sockid, in network order
_ADDRESSES = 32  # two addresses of 16 bytes follow the ports
_TAIL = struct.Struct("=I8s")  # interface and cookie
_ANSWER = struct.Struct("=BBBB")  # struct inet_diag_msg: family, state, timer, retransmits
_COUNTS = struct.Struct("=IIIII")  # expires, receive queue, send queue, uid, inode
_ID_BYTES = _PORTS.size + _ADDRESSES + _TAIL.size
_REPLY_BYTES = _ANSWER.size + _ID_BYTES + _COUNTS.size
_ANY_COOKIE = b"\xff" * 8
_BUFFER = 65_536

Address = tuple[str, int]


class PeerLookup(Protocol):
    """Finds the user of a TCP connection."""

    def uid(self, client: Address, server: Address) -> int | None:
        """The uid of the process at `client`, or None."""
        ...


def open_diag() -> socket.socket:
    """Open the netlink socket. Must happen before any lock-down, in the namespaces of the clients."""
    family = getattr(socket, "AF_NETLINK", 16)
    return socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _NETLINK_SOCK_DIAG)


def unix_peer(sock: socket.socket) -> int | None:
    """The uid at the other end of a connected unix socket."""
    size = struct.calcsize("3i")
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return None
    uid: int = struct.unpack("3i", raw)[1]
    return uid if uid >= 0 else None


class SockDiag:
    """`PeerLookup` over an open sock_diag socket."""

    def __init__(self, diag: socket.socket) -> None:
        self._diag = diag
        diag.setblocking(False)
        # A replaced gateway may find answers to its predecessor in the same socket: start anywhere.
        self._sequence = int.from_bytes(os.urandom(4), "big") & 0x7FFF_FFFF

    def uid(self, client: Address, server: Address) -> int | None:
        """Ask for exactly one connection; every doubt is None."""
        try:
            family, near, far = _pair(client, server)
        except ValueError:
            return None
        ident = _PORTS.pack(client[1], server[1]) + near + far + _TAIL.pack(0, _ANY_COOKIE)
        body = _ASK.pack(family, socket.IPPROTO_TCP, 0, 0xFFFF_FFFF) + ident
        replies = self._ask(body, 0)
        if replies is None or len(replies) != 1:
            return None
        return _uid_of(replies[0], client[1], server[1])

    def verify_sees(self, listener: socket.socket) -> None:
        """Self-test at start: our own listening socket must be in the kernel's list; raises OSError otherwise.

        It fails without the kernel modules inet_diag and tcp_diag and from a wrong network namespace; TCP must then
        not be served.
        """
        inode, port = os.fstat(listener.fileno()).st_ino, listener.getsockname()[1]
        if not any(found == inode for _, found in self._listening(listener.family, port)):
            raise OSError(errno.ENOENT, "sock_diag does not see our own listener")

    def listener_uid(self, family: int, port: int) -> int | None:
        """Who listens on a port: for the message that it is taken."""
        return next((uid for uid, _ in self._listening(family, port)), None)

    def _listening(self, family: int, port: int) -> tuple[tuple[int, int], ...]:
        """Uid and inode of every listening socket on a port."""
        ident = _PORTS.pack(port, 0) + bytes(_ADDRESSES) + _TAIL.pack(0, _ANY_COOKIE)
        body = _ASK.pack(family, socket.IPPROTO_TCP, 0, 1 << _LISTEN) + ident
        replies = self._ask(body, _NLM_F_DUMP) or ()
        return tuple(_owner_of(reply) for reply in replies if len(reply) >= _REPLY_BYTES)

    def _ask(self, body: bytes, flags: int) -> tuple[bytes, ...] | None:
        """Send one request, return the messages that answer it; None on an error of the kernel."""
        self._sequence = (self._sequence + 1) & 0x7FFF_FFFF
        header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST | flags, self._sequence, 0)
        try:
            self._diag.send(header + body)  # no address: the lock allows none, and an unconnected one asks the kernel
            return self._collect(dump=bool(flags & _NLM_F_DUMP))
        except OSError:
            return None

    def _collect(self, *, dump: bool) -> tuple[bytes, ...] | None:
        """Netlink answers inside the send call, so what is not there now will not come (EAGAIN ends the loop)."""
        found: list[bytes] = []
        while True:
            data, sender = self._diag.recvfrom(_BUFFER)
            if sender[0] != 0:  # not from the kernel
                continue
            for kind, sequence, payload in _messages(data):
                if sequence != self._sequence:
                    continue
                if kind == _NLMSG_ERROR:
                    return None
                if kind == _NLMSG_DONE:
                    return tuple(found)
                if kind == _SOCK_DIAG_BY_FAMILY:
                    found.append(payload)
            if found and not dump:
                return tuple(found)


def _pair(client: Address, server: Address) -> tuple[int, bytes, bytes]:
    """Family and both addresses, 16 bytes each. A mapped IPv6 client is found by the IPv4 query."""
    near, far = ipaddress.ip_address(client[0]), ipaddress.ip_address(server[0])
    near = getattr(near, "ipv4_mapped", None) or near
    far = getattr(far, "ipv4_mapped", None) or far
    if near.version != far.version:
        raise ValueError("two families")
    family = socket.AF_INET if near.version == 4 else socket.AF_INET6
    return family, near.packed.ljust(16, b"\0"), far.packed.ljust(16, b"\0")


def _messages(data: bytes) -> list[tuple[int, int, bytes]]:
    """Cut a datagram into (type, sequence, payload); a broken length ends it."""
    found, at = [], 0
    while at + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > len(data):
            break
        found.append((kind, sequence, data[at + _HEADER.size : at + length]))
        at += (length + 3) & ~3
    return found


def _uid_of(reply: bytes, client_port: int, server_port: int) -> int | None:
    if len(reply) < _REPLY_BYTES:
        return None
    _, state, _, _ = _ANSWER.unpack_from(reply)
    ports = _PORTS.unpack_from(reply, _ANSWER.size)
    uid, inode = _owner_of(reply)
    # A closing connection shows uid 0 with inode 0.
    if state != _ESTABLISHED or ports != (client_port, server_port) or inode == 0:
        return None
    return uid


def _owner_of(reply: bytes) -> tuple[int, int]:
    _, _, _, uid, inode = _COUNTS.unpack_from(reply, _ANSWER.size + _ID_BYTES)
    return int(uid), int(inode)
