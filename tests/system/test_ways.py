"""Every way out without systemd: the same table as under it, from a process that made its own lock.

In namespaces made here, with nothing in them but the listeners that a way would reach. Nothing can leave this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import ears, ways
from tests.kit.ways import REACHED

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the namespaces of the other machine need root")
KIT = Path(ways.__file__).parent
WORLD = """
mount -t tmpfs none /run && mount -t tmpfs none /home
mkdir -p /home/someone /run/folder && echo note > /home/someone/note
cp /etc/hosts /run/hosts && echo '198.51.100.2 canary.test' >> /run/hosts && mount --bind /run/hosts /etc/hosts
ip link set lo up
"""
DRIVER = """
import json, os, socket, subprocess, sys
HANDED = "import os, sys; [os.dup2(120 + n, 3 + n) for n in range(6)]; os.execv(sys.argv[1], sys.argv[1:])"
kit, first_port, order = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
def start(*words, **more):
    return subprocess.Popen([*words], stdout=subprocess.PIPE, text=True, **more)
def shell(text):
    subprocess.run(["sh", "-ec", text], check=True)
shell(sys.stdin.read())
waiting = f"read go; exec {sys.executable} {kit}/ears.py canary"
canary = start("unshare", "-n", "sh", "-c", waiting, stdin=subprocess.PIPE)
shell(f'''
until [ "$(readlink /proc/{canary.pid}/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add veth0 type veth peer name veth1 netns {canary.pid}
ip address add 198.51.100.1/24 dev veth0 && ip link set veth0 up
nsenter -t {canary.pid} -n ip address add 198.51.100.2/24 dev veth1
nsenter -t {canary.pid} -n ip link set veth1 up
''')
canary.stdin.write("\\n"); canary.stdin.flush()
here = start(sys.executable, f"{kit}/ears.py", "here")
assert canary.stdout.readline() == here.stdout.readline() == "ready\\n"
others = {who: start("sleep", "infinity").pid for who in ("supervisor", "gateway", "analyst", "engine")}
found = {}
for name, lock in order.items():
    doors = [socket.create_server(("127.0.0.1", first_port + n)) for n in range(5)]
    for door in doors:
        door.setsockopt(socket.SOL_SOCKET, 25, b"lo\\0")
    doors.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4))
    caller = socket.create_connection(("127.0.0.1", first_port))
    for n, one in enumerate(doors):
        os.dup2(one.fileno(), 120 + n, inheritable=True)
    told = {"lock": lock, "own": True, "pids": others, "folder": "/run/folder"}
    words = [sys.executable, "-PB", f"{kit}/ways.py", json.dumps(told)]
    given = {"pass_fds": range(120, 126), "env": {**os.environ, "LISTEN_FDS": "6"}}
    probe = start(sys.executable, "-c", HANDED, *words, **given)
    found[name] = json.loads(probe.stdout.readline())
    probe.kill(); probe.wait()
    for one in (*doors, caller):
        one.close()
    for fd in range(120, 126):
        os.close(fd)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    """What a free process reaches, and one in each lock."""
    order = {"free": None, "gateway": "gateway", "analyst": "analyst", "engine": "engine"}
    words = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
    ]
    done = subprocess.run(
        [*words, sys.executable, "-c", DRIVER, str(KIT), str(ways.FIRST_PORT), json.dumps(order)],
        input=WORLD, capture_output=True, text=True, timeout=180, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(KIT.parents[1]), "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_every_way_is_open_to_a_process_that_is_not_locked(found: dict[str, dict[str, str]]) -> None:
    assert {name: got for name, got in found["free"].items() if got != REACHED} == {}
    assert len(found["free"]) == 53


@pytest.mark.parametrize("role", ["gateway", "analyst", "engine"])
def test_no_way_is_open_in_the_lock(found: dict[str, dict[str, str]], role: str) -> None:
    assert {name for name, got in found[role].items() if got == REACHED} == set()
    of_the_host = {name for name in found["free"] if name.startswith(("listener-", "accepted-", "netlink-"))}
    assert set(found[role]) == set(found["free"]) - (set() if role == "gateway" else of_the_host)


def test_both_ends_of_a_way_have_the_same_address() -> None:
    assert (ways.CANARY, ways.PROXY, ways.EAR, ways.VICTIM) == (ears.CANARY, ears.PROXY, ears.EAR, ears.VICTIM)
    assert set(ways._UNIX.values()) == set(ears.STREAMS)
