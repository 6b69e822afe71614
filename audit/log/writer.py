"""The log as the corridor sees it: begin, close, block, append, tick, accept, stop, snapshot.

    log = Log.open(folder, start=facts, at=now, random=token_bytes)
    log.append("E", evidence, at=now)               nothing can begin before the first evidence
    ticket = log.begin(begin, at=now)               durable: generation may be released from here on
    log.close(ticket, outcome, at=now)
    log.tick(at=now)                                each second, from one task
    log.stop("stop", at=now)

Synchronous and safe to call from threads. Every refusal is an `AuditError` with a stable code, and means that nothing
was recorded and nothing may be sent.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self

from audit.chain import BrokenChainError, BrokenOrderError
from audit.checkpoint import sign_statement
from audit.history import DIGESTS, History, digests_of
from audit.log.bodies import blocked_body, encode, outcome_body, request_body, start_body
from audit.log.core import RESERVE_BASE, RESERVE_EACH, Core
from audit.log.disk import Disk, translate
from audit.log.orders import Accepted, Order, read_order
from audit.log.recovery import Enrolment, recompute, recover
from audit.log.snapshot import Snapshot, take_snapshot
from audit.log.store import blob_path, segment_path
from audit.log.values import (
    AuditDamaged,
    AuditError,
    Begin,
    Blocked,
    Due,
    Outcome,
    Refused,
    SelfCheck,
    StartFacts,
    Ticket,
)
from audit.record import Entry, Instant
from audit.seal import Random
from audit.strictjson import Json, MalformedError
from audit.tree import ProofError

__all__ = ["Log"]

_MIN_FREE_BYTES = 256 * 1024 * 1024
_HEARTBEAT_MS = 300_000
_EVIDENCE_MS = 900_000
_INTEGRATE_MS, _INTEGRATE_RECORDS = 60_000, 256
_WARN_DAYS = 60
_SIGNED_AT_ONCE = frozenset("ECO")
Why = Literal["stop", "update", "shutdown", "fault"]


class Log:
    """An open log. Make one with `Log.open`; there is at most one writer for a directory."""

    @classmethod
    def open(cls, path: Path, *, start: StartFacts, at: Instant, random: Random) -> Self:
        """Recover the log in `path`, start an epoch, record the start. Raises `AuditError`."""
        return cls.open_on(Disk(path), start=start, at=at, random=random)

    @classmethod
    def open_on(cls, disk: Disk, *, start: StartFacts, at: Instant, random: Random) -> Self:
        """Open on a given disk: the seam where tests let every system call fail."""
        try:
            if disk.root.is_dir() and disk.is_remote():
                raise AuditError("audit_unavailable", "the log may not lie on a network or FUSE file system")
            disk.lock()
            return cls(disk, start, at, random)
        except OSError as error:
            disk.unlock()
            raise translate(error, "opening the log") from None
        except AuditError:
            disk.unlock()
            raise

    def __init__(self, disk: Disk, start: StartFacts, at: Instant, random: Random) -> None:
        found = recover(disk)
        self._core = Core(disk, found, at, random)
        self._disk = disk
        self._open: dict[int, str] = {}
        self._evidence: tuple[int, int, int] | None = None
        self._beat_ms, self._asleep_ms = at.boot_ms, 0
        self.self_check = SelfCheck(found.integrated, "pass", at.time())
        """What the last complete recomputation found: for the E record."""
        prev = {"size": found.history.tree.size, "clean": int(found.history.clean)}
        try:
            self._record_start(start, prev, at)
        except (AuditError, OSError):
            self._core.close()
            raise

    def _record_start(self, start: StartFacts, prev: Json, at: Instant) -> None:
        core = self._core
        with core.integrating, core.writing:
            core.start_epoch(at)
            before = dict(core.history.digests)
            body = start_body(start, core.history.starts + 1, _newest(core.enrolment), prev)
            self._put("S", body, at)
            now = digests_of(body)
            for what in DIGESTS:
                if before and before.get(what) != now[what]:
                    self._put("C", {"what": what, "old": before.get(what, ""), "new": now[what]}, at)
        if start.policy_toml:
            self.keep_policy(start.policy_toml)
        core.integrate()

    # --- exchanges

    @property
    def origin(self) -> str:
        return self._core.origin

    def in_force(self, what: str) -> str:
        """Return the digest that the log last recorded under this name, empty if none."""
        return self._core.history.digests.get(what, "")

    @property
    def open_exchanges(self) -> int:
        return len(self._open)

    def begin(self, begin: Begin, *, at: Instant) -> Ticket:
        """Record the request; when this returns it is durable, and only now may anything be released."""
        self._require_room()
        epoch = self._core.epoch
        if epoch is not None and epoch.is_over(at):
            self._core.roll(at)
        with self._core.writing:
            self._require_signing(at)
            body = request_body(begin, self._core.subject_key(), self._tick_seq())
            seq = self._put("R", body, at)
            self._open[seq] = begin.req
        return Ticket(seq, begin.req)

    def close(self, ticket: Ticket, outcome: Outcome, *, at: Instant) -> int:
        """Record how an exchange ended; the reserve makes this possible on a full disk."""
        with self._core.writing:
            if self._open.get(ticket.seq) != ticket.req:
                raise ValueError("this exchange is not open")
            body = outcome_body(outcome, ticket.seq, self._tick_seq())
            seq = self._put("Z", body, at, reserve=0)
            del self._open[ticket.seq]
        return seq

    def block(self, blocked: Blocked, *, at: Instant) -> int:
        """Record a refusal that never became a request; complete in itself."""
        with self._core.writing:
            return self._put("B", blocked_body(blocked, self._core.subject_key(), self._tick_seq()), at)

    # --- other records

    def append(self, kind: Literal["E", "C", "O"], body: Mapping[str, Any], *, at: Instant) -> int:
        """Record evidence, a change or an export; version and clock are filled in, and `old` of a change."""
        if kind not in _SIGNED_AT_ONCE:
            raise ValueError("this kind has its own method")
        with self._core.writing:
            fields = dict(body)
            if kind == "C":
                fields.setdefault("old", self._core.history.digests.get(fields.get("what", ""), ""))
            seq = self._put(kind, fields, at)
            epoch = self._core.epoch
            if kind == "E" and epoch is not None:
                self._evidence = (seq, at.boot_ms, epoch.number)
        self._core.integrate()
        if kind == "O":
            self._core.keep_checkpoint()
        return seq

    def keep_policy(self, toml: bytes) -> None:
        """Store the text of a policy beside the log, under its digest, for whoever reads it later."""
        try:
            self._disk.write_once(f"policy/{sha256(toml).hexdigest()}.toml", toml)
        except OSError as error:
            raise translate(error, "storing a policy") from None

    def tick(self, *, at: Instant, asleep_ms: int = 0) -> Due:
        """Do what is due: next epoch, integration, heartbeat. `asleep_ms`: suspend time since the last tick."""
        core = self._core
        core.raise_fault()
        self._asleep_ms += asleep_ms
        if core.epoch is not None and core.epoch.is_over(at):
            core.roll(at)
        count, age_ms = core.waiting(at)
        if count >= _INTEGRATE_RECORDS or age_ms >= _INTEGRATE_MS or core.hold is not None:
            core.integrate()
        with core.writing:
            if at.boot_ms - self._beat_ms >= _HEARTBEAT_MS and not core.is_overdue(at):
                self._put("H", {"asleep_ms": self._asleep_ms, "open": len(self._open)}, at)
                self._beat_ms, self._asleep_ms = at.boot_ms, 0
            number = core.epoch.number if core.epoch is not None else -1
            fresh = self._evidence is not None and self._evidence[2] == number
            due = not fresh or (self._evidence is not None and at.boot_ms - self._evidence[1] >= _EVIDENCE_MS)
        return Due(due, _days_left(core.enrolment, at))

    def stop(self, why: Why, *, at: Instant, code: str | None = None) -> None:
        """Record a clean end, sign everything, forget the keys, let the directory go. The last even if it raises."""
        core = self._core
        try:
            with core.integrating:
                with core.writing:
                    self._put("X", {"why": why, "code": code}, at, reserve=0)
                core.integrate()
                core.keep_checkpoint()
        finally:
            core.close()

    # --- officer and export

    def accept(self, note: bytes, *, at: Instant) -> Accepted:
        """Take an officer's note: verify it, record it, do what it orders. Raises `Refused` or `AuditError`."""
        core = self._core
        with core.integrating:
            core.integrate()
            with core.writing:
                order = read_order(note, core.enrolment, core.history)
                try:
                    paths = self._paths(order)
                except OSError as error:
                    raise translate(error, "reading what an order names") from None
                except (MalformedError, ProofError):
                    raise AuditDamaged("what an order names cannot be read") from None
                seq = self._put(order.kind, order.fields, at)
                if order.type == "enrolment":
                    self._store_enrolment(order)
            try:
                core.integrate()  # signed first: whoever looks now sees the order before the loss
            finally:
                self._erase(paths)
            core.integrate(rotate=True)
            if order.kind == "A":
                core.keep_checkpoint()
        return Accepted(order.kind, seq)

    def snapshot(self) -> Snapshot:
        """Sign what there is and return a view of it that later writing does not disturb."""
        core = self._core
        with core.integrating:
            core.integrate()
            core.keep_checkpoint()
            try:
                return take_snapshot(self._disk, core.checkpoint)
            except OSError as error:
                raise translate(error, "viewing the log") from None

    def sign_manifest(self, sha: str, size: int, *, at: Instant) -> bytes:
        """Vouch for the manifest of an export with the key of this epoch."""
        with self._core.writing:
            self._core.raise_fault()
            if self._core.epoch is None:
                raise AuditError("audit_unavailable", "the log is closed")
            body = {"v": 1, "origin": self.origin, "t": at.time(), "sha": sha, "size": size}
            return sign_statement("manifest", body, self._core.epoch.signer)

    def recheck(self, *, at: Instant) -> SelfCheck:
        """Recompute everything that is signed, once a day; the result belongs into the next E record."""
        core = self._core
        with core.integrating:
            core.integrate()
            epoch0 = core.history.chain.epoch0
            try:
                recompute(core.store, core.integrated, core.history_root(), History.of(core.origin, epoch0))
                result: Literal["pass", "fail"] = "pass"
            except (AuditDamaged, MalformedError, BrokenOrderError, BrokenChainError, ProofError):
                result = "fail"
            except OSError as error:
                raise translate(error, "checking the log") from None
        self.self_check = SelfCheck(core.integrated, result, at.time())
        return self.self_check

    # --- inside

    def _put(self, kind: str, fields: Json, at: Instant, *, reserve: int | None = None) -> int:
        if reserve is None:
            reserve = RESERVE_BASE + RESERVE_EACH * (len(self._open) + 1)
        try:
            return self._core.write(kind, encode(kind, fields, at), at, reserve=reserve)
        except MalformedError as error:
            raise AuditError("audit_unavailable", f"a record is too large: {error}") from None

    def _require_room(self) -> None:
        try:
            free = self._disk.free_bytes()
        except OSError as error:
            raise translate(error, "asking for free space") from None
        if free < _MIN_FREE_BYTES:
            raise AuditError("audit_full", "less than 256 MiB are free")

    def _require_signing(self, at: Instant) -> None:
        self._core.raise_fault()
        if self._core.hold is not None:
            raise AuditError(self._core.hold.code, self._core.hold.detail)
        if self._core.is_overdue(at):
            raise AuditError("audit_unavailable", "signing is more than two minutes late")

    def _tick_seq(self) -> int:
        if self._evidence is None:
            raise AuditError("audit_unavailable", "no network evidence was recorded yet")
        return self._evidence[0]

    def _paths(self, order: Order) -> list[str]:
        """Return what an erasure or purge deletes; refuse what it may not touch."""
        core = self._core
        if order.type == "tombstone":
            entries = [Entry.parse(core.store.leaf(seq, core.integrated)) for seq in order.body["seqs"]]
            if any(entry.kind not in "RZB" for entry in entries):
                raise Refused("only requests, outcomes and refusals can be erased singly")
            return [blob_path(entry.digest) for entry in entries]
        if order.type == "purge" and order.body["blobs"] == "delete":
            epochs = [epoch for epoch in core.history.chain.epochs if epoch.month == order.body["month"]]
            if core.epoch is not None and core.epoch.month == order.body["month"]:
                raise Refused("the month is still being written")
            numbers = {epoch.number for epoch in epochs}
            found = (Entry.parse(leaf) for leaf in core.store.leaves(core.integrated))
            blobs = [blob_path(entry.digest) for entry in found if entry.epoch in numbers]
            return [*blobs, *(segment_path(number) for number in sorted(numbers))]
        return []

    def _erase(self, paths: list[str]) -> None:
        try:
            self._core.store.erase(paths)
        except OSError as error:
            raise translate(error, "deleting what an order names") from None

    def _store_enrolment(self, order: Order) -> None:
        core = self._core
        number = len(core.enrolment.notes)
        try:
            self._disk.write(f"notes/enrolment-{number}.note", order.note)
        except OSError as error:
            raise core.poison(error, "storing an enrolment") from None
        core.enrolment = Enrolment((*core.enrolment.notes, order.note), order.body)


def _newest(enrolment: Enrolment) -> str:
    return sha256(enrolment.notes[-1]).hexdigest()


def _days_left(enrolment: Enrolment, at: Instant) -> int | None:
    """Return the days to the end of the last month that has a key, once they are fewer than sixty."""
    last = max((month for month, _ in enrolment.body["months"]), default="000001")
    year, month = int(at.month()[:4]), int(at.month()[4:])
    months = (int(last[:4]) - year) * 12 + int(last[4:]) - month + 1
    days = months * 30 - int(at.time()[8:10])
    return days if days < _WARN_DAYS else None
