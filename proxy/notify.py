"""Telling the service manager how the service stands: READY, STATUS, WATCHDOG, STOPPING (sd_notify(3)).

Law: one datagram a message, to the address of NOTIFY_SOCKET, from a socket that is never connected; without that
variable nothing is sent. A message that cannot be delivered is not worth failing for: the manager's own time-outs
decide.
"""

from __future__ import annotations

import contextlib
import socket

__all__ = ["Notifier"]

_MOST_STATUS = 200


class Notifier:
    """`Notifier("")` says nothing to nobody: a service that a person started in a terminal."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failed = False
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    @property
    def descriptor(self) -> int | None:
        """The socket's number; it is one of the few that the supervisor may hold."""
        return None if self._socket is None else self._socket.fileno()

    def ready(self) -> None:
        """The service answers."""
        self._send("READY=1\nSTATUS=Answering on 127.0.0.1 and ::1")

    def status(self, sentence: str) -> None:
        """What an administrator reads in `systemctl status`."""
        self._send(f"STATUS={' '.join(sentence.split())[:_MOST_STATUS]}")

    def alive(self) -> None:
        """The watchdog's sign of life."""
        self._send("WATCHDOG=1")

    def failed(self, sentence: str) -> None:
        """Why the service will end; nothing later takes the place of it."""
        self.status(sentence)
        self._failed = True

    def stopping(self) -> None:
        """The stop has begun."""
        status = "" if self._failed else "\nSTATUS=Stopping: open answers end, then the log is signed"
        self._send(f"STOPPING=1{status}")

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL, self._address)
