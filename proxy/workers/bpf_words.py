"""A lock's program in words, for somebody who wants to know what the kernel was really given.

    explain(program(Role.GATEWAY, "x86_64"), "x86_64")   ->   ("   0  load architecture", ...)

Law: read from the bytes alone, not from the rules they were made of: what is printed is what is digested. A program is
a row of blocks; each begins with the number of the call in the accumulator and is jumped over as a whole.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

from proxy.workers.syscalls import ARCHES, CHECKED, EVERY_ROLE, FIRST_UNKNOWN, KNOWN_LATE, LOCK_CALLS, WORKERS_ONLY

__all__ = ["explain", "refusals"]

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_FIXED = {0: "number", 4: "architecture"}

Instruction = tuple[int, int, int, int]


def explain(code: bytes, arch: str) -> tuple[str, ...]:
    """One line for each instruction."""
    names, holds, block_end = _names(arch), "", -1
    lines = []
    for at, (op, yes, no, value) in enumerate(struct.iter_unpack("<HBBI", code)):
        if at == block_end:
            holds = "number"
        words = ""
        if op == _LOAD:
            holds = _loaded(value)
            words = f"load {holds}"
        elif op == _AND:
            words = f"and {value:#x}"
        elif op in {_EQUAL, _AT_LEAST}:
            name = names.get(value, "") if op == _EQUAL and holds == "number" else ""
            sign = "=" if op == _EQUAL else ">="
            words = (
                f"if {holds} {sign} {value:#x}{f' ({name})' if name else ''} go to {at + 1 + yes}, else {at + 1 + no}"
            )
            block_end = at + 1 + no if name else block_end
        elif op == _RETURN:
            words = _verdict(value)
        lines.append(f"{at:4d}  {words}")
    return tuple(lines)


def refusals(code: bytes, arch: str) -> tuple[str, ...]:
    """What is refused, in the order of the program; calls that are refused whatever they ask for come first."""
    always: dict[str, list[str]] = {}
    depends: list[str] = []
    for name, block in _blocks(code, arch):
        verdicts = [value for op, _, _, value in block if op == _RETURN]
        if len(block) == 1:
            always.setdefault(_verdict(verdicts[0]), []).append(name)
        else:
            depends.append(f"{_verdict(verdicts[-1])}, by its arguments: {name}")
    late = [value for op, _, _, value in struct.iter_unpack("<HBBI", code) if (op, value) == (_AT_LEAST, FIRST_UNKNOWN)]
    known = ", ".join(KNOWN_LATE)
    depends += [f"refuse with ENOSYS: every call from number {value} on, but for {known}" for value in late]
    return (*(f"{verdict}: {', '.join(calls)}" for verdict, calls in always.items()), *depends)


def _blocks(code: bytes, arch: str) -> Iterator[tuple[str, tuple[Instruction, ...]]]:
    """The blocks that are about one call: its name, and what follows the look at the number."""
    rows: list[Instruction] = list(struct.iter_unpack("<HBBI", code))
    names, at = _names(arch), 0
    while at < len(rows):
        op, yes, no, value = rows[at]
        if op == _EQUAL and yes == 0 and value in names and rows[at + no][0] == _RETURN:
            yield names[value], tuple(rows[at + 1 : at + 1 + no])
            at += no
        at += 1


def _loaded(offset: int) -> str:
    if offset in _FIXED:
        return _FIXED[offset]
    argument, half = divmod(offset - 16, 8)
    return f"argument {argument}" + (", upper half" if half else "")


def _verdict(value: int) -> str:
    if value == _ALLOW:
        return "allow"
    if value == _KILL:
        return "kill the process"
    return f"refuse with {errno.errorcode.get(value & ~_ERRNO, '?')}"


def _names(arch: str) -> dict[int, str]:
    column = ARCHES[arch].column
    tables = (CHECKED, EVERY_ROLE, WORKERS_ONLY, KNOWN_LATE, LOCK_CALLS)
    return {row[column]: name for table in tables for name, row in table.items() if row[column] is not None}  # type: ignore[misc]
