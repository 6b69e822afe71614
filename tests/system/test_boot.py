"""The package on a real systemd: installed, enrolled, asked, hurt, attacked, upgraded, removed, in this order.

The container has unified control groups and no interface but `lo`.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.preflight import PROTECTIONS
from tests.kit.nspawn import BUILD, Machine, base_tree, build_package, pack, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

SETTINGS = """
[models]
answer = "demo-chat"
guard = "demo-guard"
demo_models = true
[policy]
name = "{policy}"
[audit]
site = "demo.invalid"
"""
ENROL = """
set -e
rm -rf /var/tmp/e; mkdir -m 777 /var/tmp/e; cd /var/tmp/e
cordon officer init --site demo.invalid --dir /var/tmp/e/officer --name nimali --name ruwan --json > keys.json
python3 -c 'import json; print(json.load(open("keys.json"))["passphrases"]["nimali"])' > pass
runuser -u cordon -- cordon audit init --out /var/tmp/e
cordon enrol enrol-request.note --dir officer --identity officer/nimali.identity.age --passphrase-file pass --yes
chmod 644 enrolment.note
runuser -u cordon -- cordon audit accept enrolment.note --yes
mkdir me; cp officer/trust.json officer/keyring.age officer/nimali.identity.age me
"""
ASK = """
import json, socket, time
body = json.dumps({"model": "demo-chat", "temperature": 0, "max_tokens": 40,
                   "messages": [{"role": "user", "content": "How is asthma treated?"}]}).encode()
def ask():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(60)
    one.connect("/run/cordon/api.sock")
    head = f"POST /v1/chat/completions HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\n"
    one.sendall(f"{head}Connection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n".encode() + body)
    answer = b""
    while chunk := one.recv(65536):
        answer += chunk
    head, _, rest = answer.partition(b"\\r\\n\\r\\n")
    return int(head.split()[1]), rest
until, status, answer = time.monotonic() + SECONDS, 0, b""
while time.monotonic() < until:
    try:
        status, answer = ask()
    except OSError:
        status = 0
    if status == 200:
        break
    time.sleep(0.5)
try:
    found = json.loads(answer)
except ValueError:
    found = {}
print(json.dumps([status, found]))
"""
HOLDERS = "ss -Hltn '( sport = :8642 )'"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Machine]:
    with Machine.boot(base_tree(), tmp_path_factory.mktemp("boot")) as made:
        (made.tree / "var/tmp/cordon.deb").write_bytes(package.read_bytes())
        yield made


def ask(machine: Machine, seconds: int = 90) -> tuple[int, dict[str, Any]]:
    status, answer = machine.python(ASK.replace("SECONDS", str(seconds)))
    return status, answer


def answered(machine: Machine) -> None:
    status, answer = ask(machine)
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"]


def records(machine: Machine) -> list[dict[str, Any]]:
    done = machine.run(
        "sh", "-c", "cd /var/tmp/e && cordon audit records /var/lib/cordon/audit --trust me/trust.json "
        "--keyring me/keyring.age --identity me/nimali.identity.age --passphrase-file pass --json",
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def child(machine: Machine, module: str) -> int:
    """The number of a child inside the container."""
    return int(machine.run("pgrep", "-f", f"m {module} ").stdout.split()[0])


def start(machine: Machine) -> int:
    return machine.run("systemctl", "restart", "cordon.service", check=False, timeout=300).returncode


def refused(machine: Machine) -> str:
    """Start, which must be refused for good; returns the sentence an administrator reads."""
    assert start(machine) != 0
    assert (machine.show("cordon.service", "ExecMainStatus"), machine.show("cordon.service", "ActiveState")) == (
        "78",
        "failed",
    )
    assert machine.run("sh", "-c", HOLDERS).stdout.count("8642") == 2  # the port is still ours
    return machine.show("cordon.service", "StatusText")


# ---- install ---------------------------------------------------------------------------------------------------------


def test_two_builds_from_the_same_wheels_have_the_same_bytes(package: Path, tmp_path: Path) -> None:
    assert pack(BUILD / "wheels", tmp_path).read_bytes() == package.read_bytes()


def test_install_holds_the_port_and_answers_nothing_before_an_officer_enrolled_it(machine: Machine) -> None:
    done = machine.run("dpkg", "-i", "/var/tmp/cordon.deb", timeout=600)
    assert "cordon audit init" in done.stdout + done.stderr
    assert machine.run("sh", "-c", HOLDERS).stdout.count("8642") == 2
    assert machine.show("cordon-api.socket", "ActiveState") == "active"
    machine.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="hospital"))
    assert refused(machine).startswith("audit_not_enrolled: ")


def test_enrolled_it_starts_with_evidence_e1(machine: Machine) -> None:
    machine.run("sh", "-c", ENROL)
    assert start(machine) == 0
    assert machine.show("cordon.service", "StatusText") == "Answering on 127.0.0.1 and ::1"
    assert [line["evidence"] for line in machine.journal() if line["event"] == "evidence"][-1] == "E1"
    answered(machine)


def test_the_record_says_what_process_one_counts(machine: Machine) -> None:
    first = [r for r in records(machine) if r["kind"] == "E"][-1]
    assert (first["level"], first["reasons"]) == ("E1", [])
    assert first["unit"].startswith("cordon.service ")
    counters = {c["src"]: (c["value"], c["includes_loopback"]) for c in first["counters"]}
    assert counters["systemd:cordon.service:IPEgressBytes"] == (0, 0)
    assert counters["systemd:cordon.socket:IPEgressBytes"][1] == 1
    assert (first["paths"]["swap_max"], first["paths"]["core"]) == (0, 1)
    assert {p["netns"] for p in first["procs"]}.isdisjoint({first["host"]["netns"]})
    assert {name for p in first["procs"] for name in p["ifaces"]} == {"lo"}


def test_a_program_uses_the_loopback_port_with_a_token_and_the_socket_counts_it(machine: Machine) -> None:
    before = int(machine.show("cordon.socket", "IPEgressBytes"))
    got = machine.python("""
import json, re, subprocess, urllib.request
said = subprocess.run(["cordon", "token", "create", "test"], capture_output=True, text=True).stdout
token = re.search("cordon_[A-Za-z0-9_-]{43}", said)[0]
asked = urllib.request.Request("http://127.0.0.1:8642/v1/models", headers={"Authorization": "Bearer " + token})
print(json.dumps(json.load(urllib.request.urlopen(asked))))
""")
    assert got["data"][0]["id"] == "demo-chat"
    assert int(machine.show("cordon.socket", "IPEgressBytes")) > before
    assert machine.show("cordon.service", "IPEgressBytes") == "0"


def test_the_timer_of_the_export_leaves_a_wish_that_the_service_answers(machine: Machine) -> None:
    assert machine.show("cordon-export.timer", "UnitFileState") == "disabled"
    machine.run("systemctl", "start", "cordon-export.service")
    inbox = machine.tree / "var/lib/cordon/inbox"
    machine.wait_for(lambda: any((inbox / folder).is_dir() and any((inbox / folder).iterdir()) for folder in _DONE))


_DONE = ("done", "refused")  # a computer enrolled today has no last month


def test_a_request_to_the_socket_starts_the_service(machine: Machine) -> None:
    machine.run("systemctl", "stop", "cordon.service")
    assert machine.show("cordon.service", "ActiveState") == "inactive"
    answered(machine)


# ---- hurt ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["proxy.workers.analyst", "proxy.workers.engine", "proxy.gateway"])
def test_a_child_that_is_killed_comes_back(machine: Machine, module: str) -> None:
    before = child(machine, module)
    machine.run("kill", "-KILL", str(before))
    machine.wait_for(
        lambda: machine.run("pgrep", "-f", f"m {module} ", check=False).stdout.split()[:1] not in ([], [str(before)])
    )
    answered(machine)
    assert machine.show("cordon.service", "NRestarts") == "0"


def test_what_was_replaced_is_in_the_log(machine: Machine) -> None:
    machine.run("systemctl", "stop", "cordon.service")
    changes = [r for r in records(machine) if r["kind"] == "E" and r["why"] == "change"]
    assert len(changes) >= 2
    assert {r["level"] for r in changes} == {"E1"}


def test_a_stuck_loop_is_restarted_by_the_watchdog(machine: Machine) -> None:
    with machine.dropin("cordon.service", "[Service]", "WatchdogSec=6"):
        assert start(machine) == 0
        main = machine.show("cordon.service", "MainPID")
        machine.run("kill", "-STOP", str(child(machine, "proxy.gateway")))
        machine.wait_for(lambda: machine.show("cordon.service", "MainPID") not in {main, "0"})
        assert int(machine.show("cordon.service", "NRestarts")) >= 1
        answered(machine)


def test_a_full_disk_refuses_and_recovers(machine: Machine) -> None:
    machine.run("systemctl", "stop", "cordon.service")
    machine.run(
        "sh",
        "-c",
        """
set -e
cp -a /var/lib/cordon/audit /var/tmp/audit-before
mount -t tmpfs -o size=320m,mode=0700,uid=cordon,gid=cordon none /var/lib/cordon/audit
cp -a /var/tmp/audit-before/. /var/lib/cordon/audit/
""",
    )
    assert start(machine) == 0
    answered(machine)
    machine.run("sh", "-c", "head -c 100M /dev/zero > /var/lib/cordon/audit/filler")
    machine.wait_for(lambda: ask(machine, 1)[1].get("error", {}).get("code") in {"audit_full", "audit_unavailable"})
    machine.run("rm", "/var/lib/cordon/audit/filler")
    answered(machine)
    machine.run("systemctl", "stop", "cordon.service")
    machine.run(
        "sh",
        "-c",
        """
set -e
cp -a /var/lib/cordon/audit /var/tmp/audit-after && umount /var/lib/cordon/audit
rm -rf /var/lib/cordon/audit && cp -a /var/tmp/audit-after /var/lib/cordon/audit
""",
    )


def test_a_child_over_its_memory_limit_is_ended_by_the_kernel_and_comes_back(machine: Machine) -> None:
    assert start(machine) == 0
    engine = child(machine, "proxy.workers.engine")
    with memory_limit(machine, engine):
        machine.wait_for(lambda: child(machine, "proxy.workers.engine") != engine)
    answered(machine)


class memory_limit:  # noqa: N801 - a context manager
    """Give one process less memory than it holds: by the unit where the container has that controller, and from outside
    where the host keeps it in version 1.
    """

    def __init__(self, machine: Machine, pid: int) -> None:
        self.machine, self.pid = machine, pid
        self.group = Path(f"/sys/fs/cgroup/memory/cordon-test-{os.getpid()}")

    def __enter__(self) -> None:
        controllers = self.machine.run("cat", "/sys/fs/cgroup/cgroup.controllers").stdout.split()
        if "memory" in controllers:
            self.machine.run("systemctl", "set-property", "--runtime", "cordon.service", "MemoryMax=96M")
            return
        outside = next(
            int(path.parent.name) for path in Path("/proc").glob("[0-9]*/status")
            if _is(path, self.pid, self.machine.leader)
        )  # fmt: skip
        self.group.mkdir()
        (self.group / "cgroup.procs").write_text(str(outside))
        (self.group / "memory.move_charge_at_immigrate").write_text("0")
        (self.group / "memory.limit_in_bytes").write_text("128K")
        self.machine.python(ASK.replace("SECONDS", "20"))  # work for it: memory is charged as it is touched

    def __exit__(self, *_: object) -> None:
        if self.group.is_dir():
            for _ in range(50):
                try:
                    self.group.rmdir()
                    break
                except OSError:
                    for pid in (self.group / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                    time.sleep(0.1)
        else:
            self.machine.run("systemctl", "set-property", "--runtime", "cordon.service", "MemoryMax=90%")


def _is(path: Path, inside: int, leader: int) -> bool:
    """Whether this is the process with that number inside the container."""
    try:
        numbers = next(line.split()[1:] for line in path.read_text().splitlines() if line.startswith("NSpid:"))
        same = os.readlink(path.parent / "ns/pid") == os.readlink(f"/proc/{leader}/ns/pid")
    except (OSError, StopIteration):
        return False
    return same and numbers[-1] == str(inside)


# ---- weakened --------------------------------------------------------------------------------------------------------

REMOVED = {
    **dict.fromkeys((name for name, wanted in PROTECTIONS.items() if wanted == {"yes"}), "no"),
    "ProtectSystem": "no", "ProtectProc": "default", "DevicePolicy": "auto\nPrivateDevices=no",
    "KeyringMode": "inherit",
    "CapabilityBoundingSet": "CAP_NET_RAW", "AmbientCapabilities": "CAP_NET_RAW", "RestrictNamespaces": "no",
    "RestrictAddressFamilies": "AF_INET", "RestrictNetworkInterfaces": "eth0", "SystemCallArchitectures": "x86",
    "SystemCallErrorNumber": "EACCES", "SocketBindDeny": "", "IPAddressDeny": "", "IPAddressAllow": "10.0.0.0/8",
    "RootDirectory": "/", "UMask": "0022", "LimitCORE": "infinity", "LimitMEMLOCK": "infinity",
    "MemorySwapMax": "infinity", "User": "root", "BindReadOnlyPaths": "/run:/run", "BindPaths": "/home:/home",
    "NoExecPaths": "", "SystemCallFilter": "connect",
}  # fmt: skip
SEEN = """
import json, subprocess
from proxy.preflight import read_preflight, unit_weaknesses
subprocess.run(["/opt/cordon/libexec/preflight"], check=True)
print(json.dumps(unit_weaknesses(read_preflight())))
"""


def test_the_shipped_unit_has_no_weakness(machine: Machine) -> None:
    machine.run("systemctl", "stop", "cordon.service")  # its own start writes the same file
    assert machine.python(SEEN) == []


@pytest.mark.parametrize("name", sorted(PROTECTIONS))
def test_each_protection_taken_away_is_noticed_by_name(machine: Machine, name: str) -> None:
    with machine.dropin("cordon.service", "[Service]", f"{name}={REMOVED[name]}"):
        assert name in machine.python(SEEN)


@pytest.mark.parametrize("name", ["PrivateNetwork", "IPAccounting", "SystemCallFilter"])
def test_a_weakened_unit_does_not_start_and_says_which_protection_is_gone(machine: Machine, name: str) -> None:
    with machine.dropin("cordon.service", "[Service]", f"{name}={REMOVED[name]}"):
        assert name in refused(machine)


@pytest.mark.parametrize(
    ("unit", "lines", "says"),
    [
        ("cordon.socket", ("[Socket]", "ListenStream=", "ListenStream=0.0.0.0:8642"), "listener_refused"),
        ("cordon.socket", ("[Socket]", "BindToDevice="), "loopback device"),
        ("cordon-diag.socket", ("[Socket]", "FileDescriptorName=smuggled"), "fd-unexpected"),
    ],
)
def test_a_socket_that_is_not_ours_stops_the_start(
    machine: Machine, unit: str, lines: tuple[str, ...], says: str
) -> None:
    machine.run("systemctl", "stop", "cordon.service", unit)
    with machine.dropin(unit, *lines):
        machine.run("systemctl", "start", unit, check=False)
        assert start(machine) != 0
        assert machine.show("cordon.service", "ExecMainStatus") == "78"
        assert says in machine.show("cordon.service", "StatusText")
        machine.run("systemctl", "stop", unit)
    machine.run("systemctl", "reset-failed", check=False)
    machine.run("systemctl", "start", unit, check=False)


def test_a_policy_that_asks_for_no_evidence_starts_and_says_e0(machine: Machine) -> None:
    text = machine.run("sh", "-c", "cat /opt/cordon/lib/python3*/site-packages/policies/library/hospital.toml").stdout
    weaker = text.replace('name = "hospital"', 'name = "ward"').replace('evidence_min = "E1"', 'evidence_min = "E0"')
    machine.write("/etc/cordon/policies/ward.toml", weaker)
    machine.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="ward"))
    with machine.dropin("cordon.service", "[Service]", "IPAccounting=no"):
        assert start(machine) == 0
        machine.run("systemctl", "stop", "cordon.service")
    machine.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="hospital"))
    last = [r for r in records(machine) if r["kind"] == "E"][-1]
    assert last["level"] == "E0"
    assert "ip-accounting-missing" in last["reasons"]


# ---- the end ---------------------------------------------------------------------------------------------------------


def test_at_stop_process_one_says_that_nothing_went_out(machine: Machine) -> None:
    machine.run("systemctl", "reset-failed", check=False)
    assert start(machine) == 0
    answered(machine)
    machine.run("systemctl", "stop", "cordon.service")
    assert machine.show("cordon.service", "Result") == "success"
    said = machine.run("journalctl", "-u", "cordon.service", "-o", "json", "--no-pager").stdout.splitlines()
    counted = [json.loads(line) for line in said if "IP_METRIC_EGRESS_BYTES" in line]
    assert counted
    assert {(line["IP_METRIC_EGRESS_BYTES"], line["IP_METRIC_INGRESS_BYTES"]) for line in counted} == {("0", "0")}
    assert [r["kind"] for r in records(machine)][-1] == "X"


def test_an_upgrade_goes_on_with_the_same_log(machine: Machine) -> None:
    assert start(machine) == 0
    before = len(records(machine))
    machine.run("dpkg", "-i", "--force-confold", "/var/tmp/cordon.deb", timeout=600)
    answered(machine)
    machine.run("systemctl", "stop", "cordon.service")
    after = records(machine)
    assert len(after) > before
    assert [r["kind"] for r in after].count("S") >= 2


def test_remove_lets_the_port_go_and_keeps_the_log(machine: Machine) -> None:
    kept = machine.run("sh", "-c", "cd /var/lib/cordon/audit && find . -type f | sort").stdout
    machine.run("dpkg", "-r", "cordon", timeout=300)
    assert machine.run("sh", "-c", HOLDERS).stdout == ""
    assert machine.run("sh", "-c", "cd /var/lib/cordon/audit && find . -type f | sort").stdout == kept
    assert (machine.tree / "etc/cordon/cordon.toml").exists()


def test_purge_asks_about_models_and_never_takes_the_log(machine: Machine) -> None:
    (machine.tree / "var/lib/cordon/models/approved.gguf").touch()
    done = machine.run("dpkg", "--purge", "cordon", timeout=300)
    assert "the log stays" in done.stdout + done.stderr
    assert (machine.tree / "var/lib/cordon/audit").is_dir()
    assert (machine.tree / "var/lib/cordon/models/approved.gguf").exists()
    assert not (machine.tree / "etc/cordon/cordon.toml").exists()
    assert not (machine.tree / "var/lib/cordon/access").exists()
    assert not (machine.tree / "var/lib/cordon-root").exists()
