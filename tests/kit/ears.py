"""What `ways.py` tries to reach: listeners on loopback and on Unix sockets, a netlink address, others' connection.

    python ears.py canary        in a network namespace of its own: the other machine
    python ears.py here          everything on this one; `ready` on stdout, and to the service manager if there is one

Law: it needs nothing but Python, for it also runs in the booted container. What is there already is left alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time

CANARY, PROXY = ("198.51.100.2", 9), ("127.0.0.1", 9099)
EAR, VICTIM = 4242, (9100, 9101)
STREAMS = (
    "/run/canary.sock", "\0canary", "/run/docker.sock", "/run/systemd/resolve/io.systemd.Resolve",
    "/run/dbus/system_bus_socket",
)  # fmt: skip
JOURNAL = "/run/systemd/journal/socket"
_HELD: list[socket.socket] = []


def _listen(one: socket.socket, address: object) -> None:
    """Accept for ever, and keep what came."""
    _bind(one, address)
    one.listen(64)

    def forever() -> None:
        while True:
            _HELD.append(one.accept()[0])

    threading.Thread(target=forever, daemon=True).start()


def _bind(one: socket.socket, address: object) -> None:
    path = address if isinstance(address, str) and address.startswith("/") else None
    if path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    one.bind(address)
    if path:
        os.chmod(path, 0o666)
    _HELD.append(one)


def _pair() -> None:
    """A connection between two others, made again when somebody ended it."""
    door = socket.create_server(("127.0.0.1", VICTIM[0]))
    while True:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", VICTIM[1]))
            one.connect(("127.0.0.1", VICTIM[0]))
            other, _ = door.accept()
            with contextlib.suppress(OSError):
                one.recv(1)
            other.close()


def main() -> None:
    """Listen until ended."""
    if sys.argv[1] == "canary":
        _listen(socket.socket(), CANARY)
    else:
        _listen(socket.socket(), PROXY)
        for path in STREAMS:
            if not os.path.exists(path):
                _listen(socket.socket(socket.AF_UNIX), path)
        if not os.path.exists(JOURNAL):
            _bind(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), JOURNAL)
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
        netlink.bind((EAR, 0))
        _HELD.append(netlink)
        threading.Thread(target=_pair, daemon=True).start()
    if manager := os.environ.get("NOTIFY_SOCKET"):
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", manager)
    print("ready", flush=True)
    time.sleep(1e6)


if __name__ == "__main__":
    main()
