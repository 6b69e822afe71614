"""Stage 6: what the opened records mean - network evidence, requests and their outcomes, totals.

Levels are computed from the facts of each E record, never read; totals are recounted here and nowhere stored.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audit.evidence import assess
from audit.record import minutes_of, parse_time
from audit.strictjson import MAX_INT, Json
from audit.verify.coverage import Coverage, Stretch
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["Meaning", "check_meaning"]

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


@dataclass(slots=True)
class Meaning:
    """What stage 6 leaves for the report."""

    minutes: Json
    totals: Json
    spans: tuple[Span, ...] = ()
    """Unbroken stretches at E1."""
    reasons: tuple[str, ...] = ()
    """Why the evidence is not E1 throughout, each reason once, in the order met; empty means it is."""


def check_meaning(log: Structure, covered: Coverage, opened: dict[int, Json], board: Board) -> Meaning:
    """Run V18, V20, V21 and V25."""
    board.run(6)
    windows, spans, reasons = _windows(log, opened, board)
    minutes = _minutes(log, covered, windows, board)
    _check_ticks(log, opened, board)
    totals = _totals(log, covered, opened, board)
    return Meaning(minutes, totals, spans, reasons)


# --- evidence


def _windows(
    log: Structure, opened: dict[int, Json], board: Board
) -> tuple[list[_Window], tuple[Span, ...], tuple[str, ...]]:
    """Recompute the level of every E record."""
    windows: list[_Window] = []
    spans: list[Span] = []
    reasons: dict[str, None] = {}
    filters: dict[str, str] = {}
    first: Json | None = None
    for entry in log.entries:
        if entry.kind == "S" and entry.seq in log.bodies:
            filters, first = log.bodies[entry.seq]["filters"], None
        body = opened.get(entry.seq) if entry.kind == "E" else None
        if body is None:
            continue
        first = body if first is None and body["why"] == "start" else first
        found = assess(body, filters, first=first)
        if body["level"] == "E1" and found.level != "E1":
            board.add("V18", "gap", Finding(seq=entry.seq, name="level"))
        reasons.update(dict.fromkeys(found.reasons))
        window = body["window"]
        number = sum(len(proc["controls"]) for proc in body["procs"])
        windows.append(_Window(parse_time(window["from"]), parse_time(window["to"]), found.level, number))
        if found.level == "E1":
            _extend(spans, (window["from"], window["to"], number))
    lasting = [span for span in spans if span[0] != span[1]]
    return windows, tuple(lasting or spans), tuple(reasons)


def _extend(spans: list[Span], window: Span) -> None:
    """Join a window to the stretch it continues, or begin a new one: no sentence may span what nobody measured."""
    if spans and 0 <= parse_time(window[0]) - parse_time(spans[-1][1]) <= _JOINED_MS:
        spans[-1] = (spans[-1][0], window[1], spans[-1][2] + window[2])
    else:
        spans.append(window)


def _minutes(log: Structure, covered: Coverage, windows: Sequence[_Window], board: Board) -> Json:
    """V18: every running stretch lies under windows; what does not is a gap. Off time is what remains."""
    span = _span(log)
    spent = {"E0": 0, "E1": 0, "gap": 0}
    for stretch in covered.stretches:
        if stretch.label == "off":
            continue
        start, end = max(parse_time(stretch.start), span[0]), min(parse_time(stretch.end), span[1])
        if start < end:
            _walk(stretch, (start, end), windows, spent, board)
    return {name: minutes_of(ms) for name, ms in spent.items()}


def _span(log: Structure) -> tuple[int, int]:
    """Return the time between the clear records around the range."""
    inside = [parse_time(body["t"]) for seq, body in log.bodies.items() if log.first <= seq <= log.last]
    before = [parse_time(body["t"]) for seq, body in log.bodies.items() if seq < log.first]
    after = [parse_time(body["t"]) for seq, body in log.bodies.items() if seq > log.last]
    times = [*before[-1:], *inside, *after[:1]]
    end = [parse_time(log.manifest["t"])] if log.manifest is not None and log.last == log.checkpoint.size - 1 else []
    return min(times, default=0), max([*times, *end], default=0)


def _walk(
    stretch: Stretch, span: tuple[int, int], windows: Sequence[_Window], spent: dict[str, int], board: Board
) -> None:
    place, end = span
    for window in sorted(windows, key=lambda item: item.start_ms):
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


def _check_ticks(log: Structure, opened: dict[int, Json], board: Board) -> None:
    """V20: each exchange names the newest evidence before it, not older than two intervals."""
    newest: int | None = None
    for entry in log.entries[: log.last + 1]:
        if entry.kind == "E":
            newest = entry.seq
        body = opened.get(entry.seq) if entry.kind in "RZB" else None
        if body is None:
            continue
        evidence = opened.get(newest) if newest is not None else None
        if body["tick"] != newest or (newest is not None and newest >= log.first and _is_old(body, evidence)):
            board.add("V20", "gap", Finding(seq=entry.seq))


def _is_old(body: Json, evidence: Json | None) -> bool:
    if evidence is None or evidence["boot"] != body["boot"]:
        return True
    return bool(body["boot_ms"] - evidence["boot_ms"] > _MOST_UNSEEN_MS)


# --- requests


def _totals(log: Structure, covered: Coverage, opened: dict[int, Json], board: Board) -> Json:
    """V25 and V21."""
    span = range(log.first, log.last + 1)
    kinds = Counter(log.entries[seq].kind for seq in span)
    outcomes: dict[int, Json] = {}
    lost = [seq for seq in span if log.entries[seq].epoch is not None and seq not in opened]
    for seq in span:
        if log.entries[seq].kind == "Z" and seq in opened:
            _pair(seq, opened[seq], log, outcomes, board)
    counted: Counter[str] = Counter()
    for seq in span:
        if log.entries[seq].kind == "R":
            counted[_end_of(seq, log, outcomes, opened, board)] += 1
    bodies = [opened[seq] for seq in span if seq in opened]
    blocked = sum(opened[seq]["count"] if seq in opened else 0 for seq in span if log.entries[seq].kind == "B")
    removed = _removed(bodies)
    gone = [seq for seq in lost if seq in covered.erased]
    purged = [seq for seq in lost if seq not in covered.erased and _month(log, seq) in covered.purged]
    absurd = max([blocked, *removed.values()]) > MAX_INT
    if absurd or counted.total() != kinds["R"] or len(bodies) + len(lost) != sum(kinds[kind] for kind in "RZBE"):
        board.add("V21", "fail", Finding())
    return {
        "records": len(span),
        "requests": kinds["R"],
        "answered": counted["ok"],
        "refused": counted["refused"],
        "failed": counted["failed"],
        "interrupted": counted["interrupted"],
        "blocked": min(blocked, MAX_INT),
        "flagged": sum(_flagged(body) for body in bodies),
        "erased": len(gone),
        "purged": len(purged),
        "removed": {kind: min(count, MAX_INT) for kind, count in sorted(removed.items())},
    }


def _month(log: Structure, seq: int) -> str:
    epoch = log.entries[seq].epoch
    return log.chain.epochs[epoch].month if epoch is not None else ""


def _pair(seq: int, body: Json, log: Structure, outcomes: dict[int, Json], board: Board) -> None:
    """Put a Z to its R; a second one, or one before it, belongs nowhere."""
    of = body["of"]
    if of >= seq or log.entries[of].kind != "R" or of in outcomes:
        board.add("V25", "gap", Finding(seq=seq, name="outcome"))
    else:
        outcomes[of] = body


def _end_of(seq: int, log: Structure, outcomes: dict[int, Json], opened: dict[int, Json], board: Board) -> str:
    """Return how a request ended; one that nobody closed was interrupted, unless it may still be running."""
    if seq in outcomes:
        result = str(outcomes[seq]["result"])
        return "failed" if result in _FAILED else result
    if seq not in opened:
        return "unreadable"
    if _may_be_open(seq, log, opened):
        return "open"
    board.add("V25", "gap", Finding(seq=seq))
    return "interrupted"


def _may_be_open(seq: int, log: Structure, opened: dict[int, Json]) -> bool:
    """Tell whether the outcome may lie beyond what we see: the last ten minutes, if the process did not end in them."""
    if any(log.entries[later].kind in "XS" for later in range(seq + 1, log.last + 1)):
        return False
    if log.manifest is None:
        return True
    if log.last == log.checkpoint.size - 1:
        end = parse_time(log.manifest["t"])
    else:
        end = max(parse_time(body["t"]) for body in opened.values())
    return end - parse_time(opened[seq]["t"]) <= _MAY_BE_OPEN_MS


def _flagged(body: Json) -> int:
    return int(body.get("safety", {}).get("verdict") == "flag")


def _removed(bodies: Iterable[dict[str, Any]]) -> Counter[str]:
    removed: Counter[str] = Counter()
    for body in bodies:
        removed.update(body.get("redact", {}).get("counts", {}))
    return removed
