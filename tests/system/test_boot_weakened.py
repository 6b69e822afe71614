"""A service that is weaker than the shipped one does not start, and says why in one sentence: every protection in turn.

Three walls notice. The facts that root writes down before the start name what a drop-in took away. The processes' own
tests name what the kernel lets them do. The record names what changed while it ran. Where a policy asks for no
evidence the service runs, and each record says E0 and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from proxy.preflight import PROTECTIONS
from tests.kit.booted import (
    SETTINGS,
    answered,
    ask,
    changed,
    child,
    ended,
    evidence,
    records,
    refused,
    report,
    start,
    stop,
)
from tests.kit.nspawn import Machine, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())

REMOVED = {
    **dict.fromkeys((name for name, wanted in PROTECTIONS.items() if wanted == {"yes"}), "no"),
    "ProtectSystem": "no", "ProtectProc": "default", "DevicePolicy": "auto\nPrivateDevices=no",
    "KeyringMode": "inherit", "CoredumpFilter": "all", "StateDirectoryMode": "0755",
    "CapabilityBoundingSet": "CAP_NET_RAW", "AmbientCapabilities": "CAP_NET_RAW", "RestrictNamespaces": "no",
    "RestrictAddressFamilies": "AF_INET", "RestrictNetworkInterfaces": "eth0", "SystemCallArchitectures": "x86",
    "SystemCallErrorNumber": "EACCES", "SocketBindDeny": "", "IPAddressDeny": "", "IPAddressAllow": "10.0.0.0/8",
    "RootDirectory": "/", "UMask": "0022", "LimitCORE": "infinity", "LimitMEMLOCK": "infinity",
    "LimitNOFILE": "4096", "MemorySwapMax": "infinity", "MemoryMax": "infinity", "TasksMax": "infinity",
    "User": "root", "BindReadOnlyPaths": "/run:/run", "BindPaths": "/home:/home",
    "NoExecPaths": "", "SystemCallFilter": "connect",
    **{name: "" for name in PROTECTIONS if name.endswith((":BindToDevice", ":IPAddressDeny"))},
    **{name: "any" for name in PROTECTIONS if name.endswith(":IPAddressAllow")},
    **{name: "no" for name in PROTECTIONS if name.endswith((":IPAccounting", ":FlushPending"))},
    **{name: "2s" for name in PROTECTIONS if name.endswith(":TriggerLimitIntervalUSec")},
    "cordon-api.socket:SocketUser": "cordon", "cordon-api.socket:SocketGroup": "users",
    "cordon-api.socket:SocketMode": "0666",
}  # fmt: skip
"""What a drop-in of an administrator, or of somebody else, would say."""
_WRITTEN = {"TriggerLimitIntervalUSec": "TriggerLimitIntervalSec"}
SEEN = """
import json, subprocess
from proxy.preflight import read_preflight, unit_weaknesses
subprocess.run(["/opt/cordon/libexec/preflight"], check=True)
print(json.dumps(unit_weaknesses(read_preflight())))
"""


def weakened(machine: Machine, name: str) -> AbstractContextManager[None]:
    """One protection taken away by a drop-in."""
    unit, _, setting = name.rpartition(":")
    section = "[Socket]" if unit else "[Service]"
    line = f"{_WRITTEN.get(setting, setting)}={REMOVED[name]}"
    return machine.dropin(unit or "cordon.service", section, line)


# ---- what root writes down -------------------------------------------------------------------------------------------


def test_the_shipped_unit_has_no_weakness(service: Machine) -> None:
    stop(service)  # its own start writes the same file
    assert service.python(SEEN) == []


@pytest.mark.parametrize("name", sorted(PROTECTIONS))
def test_each_protection_taken_away_is_noticed_by_name(service: Machine, name: str) -> None:
    with weakened(service, name):
        assert name in service.python(SEEN)


@pytest.mark.parametrize("name", ["PrivateNetwork", "IPAccounting", "SystemCallFilter", "cordon.socket:IPAddressAllow"])
def test_a_weakened_unit_does_not_start_and_says_which_protection_is_gone(service: Machine, name: str) -> None:
    with weakened(service, name):
        said = refused(service)
    assert name in said
    assert "nothing was started" in said
    assert ("ip-accounting-missing" in said) == (name == "IPAccounting")


@pytest.mark.parametrize(
    ("unit", "lines", "says"),
    [
        ("cordon.socket", ("[Socket]", "ListenStream=", "ListenStream=0.0.0.0:8642"), "listener_refused"),
        ("cordon.socket", ("[Socket]", "BindToDevice="), "loopback device"),
        ("cordon-diag.socket", ("[Socket]", "FileDescriptorName=smuggled"), "fd-unexpected"),
    ],
)
def test_a_socket_that_is_not_ours_stops_the_start(
    service: Machine, unit: str, lines: tuple[str, ...], says: str
) -> None:
    service.run("systemctl", "stop", "cordon.service", unit)
    with service.dropin(unit, *lines):
        service.run("systemctl", "start", unit, check=False)
        assert start(service) != 0
        assert service.show("cordon.service", "ExecMainStatus") == "78"
        assert says in service.show("cordon.service", "StatusText")
        service.run("systemctl", "stop", unit)
    service.run("systemctl", "reset-failed", check=False)
    service.run("systemctl", "start", unit, check=False)


# ---- what the processes find -----------------------------------------------------------------------------------------

LEFT_OUT = {
    "socket": {"unix"},
    "sendto": {"fastopen", "send-address"},
    "sendmsg": {"fastopen"},
    "sendmmsg": {"fastopen"},
    "execve": {"exec"},
    "clone": {"fork"},
    "unshare": {"namespace"},
    "prctl": {"dumpable"},
    "memfd_create": {"memfd"},
    "listen": {"listen"},
}
"""A build whose lock lacks one rule, and the tests that show it. For the others the unit has a filter of its own."""
HELD_TWICE = ("connect", "bind", "shutdown", "io_uring_setup", "ptrace", "pidfd_getfd", "mmap", "mprotect")
_RULES = "    return tuple(rule for rule in made if number(rule.name, ARCHES[arch]) is not None)"


def without_rules(machine: Machine, *names: str) -> AbstractContextManager[None]:
    """A build of ours without some rules of the lock."""
    weaker = _RULES.replace("is not None)", f"is not None and rule.name not in {names!r})")
    return changed(machine, "proxy/workers/bpf.py", _RULES, weaker)


def found(machine: Machine) -> set[str]:
    """The reason codes in the journal of the last start."""
    invocation = machine.show("cordon.service", "InvocationID")
    lines = machine.journal(f"_SYSTEMD_INVOCATION_ID={invocation}")
    return {line["code"] for line in lines if line["event"] == "confinement_failed"}


@pytest.mark.parametrize("rule", LEFT_OUT)
def test_a_lock_without_one_rule_does_not_start_and_its_tests_are_named(service: Machine, rule: str) -> None:
    stop(service)
    with without_rules(service, rule):
        said = refused(service)
    codes = {f"control:{name}" for name in LEFT_OUT[rule]}
    assert found(service) == codes
    assert said.startswith("confinement_failed (control:")
    assert all(code in said for code in codes)


def test_where_the_unit_refuses_the_same_the_lock_may_lack_it(service: Machine) -> None:
    """Two walls: what only one of them holds is still refused, and the level is still true."""
    stop(service)
    with without_rules(service, *HELD_TWICE):
        assert start(service) == 0
        assert evidence(service)[-1]["reasons"] == []
        stop(service)


@contextmanager
def host_network(machine: Machine) -> Iterator[None]:
    """The unit keeps its words, and joins the host's network all the same."""
    with machine.dropin("cordon.service", "[Service]", "NetworkNamespacePath=/proc/1/ns/net"):
        yield


@contextmanager
def no_landlock(machine: Machine) -> Iterator[None]:
    """As on a kernel without it."""
    with machine.dropin("cordon.service", "[Service]", "SystemCallFilter=~landlock_create_ruleset"):
        yield


@contextmanager
def one_more_socket(machine: Machine) -> Iterator[None]:
    """A supervisor that hands its children a datagram socket beside what they need."""
    more = 'named = {"more": socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].detach(), "control"'
    with changed(machine, "proxy/workers/supervisor.py", 'named = {"control"', more):
        yield


@contextmanager
def other_filter(machine: Machine) -> Iterator[None]:
    """Processes whose filter is not the one that this release has."""
    stated = "        filter=filter_digest(role, machine().name),"
    with changed(machine, "proxy/workers/facts.py", stated, stated.replace("role,", "Role.ENGINE_HTTP,")):
        yield


SELF_CHECK = {
    "netns-shared": (host_network, "confinement_failed (netns-shared): "),
    "no-landlock": (no_landlock, "confinement_failed (no-landlock,control:read-outside,control:write-outside"),
    "filter-differs": (other_filter, "confinement_failed (filter-differs): "),
    "fd-unexpected": (one_more_socket, "lock:fd-unexpected; nothing is answered."),
}


@pytest.mark.parametrize("code", SELF_CHECK)
def test_each_code_of_the_self_check_stops_the_start(service: Machine, code: str) -> None:
    weaken, says = SELF_CHECK[code]
    stop(service)
    with weaken(service):
        assert refused(service).startswith(says)


def test_a_damaged_log_is_no_evidence(service: Machine) -> None:
    """The log is recomputed at every start. That is no fault of the lock: the service stays, and answers nothing."""
    stop(service)
    service.run("cp", "-a", "/var/lib/cordon/audit", "/var/tmp/whole")
    try:
        service.run("sh", "-c", DAMAGE)
        service.run("systemctl", "start", "--no-block", "cordon.service")
        service.wait_for(lambda: ask(service, 1)[1].get("error", {}).get("code") == "audit_damaged")
    finally:
        stop(service)
        service.run("sh", "-c", "rm -rf /var/lib/cordon/audit && mv /var/tmp/whole /var/lib/cordon/audit")


DAMAGE = """
set -e
file=$(find /var/lib/cordon/audit/log -path '*entries*' -type f | sort | head -1)
printf X | dd of="$file" bs=1 seek=200 conv=notrunc status=none
"""


# ---- while it runs ---------------------------------------------------------------------------------------------------


def last_change(machine: Machine) -> tuple[list[str], list[str]]:
    """Reasons of the last evidence, and the kinds of the records from it to the end."""
    all_records = records(machine)
    at = max(n for n, one in enumerate(all_records) if one["kind"] == "E")
    return all_records[at]["reasons"], [one["kind"] for one in all_records[at:]]


@pytest.mark.parametrize(
    ("path", "old", "new", "reasons"),
    [
        ("filters/__init__.py", "", "# another build\n", ["code-changed"]),
        ("proxy/workers/bpf.py", _RULES, _RULES.replace("is not None)", "is not None and rule.name != 'sendmmsg')"),
         ["filter-differs", "control:fastopen", "code-changed"]),
    ],
)  # fmt: skip
def test_a_program_that_changed_while_it_ran_ends_it_for_good(
    service: Machine, path: str, old: str, new: str, reasons: list[str]
) -> None:
    """A replaced child is measured like the first one; nothing is released, the log says so, nobody starts it again."""
    stop(service)
    assert start(service) == 0
    with changed(service, path, old, new):
        service.run("kill", "-KILL", str(child(service, "proxy.workers.analyst")))
        service.wait_for(lambda: service.show("cordon.service", "ActiveState") == "failed")
    assert ended(service).startswith(f"confinement_failed ({','.join(reasons)}): ")
    assert last_change(service) == (reasons, ["E", "X"])
    assert {key: records(service)[-1][key] for key in ("why", "code")} == {"why": "fault", "code": "confinement_failed"}


def test_a_child_that_does_not_answer_is_a_gap_and_is_replaced(service: Machine) -> None:
    stop(service)
    assert start(service) == 0
    analyst = child(service, "proxy.workers.analyst")
    service.run("kill", "-STOP", str(analyst))
    service.run("kill", "-KILL", str(child(service, "proxy.workers.engine")))
    service.wait_for(lambda: child(service, "proxy.workers.analyst") not in {0, analyst})
    answered(service)
    stop(service)
    silent = [one for one in evidence(service) if one["reasons"] == ["child-missing"]][-1]
    assert (silent["level"], silent["why"]) == ("E0", "change")
    assert [gap["why"] for gap in silent["gaps"]] == ["analyst-silent"]


# ---- a policy that asks for no evidence ------------------------------------------------------------------------------

CALL_FROM_OUTSIDE = """
import json, socket, subprocess
subprocess.run(["ip", "address", "add", "198.51.100.77/32", "dev", "lo"], check=True)
one = socket.socket()
one.settimeout(3)
one.bind(("198.51.100.77", 0))
try:
    one.connect(("127.0.0.1", 8642))
    one.sendall(b"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    one.recv(1)
    print('"connected"')
except OSError as error:
    print(json.dumps(type(error).__name__))
finally:
    subprocess.run(["ip", "address", "del", "198.51.100.77/32", "dev", "lo"], check=True)
"""
"""A caller whose address is not a loopback one, over the loopback device: the one way such an address can arrive."""


@pytest.fixture(scope="module")
def ward(service: Machine) -> Iterator[Machine]:
    """The hospital's policy, but for the least evidence."""
    text = service.run("sh", "-c", "cat /opt/cordon/lib/python3*/site-packages/policies/library/hospital.toml").stdout
    weaker = text.replace('name = "hospital"', 'name = "ward"').replace('evidence_min = "E1"', 'evidence_min = "E0"')
    service.write("/etc/cordon/policies/ward.toml", weaker.replace('engine = "embedded"', 'engine = "any"'))
    service.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="ward"))
    yield service
    service.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="hospital"))


def test_it_starts_weakened_and_every_record_says_e0(ward: Machine) -> None:
    with weakened(ward, "IPAccounting"):
        stop(ward)
        assert start(ward) == 0
        answered(ward)
        stop(ward)
    last = evidence(ward)[-1]
    assert (last["level"], last["reasons"]) == ("E0", ["ip-accounting-missing"])


def test_the_hosts_network_is_e0(ward: Machine) -> None:
    with weakened(ward, "PrivateNetwork"):
        assert start(ward) == 0
        stop(ward)
    assert evidence(ward)[-1]["reasons"] == ["netns-shared"]


def test_a_caller_from_elsewhere_never_arrives_and_without_the_address_rules_is_seen(ward: Machine) -> None:
    assert start(ward) == 0
    assert ward.python(CALL_FROM_OUTSIDE) == "TimeoutError"
    stop(ward)
    assert evidence(ward)[-1]["reasons"] == []
    ward.run("systemctl", "stop", "cordon.socket")
    with weakened(ward, "cordon.socket:IPAddressAllow"):
        assert start(ward) == 0
        assert ward.python(CALL_FROM_OUTSIDE) in {"connected", "ConnectionResetError"}  # it came as far as the gateway
        stop(ward)
        ward.run("systemctl", "stop", "cordon.socket")
    ward.run("systemctl", "start", "cordon.socket")
    last = evidence(ward)[-1]
    assert (last["level"], last["reasons"]) == ("E0", ["non-loopback-peer"])
    assert last["loopback"]["non_loopback"] >= 1


def test_a_model_server_outside_is_e0_and_named(ward: Machine) -> None:
    """With the drop-in that is shipped for it; the connector reaches that one port, whether somebody listens or not."""
    shipped = (ward.tree / "opt/cordon/share/dropins/http-engine.conf").read_text(encoding="utf-8")
    settings = SETTINGS.format(policy="ward").replace('answer = "demo-chat"\n', "")
    ward.write(
        "/etc/cordon/cordon.toml",
        settings + '[engine]\nkind = "http"\nbase_url = "http://127.0.0.1:9911"\nmodel = "x"\n',
    )
    with ward.dropin("cordon.service", shipped):
        assert start(ward) == 0
        stop(ward)
    ward.write("/etc/cordon/cordon.toml", SETTINGS.format(policy="ward"))
    last = evidence(ward)[-1]
    assert (last["level"], last["engine_addr"]) == ("E0", "127.0.0.1:9911")
    assert {"engine-http", "netns-shared"} <= set(last["reasons"])
    (connector,) = (one for one in last["procs"] if any(c["name"] == "other-port" for c in one["controls"]))
    assert {c["got"] for c in connector["controls"] if c["name"] == "other-port"} == {"EACCES"}


def test_the_report_says_each_of_these_in_words(ward: Machine) -> None:
    said = report(ward)
    for sentence in (
        "not measured",
        "systemd did not count the bytes of the service.",
        "A process shared the computer's network.",
        "from an address that is not this computer's own loopback.",
        "The answering model is another program, at 127.0.0.1:9911; the service could connect to that port alone.",
    ):
        assert sentence in said, sentence
