"""The package on a real systemd: installed, enrolled, asked, hurt, attacked, upgraded, removed, in this order.

The container has unified control groups and no interface but `lo`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.booted import (
    HOLDERS,
    SETTINGS,
    answered,
    ask,
    booted,
    child,
    enrolled,
    records,
    refused,
    report,
    start,
)  # fmt: skip
from tests.kit.nspawn import BUILD, Machine, pack, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Machine]:
    with booted(package, tmp_path_factory.mktemp("boot")) as made:
        yield made


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
    enrolled(machine)
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


def test_a_child_that_crashes_says_where_and_nothing_else(machine: Machine) -> None:
    before = child(machine, "proxy.workers.analyst")
    machine.run("kill", "-SEGV", str(before))
    machine.wait_for(lambda: any(line["event"] == "crashed" for line in machine.journal()))
    said = [line for line in machine.journal() if line["event"].startswith("crashed")]
    assert {line["role"] for line in said} == {"analyst"}
    assert any(line.get("place", "").startswith("proxy/workers/analyst.py:") for line in said)
    machine.wait_for(lambda: child(machine, "proxy.workers.analyst") not in {0, before})
    answered(machine)


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


def test_an_officer_reads_the_evidence_in_words(machine: Machine) -> None:
    said = report(machine)
    unit = [r for r in records(machine) if r["kind"] == "E"][-1]["unit"].split()[1]
    for sentence in (
        "every way out was refused, and what must work worked.",
        "No network interface but a loopback one of their own.",
        "Counted by systemd: 0 bytes out of the service,",
        "callers, all of them on this computer.",
        f"System unit {unit[:8]}",
        "measured by the service itself",
    ):
        assert sentence in said, sentence


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
