"""An engine process without its lock-down, for tests: `engine_child.py LINK PLAN`."""

from __future__ import annotations

import socket
import sys

from proxy.workers.engine.launch import plan_from_json
from proxy.workers.engine.main import Hooks, run

if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as link:
        sys.exit(run(link, plan_from_json(sys.argv[2]), Hooks(lambda: None, lambda: "{}", lambda _code: None)))
