"""`python -m proxy.workers.engine`: lock, then run. Heavy libraries are imported inside the lock only."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from proxy.workers.barepackage import register_bare
from proxy.workers.border import Control, parse_arguments
from proxy.workers.confine import Role
from proxy.workers.lockdown import lock_child

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run one engine; returns the exit status."""
    arguments = parse_arguments(argv)
    control = Control(arguments.descriptors["control"])
    locked = lock_child(Role.ENGINE, arguments, control)
    if locked is None:
        return 78
    register_bare("llama_cpp")  # its __init__ opens /dev/null for writing, which the lock refuses
    # llama.cpp and numpy start threads and map code: inside the lock only.
    from proxy.workers.engine.launch import plan_from_json
    from proxy.workers.engine.main import EXIT_CONFIG, Hooks, run

    with socket.socket(fileno=arguments.descriptors["link"]) as link:
        status = run(link, plan_from_json(arguments.plan), Hooks(locked.seal, locked.facts, control.failed))
    if status not in (0, EXIT_CONFIG):
        control.failed("engine_failing")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
