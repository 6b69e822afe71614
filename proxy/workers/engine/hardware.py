"""What this computer can give a model: free memory and physical cores."""

from __future__ import annotations

from pathlib import Path

__all__ = ["memory_available", "physical_cores"]


def memory_available() -> int:
    """Bytes that may be used without swapping: MemAvailable."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def physical_cores() -> int:
    """Physical cores; hyper-threads do not help a model."""
    return 2
