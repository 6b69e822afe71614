"""The log's post: officer notes and export requests come in by one folder, packages go out by another.

    /var/lib/cordon/inbox/    anything.note, export-*.json     then inbox/done or inbox/refused, with a reason beside
    /var/lib/cordon/outbox/   cordon-export_*.zip

Laws: what lies in the inbox is untrusted - plain files of at most 1 MiB, never followed, never executed, judged by the
log itself; a file is moved only after what it asked for is durable, so a crash repeats it and loses nothing; a log that
cannot be written leaves the file where it is. A network folder mounted there lowers the evidence: the service says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.export.bundle import Draft, draft_manifest, package_name, write_package
from audit.log import AuditError, Log, Refused, Snapshot
from audit.record import Entry, Instant
from audit.tree import TileName, read_bundle
from proxy.verifier_page import page_bytes

__all__ = ["MAX_BYTES", "Days", "Handled", "NothingThere", "PostBox", "pack", "request_of", "verified_days"]

MAX_BYTES = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\Z")
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\Z", re.ASCII)
_AT_ONCE = 8
_KEPT = 200
_WIDTH = 256
Days = tuple[str, str]
"""First and last UTC day, both included."""
Now = Callable[[], Instant]


class NothingThere(Exception):  # noqa: N818 - it is an answer, not an error
    """There are no records on these days."""


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one file."""

    name: str
    done: bool
    said: str


def request_of(days: Days | None) -> bytes:
    """Write an export request; None asks for the whole log."""
    fields: dict[str, int | str] = {"v": 1}
    if days is not None:
        fields |= {"from": days[0], "to": days[1]}
    return json.dumps(fields).encode("ascii")


def verified_days(first: object, last: object) -> Days:
    """Return a range of days; raise `Refused` if it is not one."""
    if not isinstance(first, str) or not isinstance(last, str) or not (_DAY.match(first) and _DAY.match(last)):
        raise Refused("days are written YYYY-MM-DD")
    if first > last:
        raise Refused("the first day is after the last")
    return first, last


def pack(log: Log, now: Now, days: Days | None, target: Path) -> tuple[Path, int]:
    """Write a package and record it. Raises AuditError, OSError or NothingThere.

    The record comes before the name: a crash may leave a record without a package, never a package without a record.
    """
    snapshot, at = log.snapshot(), now()
    try:
        draft = draft_manifest(snapshot, days, at.time(), page_bytes())
    except ValueError:
        raise NothingThere from None
    note = log.sign_manifest(draft.sha, draft.size, at=at)
    first, last = days or (_first_day(snapshot), at.time()[:10])
    path = target / package_name(log.origin, first, last, snapshot.checkpoint.size)
    unfinished = path.with_name(f".{path.name}.new")
    try:
        _write(unfinished, snapshot, draft, note)
        body = {"from": draft.first, "to": draft.last, "size": snapshot.checkpoint.size, "manifest": draft.sha}
        log.append("O", body, at=now())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return path, snapshot.checkpoint.size


def _write(path: Path, snapshot: Snapshot, draft: Draft, note: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o640)
        write_package(file, snapshot, draft, note)
        file.flush()
        os.fsync(file.fileno())


def _first_day(snapshot: Snapshot) -> str:
    width = min(_WIDTH, snapshot.checkpoint.size)
    return Entry.parse(read_bundle(snapshot.read("log/" + TileName(-1, 0, width).path()))[0]).hour[:10]


class PostBox:
    """Inbox and outbox of one log."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.inbox, self.outbox = inbox, outbox

    @classmethod
    def beside(cls, log: Path) -> PostBox:
        """Both lie beside the log's own folder."""
        return cls(log.parent / "inbox", log.parent / "outbox")

    def put(self, name: str, data: bytes) -> Path:
        """Leave a file for the service, whole or not at all. Raises OSError."""
        path = self.inbox / name
        unfinished = self.inbox / f".{name}.new"
        unfinished.write_bytes(data)
        unfinished.chmod(0o664)
        unfinished.rename(path)
        return path

    def answer(self, name: str) -> Handled | None:
        """What became of a file that was put in, or None as long as nothing has. Raises OSError."""
        for folder, done in (("done", True), ("refused", False)):
            said = self.inbox / folder / f"{name}.txt"
            if said.is_file():
                return Handled(name, done, said.read_text("utf-8").strip())
        return None

    def tidy(self) -> None:
        """Make both folders, and drop what a killed process left unfinished. What cannot be done is left."""
        with contextlib.suppress(OSError):
            self.inbox.mkdir(mode=0o770, exist_ok=True)
            self.outbox.mkdir(mode=0o770, exist_ok=True)
            for left in self.outbox.glob(".cordon-export_*.new"):
                left.unlink()

    def handle(self, log: Log, now: Now) -> Iterator[Handled]:
        """Do what a few files ask for, oldest name first. Raises AuditError; the file then stays and is tried again."""
        for name, data in list(self._waiting()):
            try:
                handled = Handled(name, True, self._do(log, now, name, data))
            except Refused as error:
                handled = Handled(name, False, str(error))
            except NothingThere:
                handled = Handled(name, False, "there are no records on these days; no package was written")
            except OSError as error:
                handled = Handled(name, False, f"the package cannot be written ({error.strerror}); there is none")
            self._file(handled)
            yield handled

    def _do(self, log: Log, now: Now, name: str, data: bytes | None) -> str:
        if data is None:
            raise Refused(f"not a plain file of at most {MAX_BYTES} bytes")
        if not name.endswith(".json"):
            accepted = log.accept(data, at=now())
            return f"accepted: record {accepted.seq}, kind {accepted.kind}"
        path, size = pack(log, now, _days_of(data), self.outbox)
        return f"written: {path.name} ({size} records)"

    def _waiting(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield name and content; None for what is not a plain file of a decent size."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.inbox) if not entry.is_dir(follow_symlinks=False))
        except OSError:
            return
        for name in [name for name in names if _NAME.match(name)][:_AT_ONCE]:
            yield name, self._read(name)

    def _read(self, name: str) -> bytes | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self.inbox / name, flags)
        except OSError:
            return None
        with os.fdopen(fd, "rb") as file:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_BYTES:
                return None
            data = file.read(MAX_BYTES + 1)
        return data if len(data) <= MAX_BYTES else None

    def _file(self, handled: Handled) -> None:
        """Move a file to its shelf and write the answer beside it. Raises AuditError if it cannot leave the inbox."""
        shelf = self.inbox / ("done" if handled.done else "refused")
        try:
            if not shelf.is_symlink():
                shelf.mkdir(mode=0o770, exist_ok=True)
            note = shelf / f"{handled.name}.txt"
            note.write_text(f"{handled.said}\n", encoding="utf-8")
            (self.inbox / handled.name).rename(shelf / handled.name)
            note.chmod(0o664)
            _thin(shelf)
        except OSError as error:
            raise AuditError("audit_unavailable", f"the inbox cannot be tidied ({error.strerror})") from None


def _days_of(data: bytes) -> Days | None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused("not an export request") from None
    if not isinstance(body, dict) or body.get("v") != 1 or not set(body) <= {"v", "from", "to"}:
        raise Refused("not an export request")
    return None if "from" not in body and "to" not in body else verified_days(body.get("from"), body.get("to"))


def _thin(shelf: Path) -> None:
    """Keep the newest; what is asked for again is asked for again."""
    files = sorted((entry for entry in os.scandir(shelf) if entry.is_file(follow_symlinks=False)), key=_age)
    for entry in files[: -2 * _KEPT]:
        os.unlink(entry.path)


def _age(entry: os.DirEntry[str]) -> float:
    return entry.stat(follow_symlinks=False).st_mtime
