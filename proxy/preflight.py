"""What root wrote down before the start: facts the confined service cannot see, and settings that may be ignored.

systemd drops several protections without a word: byte counters, address rules and device rules are no-ops where BPF or
the unified control groups are missing, and a changed unit file does nothing until `daemon-reload`. So the script that
runs before each start asks the service manager what it holds, and this module reads the answer strictly.

    read_preflight(path)  ->  Preflight        unit_weaknesses(preflight)  ->  ("PrivateNetwork", ...)

Law: unknown, missing and doubled keys, another owner, another mode are refusals; a number that should be there and is
not is the finding itself, never zero.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PREFLIGHT", "PROTECTIONS", "Preflight", "PreflightRefused", "read_preflight", "unit_weaknesses"]

PREFLIGHT = Path("/run/cordon/preflight")
_MOST_BYTES = 64 * 1024
_NUMBER = re.compile(r"[0-9]{1,19}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMESPACE = re.compile(r"net:\[([0-9]{1,12})\]")
_NOTHING = {"", "[no data]", "18446744073709551615"}
"""How the service manager says that it does not count."""

_YES = frozenset({"yes"})
PROTECTIONS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "PrivateNetwork", "PrivateDevices", "PrivateTmp", "PrivateIPC", "PrivateMounts", "NoNewPrivileges",
            "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectControlGroups",
            "ProtectClock", "ProtectHostname", "LockPersonality", "MemoryDenyWriteExecute", "RestrictRealtime",
            "RestrictSUIDSGID", "RemoveIPC", "ProtectHome", "IPAccounting",
        ),
        _YES,
    ),
    "ProtectSystem": frozenset({"strict"}),
    "ProtectProc": frozenset({"invisible"}),
    "DevicePolicy": frozenset({"closed"}),
    "KeyringMode": frozenset({"private"}),
    "CapabilityBoundingSet": frozenset({""}),
    "AmbientCapabilities": frozenset({""}),
    "RestrictNamespaces": frozenset({"yes"}),
    "RestrictAddressFamilies": frozenset({"AF_UNIX"}),
    "RestrictNetworkInterfaces": frozenset({"lo"}),
    "SystemCallArchitectures": frozenset({"native"}),
    "SystemCallErrorNumber": frozenset({"1", "EPERM"}),
    "SocketBindDeny": frozenset({"any"}),
    "IPAddressDeny": frozenset({"0.0.0.0/0 ::/0", "::/0 0.0.0.0/0"}),
    "IPAddressAllow": frozenset({""}),
    "RootDirectory": frozenset({"/var/lib/cordon-root"}),
    "UMask": frozenset({"0077"}),
    "LimitCORE": frozenset({"1"}),
    "LimitMEMLOCK": frozenset({"0"}),
    "LimitNOFILE": frozenset({"1024"}),
    "CoredumpFilter": frozenset({"0", "0x0"}),
    "MemorySwapMax": frozenset({"0"}),
    "StateDirectoryMode": frozenset({"0700"}),
    "User": frozenset({"cordon"}),
    "MemoryMax": frozenset(),
    "TasksMax": frozenset(),
    "BindReadOnlyPaths": frozenset(),
    "BindPaths": frozenset(),
    "NoExecPaths": frozenset(),
    "SystemCallFilter": frozenset(),
    **{
        f"{unit}:{name}": frozenset(values)
        for unit, address in (("cordon.socket", "127.0.0.1/32"), ("cordon-ip6.socket", "::1/128"))
        for name, values in (
            ("BindToDevice", {"lo"}), ("IPAddressDeny", {"0.0.0.0/0 ::/0", "::/0 0.0.0.0/0"}),
            ("IPAddressAllow", {address}), ("IPAccounting", {"yes"}), ("FlushPending", {"yes"}),
            ("TriggerLimitIntervalUSec", {"0"}),
        )
    },
    "cordon-api.socket:SocketUser": frozenset({"root"}),
    "cordon-api.socket:SocketGroup": frozenset({"cordon-users"}),
    "cordon-api.socket:SocketMode": frozenset({"0660"}),
}  # fmt: skip
"""Protections of the units, as the service manager names them, and the values that count; those of a socket are
`UNIT:NAME`. Where none is named, what must and must not stand there is in `_MUST` and `_MUST_NOT`."""

_MUST_NOT: Mapping[str, frozenset[str]] = {
    "MemoryMax": frozenset({"infinity"}),
    "TasksMax": frozenset({"infinity"}),
    "SystemCallFilter": frozenset({
        "connect", "shutdown", "bind", "io_uring_setup", "io_uring_enter", "mount", "ptrace", "bpf",
        "keyctl", "setuid", "chown", "mlock",
    }),
    "BindReadOnlyPaths": frozenset({"/", "/etc", "/run", "/var", "/home", "/root"}),
    "BindPaths": frozenset({"/", "/etc", "/run", "/var", "/home", "/root", "/usr", "/opt"}),
}  # fmt: skip
_MUST: Mapping[str, frozenset[str]] = {
    "NoExecPaths": frozenset({"/var/lib/cordon/audit", "/var/lib/cordon/access", "/tmp", "/dev/shm"}),  # noqa: S108
}

_SOCKETS = ("cordon.socket", "cordon-ip6.socket", "cordon-api.socket")
_FACTS = frozenset({
    *(f"{unit}:ActiveState" for unit in _SOCKETS),
    "IPEgressBytes", "IPIngressBytes", "InvocationID", "FragmentPath", "DropInPaths", "NeedDaemonReload",
    "cordon.socket", "cordon-ip6.socket", "ip6", "unit_sha256", "host_netns", "tcp_fastopen", "lsm",
    "mem_available_kb",
})  # fmt: skip


class PreflightRefused(Exception):  # noqa: N818 - a refusal to start
    """The file cannot be believed; the message is a sentence for the administrator (exit 78)."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """The facts of one start. A counter that the service manager does not keep is None.

    Attributes:
        unit: `cordon.service` and the start of the digest over all unit files and drop-ins.
        settings: the protections, by name, as the service manager holds them; those of open sockets among them.
    """

    egress_bytes: int | None
    ingress_bytes: int | None
    socket_egress_bytes: int | None
    swap_max: int
    unit: str
    reload_needed: bool
    port6_taken: bool
    host_netns: int
    tcp_fastopen: int
    lsm: tuple[str, ...]
    memory_bytes: int
    settings: Mapping[str, str]


def read_preflight(path: Path = PREFLIGHT, *, owner: int = 0) -> Preflight:
    """Read the file strictly. Raises PreflightRefused."""
    found = _parse(_read(path, owner))
    namespace = _NAMESPACE.fullmatch(found["host_netns"])
    if namespace is None or not _DIGEST.fullmatch(found["unit_sha256"]):
        raise _refused("a value in it cannot be read")
    condition, _, state = found["ip6"].partition(" ")
    return Preflight(
        egress_bytes=_counter(found["IPEgressBytes"]),
        ingress_bytes=_counter(found["IPIngressBytes"]),
        socket_egress_bytes=_counter(found["cordon.socket"]),
        swap_max=_number(found["MemorySwapMax"]),
        unit=f"cordon.service {found['unit_sha256'][:32]}",
        reload_needed=found["NeedDaemonReload"] != "no",
        port6_taken=condition == "yes" and state == "failed",
        host_netns=int(namespace[1]),
        tcp_fastopen=_number(found["tcp_fastopen"]),
        lsm=tuple(name for name in found["lsm"].split(",") if name),
        memory_bytes=max(0, _number(found["mem_available_kb"])) * 1024,
        settings={name: found[name] for name in PROTECTIONS if _stands(name, found)},
    )


def unit_weaknesses(preflight: Preflight) -> tuple[str, ...]:
    """Name every protection that is not what the shipped unit says, in the order of `PROTECTIONS`."""
    held = preflight.settings
    return tuple(name for name, wanted in PROTECTIONS.items() if name in held and not _holds(name, held[name], wanted))


def _stands(name: str, found: Mapping[str, str]) -> bool:
    """A socket that a site switched off is no door, and has no lock."""
    unit, _, setting = name.partition(":")
    return not setting or found[f"{unit}:ActiveState"] == "active"


def _holds(name: str, value: str, wanted: frozenset[str]) -> bool:
    if wanted:
        return value in wanted
    words = {word.lstrip("-+").partition(":")[0] for word in value.split()}
    if not words or value.startswith("~"):  # an empty list, or one of exceptions, allows everything else
        return False
    return _MUST.get(name, frozenset()) <= words and not _MUST_NOT.get(name, frozenset()) & words


def _read(path: Path, owner: int) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(f"it cannot be read ({error.strerror})") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner or stat.S_IMODE(status.st_mode) != 0o444:
            raise _refused("it does not belong to root, or others can write it")
        return os.read(fd, _MOST_BYTES).decode("ascii", "replace")
    finally:
        os.close(fd)


def _parse(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if not separator or key in found or key not in _FACTS | PROTECTIONS.keys():
            raise _refused("a line in it is not one that the script writes")
        found[key] = value.strip()
    if not found.keys() >= _FACTS:
        raise _refused("a line is missing in it")
    return dict.fromkeys(PROTECTIONS, "") | found  # an emptied list is not written at all: it counts as taken away


def _refused(why: str) -> PreflightRefused:
    return PreflightRefused(
        f"the facts written before the start ({PREFLIGHT}) cannot be used: {why}; nothing was started. "
        "Start the service with `systemctl start cordon`, and reinstall the package if this stays"
    )


def _counter(value: str) -> int | None:
    return None if value in _NOTHING or not _NUMBER.fullmatch(value) else int(value)


def _number(value: str) -> int:
    """A number, or -1 for `infinity` and what is not known."""
    return int(value) if _NUMBER.fullmatch(value) and value not in _NOTHING else -1
