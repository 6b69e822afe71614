"""Stage 4: what the clear records say without any key - running time, clock, contents present, orders, changes.

Gaps are not forgeries: a computer may fail. They are named so that somebody can say why.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from audit.checkpoint import BadSignatureError, Note, parse_statement, verify_statement
from audit.history import DIGESTS, digests_of
from audit.record import Entry, hour_of, minutes_of, parse_time
from audit.strictjson import Json, MalformedError
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["Coverage", "Stretch", "check_clock", "check_coverage"]

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


def check_coverage(log: Structure, board: Board) -> Coverage:
    """Run V10 to V14, V19 and V22."""
    board.run(4)
    found = Coverage()
    marks = [
        _Mark(seq, log.entries[seq].kind, body["t"], parse_time(body["t"]), body["boot"], body["boot_ms"], body)
        for seq, body in log.bodies.items()
    ]
    _check_running(log, marks, found, board)
    _check_clocks(log, marks, board)
    _check_orders(log, found, board)
    _check_contents(log, found, board)
    _check_changes(log, marks, board)
    return found


def check_clock(entry: Entry, t: str, board: Board) -> None:
    """V11 for one record: the hour in the leaf is the hour of its time."""
    if entry.hour != hour_of(parse_time(t)):
        board.add("V11", "gap", Finding(seq=entry.seq, a=0, name="hour"))


# --- running time


def _check_running(log: Structure, marks: list[_Mark], found: Coverage, board: Board) -> None:
    """V10. S opens a run, X ends it; in between somebody writes at least every five minutes."""
    before: _Mark | None = None
    running, starts = False, 0
    for mark in marks:
        if mark.kind == "S":
            _check_start(mark, before, starts, board)
            if before is not None:
                _stretch(found, before, mark, "crashed" if running else "off", board)
            running, starts = True, mark.body["start"]
        elif before is not None and running and mark.boot == before.boot:
            _check_beat(found, before, mark, board)
        else:
            board.add("V10", "gap", Finding(seq=mark.seq, a=before.t if before else mark.t, b=mark.t))
        running = running and mark.kind != "X"
        before = mark
    end = log.manifest["t"] if log.manifest is not None else None
    if before is not None and end is not None:
        late = running and parse_time(end) - before.utc_ms > _MOST_APART_MS
        if late:
            board.add("V10", "gap", Finding(seq=before.seq, a=before.t, b=end))
        found.stretches.append(Stretch(before.t, end, "cut" if late else "on" if running else "off"))
    if not marks:
        board.add("V10", "gap", Finding(a=0, b=log.checkpoint.size - 1))


def _check_start(mark: _Mark, before: _Mark | None, starts: int, board: Board) -> None:
    prev = mark.body["prev"]
    clean = before is None or before.kind == "X"
    if mark.body["start"] != starts + 1 or prev["size"] != mark.seq - 1 or prev["clean"] != int(clean):
        board.add("V10", "gap", Finding(seq=mark.seq, a=before.t if before else mark.t, b=mark.t, name="start"))


def _stretch(found: Coverage, before: _Mark, mark: _Mark, label: str, board: Board) -> None:
    if label in ("crashed", "cut"):
        board.add("V10", "gap", Finding(seq=mark.seq, a=before.t, b=mark.t))
    last = found.stretches[-1] if found.stretches else None
    if last is not None and last.label == label == "on" and last.end == before.t:
        found.stretches[-1] = Stretch(last.start, mark.t, "on")
    else:
        found.stretches.append(Stretch(before.t, mark.t, label))


def _check_beat(found: Coverage, before: _Mark, mark: _Mark, board: Board) -> None:
    asleep = mark.body.get("asleep_ms", 0) if mark.kind == "H" else 0
    apart = mark.boot_ms - before.boot_ms
    label = "cut" if apart - asleep > _MOST_APART_MS else "asleep" if asleep > 0 else "on"
    _stretch(found, before, mark, label, board)


# --- clock


def _check_clocks(log: Structure, marks: list[_Mark], board: Board) -> None:
    """V11: wall clock against the clock of the boot, hours against times, nothing after the export."""
    before: _Mark | None = None
    end = parse_time(log.manifest["t"]) if log.manifest is not None else None
    for mark in marks:
        check_clock(log.entries[mark.seq], mark.t, board)
        if before is not None and before.boot == mark.boot:
            drift = (mark.utc_ms - mark.boot_ms) - (before.utc_ms - before.boot_ms)
            if abs(drift) > _MOST_DRIFT_MS:
                board.add("V11", "gap", Finding(seq=mark.seq, a=minutes_of(drift)))
        if end is not None and mark.utc_ms > end + _MOST_DRIFT_MS:
            board.add("V11", "gap", Finding(seq=mark.seq, a=minutes_of(mark.utc_ms - end), name="after export"))
        before = mark
    for epoch in log.chain.epochs:
        note = Note.parse(log.entries[epoch.start].body or b"")
        check_clock(log.entries[epoch.start], parse_statement(note, "handover")["t"], board)


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
            if any(number >= seq or log.entries[number].kind not in _ERASABLE for number in order["seqs"]):
                board.add("V14", "fail", Finding(seq=seq))
            found.erased.update(order["seqs"])
        elif kind == "purge" and order["blobs"] == "delete":
            found.purged.add(order["month"])


def _order_notes(log: Structure) -> Iterator[tuple[int, str, str]]:
    for seq, body in log.bodies.items():
        kind = log.entries[seq].kind
        if kind in _ORDERS:
            yield seq, _ORDERS[kind], body["note"]
        elif kind == "C" and "approval" in body:
            yield seq, "approval", body["approval"]


def _check_contents(log: Structure, found: Coverage, board: Board) -> None:
    """V13 and the second half of V14: every content is there, or an order says why not."""
    for entry in log.entries[log.first : log.last + 1]:
        if entry.epoch is None:
            continue
        ordered = entry.seq in found.erased or log.chain.epochs[entry.epoch].month in found.purged
        name = f"blob/{entry.digest[:2]}/{entry.digest[2:4]}/{entry.digest}"
        if ordered and name in log.package.names:
            board.add("V14", "gap", Finding(seq=entry.seq))
        elif not ordered:
            blob = log.content(name)
            if blob is None or len(blob) != entry.length or sha256(blob).hexdigest() != entry.digest:
                board.add("V13", "fail", Finding(seq=entry.seq))


# --- changes


def _check_changes(log: Structure, marks: list[_Mark], board: Board) -> None:
    """V19 and V22: what runs changes only by a C, and only with the officer's word, given before or after."""
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
            owed = {what: now[what] for what in DIGESTS if now[what] != state[what]}
            if now["software"] not in known:
                board.add("V22", "gap", Finding(seq=mark.seq))
        elif mark.kind == "C" and "approval" not in mark.body:
            what, new = mark.body["what"], mark.body["new"]
            broken = mark.body["old"] != state.get(what, "") or owed.pop(what, new) != new
            if broken or (what, new) not in approved:
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
