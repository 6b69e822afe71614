"""Ways out, tried for real from a locked gateway, each beside the same attempt from an unlocked process.

The gateway is the role with the most: listeners and connections of the host's namespace. A canary listens on loopback
and on Unix sockets; nothing here can leave the machine. An attempt that does not reach the canary without the lock
proves nothing with it, so a case whose positive fails is an error.
"""

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from proxy.workers.landlock import landlock_abi
from tests.kit.locked_child import run_child


@dataclass(frozen=True, slots=True)
class Canary:
    tcp: socket.socket
    udp: socket.socket
    path: socket.socket
    abstract: socket.socket

    def reached(self) -> bool:
        """Say whether anything arrived, on any of the four."""
        return any(self._heard(one) for one in (self.tcp, self.path, self.abstract)) or self._read(self.udp)

    @staticmethod
    def _heard(listener: socket.socket) -> bool:
        listener.settimeout(0.2)
        try:
            listener.accept()[0].close()
        except TimeoutError:
            return False
        return True

    @staticmethod
    def _read(probe: socket.socket) -> bool:
        probe.settimeout(0.2)
        try:
            probe.recv(16)
        except TimeoutError:
            return False
        return True


@pytest.fixture
def canary() -> Iterator[Canary]:
    with tempfile.TemporaryDirectory() as folder:
        path = socket.socket(socket.AF_UNIX)
        path.bind(f"{folder}/canary.sock")
        path.listen()
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind(f"\0cordon-canary-{os.getpid()}")
        abstract.listen()
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        with socket.create_server(("127.0.0.1", 0)) as tcp, udp, path, abstract:
            yield Canary(tcp, udp, path, abstract)


PREPARE = """
    import struct
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    pair, other = socket.socketpair()
    hidden = socket.create_connection(listener.getsockname())  # so that one more waits to be accepted
    parent = os.getppid()
    client_fds = client.detach(), other.detach(), hidden.detach()

    def address(port):
        return struct.pack("!HH4s8x", 0, port, socket.inet_aton("127.0.0.1")).replace(b"\\0\\0", struct.pack("H", 2), 1)

    def raw(name, *arguments):
        result = kernel.call(name, *arguments)
        if result < 0:
            raise OSError(-result, name)
        return result

    def disconnected(stream):
        raw("connect", stream.fileno(), bytes(16), 16)
        raw("connect", stream.fileno(), address(tcp), 16)
        stream.sendall(b"x")

    def fastopen(stream, send):
        raw("shutdown", stream.fileno(), 2)
        send(stream)
"""

ATTEMPTS = {
    "a new TCP socket": "socket.create_connection(('127.0.0.1', tcp)).sendall(b'x')",
    "a new UDP socket": "socket.socket(2, 2).sendto(b'x', ('127.0.0.1', udp))",
    "a Unix socket by path": "socket.socket(socket.AF_UNIX).connect(path)",
    "an abstract Unix socket": "socket.socket(socket.AF_UNIX).connect(abstract)",
    "an accepted connection, disconnected": "disconnected(accepted)",
    "the listener, disconnected": "disconnected(listener)",
    "the listener, shut down, sendto with MSG_FASTOPEN": (
        "fastopen(listener, lambda one: raw('sendto', one.fileno(), b'x', 1, 0x20000000, address(tcp), 16))"
    ),
    "the listener, shut down, sendmsg with MSG_FASTOPEN": (
        "fastopen(listener, lambda one: one.sendmsg([b'x'], [], 0x20000000, ('127.0.0.1', tcp)))"
    ),
}


@pytest.mark.parametrize("name", ATTEMPTS)
@pytest.mark.parametrize("locked", [False, True], ids=["without the lock", "with the lock"])
def test_sending_to_the_canary(canary: Canary, name: str, locked: bool) -> None:
    target = f"""
        tcp, udp = {canary.tcp.getsockname()[1]}, {canary.udp.getsockname()[1]}
        path, abstract = {canary.path.getsockname()!r}, {canary.abstract.getsockname()!r}
        if {locked}:
            # the lock refuses an inherited connection, so one waits behind the listener and is accepted after it
            accepted.close()
            lock(plan(Role.GATEWAY, listener.fileno()))
            accepted, _ = listener.accept()
        try:
            {ATTEMPTS[name]}
            answer("reached")
        except OSError as error:
            answer(error.errno)
    """
    outcome = run_child(PREPARE, target)
    if locked:
        assert outcome in {1, 97}  # EPERM, EAFNOSUPPORT
        assert not canary.reached()
    else:
        assert outcome == "reached"
        assert canary.reached()


OTHERS = {
    "a program": "raise SystemExit(0) if os.posix_spawn('/bin/true', ['true'], {}) else None",
    "a child": "os.fork() or os._exit(0)",
    "a memory file": "os.memfd_create('x')",
    "the environment of another process": "open(f'/proc/{parent}/environ', 'rb').close()",
    "a descriptor of another process": "os.pidfd_open(parent)",
    "code in writable memory": "raw('mmap', None, 4096, 7, 0x22, -1, 0)",
    "a file somewhere else": "os.unlink(tempfile_made())",
    "the list of the root": "os.listdir('/')",
    "a dump": "raw('prctl', 4, 1, 0, 0, 0)",
}
NEED_LANDLOCK = {"the environment of another process", "a file somewhere else", "the list of the root"}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("locked", [False, True], ids=["without the lock", "with the lock"])
def test_getting_out_another_way(name: str, locked: bool) -> None:
    if name in NEED_LANDLOCK and locked and landlock_abi() == 0:
        return  # the seccomp program leaves the gateway its files; the evidence level says so
    outcome = run_child(
        PREPARE,
        f"""
        import tempfile
        made = tempfile.mkstemp()[1]
        def tempfile_made():
            return made
        if {locked}:
            accepted.close()
            lock(plan(Role.GATEWAY, listener.fileno()))
        try:
            try:
                {OTHERS[name]}
            except SystemExit:
                pass
            answer("done")
        except OSError as error:
            answer(error.errno)
        """,
    )
    if locked:
        assert outcome in {1, 13}  # EPERM, EACCES
    else:
        assert outcome == "done"


def test_a_namespace_alone_does_not_hold(canary: Canary) -> None:
    """Why there is a program at all: a listener that was inherited reaches out of an empty network namespace."""
    outcome = run_child(
        PREPARE,
        f"""
        from proxy.workers.namespaces import take_namespaces
        tcp = {canary.tcp.getsockname()[1]}
        take_namespaces(network=True)
        disconnected(listener)
        answer("reached")
        """,
    )
    assert outcome == "reached"
    assert canary.reached()
