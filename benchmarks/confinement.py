"""What the confinement costs: making the lock, a request with and without it, one tick of evidence.

    python -m benchmarks.confinement [--requests 2000]

Both columns of a row are measured in the same run, in turn, in processes that differ in the lock alone. The request is
a POST of 2 KiB over loopback to the service's own HTTP library, answered by a worker at the other end of a link.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from proxy.workers.lockstate import Role

ROOT = Path(__file__).resolve().parents[1]
_ROLES = (Role.GATEWAY, Role.ANALYST, Role.ENGINE)
_ROUNDS = 5

LOCK = """
import json, sys, time
sys.path.insert(0, {root!r})
from proxy.workers.confine import LockPlan, Role, install_paths, lock, role_reads, seal
from proxy.workers.controls import controls
from proxy.workers.facts import facts, file_digest, package_digest, package_dirs
role = Role({role!r})
paths = install_paths()
hashed = []
for _ in range(3):
    began = time.perf_counter()
    file_digest("/proc/self/exe"), package_digest(package_dirs())
    hashed.append(time.perf_counter() - began)
began = time.perf_counter()
locked = lock(LockPlan(role, (1, 2), paths, role_reads(role), (), own_namespaces={own}))
made = time.perf_counter() - began
if role is Role.ENGINE:
    seal(locked)
ticks = []
for _ in range(50):
    began = time.perf_counter()
    facts(locked)
    ticks.append(time.perf_counter() - began)
ticks.sort()
print(json.dumps([made * 1000, ticks[25] * 1000, min(hashed) * 1000]))
"""
SERVE = """
import asyncio, json, os, socket, sys, threading
sys.path.insert(0, {root!r})
listener = socket.create_server(("127.0.0.1", 0))
ours, theirs = socket.socketpair()
if {locked}:
    from proxy.workers.confine import LockPlan, Role, install_paths, lock, role_reads
    fds = (1, 2, listener.fileno(), ours.fileno(), theirs.fileno())
    lock(LockPlan(Role.GATEWAY, fds, install_paths(), role_reads(Role.GATEWAY), (), own_namespaces=True))
from aiohttp import web

def echo():
    while data := theirs.recv(65536):
        theirs.sendall(data)

threading.Thread(target=echo, daemon=True).start()

async def main():
    reader, writer = await asyncio.open_connection(sock=ours)
    async def handle(request):
        body = await request.read()
        writer.write(body)
        await reader.readexactly(len(body))
        return web.Response(body=b"ok")
    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(json.dumps(listener.getsockname()[1]), flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
os._exit(0)
"""


def _answer(code: str) -> object:
    done = subprocess.run([sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def lock_times() -> dict[str, tuple[float, float, float]]:
    """Role -> milliseconds of the lock, of one look at all facts, and of hashing the program; the least of the runs."""
    found = {}
    for role in _ROLES:
        runs = [_answer(LOCK.format(root=str(ROOT), role=role.value, own=False)) for _ in range(_ROUNDS)]
        made, tick, hashed = zip(*runs, strict=True)  # type: ignore[arg-type]
        found[role.value] = (min(made), min(tick), min(hashed))
    return found


async def _ask(port: int, count: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b"x" * 2048
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2048\r\n\r\n" + body
    took = []
    for _ in range(count):
        began = time.perf_counter()
        writer.write(request)
        await reader.readuntil(b"\r\n\r\nok")
        took.append(time.perf_counter() - began)
    writer.close()
    return took


def _server(locked: bool) -> subprocess.Popen[str]:
    code = SERVE.format(root=str(ROOT), locked=locked)
    command = [sys.executable, "-I", "-B", "-c", code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def request_times(count: int) -> tuple[float, float]:
    """Median milliseconds of a request without and with the lock; rounds of each in turn."""
    servers = [_server(locked) for locked in (False, True)]
    took: tuple[list[float], list[float]] = ([], [])
    try:
        ports = [json.loads(server.stdout.readline()) for server in servers if server.stdout]
        for port in ports:
            asyncio.run(_ask(port, 200))
        for _ in range(_ROUNDS * 2):
            for times, port in zip(took, ports, strict=True):
                times.extend(asyncio.run(_ask(port, count // (_ROUNDS * 2))))
    finally:
        for server in servers:
            server.kill()
            server.wait()
    return statistics.median(took[0]) * 1000, statistics.median(took[1]) * 1000


def main() -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=2000)
    args = parser.parse_args()
    table = Table(
        "what",
        "without",
        "with",
        "cost",
        title="The confinement, in milliseconds (the least of five; requests: median)",
    )
    for role, (made, tick, hashed) in lock_times().items():
        table.add_row(f"{role}: lock at start", "-", f"{made:.1f}", f"{hashed:.1f} of it hashes the program")
        table.add_row(f"{role}: one look at all facts", "-", f"{tick:.2f}", "every 15 minutes")
    without, with_ = request_times(args.requests)
    cost = f"{with_ - without:+.3f} ({(with_ / without - 1) * 100:+.1f} %)"
    table.add_row("a request of 2 KiB, p50", f"{without:.3f}", f"{with_:.3f}", cost)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
