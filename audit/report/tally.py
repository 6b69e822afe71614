"""The numbers of the report, counted again from the exchanges, each with the records behind it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from audit.export.columns import Exchange

__all__ = ["Bar", "Tally", "ranges", "tally"]

_MOST_DAYS = 62
"""Two months of bars fit a page; a longer time is shown by month."""
_EXCEPTIONS = frozenset({"interrupted", "failed", "timeout", "open", "unreadable"})


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or one month."""

    name: str
    requests: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened, in numbers. `results`, `reasons` and `flagged` hold the exchanges behind each number."""

    results: Mapping[str, tuple[Exchange, ...]]
    reasons: Mapping[tuple[str, str], tuple[Exchange, ...]]
    flagged: tuple[Exchange, ...]
    removed: Mapping[str, int]
    removed_in: tuple[Exchange, ...]
    bars: tuple[Bar, ...]
    exceptions: tuple[Exchange, ...]
    thresholds: tuple[str, ...]
    """Bases of safety thresholds in use that are not `measured`."""

    def number(self, *results: str) -> int:
        """Count exchanges of these results; a block may stand for several refusals."""
        return sum(exchange.count for result in results for exchange in self.results.get(result, ()))

    @property
    def requests(self) -> tuple[Exchange, ...]:
        return tuple(exchange for found in self.results.values() for exchange in found if exchange.kind == "R")

    @property
    def by_month(self) -> bool:
        return bool(self.bars) and len(self.bars[0].name) == 7


def tally(all_of_them: Iterable[Exchange]) -> Tally:
    """Count."""
    found = tuple(all_of_them)
    results: dict[str, list[Exchange]] = defaultdict(list)
    reasons: dict[tuple[str, str], list[Exchange]] = defaultdict(list)
    removed: Counter[str] = Counter()
    for exchange in found:
        results[exchange.result].append(exchange)
        removed.update(exchange.removed)
        if exchange.code or exchange.rule:
            reasons[exchange.code, exchange.rule].append(exchange)
    by_weight = sorted(reasons.items(), key=lambda item: (-sum(e.count for e in item[1]), item[0]))
    bases = {part["safety"]["basis"] for e in found for part in (e.begin, e.outcome) if "safety" in part}
    return Tally(
        results={result: tuple(some) for result, some in results.items()},
        reasons={reason: tuple(some) for reason, some in by_weight},
        flagged=tuple(e for e in found if "flag" in _verdicts(e)),
        removed=dict(sorted(removed.items(), key=lambda item: (-item[1], item[0]))),
        removed_in=tuple(e for e in found if e.removed),
        bars=_bars(found),
        exceptions=tuple(e for e in found if e.result in _EXCEPTIONS),
        thresholds=tuple(sorted(bases - {"measured"})),
    )


def ranges(numbers: Iterable[int], dash: str = " to ") -> str:
    """Write numbers shortly: 3 to 5, 9."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}{dash}{b}" for a, b in runs)


def _verdicts(exchange: Exchange) -> set[str]:
    return {part["safety"]["verdict"] for part in (exchange.begin, exchange.outcome) if "safety" in part}


def _bars(found: tuple[Exchange, ...]) -> tuple[Bar, ...]:
    """Count by local day, quiet days included; by month where there are many."""
    requests: Counter[str] = Counter()
    blocks: Counter[str] = Counter()
    for exchange in found:
        day = exchange.begin.get("t", exchange.hour)[:10]
        (requests if exchange.kind == "R" else blocks)[day] += exchange.count
    days = sorted({*requests, *blocks})
    if not days:
        return ()
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    whole = [(first + timedelta(n)).isoformat() for n in range((last - first).days + 1)]
    if len(whole) <= _MOST_DAYS:
        return tuple(Bar(day, requests[day], blocks[day]) for day in whole)
    months = dict.fromkeys(day[:7] for day in whole)
    return tuple(Bar(month, _within(requests, month), _within(blocks, month)) for month in months)


def _within(counts: Mapping[str, int], month: str) -> int:
    return sum(count for day, count in counts.items() if day.startswith(month))
