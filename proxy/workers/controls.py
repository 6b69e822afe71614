"""Control tests: from inside a process, try every way out and report what the kernel said.

Law: a control never sends. It stops at the first step that is not refused, and prefers a call that fails harmlessly
where the lock is absent: descriptor -1, a null pointer, a pair of its own. A sensor that cannot show a difference is
not evidence, so `WITHOUT` says what the same probe gives in an unlocked process, and the tests assert both.

A probe is a generator: each step yields an outcome, and the first that is not the expected one is reported.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable, Generator, Mapping

from proxy.workers.kernel import call, outcome
from proxy.workers.lockstate import Control, Role

__all__ = ["WITHOUT", "controls", "expected", "port_control"]

_Steps = Generator[str, None, None]

_INET, _INET6, _STREAM, _DGRAM, _RAW = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM, 3
_IPPROTO_MPTCP, _AF_PACKET, _AF_NETLINK, _AF_VSOCK, _AF_UNIX = 262, 17, 16, 40, 1
_MSG_FASTOPEN = 0x20000000
_CLONE_SIGHAND = 0x800  # without CLONE_VM: EINVAL where it is not refused
_PTRACE_ATTACH = 16
_PROT_READ, _PROT_WRITE, _PROT_EXEC = 1, 2, 4
_MAP_PRIVATE_ANONYMOUS, _PAGE = 0x22, 4096
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_UNSPECIFIED = bytes(16)  # sockaddr with family AF_UNSPEC
_UNIX_ADDRESS = struct.pack("H", _AF_UNIX) + b"cordon-control\0"
_BEYOND_32_BITS = 0x100000000
_ABI_WITH_PORTS = 4
_MAX_FD = 1024  # LimitNOFILE of the unit


def _open_socket(family: int, kind: int, protocol: int = 0) -> Callable[[], _Steps]:
    def probe() -> _Steps:
        fd = call("socket", family, kind, protocol)
        if fd >= 0:
            os.close(fd)
        yield outcome(fd)

    return probe


def _plain(name: str, *arguments: int | bytes | None) -> Callable[[], _Steps]:
    def probe() -> _Steps:
        yield outcome(call(name, *arguments))

    return probe


def _dns() -> _Steps:
    try:
        socket.getaddrinfo(b"cordon-control.invalid", 80)  # text would import a codec, which the seal forbids
    except OSError:
        yield "fail"
    else:
        yield "ok"


def _reconnect() -> _Steps:
    """Disconnecting a listener or an accepted connection with AF_UNSPEC would free it to connect again.

    On an unlocked listener this does harm, so it runs only where `connect` is refused as such.
    """
    if call("connect", -1, None, 0) != -errno.EPERM:
        yield "not-run"
        return
    left, right = socket.socketpair()
    with left, right:
        yield outcome(call("connect", _stream_to_try() or left.fileno(), _UNSPECIFIED, 16))


def _stream_to_try() -> int | None:
    """Return an accepted TCP connection if one is open, else a TCP listener, else None."""
    listener = None
    for fd in range(3, _MAX_FD):
        kind = _tcp_kind(fd)
        if kind == "connection":
            return fd
        if kind == "listener":
            listener = fd
    return listener


def _tcp_kind(fd: int) -> str | None:
    try:
        os.fstat(fd)
        probe = socket.socket(fileno=fd)
    except OSError:
        return None
    try:
        if probe.family not in {_INET, _INET6} or probe.type != _STREAM:
            return None
        return "listener" if probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else "connection"
    except OSError:
        return None
    finally:
        probe.detach()


def _fastopen() -> _Steps:
    left, right = socket.socketpair()
    with left, right:
        yield outcome(call("sendto", left.fileno(), b"", 0, _MSG_FASTOPEN, None, 0))
        yield outcome(call("sendmsg", left.fileno(), bytes(56), _MSG_FASTOPEN))
        yield outcome(call("sendmmsg", -1, None, 0, 0))


def _send_address() -> _Steps:
    left, right = socket.socketpair()
    with left, right:
        yield outcome(call("sendto", left.fileno(), b"", 0, 0, _UNIX_ADDRESS, len(_UNIX_ADDRESS)))
        yield outcome(call("sendto", -1, None, 0, 0, _BEYOND_32_BITS, 16))


def _mapped(protection: int) -> int:
    return call("mmap", None, _PAGE, protection, _MAP_PRIVATE_ANONYMOUS, -1, 0)


def _write_exec() -> _Steps:
    address = _mapped(_PROT_READ | _PROT_WRITE | _PROT_EXEC)
    if address > 0:
        call("munmap", address, _PAGE)
    yield outcome(address)


def _exec_later() -> _Steps:
    address = _mapped(_PROT_READ | _PROT_WRITE)
    result = call("mprotect", address, _PAGE, _PROT_READ | _PROT_EXEC)
    call("munmap", address, _PAGE)
    yield outcome(result)


def _dumpable() -> _Steps:
    yield outcome(call("prctl", _PR_SET_DUMPABLE, 1))
    yield "EPERM" if call("prctl", _PR_GET_DUMPABLE) == 0 else "ok"


def _memfd() -> _Steps:
    fd = call("memfd_create", b"cordon-control\0", 0)
    if fd >= 0:
        os.close(fd)
    yield outcome(fd)


def _read_outside() -> _Steps:
    try:
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as error:
        yield outcome(-(error.errno or 0))
    else:
        yield "ok"


def _write_outside() -> _Steps:
    # A fixed name could be taken by another user, and EEXIST is found before Landlock is asked.
    path = f"/tmp/cordon-control-{os.urandom(8).hex()}"  # noqa: S108 - created exclusively, and removed at once
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        os.unlink(path)
    except OSError as error:
        yield outcome(-(error.errno or 0))
    else:
        yield "ok"


def _local_echo() -> _Steps:
    """The positive control: what must work, works. `socket.sendmsg` is what asyncio's streams end in."""
    sent = os.urandom(8)
    left, right = socket.socketpair()
    with left, right:
        left.sendmsg([sent])
        yield "ok" if right.recv(16) == sent else "fail"


_PROBES: Mapping[str, Callable[[], _Steps]] = {
    "tcp4": _open_socket(_INET, _STREAM),
    "tcp6": _open_socket(_INET6, _STREAM),
    "udp4": _open_socket(_INET, _DGRAM),
    "udp6": _open_socket(_INET6, _DGRAM),
    "mptcp": _open_socket(_INET, _STREAM, _IPPROTO_MPTCP),
    "packet": _open_socket(_AF_PACKET, _RAW),
    "netlink": _open_socket(_AF_NETLINK, _RAW, 0),
    "vsock": _open_socket(_AF_VSOCK, _STREAM),
    "unix": _open_socket(_AF_UNIX, _STREAM),
    "dns": _dns,
    "connect": _plain("connect", -1, None, 0),
    "bind": _plain("bind", -1, None, 0),
    "shutdown": _plain("shutdown", -1, 0),
    "reconnect-accepted": _reconnect,
    "fastopen": _fastopen,
    "send-address": _send_address,
    "io-uring": _plain("io_uring_setup", 1, None),
    "exec": _plain("execve", b"/nonexistent\0", None, None),
    "fork": _plain("clone", _CLONE_SIGHAND, None, None, None, None),
    "namespace": _plain("unshare", 0),
    "ptrace": _plain("ptrace", _PTRACE_ATTACH, -1, None, None),
    "pidfd-getfd": _plain("pidfd_getfd", -1, -1, 0),
    "write-exec": _write_exec,
    "exec-later": _exec_later,
    "dumpable": _dumpable,
    "memfd": _memfd,
    "listen": _plain("listen", -1, 1),
    "read-outside": _read_outside,
    "write-outside": _write_outside,
    "local-echo": _local_echo,
}

WITHOUT: Mapping[str, frozenset[str]] = {
    **{name: frozenset({"ok"}) for name in ("tcp4", "tcp6", "udp4", "udp6", "mptcp", "netlink", "unix")},
    "packet": frozenset({"EPERM", "ok"}),  # ok: whoever runs it has CAP_NET_RAW
    "vsock": frozenset({"ok", "EAFNOSUPPORT"}),  # the second: a kernel without the module shows no difference
    "dns": frozenset({"fail", "ok"}),
    **{name: frozenset({"EBADF"}) for name in ("connect", "bind", "shutdown", "pidfd-getfd", "listen")},
    "reconnect-accepted": frozenset({"not-run"}),
    "fastopen": frozenset({"ok"}),
    "send-address": frozenset({"EISCONN"}),
    "io-uring": frozenset({"EFAULT", "EPERM", "ENOSYS"}),  # the last two: switched off for the whole machine
    "exec": frozenset({"ENOENT"}),
    "fork": frozenset({"EINVAL"}),
    "namespace": frozenset({"ok", "EPERM"}),  # the second: a container whose runtime refuses it already
    "ptrace": frozenset({"ESRCH"}),
    **{name: frozenset({"ok"}) for name in ("write-exec", "exec-later", "dumpable", "memfd", "local-echo")},
    **{name: frozenset({"ok"}) for name in ("read-outside", "write-outside")},
}
"""What each probe gives in an unlocked process; more than one value where the machine decides."""

_NOT_RUN: Mapping[Role, frozenset[str]] = {
    Role.GATEWAY: frozenset(),
    Role.ANALYST: frozenset(),
    Role.ENGINE: frozenset(),
    # May open TCP sockets and connect them: nothing to deny, and its evidence level says so.
    Role.ENGINE_HTTP: frozenset({"tcp4", "tcp6", "connect", "reconnect-accepted"}),
    Role.ENGINE_GPU: frozenset({"memfd"}),
}

_NO_FAMILY = ("tcp4", "tcp6", "udp4", "udp6", "mptcp", "packet", "netlink", "vsock", "unix")


def expected(role: Role, *, sealed: bool) -> Mapping[str, str]:
    """Return what each control must give in a locked process of this role, in the order of the table."""
    outside = "EPERM" if sealed else "EACCES"
    special = dict.fromkeys(_NO_FAMILY, "EAFNOSUPPORT") | {
        "dns": "fail",
        "listen": "EBADF" if role is Role.GATEWAY else "EPERM",
        "read-outside": outside,
        "write-outside": outside,
        "local-echo": "ok",
    }
    return {name: special.get(name, "EPERM") for name in _PROBES if name not in _NOT_RUN[role]}


def controls(role: Role, *, sealed: bool) -> tuple[Control, ...]:
    """Try every way out in this process, now."""
    wanted = expected(role, sealed=sealed)
    return tuple(Control(name, expect, _got(_PROBES[name], expect)) for name, expect in wanted.items())


def port_control(ports: tuple[int, ...], landlock_abi: int) -> tuple[Control, ...]:
    """For the connector to an http server: every port but its own is refused (Landlock, version 4).

    The address is the broadcast one: Landlock looks at the port first, and TCP has no route to it (ENETUNREACH), so
    nothing is sent whatever the answer is. The first step shows that the connector's own port is not refused.
    """
    if not ports:
        return ()
    if landlock_abi < _ABI_WITH_PORTS:
        return (Control("other-port", "EACCES", "not-run"),)
    reached = _port_outcome(ports[0])
    got = _port_outcome(ports[0] ^ 1) if reached == "ENETUNREACH" else reached
    return (Control("other-port", "EACCES", got),)


def _port_outcome(port: int) -> str:
    fd = call("socket", _INET, _STREAM, 0)
    if fd < 0:
        return outcome(fd)
    try:
        address = struct.pack("=HH4s8x", _INET, socket.htons(port), b"\xff" * 4)
        return outcome(call("connect", fd, address, len(address)))
    finally:
        os.close(fd)


def _got(probe: Callable[[], _Steps], expect: str) -> str:
    steps = probe()
    try:
        for step in steps:
            if step != expect:
                return step
    finally:
        steps.close()
    return expect
