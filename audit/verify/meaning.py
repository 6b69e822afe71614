"""Stage 6: what the opened records mean - network evidence, requests and their outcomes, totals.

Levels are computed from the facts of each E record, never read; totals are recounted here and nowhere stored.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from audit.evidence import assess
from audit.record import Entry, minutes_of, parse_time
from audit.strictjson import MAX_INT, Json
from audit.verify.coverage import Coverage, Stretch
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["Meaning", "MeaningPass"]

_MOST_UNSEEN_MS = 30 * 60_000
_MAY_BE_OPEN_MS = 10 * 60_000
_JOINED_MS = 1000
Span = tuple[str, str, int]
"""From, to, number of control tests."""
_FAILED = frozenset({"failed", "cancelled", "timeout"})


@dataclass(frozen=True, slots=True)
class _Window:
    start_ms: int
    end_ms: int
    level: str
    controls: int


@dataclass(frozen=True, slots=True)
class Meaning:
    """What stage 6 leaves for the report."""

    minutes: Json
    totals: Json
    spans: tuple[Span, ...] = ()
    """Unbroken stretches at E1."""
    reasons: tuple[str, ...] = ()
    """Why the evidence is not E1 throughout, each reason once, in the order met; empty means it is."""


class MeaningPass:
    """Is fed the sealed records of the range one after another, and keeps what the sums need."""

    def __init__(self, log: Structure, covered: Coverage, board: Board) -> None:
        board.run(6)
        self._log, self._covered, self._board = log, covered, board
        self._evidence = _Evidence(log, board)
        self._requests = _Requests(log, board)
        self._opened = self._lost = self._erased = self._purged = self._blocked = self._flagged = 0
        self._removed: Counter[str] = Counter()

    @property
    def levels(self) -> dict[int, str]:
        """Level of each evidence record so far."""
        return self._evidence.levels

    def feed(self, entry: Entry, body: Json | None) -> None:
        """Take the next record; `body` is None where it does not open."""
        self._evidence.feed(entry, body)
        self._requests.feed(entry, body)
        if body is None:
            self._lost += 1
            self._gone(entry)
            return
        self._opened += 1
        self._blocked += body["count"] if entry.kind == "B" else 0
        self._flagged += int("safety" in body and body["safety"]["verdict"] == "flag")
        if "redact" in body:
            self._removed.update(body["redact"]["counts"])

    def _gone(self, entry: Entry) -> None:
        if entry.seq in self._covered.erased:
            self._erased += 1
        elif self._log.month_of(entry.seq) in self._covered.purged:
            self._purged += 1

    def finish(self) -> Meaning:
        """Run what needs the whole: V18, V25, V21."""
        log, evidence = self._log, self._evidence
        minutes = _minutes(self._covered, evidence.windows, self._board)
        counted = self._requests.finish()
        requests = log.leaves.count("R", log.first, log.last)
        sealed = sum(log.leaves.count(kind, log.first, log.last) for kind in "RZBE")
        absurd = max([self._blocked, *self._removed.values()]) > MAX_INT
        if absurd or counted.total() != requests or self._opened + self._lost != sealed:
            self._board.add("V21", "fail", Finding())
        totals = {
            "records": log.last - log.first + 1,
            "requests": requests,
            "answered": counted["ok"],
            "refused": counted["refused"],
            "failed": counted["failed"],
            "interrupted": counted["interrupted"],
            "blocked": min(self._blocked, MAX_INT),
            "flagged": self._flagged,
            "erased": self._erased,
            "purged": self._purged,
            "removed": {kind: min(count, MAX_INT) for kind, count in sorted(self._removed.items())},
        }
        lasting = [span for span in evidence.spans if span[0] != span[1]]
        return Meaning(minutes, totals, tuple(lasting or evidence.spans), tuple(evidence.reasons))


# --- evidence


class _Evidence:
    """V18, V20: levels computed from facts; each exchange names the newest evidence, not older than two intervals."""

    def __init__(self, log: Structure, board: Board) -> None:
        self._board = board
        self.windows: list[_Window] = []
        self.spans: list[Span] = []
        self.reasons: dict[str, None] = {}
        self.levels: dict[int, str] = {}
        self._starts = [(seq, body) for seq, (entry, body) in log.leaves.clear.items() if entry.kind == "S"]
        self._place, self._first_record = 0, log.first
        self._filters: dict[str, str] = {}
        self._first: Json | None = None
        before = log.leaves.newest("E", 0, log.first - 1)
        self._newest = before if before >= 0 else None
        self._clock: tuple[str, int] | None = None

    def feed(self, entry: Entry, body: Json | None) -> None:
        if entry.kind == "E":
            self._newest = entry.seq
            self._clock = (body["boot"], body["boot_ms"]) if body is not None else None
            if body is not None:
                self._assess(entry.seq, body)
        elif body is not None:
            newest = self._newest
            old = newest is not None and newest >= self._first_record and self._is_old(body)
            if body["tick"] != newest or old:
                self._board.add("V20", "gap", Finding(seq=entry.seq))

    def _is_old(self, body: Json) -> bool:
        if self._clock is None or self._clock[0] != body["boot"]:
            return True
        return bool(body["boot_ms"] - self._clock[1] > _MOST_UNSEEN_MS)

    def _assess(self, seq: int, body: Json) -> None:
        """Compute the level against the start of its own run."""
        while self._place < len(self._starts) and self._starts[self._place][0] < seq:
            self._filters, self._first = self._starts[self._place][1]["filters"], None
            self._place += 1
        self._first = body if self._first is None and body["why"] == "start" else self._first
        found = assess(body, self._filters, first=self._first)
        self.levels[seq] = found.level
        if body["level"] == "E1" and found.level != "E1":
            self._board.add("V18", "gap", Finding(seq=seq, name="level"))
        self.reasons.update(dict.fromkeys(found.reasons))
        window = body["window"]
        number = sum(len(proc["controls"]) for proc in body["procs"])
        self.windows.append(_Window(parse_time(window["from"]), parse_time(window["to"]), found.level, number))
        if found.level == "E1":
            _extend(self.spans, (window["from"], window["to"], number))


def _extend(spans: list[Span], window: Span) -> None:
    """Join a window to the stretch it continues, or begin a new one: no sentence may span what nobody measured."""
    if spans and 0 <= parse_time(window[0]) - parse_time(spans[-1][1]) <= _JOINED_MS:
        spans[-1] = (spans[-1][0], window[1], spans[-1][2] + window[2])
    else:
        spans.append(window)


def _minutes(covered: Coverage, windows: Sequence[_Window], board: Board) -> Json:
    """V18: every running stretch lies under windows; what does not is a gap. Off time is what remains."""
    first, last = covered.span_ms
    spent = {"E0": 0, "E1": 0, "gap": 0}
    ordered = sorted(windows, key=lambda item: item.start_ms)
    for stretch in covered.stretches:
        if stretch.label == "off":
            continue
        start, end = max(parse_time(stretch.start), first), min(parse_time(stretch.end), last)
        if start < end:
            _walk(stretch, (start, end), ordered, spent, board)
    return {name: minutes_of(ms) for name, ms in spent.items()}


def _walk(
    stretch: Stretch, span: tuple[int, int], windows: Sequence[_Window], spent: dict[str, int], board: Board
) -> None:
    place, end = span
    for window in windows:
        start, stop = max(window.start_ms, place), min(window.end_ms, end)
        if start >= stop:
            continue
        _unseen(stretch, start - place, spent, board)
        spent[window.level] += stop - start
        place = stop
    _unseen(stretch, end - place, spent, board)


def _unseen(stretch: Stretch, length_ms: int, spent: dict[str, int], board: Board) -> None:
    spent["gap"] += length_ms
    if length_ms > _MOST_UNSEEN_MS:
        board.add("V18", "gap", Finding(a=stretch.start, b=stretch.end))


# --- requests


@dataclass(slots=True)
class _Requests:
    """V25: every request has exactly one later outcome."""

    log: Structure
    board: Board
    counted: Counter[str] = field(default_factory=Counter)
    open: dict[int, str | None] = field(default_factory=dict)
    """Requests without an outcome so far, and their time where they open."""
    ended: set[int] = field(default_factory=set)
    """Requests before the range whose outcome is in it."""
    newest_ms: int = 0

    def feed(self, entry: Entry, body: Json | None) -> None:
        if body is not None:
            self.newest_ms = max(self.newest_ms, parse_time(body["t"]))
        if entry.kind == "R":
            self.open[entry.seq] = body["t"] if body is not None else None
        elif entry.kind == "Z" and body is not None:
            self._pair(entry.seq, body)

    def _pair(self, seq: int, body: Json) -> None:
        """Put a Z to its R; a second one, or one before it, belongs nowhere."""
        of = body["of"]
        if of >= seq or self.log.leaves.kind(of) != "R" or (of not in self.open and self._was_seen(of)):
            self.board.add("V25", "gap", Finding(seq=seq, name="outcome"))
            return
        if of in self.open:
            del self.open[of]
            self.counted["failed" if body["result"] in _FAILED else body["result"]] += 1
        else:
            self.ended.add(of)

    def _was_seen(self, of: int) -> bool:
        """Tell whether a request that is not open had its outcome: in the range it must have, before it we look."""
        return of >= self.log.first or of in self.ended

    def finish(self) -> Counter[str]:
        """Judge the requests that nobody closed."""
        for seq, t in self.open.items():
            self.counted[self._end_of(seq, t)] += 1
        return self.counted

    def _end_of(self, seq: int, t: str | None) -> str:
        if t is None:
            return "unreadable"
        if self._may_be_open(seq, t):
            return "open"
        self.board.add("V25", "gap", Finding(seq=seq))
        return "interrupted"

    def _may_be_open(self, seq: int, t: str) -> bool:
        """Tell whether the outcome may lie beyond what we see: the last ten minutes, if the process lives on."""
        log = self.log
        if max(log.leaves.newest(kind, seq + 1, log.last) for kind in "XS") >= 0:
            return False
        if log.manifest is None:
            return True
        end = parse_time(log.manifest["t"]) if log.last == log.checkpoint.size - 1 else self.newest_ms
        return end - parse_time(t) <= _MAY_BE_OPEN_MS
