"""The seccomp programs: one per role and machine, and the engine's seal, as bytes the kernel takes.

Law: pure functions. The bytes depend on the role, the machine and this release alone, so their SHA-256 can be written
into the log and compared by somebody else (`tests/golden/filters.json`). A program is a list of rules in a fixed order:

1. a wrong architecture word, or an x32 number, kills the process;
2. calls no role needs are refused with EPERM;
3. the workers are refused everything that accepts connections or changes files;
4. some calls are refused by their arguments;
5. calls newer than the list are refused with ENOSYS;
6. the rest is allowed: the file system and the network are held by other means, see `landlock` and `namespaces`.

Classic BPF jumps forward only and at most 255 instructions far, so every rule is a block that ends in a return and is
jumped over as a whole.
"""

import errno
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from proxy.workers.lockstate import Role
from proxy.workers.syscalls import (
    ARCHES,
    CHECKED,
    EVERY_ROLE,
    FIRST_UNKNOWN,
    KNOWN_LATE,
    WORKERS_ONLY,
    Arch,
    Numbers,
    number,
)

__all__ = ["Rule", "Test", "assemble", "disassemble", "filter_digest", "program", "rules", "seal_program"]

# linux/bpf_common.h, linux/seccomp.h
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_KILL_PROCESS, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16
_ALL = 0xFFFFFFFF

_MSG_FASTOPEN = 0x20000000
_PROT_WRITE_EXEC, _PROT_EXEC = 0x6, 0x4
_AF_UNIX, _AF_INET, _AF_INET6, _SOCK_STREAM, _IPPROTO_TCP = 1, 2, 10, 1, 6
_SOCK_TYPE_MASK = 0xF  # the rest of `type` are SOCK_NONBLOCK and SOCK_CLOEXEC
_CLONE_THREAD = 0x10000
_CLONE_FORBIDDEN = 0x7E020080  # every CLONE_NEW* flag
_OPEN_WRITES = 0x243  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_PR_SET_DUMPABLE, _PR_SET_PTRACER = 4, 0x59616D61
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of an argument: `(argument & mask) == value`, or `!=` where `equal` is false.

    The machine compares 32 bits. `high` takes the upper half of the 64: the kernel ignores it for arguments it declares
    as `int`, never for a pointer.
    """

    __test__ = False  # not a test class, whatever its name says to a collector

    argument: int
    value: int
    mask: int = _ALL
    equal: bool = True
    high: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Refuse a call with an errno: always, or where every test of one of the groups holds."""

    name: str
    errno: int
    groups: tuple[tuple[Test, ...], ...] = ()


def _always(names: Numbers, without: frozenset[str]) -> tuple[Rule, ...]:
    return tuple(Rule(name, errno.EPERM) for name in names if name not in without)


_SOCKET_TCP_ONLY = (
    (Test(0, _AF_INET, equal=False), Test(0, _AF_INET6, equal=False)),
    (Test(1, _SOCK_STREAM, mask=_SOCK_TYPE_MASK, equal=False),),
    (Test(2, 0, equal=False), Test(2, _IPPROTO_TCP, equal=False)),  # 262 would be MPTCP
)

_BY_ARGUMENT: Mapping[str, Rule] = {
    # No new door of any kind, AF_UNIX included.
    "socket": Rule("socket", errno.EAFNOSUPPORT),
    # asyncio wakes itself through an AF_UNIX pair.
    "socketpair": Rule("socketpair", errno.EAFNOSUPPORT, ((Test(0, _AF_UNIX, equal=False),),)),
    # No destination, and no MSG_FASTOPEN: on a listener that was shut down it connects without `connect`. The address
    # is a pointer, so both halves count: 0x1_0000_0000 is not a null pointer.
    "sendto": Rule(
        "sendto",
        errno.EPERM,
        (
            (Test(4, 0, equal=False),),
            (Test(4, 0, equal=False, high=True),),
            (Test(3, 0, mask=_MSG_FASTOPEN, equal=False),),
        ),
    ),
    # Its address sits behind a pointer a filter cannot follow: hence the rule that no datagram socket may be inherited.
    "sendmsg": Rule("sendmsg", errno.EPERM, ((Test(2, 0, mask=_MSG_FASTOPEN, equal=False),),)),
    # Threads yes, processes and namespaces no.
    "clone": Rule(
        "clone", errno.EPERM, ((Test(0, 0, mask=_CLONE_FORBIDDEN, equal=False),), (Test(0, 0, mask=_CLONE_THREAD),))
    ),
    # Arguments behind pointers; libc falls back to clone and openat.
    "clone3": Rule("clone3", errno.ENOSYS),
    "openat2": Rule("openat2", errno.ENOSYS),
    "mmap": Rule("mmap", errno.EPERM, ((Test(2, _PROT_WRITE_EXEC, mask=_PROT_WRITE_EXEC),),)),
    "mprotect": Rule("mprotect", errno.EPERM, ((Test(2, 0, mask=_PROT_EXEC, equal=False),),)),
    "prctl": Rule(
        "prctl",
        errno.EPERM,
        (
            (Test(0, _PR_SET_DUMPABLE), Test(1, 0, equal=False)),
            (Test(0, _PR_SET_DUMPABLE), Test(1, 0, equal=False, high=True)),
            (Test(0, _PR_SET_PTRACER),),
        ),
    ),
    # Typing into a terminal.
    "ioctl": Rule("ioctl", errno.EPERM, ((Test(1, _TIOCSTI),), (Test(1, _TIOCLINUX),))),
}

# Workers write no file, also where Landlock is missing.
_NO_FILE_WRITES: Mapping[str, Rule] = {
    "openat": Rule("openat", errno.EACCES, ((Test(2, 0, mask=_OPEN_WRITES, equal=False),),)),
    "open": Rule("open", errno.EACCES, ((Test(1, 0, mask=_OPEN_WRITES, equal=False),),)),
}

_WITHOUT: Mapping[Role, frozenset[str]] = {
    Role.GATEWAY: frozenset(),
    Role.ANALYST: frozenset(),
    Role.ENGINE: frozenset(),
    Role.ENGINE_HTTP: frozenset({"connect"}),  # speaks to the server the user already runs
    Role.ENGINE_GPU: frozenset({"memfd_create"}),  # CUDA needs it
}


def rules(role: Role, arch: str) -> tuple[Rule, ...]:
    """Return the rules of a role on a machine, in program order."""
    made = list(_always(EVERY_ROLE, _WITHOUT[role]))
    if role is not Role.GATEWAY:
        made += _always(WORKERS_ONLY, frozenset())
    by_argument = dict(_BY_ARGUMENT)
    if role is Role.ENGINE_HTTP:
        by_argument["socket"] = Rule("socket", errno.EAFNOSUPPORT, _SOCKET_TCP_ONLY)
    if role in {Role.ANALYST, Role.ENGINE, Role.ENGINE_HTTP}:
        by_argument |= _NO_FILE_WRITES
    made += [by_argument[name] for name in CHECKED if name in by_argument]
    return tuple(rule for rule in made if number(rule.name, ARCHES[arch]) is not None)


def program(role: Role, arch: str) -> bytes:
    """Return the program a process of this role is locked with."""
    return assemble(rules(role, arch), arch, later=True)


def seal_program(arch: str) -> bytes:
    """Return the second program of the engine: nothing more is opened, no more code is mapped."""
    sealed = [Rule(name, errno.EPERM) for name in ("open", "openat", "openat2", "creat")]
    sealed.append(Rule("mmap", errno.EPERM, ((Test(2, 0, mask=_PROT_EXEC, equal=False),),)))
    here = tuple(rule for rule in sealed if number(rule.name, ARCHES[arch]) is not None)
    return assemble(here, arch, later=False)


def filter_digest(role: Role, arch: str) -> str:
    """Return the SHA-256 of what a process of this role gives the kernel; for the engine, lock and seal joined."""
    joined = program(role, arch) + (seal_program(arch) if role is Role.ENGINE else b"")
    return hashlib.sha256(joined).hexdigest()


def assemble(chosen: tuple[Rule, ...], arch: str, *, later: bool) -> bytes:
    """Put rules into bytes, `struct sock_filter` each; `later` adds the refusal of calls newer than the list."""
    machine = ARCHES[arch]
    code = _head(machine)
    for rule in chosen:
        row = number(rule.name, machine)
        if row is None:
            raise ValueError(rule.name)
        code += _block(row, rule)
    if later:
        code += _later(machine)
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def disassemble(code: bytes) -> tuple[str, ...]:
    """Write a program one instruction a line, for people."""
    names = {_LOAD: "load", _JUMP_EQUAL: "jeq", _JUMP_AT_LEAST: "jge", _AND: "and", _RETURN: "ret"}
    lines = []
    for at, (op, yes, no, value) in enumerate(struct.iter_unpack("<HBBI", code)):
        target = f" -> {at + 1 + yes}, else {at + 1 + no}" if op in {_JUMP_EQUAL, _JUMP_AT_LEAST} else ""
        lines.append(f"{at:4d}  {names[op]:<4} {value:#x}{target}")
    return tuple(lines)


def _head(machine: Arch) -> list[Instruction]:
    code = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, machine.audit_word),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if machine.first_foreign is not None:
        code += [(_JUMP_AT_LEAST, 0, 1, machine.first_foreign), (_RETURN, 0, 0, _KILL_PROCESS)]
    return code


def _block(row: int, rule: Rule) -> list[Instruction]:
    """One rule. The number is in the accumulator when it begins, and still there when it does not apply."""
    refuse = (_RETURN, 0, 0, _ERRNO | rule.errno)
    if not rule.groups:
        return [(_JUMP_EQUAL, 0, 1, row), refuse]
    lengths = [sum(_length(test) for test in group) for group in rule.groups]
    total = sum(lengths)
    body: list[Instruction] = []
    for index, group in enumerate(rule.groups):
        next_group = sum(lengths[: index + 1])  # after the last group: the return that allows
        for test in group:
            body += _comparison(test)
            after = len(body) + 1
            last = test is group[-1]
            holds = total + 1 - after if last else 0
            fails = next_group - after
            yes, no = (holds, fails) if test.equal else (fails, holds)
            body.append((_JUMP_EQUAL, yes, no, test.value))
    body += [(_RETURN, 0, 0, _ALLOW), refuse]
    return [(_JUMP_EQUAL, 0, len(body), row), *body]


def _length(test: Test) -> int:
    return 2 if test.mask == _ALL else 3


def _comparison(test: Test) -> list[Instruction]:
    offset = _OFFSET_ARGUMENTS + 8 * test.argument + (4 if test.high else 0)  # both machines are little-endian
    load = (_LOAD, 0, 0, offset)
    return [load] if test.mask == _ALL else [load, (_AND, 0, 0, test.mask)]


def _later(machine: Arch) -> list[Instruction]:
    known = [row for name in KNOWN_LATE if (row := number(name, machine)) is not None]
    jumps = [(_JUMP_EQUAL, len(known) - index, 0, row) for index, row in enumerate(known)]
    refuse = (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
    return [(_JUMP_AT_LEAST, 0, len(known) + 1, FIRST_UNKNOWN), *jumps, refuse]
