"""What thresholds would do: points of the ROC and precision-recall curves of scored rows, and rates with intervals.

Law: pure; scores are whole numbers, so a curve has one point for every score that occurs and none between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from policies.calibrate import Row, wilson
from policies.model import Direction, Threshold

__all__ = ["Curve", "Rates", "curve_of", "rates_of"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One guideline in one direction, unsafe rows of that guideline against safe rows.

    Attributes:
        guideline: its id, or `any` for the highest of all scores against every unsafe row in scope.
        points: (threshold, false-positive rate, recall, precision), from the highest threshold to the lowest.
    """

    guideline: str
    direction: Direction
    unsafe: int
    safe: int
    points: tuple[tuple[int, float, float, float], ...]

    @property
    def auc(self) -> float:
        """Area under the ROC curve: how often an unsafe row scores above a safe one, ties counted half."""
        area, last = 0.0, (0.0, 0.0)
        for _, x, y, _ in self.points:
            area += (x - last[0]) * (y + last[1]) / 2
            last = (x, y)
        return area

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve, as a sum of steps."""
        area, last = 0.0, 0.0
        for _, _, recall, precision in self.points:
            area += (recall - last) * precision
            last = recall
        return area

    def at(self, threshold: int) -> tuple[float, float, float]:
        """False-positive rate, recall and precision of one threshold."""
        reached = [point[1:] for point in self.points if point[0] >= threshold]
        return reached[-1] if reached else (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Rates:
    """What one threshold does, each a rate with its 95 % interval (Wilson); and how many rows it rests on."""

    name: str
    unsafe: int
    caught: tuple[float, float, float]
    medical: int
    medical_hit: tuple[float, float, float]
    other: int
    other_hit: tuple[float, float, float]


def curve_of(rows: Iterable[Row], guideline: str, direction: Direction, policies: Sequence[str]) -> Curve:
    """Return the curve of one guideline, or of all together for `any`."""
    here = [row for row in rows if row.direction is direction]
    scope = tuple(policies) if guideline == "any" else (guideline,)
    unsafe = [row for row in here if row.unsafe and row.policy in scope]
    bad = sorted((_score(row, guideline, policies) for row in unsafe), reverse=True)
    good = sorted((_score(row, guideline, policies) for row in here if not row.unsafe), reverse=True)
    points = []
    caught = hit = 0
    for threshold in sorted({*bad, *good}, reverse=True):
        while caught < len(bad) and bad[caught] >= threshold:
            caught += 1
        while hit < len(good) and good[hit] >= threshold:
            hit += 1
        rates = hit / len(good) if good else 0.0, caught / len(bad) if bad else 0.0, caught / (caught + hit)
        points.append((threshold, *rates))
    return Curve(guideline, direction, len(bad), len(good), tuple(points))


def rates_of(rows: Iterable[Row], thresholds: Sequence[Threshold], *, block: bool) -> tuple[Rates, ...]:
    """Return what thresholds do, per guideline and direction, then `any` of a direction together."""
    kept = list(rows)
    found: list[Rates] = []
    for direction in Direction:
        here = [row for row in kept if row.direction is direction]
        own = [t for t in thresholds if t.direction is direction]
        found += [_rates(f"{t.policy}/{direction}", here, [t], [t.policy], block=block) for t in own]
        found.append(_rates(f"any/{direction}", here, own, [t.policy for t in own], block=block))
    return tuple(found)


def _rates(name: str, rows: Sequence[Row], own: Sequence[Threshold], scope: Sequence[str], *, block: bool) -> Rates:
    unsafe = [_hit(row, own, block=block) for row in rows if row.unsafe and row.policy in scope]
    medical = [_hit(row, own, block=block) for row in rows if not row.unsafe and row.medical]
    other = [_hit(row, own, block=block) for row in rows if not row.unsafe and not row.medical]
    rates = [wilson(sum(hits), len(hits)) for hits in (unsafe, medical, other)]
    return Rates(name, len(unsafe), rates[0], len(medical), rates[1], len(other), rates[2])


def _hit(row: Row, thresholds: Sequence[Threshold], *, block: bool) -> bool:
    scores = dict(row.scores)
    return any(scores[t.policy] >= (t.block if block else t.flag) for t in thresholds)


def _score(row: Row, guideline: str, policies: Sequence[str]) -> int:
    scores = dict(row.scores)
    return max(scores[id_] for id_ in policies) if guideline == "any" else scores[guideline]
