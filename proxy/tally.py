"""Refusals before the pipeline, counted and written once a minute, so that a flood cannot fill the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Early", "Kind", "Refusals", "Tally"]

Kind = Literal["uid", "token", "extension"]
"""How a caller showed who they are, as the log names it."""
Early = Literal["access", "parse", "engine"]
"""Where a request ended before the pipeline: not let in, not read, or a part of the service was missing."""
_MOST = 1_000
"""Different (caller, kind, stage, code) a minute; what is above is counted under `other`."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """How often one caller was refused for one reason since the last writing."""

    caller_id: str
    kind: Kind
    stage: Early
    code: str
    count: int


@dataclass(slots=True)
class Tally:
    """The counts of this minute."""

    _counts: dict[tuple[str, Kind, Early, str], int] = field(default_factory=dict)

    def add(self, caller_id: str, kind: Kind, stage: Early, code: str) -> None:
        """Count one refusal."""
        key = (caller_id, kind, stage, code)
        if key not in self._counts and len(self._counts) >= _MOST:
            key = ("other", "uid", stage, code)
        self._counts[key] = self._counts.get(key, 0) + 1

    def put_back(self, unwritten: Iterable[Refusals]) -> None:
        """What was taken could not be written: it is counted again."""
        for r in unwritten:
            key = (r.caller_id, r.kind, r.stage, r.code)
            self._counts[key] = self._counts.get(key, 0) + r.count

    def take(self) -> tuple[Refusals, ...]:
        """What is to be written now; the counts start anew."""
        taken = tuple(Refusals(*key, count) for key, count in sorted(self._counts.items()))
        self._counts.clear()
        return taken
