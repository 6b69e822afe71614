"""Stop or fail the log at any system call: what was acknowledged is there afterwards, once, signed and in order.

The scenario walks through start, exchanges, integration, erasure, a new epoch, an export and the end. For every chosen
system call it is run again and killed there (before or after the call), or the call fails with a full disk or a broken
one. The whole log is checked after every single fault. CORDON_EXHAUSTIVE=1 chooses every call there is.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from audit import officer
from audit.log import AuditError, Log, Refused, read_directory
from audit.log.disk import Disk
from audit.record import Entry
from audit.tree import read_bundle
from audit.verify import Anchors
from audit.wal import HEADER_BYTES, scan
from tests.kit.audit_house import DAY_MS, Clock, House, begin, blocked, outcome, quick_folder, states

T = TypeVar("T")
EXHAUSTIVE = os.environ.get("CORDON_EXHAUSTIVE") == "1"
CODES = {"audit_unavailable", "audit_full"}
folder = pytest.fixture(scope="module")(quick_folder)


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


class FaultyDisk(Disk):
    """Counts system calls and does something terrible at one of them."""

    def __init__(self, root: Path, at: int, harm: str) -> None:
        super().__init__(root)
        self.count, self.at, self.harm = 0, at, harm
        self.calls: list[tuple[str, str]] = []

    def syscall(self, name: str, path: str, action: Callable[[], T]) -> T:
        self.calls.append((name, path))
        self.count += 1
        if self.count != self.at:
            return action()
        if self.harm == "kill-before":
            raise Killed
        if self.harm == "kill-after":
            action()
            raise Killed
        raise OSError(errno.ENOSPC if self.harm == "full" else errno.EIO, "injected")


class FullDisk(Disk):
    """From some moment on nothing new fits, but what was preallocated can be written."""

    full = False

    def syscall(self, name: str, path: str, action: Callable[[], T]) -> T:
        if self.full and name in ("write", "mkdir", "fallocate") and path != "state/wal":
            raise OSError(errno.ENOSPC, "injected")
        return action()


class Scenario:
    """One pass through everything the log does; remembers what was acknowledged."""

    def __init__(self, house: House, disk: Disk) -> None:
        self.house, self.disk = house, disk
        self.log: Log | None = None
        self.acknowledged: dict[int, str] = {}
        self.refused: list[str] = []

    def steps(self) -> Iterator[Callable[[], None]]:
        yield self.open
        yield lambda: self.note("E", self.house.evidence(self.log, "start"))
        yield from (self.exchange, self.exchange)
        yield lambda: self.note("B", self.log.block(blocked(), at=self.house.clock.pass_ms(10)))
        yield lambda: self.log.tick(at=self.house.clock.pass_ms(61_000)) and None
        yield self.erase
        yield lambda: self.log.tick(at=self.house.clock.pass_ms(DAY_MS)) and None
        yield lambda: self.note("E", self.house.evidence(self.log))
        yield self.exchange
        yield lambda: self.log.snapshot() and None
        yield lambda: self.log.stop("stop", at=self.house.clock.pass_ms(10))

    def run(self) -> None:
        for step in self.steps():
            if self.log is None and step != self.open:
                return
            try:
                step()
            except AuditError as error:
                self.refused.append(error.code)

    def open(self) -> None:
        self.log = self.house.open(self.disk)

    def exchange(self) -> None:
        ticket = self.log.begin(begin(len(self.acknowledged)), at=self.house.clock.pass_ms(10))
        self.note("R", ticket.seq)
        self.note("Z", self.log.close(ticket, outcome(), at=self.house.clock.pass_ms(10)))

    def erase(self) -> None:
        requests = [seq for seq, kind in self.acknowledged.items() if kind in "RZ"][:2]
        try:
            order = officer.erase(self.house.seal(), requests, "erasure-request", "T-1")
            self.note("T", self.log.accept(order, at=self.house.clock.pass_ms(10)).seq)
        except Refused:
            self.refused.append("refused")

    def note(self, kind: str, seq: int) -> None:
        self.acknowledged[seq] = kind


@pytest.fixture(scope="module")
def enrolled(folder: Path) -> Path:
    """An enrolled workstation with one clean day behind it: the state every fault starts from."""
    House(folder / "template").enrol().run(1)
    return folder / "template"


def fresh(enrolled: Path, folder: Path) -> House:
    path = folder / "run"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(enrolled, path)
    return House(path, clock=Clock(utc_ms=Clock().utc_ms + DAY_MS, boot="99999999-2222-4333-8444-555555555555"))


def leaves(house: House) -> list[Entry]:
    snapshot = read_directory(house.folder)
    names = sorted(name for name in snapshot.names if "/entries/" in name)
    return [Entry.parse(leaf) for name in names for leaf in read_bundle(snapshot.read(name))]


def check_whole(house: House, scenario: Scenario) -> None:
    """The invariant: after a restart everything acknowledged is there, at most one more, and the log verifies."""
    scenario.disk.unlock()
    house.clock.pass_ms(20_000)
    before = len(leaves(house)) if not scenario.acknowledged else 0
    log = house.open()
    house.evidence(log, "start")
    log.stop("stop", at=house.clock.pass_ms(10))
    found = {entry.seq: entry.kind for entry in leaves(house)}
    assert scenario.acknowledged.items() <= found.items()
    assert len(found) >= before
    verification = house.examine()
    assert verification.verdict in ("VERIFIED", "VERIFIED WITH GAPS"), states(verification)
    assert set(states(verification)) <= {"V07", "V10", "V18", "V20", "V25", "V14"}


def code_of(action: Callable[[], object]) -> str | None:
    """The code an action is refused with, or None."""
    try:
        action()
    except AuditError as error:
        return error.code
    return None


def total_calls(enrolled: Path, folder: Path) -> list[tuple[str, str]]:
    house = fresh(enrolled, folder)
    disk = FaultyDisk(house.folder, -1, "none")
    scenario = Scenario(house, disk)
    scenario.run()
    assert scenario.refused == []
    check_whole(house, scenario)
    return disk.calls


def sampled(calls: list[tuple[str, str]], stride: int) -> list[int]:
    """Every so many calls, and at least one of each kind on each kind of file: no step of writing is left out."""
    kinds = {
        (name, path.split("/")[0], path.rpartition(".")[2] == "new"): at for at, (name, path) in enumerate(calls, 1)
    }
    return sorted({*range(1 + stride // 2, len(calls), stride), *kinds.values()})


@contextlib.contextmanager
def dies_here() -> Iterator[None]:
    """What is opened inside is closed at its end, as the kernel does for a process that is no more."""
    before = set(os.listdir("/proc/self/fd"))
    try:
        yield
    finally:
        for name in set(os.listdir("/proc/self/fd")) - before:
            with contextlib.suppress(OSError):
                os.close(int(name))


@pytest.mark.parametrize(("harm", "stride"), [("kill-before", 13), ("kill-after", 17), ("full", 19), ("broken", 23)])
def test_a_fault_at_any_call_loses_nothing(enrolled, folder, harm, stride):
    calls = total_calls(enrolled, folder)
    assert len(calls) > 200
    chosen = range(1, len(calls) + 1) if EXHAUSTIVE else sampled(calls, stride)
    for at in chosen:
        with dies_here():
            house = fresh(enrolled, folder)
            scenario = Scenario(house, FaultyDisk(house.folder, at, harm))
            with contextlib.suppress(Killed):
                scenario.run()
            assert set(scenario.refused) <= CODES, calls[at - 1]
            try:
                check_whole(house, scenario)
            except (AssertionError, AuditError) as error:
                raise AssertionError(f"{harm} at {at} {calls[at - 1]}: {error}") from error


def test_a_full_disk_refuses_new_and_closes_old(enrolled, folder):
    house = fresh(enrolled, folder)
    disk = FullDisk(house.folder)
    log = house.open(disk)
    house.evidence(log, "start")
    open_tickets = [house.begin(log, number) for number in range(3)]
    disk.full = True
    with pytest.raises(AuditError) as caught:
        log.tick(at=house.clock.pass_ms(61_000))
    assert caught.value.code == "audit_full"
    with pytest.raises(AuditError) as caught:
        house.begin(log, 9)
    assert caught.value.code == "audit_full"
    for ticket in open_tickets:
        log.close(ticket, outcome("failed"), at=house.clock.pass_ms(10))
    disk.full = False
    log.tick(at=house.clock.pass_ms(1000))
    house.exchange(log)
    log.stop("stop", at=house.clock.pass_ms(10))
    found = house.examine()
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.totals["failed"] == 3


def test_signing_two_minutes_late_refuses_new_requests(enrolled, folder):
    house = fresh(enrolled, folder)
    log = house.open()
    house.evidence(log, "start")
    ticket = house.begin(log)
    house.clock.pass_ms(181_000)
    with pytest.raises(AuditError) as caught:
        house.begin(log, 2)
    assert caught.value.code == "audit_unavailable"
    log.close(ticket, outcome(), at=house.clock())
    log.tick(at=house.clock())
    house.exchange(log)
    log.stop("stop", at=house.clock())


def test_a_failed_record_poisons_until_restart(enrolled, folder):
    house = fresh(enrolled, folder)
    disk = FaultyDisk(house.folder, -1, "broken")
    log = house.open(disk)
    house.evidence(log, "start")
    ticket = house.begin(log)
    disk.at = disk.count + 2  # the statvfs of begin is one call, fdatasync of close the second
    with pytest.raises(AuditError):
        log.close(ticket, outcome(), at=house.clock())
    for action in (
        lambda: house.begin(log),
        lambda: log.tick(at=house.clock()),
        lambda: log.stop("stop", at=house.clock()),
    ):
        with pytest.raises(AuditError) as caught:
            action()
        assert caught.value.code == "audit_unavailable"
    scenario = Scenario(house, disk)
    scenario.acknowledged = {ticket.seq: "R"}
    check_whole(house, scenario)


def test_the_reserve_closes_what_was_begun(enrolled, folder):
    house = fresh(enrolled, folder)
    log = house.open()
    house.evidence(log, "start")
    wal = log._core._wal
    tickets = [house.begin(log)]
    wal.end = wal._size - 1024 * 1024 - 100_000
    while (code := code_of(lambda: tickets.append(house.begin(log, len(tickets))))) is None:
        pass
    assert code == "audit_full"
    assert len(tickets) > 2
    for ticket in tickets:
        log.close(ticket, outcome(), at=house.clock.pass_ms(1))
    log.stop("stop", at=house.clock())


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_read_only_directory_is_refused(enrolled, folder, mode, request):
    house = fresh(enrolled, folder)

    class ReadOnly(Disk):
        def syscall(self, name: str, path: str, action: Callable[[], T]) -> T:
            if name in ("open", "write", "mkdir", "rename", "unlink") or mode == 0:
                raise OSError(errno.EROFS if mode else errno.EACCES, "injected")
            return action()

    with pytest.raises(AuditError) as caught:
        house.open(ReadOnly(house.folder))
    assert caught.value.code == "audit_unavailable"
    house.open().stop("stop", at=house.clock())


def test_yesterdays_directory_is_caught_by_an_anchor_only(enrolled, folder):
    house = fresh(enrolled, folder)
    yesterday = folder / "yesterday"
    shutil.rmtree(yesterday, ignore_errors=True)
    shutil.copytree(house.folder, yesterday)
    house.run(1)
    anchor = Anchors(book=(house.anchor(),))
    assert house.examine(anchor).verdict == "VERIFIED"
    shutil.rmtree(house.folder)
    shutil.copytree(yesterday, house.folder)
    assert house.examine().independence["level"] == "I0"
    assert states(house.examine(anchor))["V08"] == "fail"


def test_a_torn_last_frame_is_dropped_a_broken_middle_one_is_damage(enrolled, folder):
    house = fresh(enrolled, folder)
    log = house.open()
    house.evidence(log, "start")
    house.exchange(log)
    log._core._disk.unlock()
    path = house.folder / "state/wal"
    whole = path.read_bytes()
    found = scan(whole)
    assert len(found.frames) >= 2
    for damage, code in ((found.end - 5, None), (HEADER_BYTES + 40, "audit_damaged")):
        broken = bytearray(whole)
        broken[damage] ^= 0xFF
        path.write_bytes(bytes(broken))
        again = House(house.path, clock=house.clock)
        assert code_of(lambda again=again: again.open().stop("stop", at=house.clock.pass_ms(10))) == code
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("log/checkpoint", "audit_damaged"),
        ("state/wal", "audit_damaged"),
        ("state/next.key", "audit_damaged"),
        ("notes/enrolment-0.note", "audit_damaged"),
        ("state/signed", "audit_damaged"),
        ("log/tile/0/000.p/10", "audit_damaged"),
        ("log/tile/entries/000.p/10", "audit_damaged"),
    ],
)
def test_a_flipped_byte_in_any_file_stops_the_start(enrolled, folder, name, code):
    house = fresh(enrolled, folder)
    if name.startswith("log/tile"):
        name = next(
            path.relative_to(house.folder).as_posix()
            for path in house.folder.rglob("*")
            if path.parent.as_posix().endswith(name.rpartition("/")[0])
        )
    path = house.folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 3 if not name.endswith("wal") else 3] ^= 0x55
    path.write_bytes(bytes(data))
    with pytest.raises(AuditError) as caught:
        house.open()
    assert caught.value.code in (code, "audit_fork")


def test_removed_files_stop_the_start(enrolled, folder):
    for name in ("state/wal", "state/next.key", "state/subject.key"):
        house = fresh(enrolled, folder)
        (house.folder / name).unlink()
        with pytest.raises(AuditError) as caught:
            house.open()
        assert caught.value.code in ("audit_damaged", "audit_fork")
