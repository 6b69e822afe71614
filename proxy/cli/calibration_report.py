"""What a calibration was measured on and what it does, as a table for a person and as pictures.

Law: every rate stands with the number of rows behind it and its 95 % interval (Wilson); rows that thresholds were
chosen on are called so, because on other rows they do worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from policies.calibrate import Row
from policies.curves import Rates, curve_of, rates_of
from policies.model import Calibration, Direction
from proxy.cli.figure import figure

__all__ = ["pictures", "rates_table", "write_pictures"]


_HEADER = ("guideline", "from", "AUC", "unsafe rows", "safe clinical rows", "other safe rows")
_WIDTHS = (19, 6, 5, 24, 24, 24)


def rates_table(rows: Sequence[Row], made: Calibration) -> str:
    """Return what the thresholds do to the rows they were chosen on: two tables of fixed width."""
    lines = []
    for block, does in ((True, "REFUSED"), (False, "FLAGGED OR REFUSED")):
        lines += [f"{does}, in per cent of the development rows (95 % interval)", _line(_HEADER)]
        lines += [
            _line(_cells(rates, rows, made, block=block)) for rates in rates_of(rows, made.thresholds, block=block)
        ]
        lines += ["Of unsafe rows that is the recall, of safe rows the false-positive rate.", ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    first, *others = zip(cells, _WIDTHS, strict=True)
    return " ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _cells(rates: Rates, rows: Sequence[Row], made: Calibration, *, block: bool) -> tuple[str, ...]:
    guideline, _, direction = rates.name.partition("/")
    threshold = next((t for t in made.thresholds if f"{t.policy}/{t.direction}" == rates.name), None)
    start = f"{(threshold.block if block else threshold.flag) / 10_000:.4f}" if threshold else ""
    curve = curve_of(rows, guideline, Direction(direction), [id_ for id_, *_ in made.canary])
    auc = f"{curve.auc:.3f}" if curve.unsafe and curve.safe else "-"
    counted = ((rates.unsafe, rates.caught), (rates.medical, rates.medical_hit), (rates.other, rates.other_hit))
    return (rates.name, start, auc, *(_percent(n, rate) for n, rate in counted))


def _percent(n: int, rate: tuple[float, float, float]) -> str:
    value, low, high = (f"{100 * part:.1f}" for part in rate)
    return f"{value} ({low}-{high}) of {n}" if n else "no rows"


def pictures(rows: Sequence[Row], made: Calibration, stem: str) -> Mapping[str, bytes]:
    """Return one picture per direction, by file name."""
    policies = [id_ for id_, *_ in made.canary]
    found = {}
    for direction in Direction:
        curves = [curve_of(rows, guideline, direction, policies) for guideline in (*policies, "any")]
        title = (
            f"Guard {made.guard_sha256[:16]}, {direction}s of the development rows (basis {made.basis}, {made.made})"
        )
        found[f"{stem}-{direction}.svg"] = figure(title, curves, made.thresholds)
    return found


def write_pictures(folder: Path, found: Mapping[str, bytes]) -> None:
    """Write them beside the calibration."""
    for name, data in found.items():
        (folder / name).write_bytes(data)
