"""The numbers are the kernel's: compared with its own headers, and free of slips."""

import re
from pathlib import Path

import pytest

from proxy.workers import syscalls
from proxy.workers.syscalls import ARCHES, number

TABLES = {
    name: getattr(syscalls, name) for name in ("EVERY_ROLE", "WORKERS_ONLY", "CHECKED", "KNOWN_LATE", "LOCK_CALLS")
}
HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
# The headers of a distribution may be older than these calls.
MAY_BE_MISSING = {"cachestat", "futex_wake", "futex_wait", "futex_requeue", "mseal"}


def numbers_of_kernel(arch: str) -> dict[str, int]:
    header = next((path for path in map(Path, HEADERS[arch]) if path.exists()), None)
    assert header is not None, f"no kernel header for {arch}: install linux-libc-dev"
    text = header.read_text(encoding="utf-8")
    return {name: int(value) for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}


@pytest.mark.parametrize("arch", ARCHES)
def test_every_number_is_the_kernels(arch: str) -> None:
    kernel = numbers_of_kernel(arch)
    ours = {name: number(name, ARCHES[arch]) for table in TABLES.values() for name in table}
    missing = {name for name, value in ours.items() if value is not None and name not in kernel}
    assert missing <= MAY_BE_MISSING
    different = {
        name: (value, kernel[name]) for name, value in ours.items() if name in kernel and value != kernel[name]
    }
    assert not different


@pytest.mark.parametrize("arch", ARCHES)
def test_no_number_stands_for_two_calls(arch: str) -> None:
    column = ARCHES[arch].column
    used = [row[column] for table in TABLES.values() for row in table.values() if row[column] is not None]
    assert len(used) == len(set(used))


def test_no_call_is_in_two_tables() -> None:
    names = [name for table in TABLES.values() for name in table]
    assert len(names) == len(set(names))


def test_a_call_no_table_names_is_an_error() -> None:
    with pytest.raises(KeyError):
        number("read", ARCHES["x86_64"])


def test_calls_that_one_machine_lacks() -> None:
    assert number("open", ARCHES["x86_64"]) == 2
    assert number("open", ARCHES["aarch64"]) is None
    assert number("io_setup", ARCHES["aarch64"]) == 0


def test_later_calls_begin_where_the_named_ones_end() -> None:
    named = [
        row[0] for table in (TABLES["EVERY_ROLE"], TABLES["CHECKED"], TABLES["WORKERS_ONLY"]) for row in table.values()
    ]
    assert max(value for value in named if value is not None) == syscalls.FIRST_UNKNOWN
