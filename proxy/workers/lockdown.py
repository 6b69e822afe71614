"""Lock a child as its command line says, and tell the facts afterwards. The seam between `border` and `confine`.

Law: nothing heavy is imported and nothing is read before `lock_child` returned; a child that cannot be locked says
the code of the step that failed and ends.
"""

from __future__ import annotations

import faulthandler
import json
from dataclasses import asdict

from proxy.workers.border import Arguments, Control
from proxy.workers.confine import Locked, LockError, LockPlan, Role, facts, install_paths, lock, role_reads, seal
from proxy.workers.facts import core_limit, loopback_bytes, writable_paths

__all__ = ["Lockdown", "lock_child"]

_PEERS = {"control": "supervisor", "link": "gateway"}


class Lockdown:
    """A locked process, as the gateway may ask about it."""

    def __init__(self, locked: Locked) -> None:
        self._locked = locked

    def facts(self) -> str:
        """Run the controls and return every fact as JSON: the `procs` entry of an evidence record, and what is beside
        it (`reasons`, `writable`, `core`, bytes of the loopback device).
        """
        return json.dumps(
            {
                "proc": facts(self._locked).as_dict(),
                "reasons": list(self._locked.reasons),
                "writable": [asdict(path) for path in writable_paths(self._locked)],
                "core": core_limit(),
                "lo": loopback_bytes(self._locked),
            }
        )

    def seal(self) -> None:
        """Close the engine further, once its model is mapped. Raises LockError."""
        seal(self._locked)


def lock_child(role: Role, arguments: Arguments, control: Control) -> Lockdown | None:
    """Lock this process; None, with the code told to the supervisor, when that is not possible."""
    order = json.loads(arguments.lock)
    plan = LockPlan(
        role=role,
        keep_fds=tuple(sorted(arguments.descriptors.values())),
        read_exec=install_paths(),
        read=(*role_reads(role), *order.get("read", ())),
        write=tuple(order.get("write", ())),
        own_namespaces=bool(order.get("own_namespaces", True)),
        links=tuple((number, _peer(name)) for name, number in arguments.descriptors.items() if _peer(name)),
        connect_ports=tuple(order.get("ports", ())),
    )
    try:
        locked = lock(plan)
    except LockError as error:
        control.failed(f"lock:{error.code}")
        return None
    if (crash := arguments.descriptors.get("crash")) is not None:
        faulthandler.enable(crash)
    return Lockdown(locked)


def _peer(name: str) -> str:
    """Who is at the other end of a descriptor, by its name: `link.analyst` is the analyst."""
    role = _PEERS.get(name) or name.removeprefix("link.") * name.startswith("link.")
    return "engine" if role == "http" else role
