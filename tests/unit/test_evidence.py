"""Each field falsified by hand lowers the level, with its own reason; a test that was not made counts as failed."""

import copy

import pytest

from audit.evidence import (
    NOT_COVERED,
    Counter,
    Facts,
    Gap,
    Host,
    Loopback,
    Mount,
    Paths,
    Peer,
    Window,
    assess,
    expected_controls,
    record,
)
from audit.record import Instant
from audit.shapes import check
from tests.kit.audit_house import BOOT, ROLES, SHA, proc

FILTERS = {role: SHA[role] for role in ROLES}
AT = Instant(1_795_145_400_812, 330, BOOT, 5)


def facts(**changes) -> Facts:
    fields = {
        "window": Window(AT.time(), AT.time(), 0, 5),
        "why": "start",
        "host": Host("6.18.5", ("landlock",), 1, 4026531840),
        "unit": "none",
        "engine": "embedded",
        "procs": tuple(proc(role) for role in ROLES),
        "paths": Paths((Mount("/var/lib/cordon/audit", "ext4", remote=False),), 0, 1),
        "loopback": Loopback(2, (Peer(1000, 2), Peer(1001, 1, SHA["other"]))),
        "self_check": {"size": 5, "result": "pass", "t": AT.time()},
    }
    return Facts(**(fields | changes))


def body(**changes):
    return record(facts(**changes), FILTERS, first=None)


def test_everything_in_order_is_e1():
    found = body()
    assert (found["level"], found["reasons"]) == ("E1", [])
    assert tuple(found["not_covered"]) == NOT_COVERED
    check("records", "E", {"v": 1, **AT.clock(), **found})


def test_optional_parts_are_recorded():
    found = body(
        gaps=(Gap(AT.time(), AT.time(), "probe"),),
        counters=(Counter("own:lo:rx_bytes", 5, includes_loopback=True),),
        engine="http",
        engine_addr="127.0.0.1:8080",
    )
    check("records", "E", {"v": 1, **AT.clock(), **found})
    assert (found["level"], found["reasons"]) == ("E0", ["engine-http"])


def changed(role: str, **changes):
    return tuple(proc(name) | (changes if name == role else {}) for name in ROLES)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"no_new_privs": 0}, "filter-differs"),
        ({"no_new_privs": -1}, "filter-differs"),
        ({"seccomp": 0}, "filter-differs"),
        ({"filter": SHA["other"]}, "filter-differs"),
        ({"landlock_abi": 0}, "no-landlock"),
        ({"landlock_abi": -1}, "no-landlock"),
        ({"ifaces": ("eth0", "lo")}, "netns-shared"),
        ({"netns": 4026531840}, "netns-shared"),
        ({"netns": -1}, "netns-shared"),
    ],
)
def test_a_lock_that_is_open(role, change, reason):
    found = body(procs=changed(role, **change))
    assert (found["level"], found["reasons"]) == ("E0", [reason])


@pytest.mark.parametrize("role", ROLES)
def test_every_control_of_every_process_counts(role):
    for name in expected_controls(role):
        controls = copy.deepcopy(proc(role)["controls"])
        for control in controls:
            if control["name"] == name:
                control["got"] = "ok" if name != "local-echo" else "EPERM"
        assert body(procs=changed(role, controls=controls))["reasons"] == [f"control:{name}"]
        missing = [control for control in controls if control["name"] != name]
        reasons = body(procs=changed(role, controls=missing))["reasons"]
        assert reasons == ([] if name in ("memfd", "tcp4-route", "other-port") else [f"control:{name}"])


def test_an_unknown_control_is_not_believed():
    controls = [*proc("engine")["controls"], {"name": "new", "expect": "ok", "got": "ok"}]
    assert body(procs=changed("engine", controls=controls))["reasons"] == ["control:new"]


def test_the_expectation_in_the_record_is_not_believed():
    controls = copy.deepcopy(proc("gateway")["controls"])
    controls[0] |= {"expect": "ok", "got": "ok"}
    assert body(procs=changed("gateway", controls=controls))["reasons"] == [f"control:{controls[0]['name']}"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"procs": tuple(proc(role) for role in ROLES[:2])}, "child-missing"),
        ({"procs": (proc("engine"), proc("engine"), proc("gateway"))}, "child-missing"),
        ({"procs": ()}, "child-missing"),
        ({"engine": "http"}, "engine-http"),
        ({"loopback": Loopback(2, (), 1)}, "non-loopback-peer"),
        ({"paths": Paths((Mount("/mnt/share", "nfs", remote=True),), 0, 1)}, "remote-path"),
        ({"self_check": {"size": 5, "result": "fail", "t": AT.time()}}, "self-check"),
        ({"unit": "cordon.service 00"}, "ip-accounting-missing"),
        ({"host": Host("Darwin 25", (), -1)}, "not-linux"),
    ],
)
def test_what_surrounds_the_processes(change, reason):
    assert body(**change)["reasons"] == [reason]


def test_unexpected_descriptors():
    fds = proc("analyst")["fds"] | {"unexpected": ("udp 0.0.0.0:0",)}
    assert body(procs=changed("analyst", fds=fds))["reasons"] == ["fd-unexpected"]
    many = proc("analyst")["fds"] | {"unix": tuple({"fd": n, "peer": "client"} for n in range(200))}
    found = body(procs=changed("analyst", fds=many))
    assert found["reasons"] == ["fd-unexpected"]
    assert len(found["procs"][1]["fds"]["unix"]) == 128
    check("records", "E", {"v": 1, **AT.clock(), **found})


def test_a_unit_needs_its_counter_at_start_only():
    counter = Counter("systemd:cordon.service:IPEgressBytes", 0, includes_loopback=False)
    first = body(unit="cordon.service 00", counters=(counter,))
    assert first["level"] == "E1"
    later = record(facts(unit="cordon.service 00", why="tick"), FILTERS, first=first)
    assert later["level"] == "E1"
    unread = Counter("systemd:cordon.service:IPEgressBytes", -1, includes_loopback=False)
    assert body(unit="cordon.service 00", counters=(unread,))["reasons"] == ["ip-accounting-missing"]


def test_code_may_not_change_while_running():
    first = body()
    later = record(facts(procs=changed("engine", code=SHA["other"])), FILTERS, first=first)
    assert later["reasons"] == ["code-changed"]
    without = body(procs=(proc("gateway"), proc("engine")))
    assert record(facts(), FILTERS, first=without)["reasons"] == []


def test_reasons_come_once_and_in_order():
    procs = tuple(proc(role) | {"landlock_abi": 0, "seccomp": 0} for role in ROLES)
    found = assess(body(procs=procs, engine="http"), FILTERS, first=None)
    assert found.reasons == ("engine-http", "filter-differs", "no-landlock")
