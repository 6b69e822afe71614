"""Readings of the clocks, taken here and passed in everywhere else."""

from __future__ import annotations

import time
from pathlib import Path

from audit.record import Instant

__all__ = ["Clock", "read_boot_id"]


def read_boot_id() -> str:
    """The kernel's identifier of this boot; read before a lock hides it."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Clock:
    """The wall clock and the boot clock. The boot clock never goes back while the computer runs."""

    def __init__(self, boot_id: str) -> None:
        self._boot_id = boot_id

    def instant(self) -> Instant:
        """Read both clocks."""
        return Instant(
            utc_ms=time.time_ns() // 1_000_000,
            offset_min=time.localtime().tm_gmtoff // 60,
            boot_id=self._boot_id,
            boot_ms=self.boot_ms(),
        )

    def boot_ms(self) -> int:
        """Milliseconds since boot, suspend included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def mono_s(self) -> float:
        """Monotonic seconds, for durations and deadlines."""
        return time.monotonic()

    def asleep_ms(self) -> int:
        """Milliseconds this computer has slept since boot."""
        return max(0, self.boot_ms() - time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000)
