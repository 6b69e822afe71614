"""What a monitor may learn of the journey: durations of its stages, and counts of what the guard asked for.

Law: numbers, and labels from the closed lists of `proxy.health`; a judgement holds no text, so neither can this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from proxy.health import Metrics
from proxy.rooms import Judgement, Outcome, Timed

__all__ = ["Meter"]


@dataclass(frozen=True, slots=True)
class Meter:
    """`Watch` over the metrics of one gateway; `now_s` is monotonic."""

    metrics: Metrics
    now_s: Callable[[], float]

    @contextmanager
    def stage(self, stage: Timed) -> Iterator[None]:
        """Measure how long the block takes, however it ends."""
        began = self.now_s()
        try:
            yield
        finally:
            self.metrics.took("cordon_stage_seconds", self.now_s() - began, stage=stage)

    def judged(self, judgement: Judgement) -> None:
        """One duration a judgement; one count per unit and guideline."""
        units = judgement.evidence.units
        if not units:
            return  # nothing was asked
        self.metrics.took("cordon_guard_seconds", judgement.took_ms / 1000, direction=units[0].direction.value)
        for unit, acts in zip(units, judgement.decision.acts, strict=True):
            for guideline, act in acts:
                self.metrics.count(
                    "cordon_judgements", guideline=guideline, direction=unit.direction.value, action=act.value
                )

    def answered(self, outcome: Outcome) -> None:
        """When the first text left, and whether the model knew what it was not told."""
        if outcome.first_ms is not None:
            self.metrics.took("cordon_first_segment_seconds", outcome.first_ms / 1000)
        if outcome.known:
            self.metrics.count("cordon_known_in_output", outcome.known)
        for action, found in (("masked", outcome.masked), ("kept", outcome.let_pass)):
            if found:
                self.metrics.count("cordon_added_identifiers", found.total(), action=action)
