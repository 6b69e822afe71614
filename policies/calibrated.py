"""A calibration file: thresholds for one guard file, read and written.

Law: reading what was written gives the same values, and writing the same values gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re

from policies.model import Act, Calibration, Direction, PolicyError, Threshold
from policies.tables import Table, read_toml

__all__ = ["read_calibration", "write_calibration"]

_FORMAT = "cordon-calibration/1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def read_calibration(raw: bytes) -> Calibration:
    """Return a calibration file as values.

    Raises:
        PolicyError: `calibration_invalid`.
    """
    try:
        return _calibration(Table(read_toml(raw, "calibration"), "calibration"), hashlib.sha256(raw).hexdigest())
    except PolicyError as error:
        raise PolicyError("calibration_invalid", error.detail) from None


def _calibration(top: Table, digest: str) -> Calibration:
    if top.take("format", str) != _FORMAT:
        raise top.refuse("format", f"is not {_FORMAT}")
    guard, template = top.matching("guard_sha256", _SHA256), top.matching("template_digest", _SHA256)
    basis = top.word("basis", ("measured", "provisional", "demo"))
    made, engine = top.matching("made", _DAY), top.text("engine", 80)
    thresholds = [t for _, pair in top.table("thresholds").rest(_thresholds) for t in pair]
    canary = top.table("canary").rest(_canary)
    act = _act(top.table("act")) if basis == "provisional" else None
    data = top.optional("data").rest(Table.fact)
    measured = top.optional("measured").rest(Table.numbers)
    top.close()
    return Calibration(
        guard,
        template,
        basis,
        made,
        engine,
        tuple(thresholds),
        tuple((i, *p) for i, p in canary),
        data,
        measured,
        digest,
        act,
    )


def _act(table: Table) -> Act:
    act = Act(table.text("by", 64), table.matching("at", _MOMENT), table.text("reason", 300))
    table.close()
    return act


def _thresholds(table: Table, key: str) -> tuple[Threshold, ...]:
    both = table.table(key)
    found = tuple(_threshold(both.table(direction), key, direction) for direction in Direction)
    both.close()
    return found


def _threshold(table: Table, policy: str, direction: Direction) -> Threshold:
    flag, block = _tenthousandths(table, "flag"), _tenthousandths(table, "block")
    table.close()
    if not 0 < flag <= block:
        raise table.refuse("flag", "is not over 0 and at most block")
    return Threshold(policy, direction, flag, block)


def _canary(table: Table, key: str) -> tuple[int, int]:
    pair = table.table(key)
    scores = _tenthousandths(pair, "unsafe"), _tenthousandths(pair, "safe")
    pair.close()
    return scores


def _tenthousandths(table: Table, key: str) -> int:
    value = table.number(key)
    if not 0 <= value <= 1:
        raise table.refuse(key, "is not between 0 and 1")
    return round(value * 10_000)


def write_calibration(made: Calibration) -> bytes:
    """Return the file of a calibration; its own digest is not part of it."""
    lines = [
        f"format = {_quoted(_FORMAT)}",
        f"guard_sha256 = {_quoted(made.guard_sha256)}",
        f"template_digest = {_quoted(made.template_digest)}",
        f"basis = {_quoted(made.basis)}",
        f"made = {_quoted(made.made)}",
        f"engine = {_quoted(made.engine)}",
    ]
    if made.act is not None:
        said = (("by", made.act.by), ("at", made.act.at), ("reason", made.act.reason))
        lines += ["", "[act]", *(f"{key} = {_quoted(value)}" for key, value in said)]
    for threshold in made.thresholds:
        lines += ["", f"[thresholds.{threshold.policy}.{threshold.direction}]"]
        lines += [f"flag = {threshold.flag / 10_000}", f"block = {threshold.block / 10_000}"]
    for title, table in (("data", made.data), ("measured", made.measured)):
        if table:
            lines += ["", f"[{title}]", *(f"{key} = {_value(value)}" for key, value in table)]
    for policy, unsafe, safe in made.canary:
        lines += ["", f"[canary.{policy}]", f"unsafe = {unsafe / 10_000}", f"safe = {safe / 10_000}"]
    return ("\n".join(lines) + "\n").encode()


def _value(value: str | int | tuple[float, ...]) -> str:
    return _quoted(value) if isinstance(value, str) else str(list(value) if isinstance(value, tuple) else value)


def _quoted(text: str) -> str:
    return json.dumps(text)
