"""Tables as a benchmark prints them and as a page of the manual shows them, and the line that names the machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["added", "machine", "ms", "p50", "p95", "ratio", "show"]


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one Markdown table with aligned columns; the first is words, the others are numbers."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = [":" + "-" * (widths[0] - 1), *("-" * (width - 1) + ":" for width in widths[1:])]
    print(f"\n**{title}**\n")
    for row in (header, rule, *rows):
        first, *others = row
        cells = [first.ljust(widths[0]), *(c.rjust(w) for c, w in zip(others, widths[1:], strict=True))]
        print(f"| {' | '.join(cells)} |", flush=True)


def machine() -> str:
    """Name the processor, its count, the memory, the kernel, Python, the time and the load of the last minute."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unnamed")
    memory = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]) / 2**20
    return (
        f"{model} ({platform.machine()}), {os.cpu_count()} processors, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}"
    )


def ms(seconds: float) -> str:
    """Milliseconds, with as many digits as are worth reading."""
    value = seconds * 1000
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def added(seconds: float) -> str:
    """A difference, with its sign."""
    return f"{'-' if seconds < 0 else '+'}{ms(abs(seconds))}"


def ratio(value: float, floor: float) -> str:
    """How many times the floor."""
    return f"{value / floor:.2f} x" if floor else "-"


def p50(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, by the inclusive method, so never beyond what was seen."""
    return statistics.quantiles(values, n=20, method="inclusive")[18]
