"""Who may use the engine next: FIFO per caller, callers in turn. Pure bookkeeping; the clock and waiting are outside.

Law: nothing running is ever cancelled for a newcomer; a caller has at most half of the places while others wait; what
does not fit is refused at once with a code and a time to come back.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from proxy.errors import CordonError

__all__ = ["FairQueue"]


@dataclass(slots=True)
class FairQueue:
    """Admission for one engine.

    Attributes:
        parallel: places at the same time.
        per_caller: requests of one caller that may wait.
        in_all: requests that may wait in all.
        mean_s: running mean of how long an answer takes, for Retry-After.
    """

    parallel: int = 4
    per_caller: int = 4
    in_all: int = 16
    mean_s: float = 5.0
    _active: dict[str, int] = field(default_factory=dict)
    _waiting: OrderedDict[str, deque[int]] = field(default_factory=OrderedDict)
    _tickets: int = 0

    def check(self, caller: str) -> None:
        """Raise when a request of `caller` would not even find a place to wait."""
        if len(self._waiting.get(caller, ())) >= self.per_caller:
            raise CordonError("too_many_requests", retry_after_s=self.wait_s())
        if self.waiting() >= self.in_all:
            raise CordonError("engine_busy", retry_after_s=self.wait_s())

    def join(self, caller: str) -> int:
        """Stand in line; returns a ticket. Raises CordonError when the line is full."""
        self.check(caller)
        self._tickets += 1
        self._waiting.setdefault(caller, deque()).append(self._tickets)
        return self._tickets

    def leave(self, caller: str, ticket: int) -> None:
        """Step out of the line without having been served."""
        line = self._waiting.get(caller)
        if line is not None and ticket in line:
            line.remove(ticket)
            if not line:
                del self._waiting[caller]

    def admit(self) -> tuple[str, int] | None:
        """Take the next (caller, ticket) that may start now, or None."""
        if sum(self._active.values()) >= self.parallel:
            return None
        for caller in list(self._waiting):
            others_wait = len(self._waiting) > 1
            if others_wait and self._active.get(caller, 0) >= max(1, self.parallel // 2):
                continue
            ticket = self._waiting[caller].popleft()
            if self._waiting[caller]:
                self._waiting.move_to_end(caller)
            else:
                del self._waiting[caller]
            self._active[caller] = self._active.get(caller, 0) + 1
            return caller, ticket
        return None

    def done(self, caller: str, took_s: float) -> None:
        """A started request ended."""
        self._active[caller] -= 1
        if not self._active[caller]:
            del self._active[caller]
        self.mean_s += 0.2 * (took_s - self.mean_s)

    def waiting(self) -> int:
        """How many stand in line."""
        return sum(map(len, self._waiting.values()))

    def wait_s(self) -> int:
        """Expected wait in whole seconds, 1 to 60."""
        ahead = self.waiting() + sum(self._active.values())
        return min(60, max(1, math.ceil(self.mean_s * ahead / max(1, self.parallel))))
