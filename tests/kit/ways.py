"""Ways out of a process, tried for real. Runs inside the booted container, with nothing of ours but the lock itself.

    python -B ways.py '{"lock": "gateway" | null, "pids": {"engine": 7}, ...}'  ->  {"tcp-canary": "REACHED", ...}

Law: what is reached stands in the same container: a canary in a second network namespace, a stand-in proxy on loopback,
Unix listeners, the running service's own processes. A way that reaches nothing when it is tried without any confinement
is no test. When everything was tried it stays until it is ended: a listener that it freed must not go back to systemd.
The addresses are those of `ears.py`; this file stands alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CANARY, PROXY = ("198.51.100.2", 9), ("127.0.0.1", 9099)
EAR, VICTIM = 4242, (9100, 9101)
"""A netlink address, and the ports of a connection between two others."""
FIRST_PORT = 9642
REACHED = "REACHED"
_LIBC = ctypes.CDLL(None, use_errno=True)
_FASTOPEN, _TCP_FASTOPEN_CONNECT = 0x20000000, 30
_SOCK_DESTROY, _REQUEST_ACK = 21, 5
_PTRACE_ATTACH, _PTRACE_DETACH = 16, 17
_NUMBERS = {
    "io_uring_setup": 425, "pidfd_getfd": 438, "process_vm_readv": 310, "ptrace": 101, "memfd_create": 319,
    "sendmmsg": 307,
}  # fmt: skip
_UNIX = {
    "unix-path": "/run/canary.sock", "unix-abstract": "\0canary", "bus": "/run/dbus/system_bus_socket",
    "containers": "/run/docker.sock", "resolver-socket": "/run/systemd/resolve/io.systemd.Resolve",
}  # fmt: skip


@dataclass(slots=True)
class Doors:
    """What the service manager opened outside and handed over."""

    listeners: list[socket.socket] = field(default_factory=list)
    accepted: socket.socket | None = None
    diag: socket.socket | None = None

    def keep(self) -> tuple[int, ...]:
        """Their descriptors."""
        return tuple(one.fileno() for one in (*self.listeners, self.accepted, self.diag) if one is not None)


def _call(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = int(_LIBC.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def _connect(family: int, kind: int, address: object) -> None:
    with socket.socket(family, kind) as one:
        one.settimeout(3)
        one.connect(address)
        one.send(b"out")


# ---- sockets of the host ---------------------------------------------------------------------------------------------


def _reused(one: socket.socket) -> None:
    """Free a socket that belongs to the host's network, and let it call out."""
    address = struct.pack("H14x", socket.AF_UNSPEC)
    if _LIBC.connect(one.fileno(), address, len(address)) < 0:
        raise OSError(ctypes.get_errno(), "")
    one.settimeout(3)
    one.connect(PROXY)
    one.send(b"out")


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """struct mmsghdr, sendmmsg(2)."""

    _fields_ = (
        ("name", ctypes.c_char_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.POINTER(_Vector)),
        ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint32),
    )  # fmt: skip


def _send_many(one: socket.socket) -> None:
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", PROXY[1], socket.inet_aton(PROXY[0]))
    vector = _Vector(b"out", 3)
    message = _Message(address, len(address), ctypes.pointer(vector), 1, None, 0, 0, 0)
    _call(_NUMBERS["sendmmsg"], one.fileno(), ctypes.byref(message), 1, _FASTOPEN)


def _connect_late(one: socket.socket) -> None:
    one.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_CONNECT, 1)
    one.connect(PROXY)
    one.send(b"out")


_OUT: tuple[tuple[str, Callable[[socket.socket], object]], ...] = (
    ("sendto", lambda one: one.sendto(b"out", _FASTOPEN, PROXY)),
    ("sendmsg", lambda one: one.sendmsg([b"out"], [], _FASTOPEN, PROXY)),
    ("sendmmsg", _send_many),
    ("connect", _connect_late),
)


def _reopened(one: socket.socket, send: Callable[[socket.socket], object]) -> Callable[[], None]:
    """Shut a listener down, then make a client of it without `connect`; refused or not, the second step is tried."""

    def way() -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.settimeout(None)
        send(one)

    return way


def _destroy(diag: socket.socket) -> None:
    """End a connection between two others; the socket was opened to look only (sock_diag(7))."""
    here = socket.inet_aton("127.0.0.1")
    asked = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    asked += struct.pack("!HH4s12x4s12x", *VICTIM, here, here) + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    diag.settimeout(3)
    diag.send(struct.pack("=IHHII", 16 + len(asked), _SOCK_DESTROY, _REQUEST_ACK, 1, 0) + asked)
    (code,) = struct.unpack_from("=i", diag.recv(4096), 16)
    if code:
        raise OSError(-code, "")


def _of_the_host(doors: Doors) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    first, *others = doors.listeners or [None]
    for one, (name, send) in zip(others, _OUT, strict=False):
        found[f"listener-fastopen-{name}"] = _reopened(one, send)
    if first is not None:
        found["listener-reused"] = lambda: _reused(first)
    if (accepted := doors.accepted) is not None:
        found["accepted-reused"] = lambda: _reused(accepted)
    if (diag := doors.diag) is not None:
        found["netlink-destroy"] = lambda: _destroy(diag)
        found["netlink-message"] = lambda: diag.sendto(bytes(16), (EAR, 0))
    return found


# ---- other processes -------------------------------------------------------------------------------------------------


def _attach(pid: int) -> None:
    _call(_NUMBERS["ptrace"], _PTRACE_ATTACH, pid, None, None)
    os.waitpid(pid, 0x40000000)
    _call(_NUMBERS["ptrace"], _PTRACE_DETACH, pid, None, None)


def _read_memory(pid: int) -> None:
    """One byte of an address that nobody has: whoever may look is told so, and nobody else (EFAULT, EPERM)."""
    room = ctypes.create_string_buffer(1)
    ours, theirs = (ctypes.c_uint64 * 2)(ctypes.addressof(room), 1), (ctypes.c_uint64 * 2)(16, 1)
    try:
        _call(_NUMBERS["process_vm_readv"], pid, ours, 1, theirs, 1, 0)
    except OSError as error:
        if error.errno != errno.EFAULT:
            raise


def _steal(pid: int) -> None:
    os.close(_call(_NUMBERS["pidfd_getfd"], os.pidfd_open(pid), 0, 0))


_ON_A_PROCESS: Mapping[str, Callable[[int], object]] = {
    "trace": _attach,
    "memory": _read_memory,
    "memory-file": lambda pid: open(f"/proc/{pid}/mem", "rb").close(),
    "descriptor": _steal,
    "signal": lambda pid: os.kill(pid, 0),
}


# ---- programs, memory, files -----------------------------------------------------------------------------------------


def _in_a_child(act: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            act()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(status, "")


def _run(path: str) -> None:
    _in_a_child(lambda: os.execv(path, [path]))


def _run_memory() -> None:
    fd = _call(_NUMBERS["memfd_create"], b"way\0", 0)
    with open("/usr/bin/true", "rb") as source:
        os.write(fd, source.read())
    os.set_inheritable(fd, True)
    _run(f"/proc/self/fd/{fd}")


def _run_written(folder: str) -> None:
    path = os.path.join(folder, "way")
    with open("/usr/bin/true", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    try:
        os.chmod(path, 0o755)
        _run(path)
    finally:
        os.unlink(path)


def _ring() -> None:
    os.close(_call(_NUMBERS["io_uring_setup"], 4, ctypes.create_string_buffer(256)))


def _datagram(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(b"out", path)


def _mount() -> None:
    if _LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "")
    _LIBC.umount2(b"/tmp", 2)


def _unshare() -> None:
    if _LIBC.unshare(0x08000000) < 0:  # CLONE_NEWIPC
        raise OSError(ctypes.get_errno(), "")


def _closed(family: int, kind: int, protocol: int = 0) -> Callable[[], None]:
    return lambda: socket.socket(family, kind, protocol).close()


def ways(order: Mapping[str, object], doors: Doors) -> dict[str, Callable[[], object]]:
    """Every way, by name. Those that need a socket of the host are left out where none was handed over."""
    pids, folder = order["pids"], str(order["folder"])
    inet, stream = socket.AF_INET, socket.SOCK_STREAM
    found: dict[str, Callable[[], object]] = {
        "tcp-canary": lambda: _connect(inet, stream, CANARY),
        "tcp-proxy": lambda: _connect(inet, stream, PROXY),
        "udp-canary": lambda: _connect(inet, socket.SOCK_DGRAM, CANARY),
        "journal": lambda: _datagram("/run/systemd/journal/socket"),
        "resolver": lambda: socket.getaddrinfo("canary.test", 9),
        "socket-inet6": _closed(socket.AF_INET6, stream),
        "socket-mptcp": _closed(inet, stream, 262),
        "socket-packet": _closed(17, 3),
        "socket-netlink": _closed(16, 3, 0),
        "io-uring": _ring,
        "exec": lambda: _run("/usr/bin/true"),
        "exec-memory": _run_memory,
        "exec-written": lambda: _run_written(folder),
        "write-execute": lambda: mmap.mmap(-1, 4096, prot=7).close(),
        "root-folder": lambda: os.listdir("/root"),
        "shadow": lambda: open("/etc/shadow", "rb").close(),
        "home": lambda: open("/home/someone/note", "rb").close(),
        "mount": _mount,
        "namespace": lambda: _in_a_child(_unshare),
        "set-user": lambda: _in_a_child(lambda: os.setuid(12345)),
    }
    for name, address in _UNIX.items():
        found[name] = lambda address=address: _connect(socket.AF_UNIX, stream, address)
    for who, pid in dict(pids).items():
        for name, act in _ON_A_PROCESS.items():
            found[f"{name}-of-{who}"] = lambda act=act, pid=pid: act(pid)
    return found | _of_the_host(doors)


def tried(way: Callable[[], object]) -> str:
    """REACHED, or the kernel's word for no."""
    try:
        way()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return REACHED


def _handed_over() -> Doors:
    doors = Doors()
    for fd in range(3, 3 + int(os.environ.get("LISTEN_FDS", "0"))):
        one = socket.socket(fileno=fd)
        if one.family == socket.AF_NETLINK:
            doors.diag = one
        else:
            doors.listeners.append(one)
    doors.listeners.sort(key=lambda one: one.getsockname()[1])
    if doors.listeners:
        doors.listeners[0].settimeout(10)
        doors.accepted, _ = doors.listeners[0].accept()
    return doors


def main() -> int:
    """Take over what the manager hands us, lock if ordered, try everything, stay."""
    order = json.loads(sys.argv[1])
    doors = _handed_over()
    if order["lock"]:
        from proxy.workers.confine import LockPlan, Role, install_paths, lock, role_reads

        role = Role(order["lock"])
        if role is not Role.GATEWAY:
            doors = Doors()  # the supervisor gives a worker none of them
        lock(LockPlan(role, doors.keep(), install_paths(), role_reads(role), (), own_namespaces=bool(order.get("own"))))
    print(json.dumps({name: tried(way) for name, way in ways(order, doors).items()}), flush=True)
    signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
