"""What a durable, sealed record costs, and how fast a log is verified. One table, with floors of the same run.

    python benchmarks/audit.py [--dir FOLDER] [--records N] [--leaves N]

Floors: a bare `pwrite` + `fdatasync` of as many bytes into a preallocated file on the same disk; two SHA-256 per leaf.
No number here is a promise about another machine.
"""

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # before this folder, where `audit` is this file

from audit.log import read_directory
from audit.log.disk import Disk
from audit.record import Entry, Position
from audit.seal import Ratchet, pad, seal_record
from audit.tree import FullTree, leaf_hash
from audit.verify import examine, from_directory
from tests.kit.audit_house import House, begin, outcome, pack


class NoSync(Disk):
    """A disk that does not wait: what is left is our own work."""

    def syscall(self, name: str, path: str, action: Callable[[], object]) -> object:  # type: ignore[override]
        if name == "fdatasync":
            return None
        return super().syscall(name, path, action)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dir", type=Path, default=None)
    arguments.add_argument("--records", type=int, default=1000)
    arguments.add_argument("--leaves", type=int, default=200_000)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.dir, prefix="cordon-bench-") as name:
        rows = [*records(Path(name), chosen.records), *verifying(Path(name)), *tree(chosen.leaves)]
    print(f"{'what':<58}{'value':>14}  {'against its floor':<40}")
    for what, value, ratio in rows:
        print(f"{what:<58}{value:>14}  {ratio:<40}")


def records(folder: Path, count: int) -> list[tuple[str, str, str]]:
    """Time `begin` and `close`, with and without waiting for the disk."""
    synced, size = run(House(folder / "synced").enrol(), None, count)
    unsynced, _ = run(House(folder / "unsynced").enrol(), NoSync, count)
    floor = bare(folder / "floor", size, count)
    p50, p99 = statistics.median(synced), statistics.quantiles(synced, n=100)[98]
    work, floor50 = statistics.median(unsynced), statistics.median(floor)
    return [
        ("bytes of a record in the write-ahead log", f"{size}", ""),
        ("floor: pwrite + fdatasync, p50", us(floor50), "1.0"),
        ("record (begin, close), durable, p50", us(p50), f"{p50 / floor50:.1f} x the floor"),
        ("record, durable, p99", us(p99), f"{p99 / statistics.quantiles(floor, n=100)[98]:.1f} x the floor's p99"),
        ("record without the sync, p50 (target: at most 1 ms)", us(work), f"{work / 1e-3:.2f} x the target"),
    ]


def run(house: House, kind: type[Disk] | None, count: int) -> tuple[list[float], int]:
    log = house.open((kind or Disk)(house.folder))
    house.evidence(log, "start")
    times = []
    before = log._core._wal.end
    for number in range(count // 2):
        first = time.perf_counter()
        ticket = log.begin(begin(number), at=house.clock.pass_ms(1))
        second = time.perf_counter()
        log.close(ticket, outcome(), at=house.clock.pass_ms(1))
        times += [second - first, time.perf_counter() - second]
    size = (log._core._wal.end - before) // count
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(1))
    return times, size


def bare(path: Path, size: int, count: int) -> list[float]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(fd, 0, size * count)
    os.fsync(fd)
    data, times = os.urandom(size), []
    for number in range(count):
        start = time.perf_counter()
        os.pwrite(fd, data, number * size)
        os.fdatasync(fd)
        times.append(time.perf_counter() - start)
    os.close(fd)
    return times


def verifying(folder: Path) -> list[tuple[str, str, str]]:
    """Time the examination of the log just written, and its export."""
    house = House(folder / "synced")
    source = read_directory(house.folder)
    start = time.perf_counter()
    found = examine(from_directory(source), house.trust, house.keyring)
    spent = time.perf_counter() - start
    size = source.checkpoint.size
    log = house.open()
    house.evidence(log, "start")
    began = time.perf_counter()
    data = pack(log, house.clock.pass_ms(1))
    packed = time.perf_counter() - began
    log.stop("stop", at=house.clock.pass_ms(1))
    again = time.perf_counter()
    verdict = house.examine_package(data).verdict
    whole = time.perf_counter() - again
    return [
        (f"directory examined, contents opened ({found.verdict})", f"{spent:.2f} s", f"{size / spent:.0f} records/s"),
        ("package written", f"{packed:.2f} s", f"{len(data) / packed / 1e6:.1f} MB/s"),
        (f"package examined ({verdict})", f"{whole:.2f} s", f"{size / whole:.0f} records/s"),
    ]


def tree(count: int) -> list[tuple[str, str, str]]:
    """Time what every leaf costs a verifier: parse, hash, all levels; and sealing alone."""
    blob = seal_record(bytes(32), Position(1, "R", 0, 0), pad(b'{"v":1}'))
    leaves = [Entry.sealed(Position(n, "R", 0, n), blob, hour="2026-11-20T03Z").leaf() for n in range(count)]
    start = time.perf_counter()
    for leaf in leaves:
        hashlib.sha256(leaf).digest()
        hashlib.sha256(leaf).digest()
    floor = time.perf_counter() - start
    start = time.perf_counter()
    hashes = []
    for leaf in leaves:
        Entry.parse(leaf)
        hashes.append(leaf_hash(leaf))
    FullTree(hashes).root_at(count)
    spent = time.perf_counter() - start
    ratchet, plain = Ratchet(bytes(32), "a.b/c", 0), pad(b"x" * 1400)
    start = time.perf_counter()
    for number in range(20_000):
        seal_record(ratchet.advance(), Position(number, "R", 0, number), plain)
    sealing = (time.perf_counter() - start) / 20_000
    return [
        ("floor: two SHA-256 per leaf", f"{count / floor:.0f}/s", "1.0"),
        (
            "leaves parsed, hashed, treed (target: 100 000/s)",
            f"{count / spent:.0f}/s",
            f"{spent / floor:.1f} x the floor",
        ),
        ("sealing 1.5 KB: ratchet and Cobblestone", us(sealing), ""),
    ]


def us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us"


if __name__ == "__main__":
    main()
