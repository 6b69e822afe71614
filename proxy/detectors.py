"""What this installation adds to the detectors, from settings and policy to the process that uses it.

    supervisor: order = DetectorOrder(site=..., plugins=...) -> a sealed descriptor     analyst: read_order(descriptor)

Law: what a site wrote is checked before anything starts, and once more by the process that runs it. It travels in a
descriptor, not on the command line: word lists may hold names, and every local user can read a command line.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filters.kinds import known_kinds
from filters.site import NO_SITE, Site, SiteRefused
from policies.additions import SiteLists
from policies.load import verify_kinds
from policies.model import PolicyError, Regime

__all__ = ["order_descriptor", "read_order", "site_of"]

_MOST_BYTES = 8 << 20


def site_of(policy: Regime) -> Site:
    """Return the checked additions of a policy, and check the kinds its rules name.

    Raises:
        PolicyError: a rule of the site is refused, or a rule is about a kind that nothing finds.
    """
    verify_kinds(policy, known_kinds())
    try:
        return Site.read(asdict(policy.pii.site))
    except SiteRefused as refused:
        raise PolicyError("policy_invalid", f"{policy.name}.{refused}") from None


def order_descriptor(lists: SiteLists, plugins: Sequence[Path]) -> int:
    """Return a descriptor to hand over: readable from its start, never to be changed."""
    order = {"site": asdict(lists), "plugins": [str(folder) for folder in plugins]}
    descriptor = os.memfd_create("cordon-detectors", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, json.dumps(order).encode())
    seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def read_order(descriptor: int | None) -> tuple[Site, tuple[Path, ...]]:
    """Read what `order_descriptor` wrote. A worker that is started again reads the same descriptor: no offset is kept.

    Raises:
        SiteRefused: the additions are not what was checked.
    """
    if descriptor is None:
        return NO_SITE, ()
    order: dict[str, Any] = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
    return Site.read(order["site"]), tuple(map(Path, order["plugins"]))
