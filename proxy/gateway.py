"""The gateway process: accepts, runs journeys, writes the log. Started by the supervisor.

    lock -> compose -> listen (503 not_ready) -> workers up -> log open, canaries, evidence -> ready -> serve -> stop

Law: locked before anything heavy is imported; ready only after the log has its start and evidence records; at stop the
open answers end first, then the log is closed, then the process.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from proxy.workers.border import Control, parse_arguments
from proxy.workers.confine import Role
from proxy.workers.lockdown import lock_child

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run one gateway; returns its exit status."""
    arguments = parse_arguments(argv)
    control = Control(arguments.descriptors["control"])
    locked = lock_child(Role.GATEWAY, arguments, control)
    if locked is None:
        return 78
    # aiohttp, pydantic and cryptography are heavy: they are imported inside the lock.
    from proxy.service import Service

    return Service(arguments, control, locked).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
