"""A program in words says what the machine does with it, for every call and both kinds of processor."""

from __future__ import annotations

import errno
import struct

import pytest

from proxy.workers.bpf import program, seal_program
from proxy.workers.bpf_words import explain, refusals
from proxy.workers.lockstate import Role
from proxy.workers.syscalls import ARCHES, CHECKED, EVERY_ROLE, WORKERS_ONLY, number
from tests.kit.bpf_machine import ALLOW, outcome_of

CALLS = (*CHECKED, *EVERY_ROLE, *WORKERS_ONLY)


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("role", Role)
def test_what_it_says_is_what_happens(role: Role, arch: str) -> None:
    code = program(role, arch)
    words = refusals(code, arch)
    always = {
        name: line.split()[2].rstrip(":")
        for line in words
        if ", by its" not in line
        for name in line.split(": ")[1].split(", ")
    }
    for name in CALLS:
        row = number(name, ARCHES[arch])
        if row is None:
            assert name not in always
            continue
        plain, loud = (outcome_of(code, arch, row, [value] * 6) for value in (0, 0xFFFFFFFFFFFFFFFF))
        if name in always:
            assert errno.errorcode[int(plain)] == errno.errorcode[int(loud)] == always[name]
        elif not any(line.endswith(f": {name}") for line in words):
            assert plain == loud == ALLOW
    assert words[-1].startswith("refuse with ENOSYS: every call from number 448 on")


@pytest.mark.parametrize("arch", ARCHES)
def test_there_is_one_line_for_each_instruction(arch: str) -> None:
    for code in (*(program(role, arch) for role in Role), seal_program(arch)):
        lines = explain(code, arch)
        assert len(lines) == len(code) // struct.calcsize("<HBBI")
        assert lines[-1].endswith("allow")
        assert lines[1].split()[1:3] == ["if", "architecture"]


def test_a_pointer_is_looked_at_in_both_halves() -> None:
    lines = explain(program(Role.GATEWAY, "x86_64"), "x86_64")
    at = next(n for n, line in enumerate(lines) if "(sendto)" in line)
    assert [line[6:] for line in lines[at + 1 : at + 5]] == [
        "load argument 4", f"if argument 4 = 0x0 go to {at + 3}, else {at + 9}",
        "load argument 4, upper half", f"if argument 4, upper half = 0x0 go to {at + 5}, else {at + 9}",
    ]  # fmt: skip


def test_the_seal_in_short() -> None:
    assert refusals(seal_program("x86_64"), "x86_64") == (
        "refuse with EPERM: open, openat, openat2, creat", "refuse with EPERM, by its arguments: mmap",
    )  # fmt: skip
