"""Facts about this computer that a locked child can no longer read."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from proxy.plan import HostFacts
from proxy.preflight import Preflight
from proxy.workers.bpf import filter_digest
from proxy.workers.confine import Role
from proxy.workers.kernel import machine

__all__ = ["expected_filters", "read_host_facts"]


def read_host_facts(preflight: Preflight | None = None) -> HostFacts:
    """Read what the evidence record says about the host; -1 and empty stand for what cannot be read.

    Under a unit the host is hidden from us, so the facts are those that root wrote down before the start.
    """
    if preflight is not None:
        return HostFacts(
            kernel=platform.release(),
            lsm=preflight.lsm,
            tcp_fastopen=preflight.tcp_fastopen,
            netns=preflight.host_netns,
        )
    return HostFacts(
        kernel=platform.release(),
        lsm=tuple(name for name in _text("/sys/kernel/security/lsm").split(",") if name),
        tcp_fastopen=int(_text("/proc/sys/net/ipv4/tcp_fastopen") or -1),
        netns=_namespace(),
    )


def expected_filters() -> dict[str, str]:
    """The digest of the system call filter each role must have on this kind of processor."""
    arch = machine().name
    return {
        "gateway": filter_digest(Role.GATEWAY, arch),
        "analyst": filter_digest(Role.ANALYST, arch),
        "engine": filter_digest(Role.ENGINE, arch),
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _namespace() -> int:
    try:
        return int(os.readlink("/proc/self/ns/net").removeprefix("net:[").removesuffix("]"))
    except (OSError, ValueError):
        return -1
