"""Kernel calls that Python does not offer, by number, through libc's `syscall`.

Law: no decision is taken here. `call` returns what the kernel returned, an error as its negative number, as the kernel
itself does; so a control can compare errors without exceptions. Only the standard library is imported: this runs
before the lock.
"""

import ctypes
import errno
import functools
import os
import struct

from proxy.workers.lockstate import LockError
from proxy.workers.syscalls import ARCHES, Arch, number

__all__ = ["call", "drop_capabilities", "install_filter", "machine", "outcome"]

Argument = int | bytes | bytearray | None

_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1
_LINUX_CAPABILITY_VERSION_3 = 0x20080522


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def machine() -> Arch:
    """Return the machine this process runs on.

    Raises:
        LockError: no program exists for it.
    """
    arch = ARCHES.get(os.uname().machine)
    if arch is None:
        raise LockError("architecture")
    return arch


def call(name: str, *arguments: Argument) -> int:
    """Make one system call and return its result, or the negative error number.

    Bytes are passed by address; a bytearray is what the kernel writes into. A call this machine does not have gives
    -ENOSYS.
    """
    row = number(name, machine())
    if row is None:
        return -errno.ENOSYS
    result = int(_libc().syscall(ctypes.c_long(row), *(_as_register(value) for value in arguments)))
    return -ctypes.get_errno() if result == -1 else result


def _as_register(value: Argument) -> object:
    if isinstance(value, int):
        return ctypes.c_long(value)
    if isinstance(value, bytearray):
        return (ctypes.c_char * len(value)).from_buffer(value)
    return ctypes.c_char_p(value)


def outcome(result: int) -> str:
    """Name a result of `call`: `ok`, or the errno's name."""
    return "ok" if result >= 0 else errno.errorcode.get(-result, "errno-unknown")


def install_filter(program: bytes) -> None:
    """Give the kernel a seccomp program for all threads of this process.

    Raises:
        LockError: the kernel refused it, or a thread could not be put under it.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: unsigned short len, padding, pointer
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions))
    result = call("seccomp", _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, header)
    if result > 0:  # seccomp(2): the id of a thread that could not be synchronised
        raise LockError("seccomp-thread")
    if result < 0:
        raise LockError("seccomp", -result)


def drop_capabilities() -> None:
    """Give up every capability, effective, permitted and inheritable.

    A process that has none is left alone: a unit may refuse the very call (`SystemCallFilter=~@privileged`).

    Raises:
        LockError: the kernel refused.
    """
    header = struct.pack("Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    held = bytearray(24)
    if call("capget", header, held) == 0 and not any(held):
        return
    result = call("capset", header, bytes(24))
    if result < 0:
        raise LockError("capabilities", -result)
