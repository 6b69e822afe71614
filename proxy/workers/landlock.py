"""Landlock: which files a locked process may reach, and for the `http` engine which TCP ports.

Law: the second line, never the only one. It does not see UDP, MPTCP, raw sockets, pathname Unix sockets or
MSG_FASTOPEN (landlock(7); landlock-lsm/linux issue 41); the seccomp program does. Every right the running kernel knows
is handled, so what is not granted here is refused. A path that does not exist is skipped.
"""

import os
import stat
import struct

from proxy.workers.kernel import call
from proxy.workers.lockstate import LockError, LockPlan

__all__ = ["landlock_abi", "restrict"]

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2

# linux/landlock.h, LANDLOCK_ACCESS_FS_*
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ABI_1 = (1 << 13) - 1
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPES = 0b11  # abstract Unix sockets, signals

_READ = _READ_FILE | _READ_DIR
_READ_EXECUTE = _READ | _EXECUTE
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # others are EINVAL on a plain file


def landlock_abi() -> int:
    """Return the kernel's Landlock version, 0 where it has none or has it switched off."""
    return max(0, call("landlock_create_ruleset", None, 0, _CREATE_RULESET_VERSION))


def restrict(plan: LockPlan) -> int:
    """Bind this thread, which must be the only one and have no_new_privs, to the paths and ports of its plan.

    Returns:
        The kernel's Landlock version; 0 means that nothing was done.

    Raises:
        LockError: the kernel has Landlock and refused a step.
    """
    abi = landlock_abi()
    if abi == 0:
        return 0
    handled = _handled(abi)
    ruleset = _checked("landlock", call("landlock_create_ruleset", _ruleset_attr(abi, handled), _attr_size(abi), 0))
    try:
        for paths, rights in ((plan.read_exec, _READ_EXECUTE), (plan.read, _READ), (plan.write, _WRITE)):
            for path in paths:
                _allow_path(ruleset, path, rights & handled)
        if abi >= 4:
            for port in plan.connect_ports:
                rule = struct.pack("QQ", _CONNECT_TCP, port)
                _checked("landlock-port", call("landlock_add_rule", ruleset, _RULE_NET_PORT, rule, 0))
        _checked("landlock-restrict", call("landlock_restrict_self", ruleset, 0))
    finally:
        os.close(ruleset)
    return abi


def _handled(abi: int) -> int:
    rights = _ABI_1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        if abi >= since:
            rights |= right
    return rights


def _attr_size(abi: int) -> int:
    if abi >= 6:
        return 24
    return 16 if abi >= 4 else 8


def _ruleset_attr(abi: int, handled: int) -> bytes:
    return struct.pack("QQQ", handled, _BIND_TCP | _CONNECT_TCP, _SCOPES)[: _attr_size(abi)]


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # optional, or hidden from this user anyway
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("=Qi", rights, fd)
        _checked("landlock-path", call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0))
    finally:
        os.close(fd)


def _checked(code: str, result: int) -> int:
    if result < 0:
        raise LockError(code, -result)
    return result
