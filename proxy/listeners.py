"""The sockets the service listens on: bound by ourselves, or inherited and checked.

    127.0.0.1:8642 and [::1]:8642    two sockets; with one family alone another user could take the other and receive
                                     every client that says `localhost`
    api.sock                         the kernel names the user; nobody else can take the path

Law: never a wildcard, never a name, never another port than the configured one; a descriptor that is not exactly one
of these stops the start. The supervisor holds the sockets, so a replaced gateway never frees the port.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from proxy.access import Listener
from proxy.peer import SockDiag, open_diag

__all__ = ["ListenerRefused", "bind_api", "bind_loopback", "verify_device", "verify_diag", "verify_listener"]

_BACKLOG = 128
_LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
_SO_BINDTODEVICE = getattr(socket, "SO_BINDTODEVICE", 25)
_SO_PROTOCOL = getattr(socket, "SO_PROTOCOL", 38)
_AF_NETLINK = getattr(socket, "AF_NETLINK", 16)
_SOCK_DIAG = 4


class ListenerRefused(Exception):  # noqa: N818 - a refusal to start
    """A socket cannot be had or is not one of ours; the message is a sentence for the administrator (exit 78)."""


def bind_loopback(port: int) -> tuple[socket.socket, ...]:
    """Bind both loopback addresses for user mode; IPv4 alone where the computer has no ::1. Port 0 is for tests."""
    first = _bind(socket.AF_INET, port)
    try:
        second = _bind(socket.AF_INET6, first.getsockname()[1])
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return (first,)
        first.close()
        raise _taken(error, socket.AF_INET6, port) from None
    return first, second


def _bind(family: socket.AddressFamily, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        # Restart over TIME_WAIT, but share with nobody: SO_REUSEPORT stays off.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")
        sock.bind((_LOOPBACK[family], port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        if family == socket.AF_INET:
            raise _taken(error, family, port) from None
        raise
    return sock


def _taken(error: OSError, family: socket.AddressFamily, port: int) -> ListenerRefused:
    where = f"{_LOOPBACK[family]} port {port}"
    if error.errno != errno.EADDRINUSE:
        return ListenerRefused(f"Cannot listen on {where}: {os.strerror(error.errno or 0)}")
    holder = _holder_of(family, port)
    whose = "another program" if holder is None else f"a program of user {holder}"
    return ListenerRefused(f"Cannot listen on {where}: {whose} has it. Stop that program, or set another [access] port")


def _holder_of(family: socket.AddressFamily, port: int) -> int | None:
    """The user whose program listens there. A start-up question; requests never take this way."""
    with contextlib.closing(open_diag()) as diag:
        return SockDiag(diag).listener_uid(family, port)


def bind_api(path: Path) -> socket.socket:
    """Bind the unix socket of user mode, 0600 in a directory of our own with 0700."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = path.parent.stat()
    if facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise ListenerRefused("The directory of api.sock must belong to you and be closed to others (mode 0700)")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    mask = os.umask(0o177)
    try:
        _remove_stale(path)
        sock.bind(str(path))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenerRefused(f"Cannot listen on api.sock: {os.strerror(error.errno or 0)}") from None
    finally:
        os.umask(mask)
    return sock


def _remove_stale(path: Path) -> None:
    """Unlink a socket file only after a refused connection showed that nobody listens there."""
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if stat.S_ISSOCK(path.lstat().st_mode):  # a plain file refuses a connection too
                path.unlink()
                return
    raise OSError(errno.EADDRINUSE, "in use")


def verify_listener(sock: socket.socket, *, port: int, api: Sequence[Path] = ()) -> Listener:
    """Check one inherited descriptor; raises ListenerRefused unless it is exactly one of ours."""
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise ListenerRefused("An inherited descriptor is not a listening stream socket (listener_refused)")
    if sock.family == socket.AF_UNIX:
        if sock.getsockname() not in {str(path) for path in api}:
            raise ListenerRefused("An inherited unix socket is not api.sock (listener_refused)")
        return Listener.UNIX
    wanted = _LOOPBACK.get(sock.family)
    if wanted is None or sock.getsockname()[:2] != (wanted, port):
        raise ListenerRefused(f"An inherited socket is not 127.0.0.1 or ::1 port {port} (listener_refused)")
    return Listener.TCP


def verify_device(sock: socket.socket) -> None:
    """An inherited TCP listener must be bound to the loopback device, not by its address alone."""
    device = sock.getsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, 16).rstrip(b"\0")
    if device != b"lo" or sock.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL) != socket.IPPROTO_TCP:
        raise ListenerRefused("An inherited socket is not bound to the loopback device (listener_refused)")


def verify_diag(sock: socket.socket) -> None:
    """Check the inherited sock_diag descriptor; raises ListenerRefused."""
    if sock.family != _AF_NETLINK or sock.getsockopt(socket.SOL_SOCKET, _SO_PROTOCOL) != _SOCK_DIAG:
        raise ListenerRefused("The descriptor `diag` is not a sock_diag socket (listener_refused)")
