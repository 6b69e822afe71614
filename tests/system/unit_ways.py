"""Every way out, asked under the unit by a program of systemd's own; run by hand: `pytest tests/system/unit_ways.py`.

It is not part of `make test`: in some runs systemd 252 stops dispatching its jobs while the probe's sockets are open,
and the container hangs. The same ways are asked without systemd in `test_escapes.py` and `test_lock.py`.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.kit.nspawn import ROOT, Machine
from tests.system.test_boot import machine, package

__all__ = ["machine", "package"]

# ---- ways out --------------------------------------------------------------------------------------------------------

WORLD = """
set -e
ip netns add canary
ip link add veth0 type veth peer name veth1 netns canary
ip address add 198.51.100.1/24 dev veth0 && ip link set veth0 up
ip -n canary address add 198.51.100.2/24 dev veth1 && ip -n canary link set veth1 up
echo '198.51.100.2 canary.test' >> /etc/hosts
mkdir -p /home/someone && echo note > /home/someone/note
systemd-run -q --unit=canary ip netns exec canary python3 /var/tmp/ears.py canary
systemd-run -q --unit=proxy python3 /var/tmp/ears.py here
systemd-run -q --unit=sleeper sleep infinity
"""
EARS = """
import socket, sys, threading, time
def listen(one, address):
    one.bind(address)
    one.listen(64)
    def forever():
        while True:
            one.accept()[0].recv(16)
    threading.Thread(target=forever, daemon=True).start()
    return one
if sys.argv[1] == "canary":
    ears = [listen(socket.socket(), ("198.51.100.2", 9))]
else:
    ears = [listen(socket.socket(), ("127.0.0.1", 9099)), listen(socket.socket(socket.AF_UNIX), "/run/canary.sock"),
            listen(socket.socket(socket.AF_UNIX), "\\0canary")]
    import os
    os.chmod("/run/canary.sock", 0o666)
time.sleep(1e6)
"""
SOCKET = """
[Socket]
ListenStream=127.0.0.1:9642
BindToDevice=lo
IPAddressDeny=any
IPAddressAllow=127.0.0.1
FileDescriptorName=http
Service=cordon-probe.service
"""
KNOCK = """
import socket, time
for _ in range(100):
    try:
        one = socket.create_connection(("127.0.0.1", 9642), 60)
        one.settimeout(60)
        one.recv(16)
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
    except ConnectionResetError:  # the socket was reused: that is what is tried
        break
print(1)
"""
_LEFT_OUT = (
    "Type=",
    "NotifyAccess",
    "Sockets=",
    "ExecStart",
    "Watchdog",
    "Restart",
    "LogNamespace",
    "TimeoutSt",
    "After=",
)


def probe_unit(order: str) -> str:
    """The service's own unit around another program: every protection as shipped."""
    shipped = (ROOT / "systemd/cordon.service").read_text(encoding="utf-8").partition("[Install]")[0]
    kept = "\n".join(line for line in shipped.splitlines() if not line.startswith(_LEFT_OUT))
    return f"""{kept}
Type=oneshot
Sockets=cordon-probe.socket
BindReadOnlyPaths=/var/tmp/ways.py:/run/cordon/ways.py
StandardOutput=append:/var/tmp/probe.json
ExecStart=/opt/cordon/bin/python -IB /run/cordon/ways.py {order}
"""


@pytest.fixture(scope="module")
def world(machine: Machine) -> dict[str, Any]:
    """Canaries within reach, and what an unconfined process reaches: the positive of every way."""
    machine.write("/var/tmp/ears.py", EARS)
    machine.write("/var/tmp/ways.py", (ROOT / "tests/kit/ways.py").read_text(encoding="utf-8"))
    machine.run("sh", "-c", WORLD)
    machine.write("/etc/systemd/system/cordon-probe.socket", SOCKET)
    (machine.tree / "run").mkdir(exist_ok=True)
    machine.run("touch", "/run/cordon/ways.py")
    pid = int(machine.show("sleeper.service", "MainPID"))
    order = {"lock": None, "pid": pid, "folder": "/var/lib/cordon/access"}
    time.sleep(1)
    machine.write(
        "/etc/systemd/system/cordon-probe.service",
        f"""[Service]
Type=oneshot
Sockets=cordon-probe.socket
StandardOutput=append:/var/tmp/probe.json
ExecStart=/opt/cordon/bin/python -IB /var/tmp/ways.py {json.dumps(json.dumps(order))}
""",
    )
    return {"order": order, "free": probed(machine)}


def probed(machine: Machine) -> dict[str, str]:
    """What the probe said the first time; a listener that it freed makes systemd start it once more."""
    said = machine.tree / "var/tmp/probe.json"
    said.unlink(missing_ok=True)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "cordon-probe.socket")
    machine.python(KNOCK)
    machine.wait_for(lambda: said.exists() and said.read_text().endswith("}\n"))
    machine.run("systemctl", "stop", "cordon-probe.socket", "cordon-probe.service")
    machine.run("systemctl", "reset-failed", check=False)
    found: dict[str, str] = json.loads(said.read_text().splitlines()[0])
    return found


def test_every_way_is_open_to_a_process_that_is_not_confined(world: dict[str, Any]) -> None:
    closed = {name: got for name, got in world["free"].items() if got != "REACHED"}
    assert closed == {}
    assert len(world["free"]) == 31


@pytest.mark.parametrize("role", [None, "gateway", "analyst", "engine"])
def test_no_way_is_open_under_the_unit(machine: Machine, world: dict[str, Any], role: str | None) -> None:
    order = json.dumps(json.dumps({**world["order"], "lock": role}))
    machine.write("/etc/systemd/system/cordon-probe.service", probe_unit(order))
    got = probed(machine)
    # the supervisor starts its children: a program may be run under the unit, but not under the lock
    open_here = {"exec", "exec-memory"} if role is None else set()
    assert {name for name, result in got.items() if result == "REACHED"} == open_here
    expected = set(world["free"]) if role in {None, "gateway"} else set(world["free"]) - OF_THE_HOST
    assert set(got) == expected


OF_THE_HOST = {"listener-fastopen", "listener-reused", "accepted-reused"}
