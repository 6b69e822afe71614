"""Run a few lines of Python in a process of its own, locked or not, and get back what it found.

A lock cannot be left, so every case is a new process. The lines run with the names of `proxy.workers.confine` and
`answer(value)` in scope; what they answer comes back as JSON, and an exception as a test failure.
"""

import functools
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ROOT", "filters_here", "run_child", "user_namespaces"]

ROOT = Path(__file__).resolve().parents[2]
_MARK = "ANSWER "

_PRELUDE = """
import json, os, socket, sys, threading
sys.path.insert(0, {root!r})
from proxy.workers import confine, kernel
from proxy.workers.bpf import Rule, Test, assemble, program, rules
from proxy.workers.confine import *
from proxy.workers.facts import writable_paths

def answer(value):
    print({mark!r} + json.dumps(value), flush=True)

def plan(role, *keep, write=(), own=True, links=()):
    return LockPlan(role, (1, 2, *keep), install_paths(), role_reads(role), tuple(write), own, links=links)

def wrong(role, *, sealed=False):
    return [[one.name, one.got] for one in controls(role, sealed=sealed) if one.got != one.expect]

def become_nobody():
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        kernel.call("prctl", 4, 1, 0, 0, 0)  # a process of that user from its start would be dumpable

def refuse_beforehand(*entries):
    chosen = tuple(Rule(name, number) for name, number in entries)
    kernel.call("prctl", 38, 1, 0, 0, 0)
    kernel.install_filter(assemble(chosen, kernel.machine().name, later=False))
"""


def run_child(*blocks: str, environment: Mapping[str, str] | None = None) -> object:
    """Run the blocks, one after the other, and return the last value they answered."""
    script = _PRELUDE.format(root=str(ROOT), mark=_MARK) + "".join(textwrap.dedent(block) for block in blocks)
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", **(environment or {})},
    )
    answers = [line[len(_MARK) :] for line in done.stdout.decode().splitlines() if line.startswith(_MARK)]
    assert done.returncode == 0, done.stderr.decode()
    assert answers, done.stderr.decode()
    return json.loads(answers[-1])


@functools.cache
def user_namespaces() -> bool:
    """Say whether this kernel lets this user have namespaces of its own; many containers do not.

    Asked of util-linux, not of ourselves.
    """
    asked = subprocess.run(["unshare", "--user", "--net", "--ipc", "--map-current-user", "true"], check=False)
    return asked.returncode == 0


def filters_here() -> int:
    """Return how many seccomp programs bind this process already: a container runtime has its own."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Seccomp_filters:"))
