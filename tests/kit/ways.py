"""Ways out of a process, tried for real. Runs inside the booted container, with nothing of ours but the lock itself.

    python -IB ways.py '{"lock": "gateway" | null, "pid": 7}'     ->  {"tcp-canary": "REACHED", "exec": "EPERM", ...}

Law: what is reached stands in the same container: a canary in a second network namespace, a stand-in proxy on loopback,
Unix listeners, a sleeping process. A way that reaches nothing when it is tried without any confinement is no test.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import struct
import sys
from collections.abc import Callable, Mapping

CANARY, PROXY = ("198.51.100.2", 9), ("127.0.0.1", 9099)
REACHED = "REACHED"
_LIBC = ctypes.CDLL(None, use_errno=True)
_FASTOPEN = 0x20000000
_PTRACE_ATTACH, _PTRACE_DETACH = 16, 17
_NUMBERS = {"io_uring_setup": 425, "pidfd_getfd": 438, "process_vm_readv": 310, "ptrace": 101, "memfd_create": 319}


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


def _unspecified(fd: int) -> None:
    address = struct.pack("H14x", socket.AF_UNSPEC)
    if _LIBC.connect(fd, address, len(address)) < 0:
        raise OSError(ctypes.get_errno(), "")


def _reused(one: socket.socket) -> None:
    """Free a socket that belongs to the host's network, and let it call out."""
    _unspecified(one.fileno())
    one.settimeout(3)
    one.connect(PROXY)
    one.send(b"out")


def _reopened(one: socket.socket) -> None:
    one.shutdown(socket.SHUT_RDWR)
    one.setblocking(True)
    one.sendto(b"out", _FASTOPEN, PROXY)


def _run(path: str) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.execv(path, [path])
        except OSError as error:
            os._exit(error.errno or 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise OSError(status, "")


def _exec_memory() -> None:
    fd = _call(_NUMBERS["memfd_create"], b"way\0", 0)
    with open("/usr/bin/true", "rb") as source:
        os.write(fd, source.read())
    os.set_inheritable(fd, True)
    _run(f"/proc/self/fd/{fd}")


def _exec_written(folder: str) -> None:
    path = os.path.join(folder, "way")
    with open("/usr/bin/true", "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    try:
        os.chmod(path, 0o755)
        _run(path)
    finally:
        os.unlink(path)


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


def _ring() -> None:
    os.close(_call(_NUMBERS["io_uring_setup"], 4, ctypes.create_string_buffer(256)))


def _map(protection: int) -> None:
    mmap.mmap(-1, 4096, prot=protection).close()


def _kill(pid: int) -> None:
    os.kill(pid, 0)


def _datagram(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(b"out", path)


def _closed(family: int, kind: int, protocol: int = 0) -> Callable[[], None]:
    return lambda: socket.socket(family, kind, protocol).close()


def ways(
    order: Mapping[str, object], listener: socket.socket | None, accepted: socket.socket | None
) -> dict[str, Callable[[], None]]:
    """Every way, by name. Those that need a socket of the host are left out where none was handed over."""
    pid, folder = int(str(order["pid"])), str(order["folder"])
    inet, unix, stream = socket.AF_INET, socket.AF_UNIX, socket.SOCK_STREAM
    found: dict[str, Callable[[], None]] = {
        "tcp-canary": lambda: _connect(inet, stream, CANARY),
        "tcp-proxy": lambda: _connect(inet, stream, PROXY),
        "udp-canary": lambda: _connect(inet, socket.SOCK_DGRAM, CANARY),
        "unix-path": lambda: _connect(unix, stream, "/run/canary.sock"),
        "unix-abstract": lambda: _connect(unix, stream, "\0canary"),
        "bus": lambda: _connect(unix, stream, "/run/dbus/system_bus_socket"),
        "journal": lambda: _datagram("/run/systemd/journal/socket"),
        "resolver": lambda: socket.getaddrinfo("canary.test", 9) and None,
        "socket-inet6": _closed(socket.AF_INET6, stream),
        "socket-mptcp": _closed(inet, stream, 262),
        "socket-packet": _closed(17, 3),
        "socket-netlink": _closed(16, 3, 0),
        "io-uring": _ring,
        "exec": lambda: _run("/usr/bin/true"),
        "exec-memory": _exec_memory,
        "exec-written": lambda: _exec_written(folder),
        "ptrace": lambda: _attach(pid),
        "memory-of-another": lambda: _read_memory(pid),
        "memory-file": lambda: open(f"/proc/{pid}/mem", "rb").close(),
        "steal-descriptor": lambda: _steal(pid),
        "signal": lambda: _kill(pid),
        "write-execute": lambda: _map(mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
        "root-folder": lambda: os.listdir("/root") and None,
        "shadow": lambda: open("/etc/shadow", "rb").close(),
        "home": lambda: open("/home/someone/note", "rb").close(),
        "mount": _mount,
        "namespace": _unshare,
        "set-user": _become,
    }
    if listener is not None:
        found["listener-fastopen"] = lambda: _reopened(listener)
        found["listener-reused"] = lambda: _reused(listener)
    if accepted is not None:
        found["accepted-reused"] = lambda: _reused(accepted)
    return found


def _mount() -> None:
    if _LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "")
    _LIBC.umount2(b"/tmp", 2)


def _unshare() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0 if _LIBC.unshare(0x08000000) == 0 else ctypes.get_errno())  # CLONE_NEWIPC
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(status, "")


def _become() -> None:
    child = os.fork()
    if child == 0:
        try:
            os.setuid(12345)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(status, "")


def tried(way: Callable[[], None]) -> str:
    """REACHED, or the kernel's word for no."""
    try:
        way()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return REACHED


def main() -> int:
    """Take over what the manager hands us, lock if ordered, try everything."""
    order = json.loads(sys.argv[1])
    listener = accepted = None
    if os.environ.get("LISTEN_FDS") == "1":
        listener = socket.socket(fileno=3)
        listener.settimeout(10)
        accepted, _ = listener.accept()
    if order["lock"]:
        from proxy.workers.confine import LockPlan, Role, install_paths, lock, role_reads

        role = Role(order["lock"])
        if role is not Role.GATEWAY:
            listener = accepted = None  # the supervisor gives a worker none of them
        keep = tuple(one.fileno() for one in (listener, accepted) if one is not None)
        lock(LockPlan(role, keep, install_paths(), role_reads(role), (), own_namespaces=False))
    print(json.dumps({name: tried(way) for name, way in ways(order, listener, accepted).items()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
