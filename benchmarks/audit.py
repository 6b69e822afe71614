"""What a durable, sealed record costs, and how fast and in how much memory a log is verified; one run, with its floors.

    python -m benchmarks.audit [--dir FOLDER] [--records N] [--long N] [--no-peer]

Floors: a plain append and fdatasync of as many bytes to a file on the same disk; two SHA-256 for each leaf. The peer's
audit runs in a process of its own, once as it waits for the disk and once as it does not. Rates of verification are
records for each second of processor time of one process, so that other work on the machine does not count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from audit.log.disk import Disk
from audit.officer import Keyring, Trust, open_keyring, seal_keyring
from audit.record import Entry, Position
from audit.seal import Identity, Ratchet, open_record, pad, record_key, seal_record
from audit.tree import TilePass, leaf_hash
from audit.verify import Anchors, Verification, Watch, examine_watched, read_package
from tests.kit.audit_house import House, begin, outcome
from tests.kit.long_log import LongLog

ROOT = Path(__file__).resolve().parents[1]
_PEER = "llm-shield-proxy==1.7.0"
_PEER_CODE = """
import json, sys, time
from llm_shield_proxy.observability.audit import AuditLogger, _queue_listener
count, path, sync = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "sync"
AuditLogger.configure_durability("required", path, fsync=sync)
AuditLogger.log_startup_event()
times = []
for number in range(count):
    start = time.perf_counter()
    AuditLogger.log_redaction_event("session", {"PERSON": 1, "PHONE": 2}, "/v1/chat", request_id=str(number))
    times.append(time.perf_counter() - start)
open(sys.argv[4], "w").write(json.dumps(times))
"""
Row = tuple[str, str, str]


class NoSync(Disk):
    """A disk that does not wait: what is left is our own work."""

    def syscall(self, name: str, path: str, action: Callable[[], object]) -> object:  # type: ignore[override]
        if name == "fdatasync":
            return None
        return super().syscall(name, path, action)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--dir", type=Path, default=None)
    arguments.add_argument("--records", type=int, default=1000)
    arguments.add_argument("--long", type=int, default=1_000_000)
    arguments.add_argument("--no-peer", action="store_true")
    arguments.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.make is not None:
        make(chosen.make, chosen.long, chosen.records)
    elif chosen.check is not None:
        print(json.dumps(check(chosen.check)))
    else:
        with tempfile.TemporaryDirectory(dir=chosen.dir, prefix="cordon-bench-") as name:
            rows = [*writing(Path(name), chosen.records, peer=not chosen.no_peer), *primitives()]
            rows += verifying(Path(name), chosen.long)
        print(f"{'what':<66}{'value':>16}  {'beside its floor':<36}".rstrip())
        for what, value, ratio in rows:
            print(f"{what:<66}{value:>16}  {ratio:<36}".rstrip())


# ---- writing ---------------------------------------------------------------------------------------------------


def writing(folder: Path, count: int, *, peer: bool) -> Iterator[Row]:
    """Time each record until it is durable, and without waiting for the disk."""
    synced, size = run(House(folder / "synced").enrol(), None, count)
    unsynced, _ = run(House(folder / "unsynced").enrol(), NoSync, count)
    floor = appended(folder / "floor", size, count)
    yield f"bytes of a record as written, {count} records (target: at most 1600)", str(size), ""
    yield from timed("floor: plain append and fdatasync of as many bytes", floor, floor)
    yield from timed("Cordon, durable and sealed", synced, floor)
    yield from timed("Cordon, without waiting for the disk", unsynced, floor)
    if peer:
        for name, sync in (("waits for fsync", "sync"), ("does not wait", "nosync")):
            times = peer_times(folder, count, sync)
            if times:
                yield from timed(f"llm-shield-proxy 1.7.0, clear text, {name}", times, floor)


def timed(what: str, times: list[float], floor: list[float]) -> Iterator[Row]:
    p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
    base50, base99 = statistics.median(floor), statistics.quantiles(floor, n=100)[98]
    yield f"{what}, p50", us(p50), f"{p50 / base50:.2f} x ({1 / statistics.mean(times):.0f}/s)"
    yield f"{what}, p99", us(p99), f"{p99 / base99:.2f} x"


def run(house: House, kind: type[Disk] | None, count: int) -> tuple[list[float], int]:
    log = house.open((kind or Disk)(house.folder))
    house.evidence(log, "start")
    times: list[float] = []
    bytes_ = 0
    for number in range(count // 2):
        before = log._core._wal.end
        first = time.perf_counter()
        ticket = log.begin(begin(number), at=house.clock.pass_ms(1))
        second = time.perf_counter()
        log.close(ticket, outcome(), at=house.clock.pass_ms(1))
        times += [second - first, time.perf_counter() - second]
        bytes_ += log._core._wal.end - before
        if number % 100 == 99:  # integration runs beside requests in the service; here it is not timed
            log.tick(at=house.clock.pass_ms(61_000))
    house.evidence(log, "stop")
    log.stop("stop", at=house.clock.pass_ms(1))
    return times, bytes_ // count


def appended(path: Path, size: int, count: int) -> list[float]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    data, times = os.urandom(size), []
    for _ in range(count):
        start = time.perf_counter()
        os.write(fd, data)
        os.fdatasync(fd)
        times.append(time.perf_counter() - start)
    os.close(fd)
    return times


def peer_times(folder: Path, count: int, sync: str) -> list[float]:
    from benchmarks.parties import Missing, peer_python  # heavy: not where memory is measured

    try:
        python = peer_python("llm-shield-proxy", _PEER)
    except Missing as error:
        print(f"llm-shield-proxy: {error}", file=sys.stderr)
        return []
    said = folder / f"peer-{sync}.json"
    command = [str(python), "-c", _PEER_CODE, str(count), str(folder / f"peer-{sync}.jsonl"), sync, str(said)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder, check=False)
    if ran.returncode != 0:
        print(f"llm-shield-proxy ended with {ran.returncode}", file=sys.stderr)
        return []
    return list(json.loads(said.read_bytes()))


# ---- what a verifier is made of --------------------------------------------------------------------------------


def primitives(count: int = 60_000) -> Iterator[Row]:
    """Time leaves and contents without files: the parts that the targets are about."""
    plain = pad(b"x" * 1200)
    ratchet = Ratchet(bytes(32), "a.b/c", 0)
    start = time.process_time()
    blobs = [seal_record(ratchet.advance(), Position(n, "R", 0, n), plain) for n in range(count)]
    sealing = time.process_time() - start
    entries = [
        Entry.sealed(Position(n, "R", 0, n), blob, hour="2026-11-20T03Z") for n, blob in enumerate(blobs)
    ]  # fmt: skip
    leaves = [entry.leaf() for entry in entries]
    start = time.process_time()
    for leaf in leaves:
        sha256(leaf).digest()
        sha256(leaf).digest()
    floor = time.process_time() - start
    start = time.process_time()
    tree = TilePass()
    for at in range(0, count, 256):
        for _ in tree.feed([leaf_hash(leaf) for leaf in leaves[at : at + 256]]):
            pass
    tree.root()
    hashing = time.process_time() - start
    ratchet = Ratchet(bytes(32), "a.b/c", 0)
    start = time.process_time()
    for entry, blob in zip(entries, blobs, strict=True):
        open_record(record_key(ratchet, entry.index or 0), entry, blob)
    opening = time.process_time() - start
    yield "floor: two SHA-256 a leaf", rate(count, floor), ""
    yield "leaves hashed into tiles and root", rate(count, hashing), f"{hashing / floor:.1f} x the floor"
    yield "records sealed (ratchet, AES-256-GCM with key commitment)", rate(count, sealing), ""
    yield "records decrypted (target: 60 000/s)", rate(count, opening), ""


# ---- long logs -------------------------------------------------------------------------------------------------


def verifying(folder: Path, long: int) -> Iterator[Row]:
    """Examine logs of different length, each in a process of its own, and compare what memory they took."""
    peaks = {}
    for records, opened in ((long // 10, 0), (long, 0), (30_000, 30_000)):
        package = folder / f"{records}-{opened}.zip"
        child("--make", package, "--long", records, "--records", opened or 9_000)
        found = child("--check", package)
        peaks[records] = found["peak_kib"]
        name = f"{records:,} records".replace(",", " ")
        if opened:
            done, spent = found["opened"], found["contents_s"]
            yield f"{name}: contents opened and judged, {found['verdict']}", rate(done, spent), ""
        else:
            target = " (target: 200 000/s)" if records == long else ""
            yield (
                f"{name}: structure verified{target}",
                rate(records, found["structure_s"]),
                f"{found['bytes'] >> 20} MiB",
            )
        yield (
            f"{name}: memory at the peak",
            f"{found['peak_kib'] >> 10} MiB",
            f"before: {found['before_kib'] >> 10} MiB",
        )
        package.unlink()
    grown = peaks[long] - peaks[long // 10]
    yield (
        f"memory for {long - long // 10} more records",
        f"{grown >> 10} MiB",
        f"{grown * 1024 / (long * 0.9):.1f} bytes each",
    )


def child(*words: object) -> dict[str, int | float | str]:
    command = [sys.executable, "-m", "benchmarks.audit", *(str(word) for word in words)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(json.loads(ran.stdout)) if ran.stdout else {}


def make(package: Path, records: int, opened: int) -> None:
    """Write a package and the keys that open it."""
    log = LongLog(records, opened)
    with package.open("wb") as file:
        file.write(log.package())
    identity = Identity(bytes(32))
    ring = Keyring(log.keyring.site, log.keyring.sign_seed, log.keyring.witness_seed, (identity.recipient(),) * 2,
                   log.keyring.months)  # fmt: skip
    package.with_suffix(".age").write_bytes(seal_keyring(ring, os.urandom))
    package.with_suffix(".trust").write_bytes(log.trust.encode())


def check(package: Path) -> dict[str, int | float | str]:
    trust = Trust.parse(package.with_suffix(".trust").read_bytes())
    ring = open_keyring(package.with_suffix(".age").read_bytes(), [Identity(bytes(32))])
    before = peak()
    structure, whole, found = 0.0, 0.0, None
    for keyring in (None, ring):
        with package.open("rb") as file:
            start = time.process_time()
            found = examine_watched(read_package(file), trust, keyring, Anchors(), watch=Watch()).found
            whole = time.process_time() - start
        structure = structure or whole
    assert isinstance(found, Verification)
    opened = found.totals["records"]
    return {
        "verdict": found.verdict, "structure_s": structure, "contents_s": whole - structure, "opened": opened,
        "peak_kib": peak(), "before_kib": before, "bytes": package.stat().st_size,
    }  # fmt: skip


def peak() -> int:
    """Return the resident size at its peak in KiB since this program began; a child's `ru_maxrss` begins before it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def us(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} us"


def rate(count: int, seconds: float) -> str:
    return f"{count / seconds:,.0f}/s".replace(",", " ")


if __name__ == "__main__":
    main()
