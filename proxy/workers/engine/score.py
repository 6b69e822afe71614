"""Scoring with a shared prefix: k suffixes after one prefix cost one prefix.

Law: decides over values; the pool is a `Memory` with the full window cache, where cutting is exact. Two base sequences
hold the prefixes of the last exchanges, four branch sequences share a base and hold one suffix each:

    base    P P P P P        stays until the exchange ends; only new tokens are evaluated next time
    branch        `- S S S   logits are read after the last one, then the branch is dropped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.workers.engine.batch import EngineError, Memory, Row
from proxy.workers.engine.scheduler import common_prefix

__all__ = ["BASES", "BRANCHES", "ScoreJob", "ScorePlan", "Scorer"]

BASES, BRANCHES = 2, 4


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """One prefix with its suffixes, as ids."""

    id: int
    exchange: str
    prefix: tuple[int, ...]
    suffixes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class ScorePlan:
    """One batch; `outputs` are row index and number of the suffix that ends there."""

    rows: tuple[Row, ...]
    outputs: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Base:
    seq: int
    exchange: str = ""
    ids: tuple[int, ...] = ()
    used: int = 0


class Scorer:
    """The sequences of the guard's context; one job at a time."""

    def __init__(self, memory: Memory, n_ctx: int, n_batch: int) -> None:
        self._memory = memory
        self._n_ctx = n_ctx
        self._n_batch = n_batch
        self._bases = tuple(_Base(seq) for seq in range(BASES))
        self._uses = 0
        self._job: ScoreJob | None = None
        self._base = self._bases[0]
        self._next = 0
        self._clean = True

    def start(self, job: ScoreJob) -> int:
        """Take a job up and return how many prefix tokens are in memory already.

        Raises:
            EngineError: `guard_text_too_long`, `bad_request`.
        """
        if not job.prefix or not job.suffixes or not all(job.suffixes):
            raise EngineError("bad_request")
        longest = max(map(len, job.suffixes))
        if len(job.prefix) + longest > self._n_ctx or longest > self._n_batch:
            raise EngineError("guard_text_too_long")
        self._base = self._base_of(job.exchange)
        for other in self._bases:
            held = len(other.ids)
            if other is not self._base and len(job.prefix) + held + longest > self._n_ctx:
                self._drop(other)
        keep = common_prefix(self._base.ids, job.prefix)
        self._memory.remove(self._base.seq, keep)
        self._uses += 1
        self._base.exchange, self._base.ids, self._base.used = job.exchange, job.prefix[:keep], self._uses
        self._job, self._next = job, 0
        return keep

    def plan(self, limit: int) -> ScorePlan | None:
        """Return the next batch of at most `limit` tokens (one suffix may be longer), or None when all is read."""
        job = self._job
        if job is None:
            return None
        limit = min(limit, self._n_batch)
        have = len(self._base.ids)
        if have < len(job.prefix):
            part = job.prefix[have : have + limit]
            return ScorePlan(tuple(Row(t, have + i, self._base.seq, flag=False) for i, t in enumerate(part)), ())
        return self._branches(job, limit) if self._next < len(job.suffixes) else None

    def evaluated(self, plan: ScorePlan) -> None:
        """The batch was decoded and its logits were read."""
        self._clean = False
        if plan.outputs:
            self._drop_branches()
            self._next = plan.outputs[-1][1] + 1
        elif self._job:
            self._base.ids = self._job.prefix[: plan.rows[-1].pos + 1]

    def finish(self) -> None:
        """The job is over or was given up; its prefix stays."""
        self._drop_branches()
        self._job = None

    def aborted(self) -> None:
        """A batch was stopped half way."""
        self._drop_branches()
        if self._job:
            self._base.ids = self._job.prefix[: self._memory.pos_max(self._base.seq) + 1]

    def end_exchange(self, exchange: str) -> None:
        """Forget an exchange; when nothing is left the buffers are overwritten."""
        for base in self._bases:
            if base.exchange == exchange and not (self._job and base is self._base):
                self._drop(base)
        if not self._clean and self._job is None and not any(base.ids for base in self._bases):
            self._memory.wipe()
            self._clean = True

    def lost(self) -> None:
        """The context failed: forget everything."""
        for base in self._bases:
            base.exchange, base.ids = "", ()
        self._job = None
        self._memory.wipe()

    def _branches(self, job: ScoreJob, limit: int) -> ScorePlan:
        room = self._n_ctx - sum(len(base.ids) for base in self._bases)
        rows: list[Row] = []
        outputs: list[tuple[int, int]] = []
        for number in range(self._next, min(self._next + BRANCHES, len(job.suffixes))):
            suffix = job.suffixes[number]
            if rows and len(rows) + len(suffix) > min(limit, room):
                break
            seq = BASES + number - self._next
            self._memory.copy(self._base.seq, seq)
            rows += _suffix_rows(suffix, len(job.prefix), seq)
            outputs.append((len(rows) - 1, number))
        return ScorePlan(tuple(rows), tuple(outputs))

    def _base_of(self, exchange: str) -> _Base:
        same = [base for base in self._bases if base.exchange == exchange and base.ids]
        empty = [base for base in self._bases if not base.ids]
        chosen = (same or empty or [min(self._bases, key=lambda base: base.used)])[0]
        if chosen.exchange != exchange:
            self._drop(chosen)
        return chosen

    def _drop(self, base: _Base) -> None:
        self._memory.remove(base.seq, 0)
        base.exchange, base.ids = "", ()

    def _drop_branches(self) -> None:
        for seq in range(BASES, BASES + BRANCHES):
            self._memory.remove(seq, 0)


def _suffix_rows(suffix: Sequence[int], start: int, seq: int) -> list[Row]:
    last = len(suffix) - 1
    return [Row(token, start + i, seq, i == last) for i, token in enumerate(suffix)]
