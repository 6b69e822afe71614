"""Limits that stop one user from keeping the others out: connections, and wrong attempts.

Law: sans-io and without a clock; time comes in. A refusal here costs the service nothing and writes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Buckets", "ConnectionLimits", "Connections"]


class Buckets:
    """One token bucket per key: `capacity` attempts, one back every `refill_s` seconds."""

    __slots__ = ("_capacity", "_levels", "_refill_s")

    def __init__(self, capacity: int, refill_s: float) -> None:
        self._capacity, self._refill_s = capacity, refill_s
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now_s: float) -> bool:
        """Use one attempt; False when none is left."""
        level = self._level(key, now_s)
        if level < 1:
            self._levels[key] = (level, now_s)
            return False
        self._levels[key] = (level - 1, now_s)
        self._forget_full(now_s)
        return True

    def wait_s(self, key: str, now_s: float) -> int:
        """Whole seconds until the next attempt is there, at least 1."""
        missing = max(0.0, 1 - self._level(key, now_s))
        return max(1, int(missing * self._refill_s + 0.999))

    def _level(self, key: str, now_s: float) -> float:
        level, then = self._levels.get(key, (float(self._capacity), now_s))
        return min(float(self._capacity), level + max(0.0, now_s - then) / self._refill_s)

    def _forget_full(self, now_s: float) -> None:
        """Keep the table as small as the number of keys that are really limited."""
        if len(self._levels) > 1024:
            self._levels = {k: v for k, v in self._levels.items() if self._level(k, now_s) < self._capacity}


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Open connections: in all, per user, and per user who has no way in yet."""

    total: int = 128
    per_uid: int = 48
    per_stranger: int = 4


@dataclass(slots=True)
class Connections:
    """Counts open connections per user; a connection whose user is unknown counts as user -1, a stranger."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    open: Counter[int] = field(default_factory=Counter)

    def enter(self, uid: int, limit: int) -> bool:
        """Count a connection in, or say no. `limit` is `limits.per_uid` or `limits.per_stranger`."""
        if self.open.total() >= self.limits.total or self.open[uid] >= limit:
            return False
        self.open[uid] += 1
        return True

    def leave(self, uid: int) -> None:
        """Count a connection out."""
        self.open[uid] -= 1
        if self.open[uid] <= 0:
            del self.open[uid]
