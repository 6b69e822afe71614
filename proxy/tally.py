"""Refusals before the pipeline, counted and written once a minute, so that a flood cannot fill the log."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Refusals", "Tally"]

_MOST = 1_000
"""Different (caller, stage, code) a minute; what is above is counted under `other`."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often one caller was refused for one reason since the last writing."""

    caller_id: str
    stage: str
    code: str
    count: int


@dataclass(slots=True)
class Tally:
    """The counts of this minute."""

    _counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def add(self, caller_id: str, stage: str, code: str) -> None:
        """Count one refusal."""
        key = (caller_id, stage, code)
        if key not in self._counts and len(self._counts) >= _MOST:
            key = ("other", stage, code)
        self._counts[key] = self._counts.get(key, 0) + 1

    def take(self) -> tuple[Refusals, ...]:
        """What is to be written now; the counts start anew."""
        taken = tuple(Refusals(*key, count) for key, count in sorted(self._counts.items()))
        self._counts.clear()
        return taken
