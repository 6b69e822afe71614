"""The memory limit of the service, held by the kernel: who goes over it is killed, and nothing else is lost.

What is shown where. That the unit carries the limit, and no swap, is read from systemd everywhere. Where the container
has the memory controller of control groups version 2, the unit's own limit is lowered and systemd sees the kill. Where
the host keeps that controller in version 1, systemd cannot use it: the service's processes are put into a real group of
that version, with the limit scaled to what they hold, and it is the same kernel that kills. A child that starts needs
more for a moment than one that stands, so the limit is scaled once more when somebody was killed.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.errors import ERRORS
from tests.kit.booted import answered, child, evidence, records, start, stop
from tests.kit.nspawn import Machine, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

MODULES = ("proxy.gateway", "proxy.workers.analyst", "proxy.workers.engine")
_TIGHT, _ROOM = 4 << 20, 256 << 20
"""What is left between what the service holds and its limit: until somebody is killed, and after it."""
LONG = """
import json, socket
text = "Nimal Perera, 54, of 12 Temple Road, seen on 3 May 2026 with chest pain; he takes aspirin. " * 150
body = json.dumps({"model": "demo-chat", "max_tokens": 8, "messages": [{"role": "user", "content": text}]}).encode()
one = socket.socket(socket.AF_UNIX)
one.settimeout(60)
one.connect("/run/cordon/api.sock")
head = "POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\n"
one.sendall(f"{head}Connection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n".encode() + body)
answer = b""
while chunk := one.recv(65536):
    answer += chunk
head, _, rest = answer.partition(b"\\r\\n\\r\\n")
print(json.dumps([int(head.split()[1]), json.loads(rest)["error"]["code"] if b'"error"' in rest else ""]))
"""


def test_the_unit_carries_the_limit_and_no_swap(service: Machine) -> None:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    assert abs(int(service.show("cordon.service", "MemoryMax")) - pages * size * 9 // 10) <= size
    assert service.show("cordon.service", "MemorySwapMax") == "0"
    assert service.show("cordon.service", "OOMPolicy") == "stop"


def test_who_goes_over_it_is_killed_and_the_service_goes_on(service: Machine) -> None:
    stop(service)
    assert start(service) == 0
    answered(service)
    before = len([one for one in evidence(service) if one["why"] == "change"])
    assert start(service) == 0
    refusals: list[tuple[int, str]] = []
    with limited(service) as limit:
        service.wait_for(lambda: limit.killed() or refusals.append(service.python(LONG)))
        limit.ease()
        answered(service)
    stop(service)
    codes = {code for status, code in refusals if status != 200}
    assert codes
    assert codes <= set(ERRORS)
    assert len([one for one in evidence(service) if one["why"] == "change"]) > before
    assert evidence(service)[-1]["level"] == "E1"
    whole(service)


def whole(machine: Machine) -> None:
    """The log verifies, but for the end of the gateway that was killed; every request in it has its outcome."""
    command = (
        "cd /var/tmp/e && cordon audit verify /var/lib/cordon/audit --trust me/trust.json --keyring me/keyring.age "
    )
    command += "--identity me/nimali.identity.age --passphrase-file pass --json"
    found = json.loads(machine.run("sh", "-c", command, check=False).stdout)
    assert found["verdict"] in {"VERIFIED", "VERIFIED WITH GAPS"}
    states = {one["id"]: one["state"] for one in found["checks"]}
    assert {name for name, state in states.items() if state == "gap"} <= {"V10", "V19", "V22"}
    kept = records(machine)
    asked = {one["seq"] for one in kept if one["kind"] == "R"}
    assert asked == {one["of"] for one in kept if one["kind"] == "Z"}


@dataclass(frozen=True, slots=True)
class Limit:
    """Of the whole service: whether somebody was killed for it, and how to raise it."""

    killed: Callable[[], bool]
    ease: Callable[[], object]


@contextmanager
def limited(machine: Machine) -> Iterator[Limit]:
    """The limit at a little more than what the service holds."""
    if "memory" in machine.run("cat", "/sys/fs/cgroup/cgroup.controllers").stdout.split():
        held = int(machine.show("cordon.service", "MemoryCurrent"))

        def set_unit(room: int) -> object:
            value = f"MemoryMax={held + room}"
            return machine.run("systemctl", "set-property", "--runtime", "cordon.service", value)

        set_unit(_TIGHT)
        yield Limit(lambda: int(machine.show("cordon.service", "NRestarts")) > 0, lambda: set_unit(_ROOM))
        machine.run("systemctl", "revert", "cordon.service")
        return
    with _group(machine) as group:
        lines = (group / "memory.stat").read_text().splitlines()
        held = next(int(line.split()[1]) for line in lines if line.startswith("total_rss "))
        limit = group / "memory.limit_in_bytes"
        limit.write_text(str(held + _TIGHT))
        yield Limit(lambda: _kills(group) > 0, lambda: limit.write_text(str(held + _ROOM)))


@contextmanager
def _group(machine: Machine) -> Iterator[Path]:
    """A group of version 1 that the whole service was born into."""
    group = Path(f"/sys/fs/cgroup/memory/cordon-test-{os.getpid()}")
    group.mkdir()
    try:
        main = int(machine.show("cordon.service", "MainPID"))
        (group / "cgroup.procs").write_text(str(_outside(main, machine.leader)))
        # Memory is charged where it is first touched, so all three start anew: a dead gateway ends the others.
        machine.run("kill", "-KILL", str(child(machine, MODULES[0])))
        machine.wait_for(lambda: len((group / "cgroup.procs").read_text().split()) == 4)
        answered(machine)
        yield group
    finally:
        machine.run("systemctl", "stop", "cordon.service")
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        machine.wait_for(lambda: not (group / "cgroup.procs").read_text())
        time.sleep(0.1)
        group.rmdir()


def _kills(group: Path) -> int:
    lines = (group / "memory.oom_control").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _outside(inside: int, leader: int) -> int:
    """The host's number of a process of the container."""
    room = os.readlink(f"/proc/{leader}/ns/pid")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            numbers = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if numbers[-1] == str(inside) and os.readlink(folder / "ns/pid") == room:
                return int(folder.name)
        except (OSError, StopIteration):
            continue
    raise LookupError(inside)
