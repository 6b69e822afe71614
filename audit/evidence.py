"""From facts about the processes to an E record and its level. Pure: it opens nothing and asks nobody.

The level is computed from the facts, here when the record is made and again by whoever verifies it; the number written
in the record is never believed. A control test counts only if it gave what the table `controls.json` expects, and a
test that was not made counts as failed: a sensor that cannot show a difference is no evidence.

    body = record(facts, filters, first=None)        then  log.append("E", body, at=now)
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

from audit.strictjson import Json

__all__ = [
    "NOT_COVERED",
    "Assessment",
    "Counter",
    "Facts",
    "Gap",
    "Host",
    "Loopback",
    "Mount",
    "Paths",
    "Peer",
    "Window",
    "assess",
    "expected_controls",
    "record",
]

_ROLES = ("gateway", "analyst", "engine")
_MOST_FDS = 128
NOT_COVERED = (
    "clipboard",
    "screen",
    "print-photo",
    "synced-folder",
    "usb",
    "browser",
    "swap-hibernation",
    "core-dump",
    "backup-agent",
    "remote-desktop",
    "endpoint-monitor",
    "dns-other-process",
    "firmware-bmc",
    "record-system-client",
    "http-engine",
)
"""Ways out that no E record says anything about; every report prints them in words."""


@dataclass(frozen=True, slots=True)
class Host:
    """The computer around the service; `netns` is the host's own network namespace."""

    kernel: str
    lsm: tuple[str, ...]
    tcp_fastopen: int
    netns: int | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """A writable path and the kind of file system below it."""

    path: str
    fstype: str
    remote: bool


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the service can write, and whether memory can reach a disk."""

    writable: tuple[Mount, ...]
    swap_max: int
    core: int


@dataclass(frozen=True, slots=True)
class Peer:
    """Callers of one account since the last record."""

    uid: int
    n: int
    exe: str | None = None


@dataclass(frozen=True, slots=True)
class Loopback:
    """Real callers: the second positive control of the same sockets."""

    accepted: int
    peers: tuple[Peer, ...] = ()
    non_loopback: int = 0


@dataclass(frozen=True, slots=True)
class Counter:
    """A byte counter of somebody else; context, it never decides."""

    src: str
    value: int
    includes_loopback: bool


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time this record speaks of."""

    from_t: str
    to_t: str
    from_ms: int
    to_ms: int
    asleep_ms: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch inside the window that nobody watched."""

    from_t: str
    to_t: str
    why: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the corridor and the two workers found out."""

    window: Window
    why: Literal["start", "tick", "change", "stop"]
    host: Host
    unit: str
    engine: Literal["embedded", "http"]
    procs: tuple[Mapping[str, Any], ...]
    """One mapping for each locked process, with the keys of the shape `proc`; the processes report it themselves."""
    paths: Paths
    loopback: Loopback
    self_check: Mapping[str, int | str]
    counters: tuple[Counter, ...] = ()
    gaps: tuple[Gap, ...] = ()
    engine_addr: str | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The level, and why it is not higher."""

    level: Literal["E0", "E1"]
    reasons: tuple[str, ...]


def record(facts: Facts, filters: Mapping[str, str], *, first: Mapping[str, Any] | None) -> Json:
    """Return the E body. `filters` are the digests of the S record, `first` is the first E body of this epoch."""
    body: Json = {
        "window": _window(facts.window),
        "why": facts.why,
        "level": "E0",
        "reasons": [],
        "host": _host(facts.host),
        "unit": facts.unit,
        "engine": facts.engine,
        "procs": [_proc(proc) for proc in facts.procs],
        "paths": _paths(facts.paths),
        "loopback": _loopback(facts.loopback),
        "counters": [
            {"src": item.src, "value": item.value, "includes_loopback": int(item.includes_loopback)}
            for item in facts.counters
        ],
        "self_check": dict(facts.self_check),
        "gaps": [{"from": gap.from_t, "to": gap.to_t, "why": gap.why} for gap in facts.gaps],
        "sentinel": {"present": 0},
        "tpm": {"present": 0},
        "not_covered": list(NOT_COVERED),
    }
    if facts.engine_addr is not None:
        body["engine_addr"] = facts.engine_addr
    found = assess(body, filters, first=first)
    body["level"], body["reasons"] = found.level, list(found.reasons)
    return body


def assess(body: Mapping[str, Any], filters: Mapping[str, str], *, first: Mapping[str, Any] | None) -> Assessment:
    """Compute the level of an E body from its facts alone; each reason once, in a fixed order."""
    reasons = dict.fromkeys(_reasons(body, filters, first if first is not None else body))
    return Assessment("E0" if reasons else "E1", tuple(reasons))


def expected_controls(role: str) -> dict[str, tuple[str, ...]]:
    """Return the control tests of a role and the results that count."""
    table = _table()
    found = {name: (result,) for result, names in table["denied"].items() for name in names}
    return found | {name: tuple(by_role[role]) for name, by_role in table["by_role"].items()}


@functools.cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(resources.files("audit").joinpath("controls.json").read_text("ascii"))
    return table


def _reasons(body: Mapping[str, Any], filters: Mapping[str, str], first: Mapping[str, Any]) -> Iterator[str]:
    kernel = body["host"]["kernel"]
    if kernel[:1].isalpha() and not kernel.startswith("Linux"):
        yield "not-linux"
    if body["engine"] != "embedded":
        yield "engine-http"
    procs = body["procs"]
    roles = sorted(proc["role"] for proc in procs)
    two_engines = sorted((*_ROLES, "engine"))  # the connector to an http server, and the guard beside it
    if roles != sorted(_ROLES) and not (body["engine"] == "http" and roles == two_engines):
        yield "child-missing"
    for proc in procs:
        yield from _proc_reasons(proc, filters, body["host"].get("netns"))
    before = _programs(first["procs"])
    if any(program != before.get(role, program) for role, program in _programs(procs).items()):
        yield "code-changed"
    if body["unit"] != "none" and not _counted(first["counters"]):
        yield "ip-accounting-missing"
    if body["loopback"]["non_loopback"] != 0:
        yield "non-loopback-peer"
    if any(mount["remote"] for mount in body["paths"]["writable"]):
        yield "remote-path"
    if body["self_check"]["result"] != "pass":
        yield "self-check"


def _proc_reasons(proc: Mapping[str, Any], filters: Mapping[str, str], host_netns: int | None) -> Iterator[str]:
    locked = (proc["no_new_privs"], proc["seccomp"], proc["filter"]) == (1, 2, filters.get(proc["role"]))
    if not locked:
        yield "filter-differs"
    if proc["landlock_abi"] < 1:
        yield "no-landlock"
    if not {"lo"}.issuperset(proc["ifaces"]) or proc["netns"] in (-1, host_netns):
        yield "netns-shared"
    if proc["fds"]["unexpected"]:
        yield "fd-unexpected"
    yield from _control_reasons(proc["role"], proc["controls"])


def _control_reasons(role: str, controls: Sequence[Mapping[str, str]]) -> Iterator[str]:
    expected, optional = expected_controls(role), _table()["optional"]
    made = {control["name"] for control in controls}
    for control in controls:
        name, got = control["name"], control["got"]
        if got not in expected.get(name, ()) and not (got == "not-run" and name in optional):
            yield f"control:{name}"
    for name in expected:
        if name not in made and name not in optional:
            yield f"control:{name}"


def _programs(procs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    return {proc["role"]: (proc["exe"], proc["code"]) for proc in procs}


def _counted(counters: Sequence[Mapping[str, Any]]) -> bool:
    return any(item["src"] == "systemd:cordon.service:IPEgressBytes" and item["value"] >= 0 for item in counters)


def _window(window: Window) -> Json:
    return {
        "from": window.from_t,
        "to": window.to_t,
        "from_ms": window.from_ms,
        "to_ms": window.to_ms,
        "asleep_ms": window.asleep_ms,
    }


def _host(host: Host) -> Json:
    fields: Json = {"kernel": host.kernel[:64], "lsm": list(host.lsm)[:16], "tcp_fastopen": host.tcp_fastopen}
    return fields if host.netns is None else fields | {"netns": host.netns}


def _proc(proc: Mapping[str, Any]) -> Json:
    """Cut what does not fit into a record; a descriptor table that was cut becomes unexpected."""
    fds = proc["fds"]
    cut = ("too-many-descriptors",) if max(len(fds["inet"]), len(fds["unix"])) > _MOST_FDS else ()
    fitted = {
        "inet": list(fds["inet"])[:_MOST_FDS],
        "unix": list(fds["unix"])[:_MOST_FDS],
        "other": {re.sub(r"[^A-Za-z0-9_-]", "_", name): count for name, count in fds["other"].items()},
        "unexpected": [name[:64] for name in (*cut, *fds["unexpected"])[:64]],
    }
    return {**proc, "ifaces": [name[:16] for name in proc["ifaces"][:16]], "fds": fitted}


def _paths(paths: Paths) -> Json:
    return {
        "writable": [
            {"path": item.path[-128:], "fstype": item.fstype[:16], "remote": int(item.remote)}
            for item in paths.writable[:16]
        ],
        "swap_max": paths.swap_max,
        "core": paths.core,
    }


def _loopback(loopback: Loopback) -> Json:
    peers = []
    for peer in loopback.peers[:64]:
        fields: Json = {"uid": peer.uid, "n": peer.n}
        peers.append(fields if peer.exe is None else fields | {"exe": peer.exe})
    return {"accepted": loopback.accepted, "peers": peers, "non_loopback": loopback.non_loopback}
