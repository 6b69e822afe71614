"""A hospital in a folder: a workstation's log, its officer, a clock that moves only when told. All data invented."""

import hashlib
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audit import officer
from audit.checkpoint import Signer, Vkey
from audit.evidence import Facts, Host, Loopback, Mount, Paths, Window, expected_controls, record
from audit.export.bundle import draft_manifest, write_package
from audit.log import (
    Begin,
    Blocked,
    Filters,
    Grant,
    Log,
    Models,
    Outcome,
    StartFacts,
    Ticket,
    create,
    enrol,
    read_directory,
)
from audit.log.disk import Disk
from audit.officer import Keyring, Terms, Trust
from audit.record import Caller, Instant, InText, ModelRef, OutText, Redaction, Restored, Safety, SafetyUnit
from audit.seal import Identity, commitment
from audit.verify import Anchors, Verification, examine, from_directory, read_package

ORIGIN = "hospital.example/cordon/0f0e0d0c-0b0a-4908-8706-050403020100"
BOOT = "11111111-2222-4333-8444-555555555555"
START_MS = 1_795_150_800_812
DAY_MS = 24 * 3_600_000
SHA = {
    name: hashlib.sha256(name.encode()).hexdigest()
    for name in ("policy", "software", "other", "gateway", "analyst", "engine")
}
ROLES = ("gateway", "analyst", "engine")


def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is room for one: these tests are about order and content, not about the disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    with tempfile.TemporaryDirectory(dir=memory if roomy else None, prefix="cordon-test-") as name:
        yield Path(name)


def counting_random() -> Callable[[int], bytes]:
    """Bytes that never repeat and are the same in every run."""
    calls = iter(range(10_000_000))
    return lambda count: hashlib.shake_256(f"house {next(calls)}".encode()).digest(count)


@dataclass
class Remembering:
    """Randomness that an attacker wrote down: every 32 bytes ever drawn."""

    draw: Callable[[int], bytes] = field(default_factory=counting_random)
    drawn: list[bytes] = field(default_factory=list)

    def __call__(self, count: int) -> bytes:
        data = self.draw(count)
        if count == 32:
            self.drawn.append(data)
        return data

    def signer(self, vkey: Vkey) -> Signer:
        """Find the private half of a key of this log."""
        return next(signer for seed in self.drawn if (signer := Signer(vkey.name, seed)).vkey == vkey)


@dataclass
class Clock:
    """The wall clock and the boot clock, moved by hand."""

    utc_ms: int = START_MS
    boot_ms: int = 60_000
    boot: str = BOOT

    def __call__(self) -> Instant:
        return Instant(self.utc_ms, 330, self.boot, self.boot_ms)

    def pass_ms(self, ms: int) -> Instant:
        self.utc_ms += ms
        self.boot_ms += ms
        return self()

    def reboot(self, off_ms: int = 30_000) -> None:
        self.utc_ms += off_ms
        self.boot_ms, self.boot = 20_000, f"{int(self.boot[:8]) + 1:08d}{self.boot[8:]}"


def proc(role: str) -> dict[str, object]:
    """A process that is locked as it should be."""
    controls = [{"name": name, "expect": got[0], "got": got[0]} for name, got in expected_controls(role).items()]
    return {
        "role": role,
        "pid": 100 + ROLES.index(role),
        "start_ticks": 5,
        "exe": SHA["software"],
        "code": SHA["software"],
        "no_new_privs": 1,
        "seccomp": 2,
        "filters": 1,
        "filter": SHA[role],
        "cap_eff": "0000000000000000",
        "landlock_abi": 7,
        "netns": 4026532000,
        "ifaces": ("lo",),
        "threads": 4,
        "children": 0,
        "fds": {"inet": (), "unix": ({"fd": 3, "peer": "supervisor"},), "other": {"eventpoll": 1}, "unexpected": ()},
        "controls": controls,
    }


def safety(verdict: str = "permit") -> Safety:
    unit = SafetyUnit("prompt", 1, (("harassment", 120), ("hate_speech", 30)), (("harassment", verdict),))
    return Safety(SHA["other"], SHA["other"], SHA["other"], "measured", verdict, (("harassment", 120),), 7, (unit,))


@dataclass
class House:
    """One workstation and its officer."""

    path: Path
    clock: Clock = field(default_factory=Clock)
    random: Callable[[int], bytes] = field(default_factory=counting_random)
    custody: str = "separate"
    software: str = SHA["software"]
    policy: str = SHA["policy"]
    first_e: dict[str, object] | None = None
    from_t: tuple[str, int] | None = None
    request: bytes = b""

    def __post_init__(self) -> None:
        identities = [Identity(self.random(32)), Identity(self.random(32))]
        self.identities = identities
        ring = officer.new_keyring("hospital.example", [item.recipient() for item in identities], self.random)
        self.keyring: Keyring = officer.with_months(ring, self.months(), self.random)
        self.trust: Trust = self.keyring.trust()
        self.folder = self.path / "audit"

    def months(self) -> tuple[str, ...]:
        return officer.months_from(self.clock().month(), 3)

    def enrol(self) -> "House":
        grant = Grant(SHA["policy"], SHA["software"])
        self.request = create(self.folder, origin=ORIGIN, grant=grant, at=self.clock(), random=self.random)
        terms = Terms(self.months(), (SHA["policy"],), (SHA["software"],), custody=self.custody)
        enrol(self.folder, officer.enrol(self.request, self.keyring, terms, self.clock().time()))
        return self

    def facts(self) -> StartFacts:
        return StartFacts(
            version="0.1.0",
            software=self.software,
            catalogue=SHA["other"],
            config=SHA["other"],
            policy=self.policy,
            calibration=SHA["other"],
            models=Models(SHA["other"], SHA["other"]),
            engine="embedded",
            filters=Filters(SHA["gateway"], SHA["analyst"], SHA["engine"]),
        )

    def open(self, disk: Disk | None = None) -> Log:
        self.first_e = None
        disk = disk or Disk(self.folder)
        return Log.open_on(disk, start=self.facts(), at=self.clock(), random=self.random)

    def evidence(self, log: Log, why: str = "tick", **changes: object) -> int:
        """Append an E record that reaches E1, unless `changes` to its body spoil it."""
        now = self.clock()
        start = self.from_t if self.from_t is not None and why != "start" else (now.time(), now.boot_ms)
        facts = Facts(
            window=Window(start[0], now.time(), start[1], now.boot_ms),
            why=why,
            host=Host("6.18.5", ("landlock",), 1, 4026531840),
            unit="none",
            engine="embedded",
            procs=tuple(proc(role) for role in ROLES),
            paths=Paths((Mount("/var/lib/cordon/audit", "ext4", remote=False),), 0, 1),
            loopback=Loopback(2),
            self_check=log.self_check.body(),
        )
        filters = {role: SHA[role] for role in ROLES}
        body = record(facts, filters, first=self.first_e) | changes
        self.first_e = self.first_e or body
        self.from_t = (now.time(), now.boot_ms)
        return log.append("E", body, at=now)

    def begin(self, log: Log, number: int = 0, **changes: object) -> Ticket:
        return log.begin(begin(number, **changes), at=self.clock.pass_ms(40))

    def exchange(self, log: Log, number: int = 0, result: str = "ok") -> Ticket:
        ticket = self.begin(log, number)
        log.close(ticket, outcome(result), at=self.clock.pass_ms(800))
        return ticket

    def run(self, exchanges: int = 3) -> "House":
        """A short day: start, some exchanges, one refusal, a heartbeat, evidence, a clean end."""
        log = self.open()
        self.evidence(log, "start")
        for number in range(exchanges):
            self.exchange(log, number)
        log.block(blocked(), at=self.clock.pass_ms(100))
        log.tick(at=self.clock.pass_ms(300_000))
        self.evidence(log, "stop")
        log.stop("stop", at=self.clock.pass_ms(100))
        return self

    def examine(self, anchors: Anchors | None = None) -> Verification:
        """Examine the directory as it lies."""
        return examine(from_directory(read_directory(self.folder)), self.trust, self.keyring, anchors)

    def package(self, days: tuple[str, str] | None = None) -> bytes:
        """Export what the next run of the service would: opens, packs, stops."""
        log = self.open()
        self.evidence(log, "start")
        data = pack(log, self.clock.pass_ms(100), days)
        log.stop("stop", at=self.clock.pass_ms(100))
        return data

    def examine_package(self, data: bytes, anchors: Anchors | None = None) -> Verification:
        return examine(read_package(io.BytesIO(data)), self.trust, self.keyring, anchors)

    def anchor(self) -> bytes:
        """The officer's cosigned copy of the newest checkpoint."""
        checkpoint = (self.folder / "log/checkpoint").read_bytes()
        return officer.anchor(checkpoint, self.keyring, self.clock().utc_ms // 1000)

    def seal(self) -> tuple[Keyring, str, str]:
        return self.keyring, ORIGIN, self.clock().time()


def pack(log: Log, at: Instant, days: tuple[str, str] | None = None) -> bytes:
    snapshot = log.snapshot()
    draft = draft_manifest(snapshot, days, at.time())
    note = log.sign_manifest(draft.sha, draft.size, at=at)
    out = io.BytesIO()
    write_package(out, snapshot, draft, note)
    return out.getvalue()


def begin(number: int = 0, **changes: object) -> Begin:
    fields: dict[str, object] = {
        "req": f"req-{number}",
        "dialect": "openai",
        "stream": True,
        "caller": Caller("uid:1000", "uid", "ward"),
        "purpose": "TREAT",
        "policy": SHA["policy"],
        "in_text": InText(20, 1, "00" * 16, commitment(bytes(16), ["[PERSON_1] has a cough"]), "en"),
        "redact": Redaction("cordon-pii/1", (("PERSON", 1), ("PHONE", 2))),
        "safety": safety(),
        "model": ModelRef("demo", SHA["other"], SHA["other"], SHA["other"], 7),
    }
    return Begin(**(fields | changes))  # type: ignore[arg-type]


def outcome(result: str = "ok") -> Outcome:
    out = OutText(30, 2, 2, "11" * 16, commitment(bytes(16), ["[PERSON_1] should rest"]))
    return Outcome(result=result, out=out, safety=safety(), restore=Restored(1, 0), dur_ms=800, first_ms=90)  # type: ignore[arg-type]


def blocked(count: int = 1) -> Blocked:
    return Blocked(
        "req-b", "openai", Caller("uid:1000", "uid"), "judge", "prompt_refused", SHA["policy"], rule="hate", count=count
    )


def states(found: Verification) -> dict[str, str]:
    """The checks that did not simply pass."""
    return {check.id: check.state for check in found.checks if check.state != "pass"}
