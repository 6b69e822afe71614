"""Choose thresholds from scored cases, so that clinical text is seldom refused and unsafe text seldom passes.

Law: pure and deterministic: same rows, same file. Only development rows are looked at, and which rows those are depends
on their id alone, so a test row can never move a threshold. Medical text that is safe sets the budget: at most 0.8 % of
it may be refused and 5 % flagged, over all guidelines together; within it the thresholds catch as much as they can.

    made = calibrate(rows, maker=Maker(guard_sha256, TEMPLATE_DIGEST, "2026-11-21", "llama-cpp-python 0.3.36", canary))
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from policies.model import Act, Calibration, CanaryScores, Direction, PolicyError, Regime, Threshold

__all__ = ["Maker", "Row", "calibrate", "canaries", "check_canaries", "is_dev", "provisional", "wilson"]

_LEAST_MEDICAL = 125
_BLOCK_BUDGET = Fraction(8, 1000)
_FLAG_BUDGET = Fraction(5, 100)
_DRIFT = 200
_NEVER = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled case with its scores, without its text.

    Attributes:
        id: its name; decides between development and test.
        direction: whether it is a prompt or a response.
        unsafe: whether careful people call it unsafe.
        policy: for an unsafe case, the guideline it violates, or `other`.
        medical: whether it is clinical text.
        scores: per guideline, 0..10000.
    """

    id: str
    direction: Direction
    unsafe: bool
    policy: str
    medical: bool
    scores: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Maker:
    """What a calibration is bound to, and what was measured beside the rows."""

    guard_sha256: str
    template_digest: str
    made: str
    """The day, `YYYY-MM-DD`."""
    engine: str
    canary: CanaryScores


def is_dev(id_: str) -> bool:
    """Whether a row is for development (three in ten); the others are for testing and never seen here."""
    return int(hashlib.sha256(id_.encode()).hexdigest()[:8], 16) % 10 < 3


def canaries(regime: Regime) -> tuple[tuple[str, str, str], ...]:
    """Return (guideline, unsafe prompt, safe prompt): texts that are scored when the service starts."""
    return tuple((guideline.id, *guideline.canary) for guideline in regime.guidelines)


def check_canaries(stored: CanaryScores, measured: CanaryScores) -> None:
    """Check that the guard still scores its canaries as recorded.

    Raises:
        PolicyError: `guard_drift` if one is missing or differs by more than 0.02.
    """
    now = {policy: scores for policy, *scores in measured}
    for policy, *then in stored:
        scores = now.get(policy)
        if scores is None or any(abs(a - b) > _DRIFT for a, b in zip(then, scores, strict=True)):
            raise PolicyError("guard_drift", policy)


def provisional(policies: Iterable[str], *, maker: Maker, act: Act) -> Calibration:
    """Return thresholds nobody measured (flag 0.5, block 0.8): an act of the administrator, named in every entry."""
    thresholds = tuple(Threshold(policy, direction, 5000, 8000) for policy in policies for direction in Direction)
    return replace(_calibration("provisional", thresholds, maker, (), ()), act=act)


def calibrate(rows: Iterable[Row], *, maker: Maker, basis: str = "measured") -> Calibration:
    """Choose flag and block thresholds per guideline and direction. The guidelines are those of the canaries, in order.

    Raises:
        PolicyError: `calibration_invalid` for a doubled id or a row without a score; `calibration_too_small` with under
            125 medical safe development rows in a direction.
    """
    policies = [policy for policy, *_ in maker.canary]
    dev = _dev_rows(rows, policies)
    chosen: list[Threshold] = []
    data: list[tuple[str, str | int]] = [("dev_sha256", _digest_of(dev)), ("dev_rows", len(dev))]
    measured: list[tuple[str, tuple[float, ...]]] = []
    for direction in Direction:
        cases = _Cases(tuple(row for row in dev if row.direction is direction), policies)
        n = len(cases.medical)
        if n < _LEAST_MEDICAL:
            raise PolicyError(
                "calibration_too_small", f"{n} medical safe {direction} rows, {_LEAST_MEDICAL} are needed"
            )
        block = cases.lowered([_NEVER] * len(policies), budget=math.floor(_BLOCK_BUDGET * n))
        flag = cases.lowered(block, budget=math.floor(_FLAG_BUDGET * n))
        chosen += [Threshold(p, direction, f, b) for p, f, b in zip(policies, flag, block, strict=True)]
        data += [(f"medical_safe_{direction}", n), (f"unsafe_{direction}", len(cases.unsafe))]
        measured += cases.rates(direction, flag, block)
    return _calibration(basis, tuple(chosen), maker, tuple(data), tuple(measured))


def _calibration(
    basis: str,
    thresholds: tuple[Threshold, ...],
    maker: Maker,
    data: tuple[tuple[str, str | int], ...],
    measured: tuple[tuple[str, tuple[float, ...]], ...],
) -> Calibration:
    return Calibration(
        maker.guard_sha256, maker.template_digest, basis, maker.made, maker.engine,
        tuple(sorted(thresholds, key=lambda threshold: (threshold.policy, threshold.direction))),
        tuple(sorted(maker.canary)), tuple(sorted(data)), tuple(sorted(measured)),
    )  # fmt: skip


def _dev_rows(rows: Iterable[Row], policies: Sequence[str]) -> tuple[Row, ...]:
    seen: set[str] = set()
    dev = []
    for row in rows:
        if row.id in seen:
            raise PolicyError("calibration_invalid", "a row id stands twice")
        seen.add(row.id)
        if is_dev(row.id):
            dev.append(row)
    if any(not set(policies) <= {policy for policy, _ in row.scores} for row in dev):
        raise PolicyError("calibration_invalid", "a row has no score for a guideline")
    return tuple(sorted(dev, key=lambda row: row.id))


def _digest_of(rows: Sequence[Row]) -> str:
    return hashlib.sha256("\n".join(repr(row) for row in rows).encode()).hexdigest()


class _Cases:
    """The rows of one direction, as vectors of scores in the order of the guidelines."""

    __slots__ = ("medical", "policies", "unsafe")

    def __init__(self, rows: Sequence[Row], policies: Sequence[str]) -> None:
        def scores(row: Row) -> tuple[int, ...]:
            found = dict(row.scores)
            return tuple(found[policy] for policy in policies)

        self.policies = policies
        self.medical = [scores(row) for row in rows if row.medical and not row.unsafe]
        self.unsafe = [scores(row) for row in rows if row.unsafe and row.policy in policies]

    def lowered(self, thresholds: Sequence[int], *, budget: int) -> list[int]:
        """Lower one threshold at a time, the one that catches most per new false positive, while the budget lasts."""
        now = list(thresholds)
        while True:
            left = budget - sum(_hit(row, now) for row in self.medical)
            steps = [step for index in range(len(now)) for step in self._steps(index, now, left)]
            if not steps:
                return now
            best = max(steps, key=_worth)
            now[best.index] = best.threshold

    def _steps(self, index: int, now: Sequence[int], left: int) -> list[_Step]:
        """Every lower threshold of one guideline that catches more and costs no more than is left."""
        missed = sorted((row[index] for row in self.unsafe if not _hit(row, now)), reverse=True)
        passing = sorted((row[index] for row in self.medical if not _hit(row, now)), reverse=True)
        steps = []
        cost = 0
        for gain, score in enumerate(missed, 1):
            while cost < len(passing) and passing[cost] >= score:
                cost += 1
            if cost > left or score < 1:
                break
            if gain == len(missed) or missed[gain] < score:
                steps.append(_Step(index, score, gain, cost))
        return steps

    def rates(
        self, direction: Direction, flag: Sequence[int], block: Sequence[int]
    ) -> list[tuple[str, tuple[float, ...]]]:
        """Return what the thresholds do to the rows they were chosen on: rate, and its 95 % Wilson interval."""
        return [
            (f"{what}_{direction}", wilson(sum(_hit(row, thresholds) for row in rows), len(rows)))
            for what, rows, thresholds in (
                ("medical_blocked", self.medical, block),
                ("medical_flagged", self.medical, flag),
                ("unsafe_blocked", self.unsafe, block),
                ("unsafe_flagged", self.unsafe, flag),
            )
        ]


@dataclass(frozen=True, slots=True)
class _Step:
    """A lower threshold for one guideline: what it catches and what it costs."""

    index: int
    threshold: int
    gain: int
    cost: int


def _worth(step: _Step) -> tuple[bool, Fraction, int, int]:
    """Most caught per false positive first; what is free in one go; then the order of the guidelines."""
    if step.cost == 0:
        return True, Fraction(step.gain), 0, -step.index
    return False, Fraction(step.gain, step.cost), -step.cost, -step.index


def _hit(row: Sequence[int], thresholds: Sequence[int]) -> bool:
    return any(score >= threshold for score, threshold in zip(row, thresholds, strict=True))


def wilson(hits: int, n: int) -> tuple[float, float, float]:
    """Rate and 95 % interval (Wilson 1927), rounded for the file; without rows nothing is known."""
    if n == 0:
        return 0.0, 0.0, 1.0
    z, p = 1.959964, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return round(p, 4), round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)
