"""Every way out, tried by a program of systemd's own under the shipped unit, and as each role in its lock besides.

The program stays until it is ended, and its sockets are closed first. A listener that a process freed and connected
stays readable for ever; handed back to systemd 252 it starts the service again and again, and a stop that comes at the
wrong moment never ends: process 1 tries to empty what cannot be emptied, and its queue of jobs waits behind it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kit.booted import answered, child, start
from tests.kit.nspawn import ROOT, Machine, why_not
from tests.kit.ways import CANARY, FIRST_PORT, REACHED

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

WORLD = f"""
set -e
ip netns add canary
ip link add veth0 type veth peer name veth1 netns canary
ip address add 198.51.100.1/24 dev veth0 && ip link set veth0 up
ip -n canary address add {CANARY[0]}/24 dev veth1 && ip -n canary link set veth1 up
echo '{CANARY[0]} canary.test' >> /etc/hosts
mkdir -p /home/someone && echo note > /home/someone/note
touch /run/cordon/ways.py
systemd-run -q -p Type=notify --unit=canary ip netns exec canary python3 /var/tmp/ears.py canary
systemd-run -q -p Type=notify --unit=ears python3 /var/tmp/ears.py here
"""
SOCKET = f"""
[Socket]
{"".join(f"ListenStream=127.0.0.1:{FIRST_PORT + n}" + chr(10) for n in range(5))}
ListenNetlink=inet-diag 0
BindToDevice=lo
IPAddressDeny=any
IPAddressAllow=127.0.0.1
Service=cordon-probe.service
"""
KNOCK = f"""
import os, socket, time
caller = socket.create_connection(("127.0.0.1", {FIRST_PORT}), 60)
until = time.monotonic() + 60
while time.monotonic() < until and not os.path.exists("/var/tmp/probe.json"):
    time.sleep(0.05)
while time.monotonic() < until and not open("/var/tmp/probe.json").read().endswith("}}\\n"):
    time.sleep(0.05)
print(open("/var/tmp/probe.json").read().strip())
"""
FREE = """[Service]
Type=exec
Sockets=cordon-probe.socket
StandardOutput=append:/var/tmp/probe.json
ExecStart=/opt/cordon/bin/python -IB /var/tmp/ways.py {order}
"""
CHILDREN = {"gateway": "proxy.gateway", "analyst": "proxy.workers.analyst", "engine": "proxy.workers.engine"}
_LEFT_OUT = (
    "Type=", "NotifyAccess", "Sockets=", "ExecStart", "Watchdog", "Restart", "LogNamespace", "TimeoutSt", "After=",
)  # fmt: skip


def probe_unit(order: str) -> str:
    """The service's own unit around another program: every protection as shipped."""
    shipped = (ROOT / "systemd/cordon.service").read_text(encoding="utf-8").partition("[Install]")[0]
    kept = "\n".join(line for line in shipped.splitlines() if not line.startswith(_LEFT_OUT))
    return f"""{kept}
Type=exec
Sockets=cordon-probe.socket
BindReadOnlyPaths=/var/tmp/ways.py:/run/cordon/ways.py
StandardOutput=append:/var/tmp/probe.json
ExecStart=/opt/cordon/bin/python -IB /run/cordon/ways.py {order}
"""


@pytest.fixture(scope="module")
def world(service: Machine) -> dict[str, Any]:
    """Canaries within reach, the service running, and what an unconfined process reaches: the positive of every way."""
    for name in ("ears.py", "ways.py"):
        service.write(f"/var/tmp/{name}", (ROOT / "tests/kit" / name).read_text(encoding="utf-8"))
    service.run("sh", "-c", WORLD)
    service.write("/etc/systemd/system/cordon-probe.socket", SOCKET)
    assert start(service) == 0
    pids = {"supervisor": int(service.show("cordon.service", "MainPID"))}
    pids |= {role: child(service, module) for role, module in CHILDREN.items()}
    order = {"lock": None, "pids": pids, "folder": "/var/lib/cordon/access"}
    return {"order": order, "free": probed(service, FREE, order)}


def probed(machine: Machine, unit: str, order: dict[str, Any]) -> dict[str, str]:
    """What the probe found under a unit. Its sockets are closed before it is ended."""
    machine.write("/etc/systemd/system/cordon-probe.service", unit.replace("{order}", json.dumps(json.dumps(order))))
    machine.run("rm", "-f", "/var/tmp/probe.json")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "cordon-probe.socket")
    try:
        found: dict[str, str] = machine.python(KNOCK)
    finally:
        machine.run("systemctl", "stop", "cordon-probe.socket")
        machine.run("systemctl", "stop", "cordon-probe.service")
        machine.run("systemctl", "reset-failed", check=False)
    return found


def reached(found: dict[str, str]) -> set[str]:
    return {name for name, got in found.items() if got == REACHED}


def test_every_way_is_open_to_a_process_that_is_not_confined(world: dict[str, Any]) -> None:
    assert {name: got for name, got in world["free"].items() if got != REACHED} == {}
    assert len(world["free"]) == 53


def test_under_the_unit_alone_only_programs_and_signals_are_left(service: Machine, world: dict[str, Any]) -> None:
    """The supervisor starts its children and ends them; no other process of the unit is left without a lock."""
    found = probed(service, probe_unit("{order}"), world["order"])
    signals = {f"signal-of-{who}" for who in world["order"]["pids"]}
    assert reached(found) == {"exec", "exec-memory", *signals}
    assert set(found) == set(world["free"])


@pytest.mark.parametrize("role", ["gateway", "analyst", "engine"])
def test_no_way_is_open_in_the_lock(service: Machine, world: dict[str, Any], role: str) -> None:
    found = probed(service, probe_unit("{order}"), {**world["order"], "lock": role})
    assert reached(found) == set()
    of_the_host = {name for name in world["free"] if name.startswith(("listener-", "accepted-", "netlink-"))}
    assert set(found) == set(world["free"]) - (set() if role == "gateway" else of_the_host)


def test_after_all_of_it_the_service_answers(service: Machine, world: dict[str, Any]) -> None:
    del world
    answered(service)
    assert service.show("cordon.service", "NRestarts") == "0"
