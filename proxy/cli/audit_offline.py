"""A log without its service: what can be read of it beside a running one, and how to write to it when none runs.

    state_of(folder)                     reads only; nothing is locked
    with offline_log(settings) as (log, now): ...

Law: opening to write is what the service does at its start - the same digests, an S record, an X at the end - so that
the log never says that something else ran. No prompt is handled meanwhile, so there is no evidence record.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from audit.checkpoint import Checkpoint, Note, Vkey, checkpoint_code, parse_statement
from audit.log import AuditError, Filters, Log, Models, NotEnrolled, StartFacts, read_directory
from audit.log.snapshot import Snapshot
from audit.record import Entry, Instant
from audit.strictjson import MalformedError
from audit.tree import TileName, read_bundle
from audit.wal import scan
from proxy.build import NO_DIGEST
from proxy.cli.officer_keys import key_code
from proxy.clock import Clock, read_boot_id
from proxy.config import Settings
from proxy.hostfacts import expected_filters
from proxy.launch import Prepared, prepare
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["LogState", "is_writing", "offline_log", "start_facts", "state_of"]

_WAL = "state/wal"
_ENROLMENT = re.compile(r"enrolment-(0|[1-9][0-9]*)\.note\Z")
_BUNDLE = 256


@dataclass(frozen=True, slots=True)
class LogState:
    """What a log says about itself without any key."""

    exists: bool
    enrolled: bool
    writing: bool
    origin: str = ""
    site: str = ""
    officer: str = ""
    """The code of the officer's key."""
    last_month: str = ""
    size: int = 0
    hour: str = ""
    code: str = ""
    """What can be written on paper."""

    def body(self) -> dict[str, str | int | bool]:
        """For machines."""
        return asdict(self)


def state_of(folder: Path) -> LogState:
    """Read a log's state. Raises AuditError or OSError."""
    wal = folder / _WAL
    if not wal.is_file():
        return LogState(exists=False, enrolled=False, writing=False)
    origin = _origin(wal)
    writing = is_writing(folder)
    found = {int(m[1]): path for path in folder.glob("notes/*.note") if (m := _ENROLMENT.match(path.name))}
    if not found:
        return LogState(exists=True, enrolled=False, writing=writing, origin=origin)
    try:
        body = parse_statement(Note.parse(found[max(found)].read_bytes()), "enrolment")
        officer = Vkey.parse(body["officer"])
    except MalformedError:
        raise AuditError("audit_damaged", "the enrolment note cannot be read") from None
    size, hour, code = _signed(folder)
    months = [month for month, _ in body["months"]]
    last = max(months, default="")
    return LogState(True, True, writing, origin, body["site"], key_code(officer), last, size, hour, code)


def _origin(wal: Path) -> str:
    try:
        return scan(wal.read_bytes()).header.origin
    except MalformedError:
        raise AuditError("audit_damaged", "the write-ahead log cannot be read") from None


def _signed(folder: Path) -> tuple[int, str, str]:
    """Size, hour of the newest signed record, paper code; zero before the first start."""
    try:
        snapshot = read_directory(folder)
    except NotEnrolled:
        return 0, "", ""
    point: Checkpoint = snapshot.checkpoint
    return point.size, _hour(snapshot, point.size - 1), checkpoint_code(point)


def _hour(snapshot: Snapshot, seq: int) -> str:
    number, place = divmod(seq, _BUNDLE)
    width = min(_BUNDLE, snapshot.checkpoint.size - number * _BUNDLE)
    leaves = read_bundle(snapshot.read("log/" + TileName(-1, number, width).path()))
    return Entry.parse(leaves[place]).hour


def is_writing(folder: Path) -> bool:
    """Whether a process holds the writer's lock. A shared lock is tried, for a moment, and given back."""
    try:
        with (folder / "state" / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def offline_log(settings: Settings) -> Iterator[tuple[Log, Callable[[], Instant]]]:
    """Open the log as the service would, and stop it cleanly. Raises AuditError, LaunchError or ConfigError."""
    clock = Clock(read_boot_id())
    if not settings.audit.dir.is_dir():
        raise NotEnrolled("there is no log here; run `cordon audit init`")
    facts = start_facts(prepare(settings))
    log = Log.open(settings.audit.dir, start=facts, at=clock.instant(), random=secrets.token_bytes)
    try:
        yield log, clock.instant
    finally:
        log.stop("stop", at=clock.instant())


def start_facts(prepared: Prepared) -> StartFacts:
    """What the service would record about itself with these settings. Raises LaunchError."""
    settings, policy = prepared.settings, prepared.policy
    return StartFacts(
        version=version("cordon-proxy"),
        software=package_digest(package_dirs()),
        catalogue=prepared.catalogue.digest,
        config=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
        policy=policy.digest,
        calibration=policy.calibration_digest or NO_DIGEST,
        models=Models(
            answer=prepared.answer.sha256 if prepared.answer else NO_DIGEST,
            guard=prepared.guard.sha256 if prepared.guard else NO_DIGEST,
        ),
        engine=settings.engine.kind,
        filters=Filters(**expected_filters()),
    )
