"""Sockets that the service manager opened and hands over at start (sd_listen_fds(3)), each checked, and nothing else.

    inherit(env, access)  ->  Inherited(listeners={"listen.http.0": ..., "listen.api": ...}, diag=...)  or None

Law: descriptors are told apart by name, for their order differs from start to start; each must be exactly one of ours,
TCP ones bound to the loopback device. A descriptor that nobody named stops the start: an inherited socket is a door
that no private network closes.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from proxy.access import Listener
from proxy.config import AccessSettings, Environment
from proxy.listeners import ListenerRefused, verify_device, verify_diag, verify_listener

__all__ = ["Inherited", "inherit", "verify_no_strangers"]

_FIRST = 3
_MOST = {"http": 2, "api": 1, "diag": 1}
"""How many of each name there can be."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What was handed over."""

    listeners: Mapping[str, socket.socket]
    diag: socket.socket | None

    def descriptors(self) -> dict[str, int]:
        """By the names that the gateway knows."""
        named = {name: sock.fileno() for name, sock in self.listeners.items()}
        return named if self.diag is None else {**named, "diag": self.diag.fileno()}


def inherit(env: Environment, access: AccessSettings) -> Inherited | None:
    """Take over the sockets; None when nothing was handed to this process. Raises ListenerRefused."""
    if not env.listen_fds or env.listen_pid != str(os.getpid()):
        return None
    listeners: dict[str, socket.socket] = {}
    diag: socket.socket | None = None
    for name, sock in _handed_over(env):
        if name == "diag":
            verify_diag(sock)
            diag = sock
        else:
            listeners[_place(name, sock, listeners, access)] = sock
    if not listeners:
        raise ListenerRefused("The service manager handed over no socket to listen on (listener_refused)")
    return Inherited(listeners, diag)


def _handed_over(env: Environment) -> Iterator[tuple[str, socket.socket]]:
    names = env.listen_fdnames.split(":")
    if env.listen_fds != str(len(names)):
        raise ListenerRefused("The sockets handed over by the service manager have no names (listener_refused)")
    for number, name in enumerate(names, _FIRST):
        if names.count(name) > _MOST.get(name, 0):
            raise ListenerRefused("The service manager handed over a descriptor that is not Cordon's (fd-unexpected)")
        try:
            sock = socket.socket(fileno=number)
        except OSError:
            raise ListenerRefused("An inherited descriptor is not a socket (listener_refused)") from None
        sock.set_inheritable(False)
        sock.setblocking(False)
        yield name, sock


def _place(name: str, sock: socket.socket, taken: Mapping[str, socket.socket], access: AccessSettings) -> str:
    kind = verify_listener(sock, port=access.port, api=(access.socket,))
    if (kind is Listener.UNIX) != (name == "api"):
        raise ListenerRefused(f"The inherited socket named {name} is of another kind (listener_refused)")
    if kind is Listener.UNIX:
        return "listen.api"
    verify_device(sock)
    place = f"listen.http.{len(taken)}"
    if any(other.getsockname() == sock.getsockname() for other in taken.values()):
        raise ListenerRefused("Two inherited sockets have the same address (listener_refused)")
    return place


def verify_no_strangers(expected: Collection[int], folder: Path = Path("/proc/self/fd")) -> None:
    """Every open descriptor above 2 must be one of these; raises ListenerRefused."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        strangers = {int(name) for name in os.listdir(handle)} - {0, 1, 2, handle, *expected}
        open_now = [fd for fd in sorted(strangers) if _is_open(fd)]
    finally:
        os.close(handle)
    if open_now:
        raise ListenerRefused(
            f"{len(open_now)} descriptor(s) were inherited that nobody named (fd-unexpected); "
            "a socket opened elsewhere would be a way out. Look for drop-ins with `systemctl cat cordon`"
        )


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:  # the one that listing the folder used
        return False
    return True
