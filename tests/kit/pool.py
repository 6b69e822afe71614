"""A key-value pool that keeps its promises without a model.

It remembers tokens, forgets what a window may, and "predicts" a token that depends on every token it should see, so
that reading a wrong or missing cell shows in the answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from proxy.workers.engine.batch import Decoded, Row

__all__ = ["FakePool"]


class FakePool:
    """Cells by sequence and position; with a window, cells behind it are gone as soon as they may be."""

    def __init__(self, n_ctx: int, *, window: int = 0) -> None:
        self._n_ctx = n_ctx
        self._window = window
        self.cells: dict[int, dict[int, int]] = {}
        self.seen: dict[int, dict[int, int]] = {}
        self._shared: dict[int, int] = {}
        self.wipes = 0
        self.fullest = 0

    def decode(self, rows: Sequence[Row], upto: int | None = None) -> tuple[Decoded, dict[int, int]]:
        """Evaluate rows and return the predictions after the flagged ones; stop after `upto` rows."""
        predictions = {}
        for index, row in enumerate(rows[:upto]):
            cells, seen = self.cells.setdefault(row.seq, {}), self.seen.setdefault(row.seq, {})
            if row.pos != max(seen, default=-1) + 1:
                raise AssertionError("a gap in the positions")
            cells[row.pos] = row.token
            state = (seen.get(row.pos - 1, 0), *[cells.get(p, -1) for p in self._looked_at(row.pos)])
            seen[row.pos] = zlib.crc32(repr(state).encode())
            if self._window:
                for gone in [p for p in cells if p <= row.pos - self._window]:
                    del cells[gone]
            if row.flag:
                predictions[index] = 10 + seen[row.pos] % 50
        self.fullest = max(self.fullest, sum(len(s) - self._shared.get(seq, 0) for seq, s in self.seen.items()))
        if self.fullest > self._n_ctx:
            raise AssertionError("out of cells")
        return (Decoded.OK if upto is None else Decoded.ABORTED), predictions

    def _looked_at(self, pos: int) -> range:
        return range(max(0, pos - self._window + 1) if self._window else 0, pos + 1)

    def pos_min(self, seq: int) -> int:
        """First position in memory."""
        return min(self.cells.get(seq, {}), default=-1)

    def pos_max(self, seq: int) -> int:
        """Last position in memory."""
        return max(self.cells.get(seq, {}), default=-1)

    def remove(self, seq: int, start: int) -> None:
        """Forget from a position on; says nothing about cells that were gone before."""
        self._shared[seq] = min(self._shared.get(seq, 0), start)
        for table in (self.cells, self.seen):
            table[seq] = {p: t for p, t in table.get(seq, {}).items() if p < start}

    def copy(self, source: int, target: int) -> None:
        """Share a sequence; shared cells count once."""
        self._shared[target] = len(self.seen.get(source, {}))
        for table in (self.cells, self.seen):
            table[target] = dict(table.get(source, {}))

    def wipe(self) -> None:
        """Forget everything."""
        self.cells, self.seen = {}, {}
        self.wipes += 1
