"""What stops a batch while the library computes it: a cancel, a deadline, the end of the process.

Law: the library asks between graph nodes, about a thousand times a token. So it asks one byte, read by a function of
the C library, and not Python: a question in Python would take the interpreter's lock each time, from whoever has it.
The byte is kept right by whoever changes something, and by the reading thread's tick for deadlines.

A cancel is remembered until the inference thread has handled it, so it cannot slip between two batches.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from proxy.workers.engine.batch import StopFlag

__all__ = ["Interrupt"]


class Interrupt:
    """The state behind the byte."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.flag = StopFlag()
        self._now_ms = now_ms
        self._jobs: frozenset[int] = frozenset()
        self._cancelled: frozenset[int] = frozenset()
        self._changing = threading.Lock()
        self._deadline_ms: int | None = None
        self._stopped = False

    def tick(self) -> bool:
        """Look at the clock; returns whether the batch in work shall stop."""
        with self._changing:
            return self._settle()

    def arm(self, jobs: frozenset[int], deadline_ms: int) -> None:
        """The next batch serves `jobs`; it may run until the first of their deadlines."""
        with self._changing:
            self._deadline_ms, self._jobs = deadline_ms, jobs
            self._settle()

    def disarm(self) -> None:
        """The batch is over."""
        with self._changing:
            self._jobs, self._deadline_ms = frozenset(), None
            self._settle()

    def cancel(self, job: int) -> None:
        """Stop the batch if it serves `job`. Called by the reading thread, before the message goes on."""
        with self._changing:
            self._cancelled |= {job}
            self._settle()

    def handled(self, job: int) -> None:
        """The inference thread has ended `job`."""
        with self._changing:
            self._cancelled -= {job}
            self._settle()

    def stop(self) -> None:
        """The process ends."""
        with self._changing:
            self._stopped = True
            self._settle()

    def _settle(self) -> bool:
        late = self._deadline_ms is not None and self._now_ms() >= self._deadline_ms
        stop = late or self._stopped or not self._cancelled.isdisjoint(self._jobs)
        self.flag.set(up=stop)
        return stop
