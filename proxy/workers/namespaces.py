"""Own namespaces for a child that no unit confines: an ordinary user runs Cordon, so the child walls itself in.

Law: before the lock, with one thread. User, network and IPC namespaces are taken together; then the process has no
capability and no interface but a loopback of its own that is down. Inherited sockets stay in the namespace they were
opened in. Where the kernel or its policy forbids user namespaces the caller is told, and nothing has changed.
"""

import errno
import os
import socket

from proxy.workers.kernel import call, outcome
from proxy.workers.lockstate import Control

__all__ = ["route_control", "take_namespaces"]

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000


def take_namespaces(*, network: bool) -> bool:
    """Move this process into new user and IPC namespaces, and a new network namespace where asked.

    A process whose identity cannot be mapped after `unshare` is stuck as nobody, and some distributions allow the
    first and refuse the second (AppArmor's restriction of unprivileged user namespaces). So a forked child tries it.

    Returns:
        Whether it was done. False: the process is where it was.
    """
    flags = _CLONE_NEWUSER | _CLONE_NEWIPC | (_CLONE_NEWNET if network else 0)
    child = os.fork()
    if child == 0:
        os._exit(0 if _enter(flags) else 1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0 and _enter(flags)


def _enter(flags: int) -> bool:
    uid, gid = os.getuid(), os.getgid()
    if call("unshare", flags) < 0:
        return False
    try:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    except OSError:
        return False
    return os.getuid() == uid


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)


def route_control() -> Control:
    """Look up a route to another machine: the look-up alone, UDP `connect` sends no packet.

    It can only run before the lock, which takes sockets away. 198.51.100.1 is a documentation address (RFC 5737).
    """
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        got = outcome(-probe.connect_ex(("198.51.100.1", 9)))
    finally:
        probe.close()
    return Control("tcp4-route", errno.errorcode[errno.ENETUNREACH], got)
