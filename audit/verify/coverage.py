"""Stage 4: what the clear records say without any key - running time, clock, contents present, orders, changes.

Gaps are not forgeries: a computer may fail. They are named so that somebody can say why.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from audit.checkpoint import BadSignatureError, Note, parse_statement, verify_statement
from audit.history import ACCESS, DIGESTS, digests_of
from audit.record import Entry, hour_of, minutes_of, parse_time
from audit.strictjson import Json, MalformedError
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["Coverage", "Stretch", "blob_path", "check_clock", "check_coverage", "check_present"]

_MOST_APART_MS = 11 * 60_000
_MOST_DRIFT_MS = 2 * 60_000
_ORDERS = {"T": "tombstone", "P": "purge", "V": "review"}
_ERASABLE = frozenset("RZB")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time under one label: on, off, asleep, crashed, cut."""

    start: str
    end: str
    label: str

    def body(self) -> Json:
        return {"from": self.start, "to": self.end, "label": self.label}


@dataclass(slots=True)
class Coverage:
    """What stage 4 leaves for the later ones."""

    stretches: list[Stretch] = field(default_factory=list)
    erased: set[int] = field(default_factory=set)
    purged: set[str] = field(default_factory=set)
    span_ms: tuple[int, int] = (0, 0)
    """From the clear record before the range to the one after it."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """A clear record with a clock."""

    seq: int
    kind: str
    t: str
    utc_ms: int
    boot: str
    boot_ms: int
    body: Json

    @classmethod
    def of(cls, entry: Entry, body: Json) -> Self:
        return cls(entry.seq, entry.kind, body["t"], parse_time(body["t"]), body["boot"], body["boot_ms"], body)


def check_coverage(log: Structure, board: Board) -> Coverage:
    """Run V10 to V12, V14, V19 and V22; V13 and the other half of V14 are `check_present`'s."""
    board.run(4)
    found = Coverage()
    running, clocks, span = _Running(found, board), _Clocks(log, board), _Span(log)
    for entry, body in log.clear():
        mark = _Mark.of(entry, body)
        running.feed(mark)
        clocks.feed(entry, mark)
        span.feed(mark)
    running.finish(log)
    clocks.finish()
    found.span_ms = span.result()
    _check_orders(log, found, board)
    _check_changes(log, [_Mark.of(*pair) for pair in log.leaves.clear.values()], board)
    return found


def check_clock(entry: Entry, t: str, board: Board) -> None:
    """V11 for one record: the hour in the leaf is the hour of its time."""
    if entry.hour != hour_of(parse_time(t)):
        board.add("V11", "gap", Finding(seq=entry.seq, a=0, name="hour"))


# --- running time


class _Running:
    """V10. S opens a run, X ends it; in between somebody writes at least every five minutes."""

    def __init__(self, found: Coverage, board: Board) -> None:
        self._found, self._board = found, board
        self._before: _Mark | None = None
        self._running, self._starts = False, 0

    def feed(self, mark: _Mark) -> None:
        before = self._before
        if mark.kind == "S":
            self._start(mark)
        elif before is not None and self._running and mark.boot == before.boot:
            self._beat(before, mark)
        else:
            self._board.add("V10", "gap", Finding(seq=mark.seq, a=before.t if before else mark.t, b=mark.t))
        self._running = self._running and mark.kind != "X"
        self._before = mark

    def finish(self, log: Structure) -> None:
        """Judge the time from the newest record to the export."""
        before, end = self._before, log.manifest["t"] if log.manifest is not None else None
        if before is not None and end is not None:
            late = self._running and parse_time(end) - before.utc_ms > _MOST_APART_MS
            if late:
                self._board.add("V10", "gap", Finding(seq=before.seq, a=before.t, b=end))
            label = "cut" if late else "on" if self._running else "off"
            self._found.stretches.append(Stretch(before.t, end, label))
        if before is None:
            self._board.add("V10", "gap", Finding(a=0, b=log.checkpoint.size - 1))

    def _start(self, mark: _Mark) -> None:
        before, prev = self._before, mark.body["prev"]
        clean = before is None or before.kind == "X"
        if (mark.body["start"], prev["size"], prev["clean"]) != (self._starts + 1, mark.seq - 1, int(clean)):
            since = before.t if before else mark.t
            self._board.add("V10", "gap", Finding(seq=mark.seq, a=since, b=mark.t, name="start"))
        if before is not None:
            self._stretch(before, mark, "crashed" if self._running else "off")
        self._running, self._starts = True, mark.body["start"]

    def _beat(self, before: _Mark, mark: _Mark) -> None:
        asleep = mark.body.get("asleep_ms", 0) if mark.kind == "H" else 0
        apart = mark.boot_ms - before.boot_ms
        self._stretch(before, mark, "cut" if apart - asleep > _MOST_APART_MS else "asleep" if asleep > 0 else "on")

    def _stretch(self, before: _Mark, mark: _Mark, label: str) -> None:
        if label in ("crashed", "cut"):
            self._board.add("V10", "gap", Finding(seq=mark.seq, a=before.t, b=mark.t))
        stretches = self._found.stretches
        last = stretches[-1] if stretches else None
        if last is not None and last.label == label == "on" and last.end == before.t:
            stretches[-1] = Stretch(last.start, mark.t, "on")
        else:
            stretches.append(Stretch(before.t, mark.t, label))


# --- clock


class _Clocks:
    """V11: wall clock against the clock of the boot, hours against times, nothing after the export."""

    def __init__(self, log: Structure, board: Board) -> None:
        self._log, self._board = log, board
        self._before: _Mark | None = None
        self._end = parse_time(log.manifest["t"]) if log.manifest is not None else None

    def feed(self, entry: Entry, mark: _Mark) -> None:
        before, self._before = self._before, mark
        check_clock(entry, mark.t, self._board)
        if before is not None and before.boot == mark.boot:
            drift = (mark.utc_ms - mark.boot_ms) - (before.utc_ms - before.boot_ms)
            if abs(drift) > _MOST_DRIFT_MS:
                self._board.add("V11", "gap", Finding(seq=mark.seq, a=minutes_of(drift)))
        if self._end is not None and mark.utc_ms > self._end + _MOST_DRIFT_MS:
            late = minutes_of(mark.utc_ms - self._end)
            self._board.add("V11", "gap", Finding(seq=mark.seq, a=late, name="after export"))

    def finish(self) -> None:
        """Hold the hours of the hand-overs against their times."""
        for entry in self._log.leaves.handovers:
            check_clock(entry, parse_statement(Note.parse(entry.body or b""), "handover")["t"], self._board)


class _Span:
    """The time between the clear records around the range."""

    def __init__(self, log: Structure) -> None:
        self._first, self._last = log.first, log.last
        whole = log.manifest is not None and log.last == log.checkpoint.size - 1
        self._end = [parse_time(log.manifest["t"])] if log.manifest is not None and whole else []
        self._before: list[int] = []
        self._inside: tuple[int, int] | None = None
        self._after: list[int] = []

    def feed(self, mark: _Mark) -> None:
        if mark.seq < self._first:
            self._before = [mark.utc_ms]
        elif mark.seq <= self._last:
            low, high = self._inside or (mark.utc_ms, mark.utc_ms)
            self._inside = min(low, mark.utc_ms), max(high, mark.utc_ms)
        elif not self._after:
            self._after = [mark.utc_ms]

    def result(self) -> tuple[int, int]:
        times = [*self._before, *(self._inside or ()), *self._after]
        return min(times, default=0), max([*times, *self._end], default=0)


# --- orders and contents


def _check_orders(log: Structure, found: Coverage, board: Board) -> None:
    """V14: T, P, V and approvals by the officer, about this log, of what may be ordered."""
    for seq, kind, text in _order_notes(log):
        try:
            note = Note.parse(text.encode())
            verify_statement(note, kind, log.trust.officer, log.origin)
            order = parse_statement(note, kind)
        except (MalformedError, BadSignatureError):
            board.add("V14", "fail", Finding(seq=seq))
            continue
        if kind == "tombstone":
            if any(number >= seq or log.leaves.kind(number) not in _ERASABLE for number in order["seqs"]):
                board.add("V14", "fail", Finding(seq=seq))
            found.erased.update(order["seqs"])
        elif kind == "purge" and order["blobs"] == "delete":
            found.purged.add(order["month"])


def _order_notes(log: Structure) -> Iterator[tuple[int, str, str]]:
    for seq, (entry, body) in log.leaves.clear.items():
        if entry.kind in _ORDERS:
            yield seq, _ORDERS[entry.kind], body["note"]
        elif entry.kind == "C" and "approval" in body:
            yield seq, "approval", body["approval"]


def check_present(log: Structure, entry: Entry, found: Coverage, board: Board) -> bool:
    """V13 and the second half of V14: a content is there, or an order says why not. Tell whether it is."""
    ordered = entry.seq in found.erased or log.month_of(entry.seq) in found.purged
    name = blob_path(entry)
    if ordered:
        if name in log.package.names:
            board.add("V14", "gap", Finding(seq=entry.seq))
        return name in log.package.names
    known = log.listed.get(name)  # the manifest names size and digest, and stage 1 has held the file to it
    if known is None and (blob := log.content(name)) is not None:
        known = len(blob), sha256(blob).hexdigest()
    if known != (entry.length, entry.digest):
        board.add("V13", "fail", Finding(seq=entry.seq))
    return known is not None


def blob_path(entry: Entry) -> str:
    """Return where the content of a record lies."""
    return f"blob/{entry.digest[:2]}/{entry.digest[2:4]}/{entry.digest}"


# --- changes


def _check_changes(log: Structure, marks: list[_Mark], board: Board) -> None:
    """V19 and V22: what runs changes only by a C, and only with the officer's word, given before or after.

    Who may ask is on record, too, but is the workstation's own business.
    """
    approved = _approved(log, marks)
    known = {digest for what, digest in approved if what == "software"}
    state: dict[str, str] = {}
    owed: dict[str, str] = {}
    for mark in marks:
        if mark.kind == "S":
            now = digests_of(mark.body)
            if not state and ("policy", now["policy"]) not in approved:
                board.add("V19", "gap", Finding(seq=mark.seq, name="policy"))
            state = state or dict(now)
            owed = {what: now[what] for what in DIGESTS if now[what] != state.get(what)}
            if now["software"] not in known:
                board.add("V22", "gap", Finding(seq=mark.seq))
        elif mark.kind == "C" and "approval" not in mark.body:
            what, new = mark.body["what"], mark.body["new"]
            broken = mark.body["old"] != state.get(what, "") or owed.pop(what, new) != new
            if broken or (what != ACCESS and (what, new) not in approved):
                board.add("V19", "gap", Finding(seq=mark.seq, name=what))
            state[what] = new
        elif mark.kind == "X":
            for what in owed:
                board.add("V19", "gap", Finding(seq=mark.seq, name=what))


def _approved(log: Structure, marks: list[_Mark]) -> set[tuple[str, str]]:
    approved = {("policy", digest) for body in log.enrolments for digest in body["policy"]}
    approved |= {("software", digest) for body in log.enrolments for digest in body["software"]}
    numbers = range(len(log.enrolments))
    notes = [log.content(f"notes/enrolment-{number}.note") or b"" for number in numbers]
    approved |= {("enrolment", sha256(note).hexdigest()) for note in notes}
    for mark in marks:
        if mark.kind == "C" and "approval" in mark.body:
            approved |= _approval(log, mark.body["approval"])
    return approved


def _approval(log: Structure, text: str) -> set[tuple[str, str]]:
    try:
        note = Note.parse(text.encode())
        verify_statement(note, "approval", log.trust.officer, log.origin)
        body = parse_statement(note, "approval")
    except (MalformedError, BadSignatureError):
        return set()
    return {(body["what"], body["new"])}
