"""A process that crashes in its lock leaves nothing of its memory: no file, and no program that would be handed it.

A computer may send every crash to a program (core(5), `|` in core_pattern), which runs as root and outside of every
namespace. Here one is set up for a moment and shown to run for a process that is not locked. Where that cannot be,
what the kernel says of each crash is the whole test.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.locked_child import run_child

PATTERN = Path("/proc/sys/kernel/core_pattern")
CRASH = """
    import resource, signal, tempfile
    from dataclasses import replace
    os.chdir(tempfile.mkdtemp())
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    child = os.fork()
    if child == 0:
        {prepare}
        os.kill(os.getpid(), signal.SIGSEGV)
    status = os.waitpid(child, 0)[1]
    answer([child, os.WTERMSIG(status), os.WCOREDUMP(status)])
"""
UNDO = "kernel.call('prctl', 4, 1, 0, 0, 0)"


@pytest.fixture
def handled(tmp_path: Path) -> Iterator[Path | None]:
    """A program that takes crashes, for as long as the test runs; returns the list of those it took."""
    before = PATTERN.read_text(encoding="ascii").strip()
    script, taken = tmp_path / "handler", tmp_path / "taken"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\necho $1 >> {taken}\n", encoding="ascii")
    script.chmod(0o755)
    taken.touch()
    try:
        PATTERN.write_text(f"|{script} %P\n", encoding="ascii")
    except OSError:
        yield None
        return
    try:
        yield taken
    finally:
        PATTERN.write_text(f"{before}\n", encoding="ascii")


def crashed(prepare: str) -> tuple[int, bool]:
    """Crash a child; its number, and whether the kernel says that its memory was handed on."""
    found = run_child(CRASH.format(prepare=prepare))
    assert isinstance(found, list)
    assert found[1] == 11
    return found[0], found[2]


def was_taken(taken: Path | None, pid: int, seconds: float, *, unknown: bool = False) -> bool:
    if taken is None:
        return unknown
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if str(pid) in taken.read_text(encoding="ascii").split():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("role", ["GATEWAY", "ANALYST", "ENGINE"])
def test_no_handler_runs_for_a_locked_process(handled: Path | None, role: str) -> None:
    pid, dumped = crashed("pass")
    assert dumped
    assert was_taken(handled, pid, 30, unknown=True)  # the control: the handler works
    locked, dumped = crashed(f"lock(plan(Role.{role}, own=False))")
    assert not dumped
    assert not was_taken(handled, locked, 0.5)


def test_it_cannot_be_undone_from_inside(handled: Path | None) -> None:
    raised = "resource.setrlimit(resource.RLIMIT_CORE, (1, 1))"
    pid, dumped = crashed(f"lock(plan(Role.ENGINE, own=False)); {UNDO}; {raised}")
    assert not dumped
    assert not was_taken(handled, pid, 0.5)
