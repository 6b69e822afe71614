"""A child process for tests of the supervisor: does what its plan says and tells what it was given.

gateway: answers every `attach` with a journal line; worker: echoes its link, or dies as told
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import socket
import sys
import time

from proxy.workers.border import Arguments, Control, parse_arguments


def main() -> int:
    arguments = parse_arguments(sys.argv[1:])
    plan = json.loads(arguments.plan)
    control = Control(arguments.descriptors["control"])
    if plan["role"] == "gateway":
        return gateway(control, plan)
    return worker(control, arguments, plan)


def gateway(control: Control, plan: dict[str, object]) -> int:
    def stop(number: int, frame: object) -> None:
        del number, frame
        control.say(line="gateway stopped")
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    if not plan.get("never_ready"):
        control.say(ready=True)
    control.say(line=f"environment {sorted(os.environ)}")
    if plan.get("kill"):
        control.say(kill=str(plan["kill"]))
    while True:
        message, descriptors = control.hear()
        if not message:
            return 0
        if "ping" in message and not plan.get("stuck"):
            control.say(pong=message["ping"])
        if "attach" in message:
            with socket.socket(fileno=descriptors[0]) as link:
                link.sendall(b"ping")
                control.say(line=f"attached {message['attach']} {link.recv(4).decode()}")
        if "down" in message:
            control.say(line=f"down {message['down']}")


def worker(control: Control, arguments: Arguments, plan: dict[str, object]) -> int:
    if plan.get("die") == "config":
        control.failed("analyst_canary")
        return 78
    if plan.get("die") == "always":
        return 1
    if plan.get("die") == "crash":
        faulthandler.enable(arguments.descriptors["crash"])
        os.kill(os.getpid(), signal.SIGSEGV)
    if plan.get("die") == "lock":
        control.failed("confinement_failed", plan["reasons"])
        return 78
    with socket.socket(fileno=arguments.descriptors["link"]) as link:
        marker = str(plan.get("once", ""))
        if marker and not os.path.exists(marker):
            with open(marker, "w", encoding="ascii"):
                pass
            time.sleep(0.2)
            return 1
        while data := link.recv(64):
            link.sendall(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
