"""Scores of units judged before, so that a long conversation is judged at the cost of its new turns.

Law: memory only, and no text in it: the key is an HMAC under a key drawn when the process started, the value is
numbers. Everything a score depends on is part of the key, so a changed policy, calibration, guard, direction, question
or character is another entry. An incomplete judgement is never kept.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from filters.units import Unit

__all__ = ["Basis", "Judged", "VerdictCache"]

_DATA = frozenset({"tool", "tools"})


@dataclass(frozen=True, slots=True)
class Basis:
    """What a score depends on besides the unit: hex digests."""

    policy: str
    calibration: str
    guard: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The highest score per policy over all windows of a unit, 0..10000."""

    scores: tuple[tuple[str, int], ...]
    windows: int


class VerdictCache:
    """The last judgements; the least recently used one leaves first."""

    __slots__ = ("_entries", "_key", "_limit")

    def __init__(self, key: bytes, *, limit: int = 4096) -> None:
        """Take a random key of at least 32 bytes, drawn at process start."""
        if len(key) < 32:
            raise ValueError("the key is too short")
        self._key = key
        self._limit = limit
        self._entries: dict[bytes, Judged] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"VerdictCache({len(self._entries)})"

    def get(self, basis: Basis, unit: Unit) -> Judged | None:
        """Return what was judged of this very unit, or None."""
        name = self._name(basis, unit)
        judged = self._entries.pop(name, None)
        if judged is not None:
            self._entries[name] = judged
        return judged

    def put(self, basis: Basis, unit: Unit, *, judged: Judged) -> None:
        """Keep a complete judgement."""
        name = self._name(basis, unit)
        self._entries.pop(name, None)
        self._entries[name] = judged
        while len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _name(self, basis: Basis, unit: Unit) -> bytes:
        mac = hmac.new(self._key, digestmod="sha256")
        data = "data" if unit.kind in _DATA else ""  # a guard may ask one question more about it
        for field in (basis.policy, basis.calibration, basis.guard, data, unit.direction, unit.question, unit.text):
            raw = field.encode("utf-8", "surrogatepass")
            mac.update(len(raw).to_bytes(4, "big") + raw)
        return mac.digest()
