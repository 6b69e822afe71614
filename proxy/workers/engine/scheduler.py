"""Continuous batching: which tokens of which answers go into the next batch.

Law: decides over values; the pool it keeps in step with is a `Memory`, time is passed in. A slot is

    empty -> live (prompt, then token by token; paused without credit) -> idle (its prefix stays) -> empty

* a batch holds one token of every answer that may go on, then prompt tokens of the oldest unfinished prompt;
* admission reserves prompt and answer in the pool, so that the pool cannot run out of cells while decoding;
* an idle prefix is used again by the same caller only, and only if no cell that the next token looks at is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from proxy.workers.engine.batch import EngineError, Memory, Row

__all__ = ["Job", "Limits", "Plan", "Scheduler", "Started", "common_prefix"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers a scheduler obeys."""

    n_ctx: int
    slots: int
    n_batch: int
    n_swa: int
    """Width of the sliding window; 0 if there is none."""
    request_tokens: int
    """Prompt and answer of one request."""
    alone: int = 512
    """Prompt tokens of a batch in which nothing is being answered."""
    beside: int = 128
    """Prompt tokens of a batch beside running answers."""
    min_reuse: int = 64
    idle_ms: int = 300_000
    """How long an idle prefix lives; 0 turns reuse off."""


@dataclass(frozen=True, slots=True)
class Job:
    """One prompt to answer."""

    id: int
    caller: str
    ids: tuple[int, ...]
    max_tokens: int
    credits: int


@dataclass(frozen=True, slots=True)
class Started:
    """A job got a slot; `reused` tokens of its prompt were in memory already."""

    id: int
    reused: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch."""

    rows: tuple[Row, ...]
    outputs: tuple[tuple[int, int], ...]
    """Row index and job of every token to sample."""
    jobs: frozenset[int]


@dataclass(slots=True)
class _Slot:
    seq: int
    job: Job | None = None
    caller: str = ""
    ids: list[int] = field(default_factory=list)
    """Prompt and answer so far; the first `done` of them are in memory."""
    done: int = 0
    credits: int = 0
    order: int = 0
    idle_since: int = 0

    @property
    def pending(self) -> int:
        return len(self.ids) - self.done

    @property
    def answering(self) -> bool:
        return self.job is not None and len(self.ids) > len(self.job.ids)

    @property
    def reserved(self) -> int:
        return len(self.job.ids) + self.job.max_tokens if self.job else self.done


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest equal beginning."""
    limit = min(len(a), len(b))
    return next((i for i in range(limit) if a[i] != b[i]), limit)


def _kid(caller: str) -> str:
    """The token's name in a caller's name, `uid:1000/kid`; callers without a token have none."""
    return caller.partition("/")[2]


class Scheduler:
    """The slots of one context."""

    def __init__(self, limits: Limits, memory: Memory) -> None:
        self._limits = limits
        self._memory = memory
        self._slots = tuple(_Slot(seq) for seq in range(limits.slots))
        self._waiting: deque[Job] = deque()
        self._orders = 0
        self._clean = True
        self._unwelcome: frozenset[str] = frozenset()
        """Tokens that ended while one of their answers was in work: its prefix does not stay."""

    @property
    def answering(self) -> bool:
        """Whether an answer could go on now: then prompts and scores take small steps."""
        return any(slot.answering and slot.credits > 0 for slot in self._slots)

    def submit(self, job: Job) -> None:
        """Queue a job; raise `context_length_exceeded` if it could never run, `engine_full` if too many wait."""
        total = len(job.ids) + job.max_tokens
        if not job.ids or total > min(self._limits.request_tokens, self._limits.n_ctx):
            raise EngineError("context_length_exceeded")
        if len(self._waiting) >= 2 * self._limits.slots:
            raise EngineError("engine_full")
        self._waiting.append(job)

    def admit(self) -> tuple[Started, ...]:
        """Give slots to waiting jobs, in order, while the pool has room for all they may need."""
        started = []
        while self._waiting and self._make_room(self._waiting[0]):
            started.append(self._start(self._waiting.popleft()))
        return tuple(started)

    def plan(self) -> Plan | None:
        """Return the next batch, or None if nothing can go on."""
        rows: list[Row] = []
        outputs: list[tuple[int, int]] = []
        live = sorted((slot for slot in self._slots if slot.job), key=lambda slot: slot.order)
        ready = [slot for slot in live if slot.answering and slot.pending == 1 and slot.credits > 0]
        prompts = [slot for slot in live if slot not in ready and self._prompt_tokens(slot) > 0]
        for slot in ready:
            self._add(rows, outputs, slot, 1)
        if prompts:
            limit = self._limits.beside if ready else self._limits.alone
            room = min(limit, self._limits.n_batch - len(rows), self._prompt_tokens(prompts[0]))
            self._add(rows, outputs, prompts[0], room)
        if not rows:
            return None
        used = {row.seq for row in rows}
        return Plan(tuple(rows), tuple(outputs), frozenset(s.job.id for s in live if s.job and s.seq in used))

    def evaluated(self, plan: Plan) -> None:
        """The batch was decoded: its tokens are in memory."""
        self._clean = False
        for row in plan.rows:
            self._slots[row.seq].done = row.pos + 1

    def append(self, job_id: int, token: int) -> None:
        """The answer goes on with `token`, to be evaluated next."""
        self._slot_of(job_id).ids.append(token)

    def charge(self, job_id: int, tokens: int) -> None:
        """Tokens were sent (or, negative, credit was granted)."""
        for slot in self._slots:
            if slot.job and slot.job.id == job_id:
                slot.credits -= tokens
        for i, job in enumerate(self._waiting):
            if job.id == job_id:
                self._waiting[i] = Job(job.id, job.caller, job.ids, job.max_tokens, job.credits - tokens)

    def end(self, job_id: int, now_ms: int) -> None:
        """The job is over; what is in memory of it stays as an idle prefix of its caller."""
        self._waiting = deque(job for job in self._waiting if job.id != job_id)
        for slot in self._slots:
            if slot.job and slot.job.id == job_id:
                slot.caller, slot.job, slot.idle_since = slot.job.caller, None, now_ms
                del slot.ids[slot.done :]
                if not self._limits.idle_ms or not slot.done or _kid(slot.caller) in self._unwelcome:
                    self._clear(slot)
                self._unwelcome &= {_kid(other.job.caller) for other in self._slots if other.job}
        self._wipe_if_unused()

    def forget(self, kid: str) -> None:
        """Drop the idle prefixes of the caller with this token, and those still to come of answers in work."""
        for slot in self._slots:
            if _kid(slot.job.caller if slot.job else slot.caller) != kid:
                continue
            if slot.job:
                self._unwelcome |= {kid}
            else:
                self._clear(slot)
        self._wipe_if_unused()

    def expire(self, now_ms: int) -> None:
        """Drop idle prefixes that are too old."""
        for slot in self._slots:
            if not slot.job and slot.done and now_ms - slot.idle_since >= self._limits.idle_ms:
                self._clear(slot)
        self._wipe_if_unused()

    def next_expiry(self) -> int | None:
        """When the oldest idle prefix ends."""
        idle = [slot.idle_since for slot in self._slots if not slot.job and slot.done]
        return min(idle) + self._limits.idle_ms if idle else None

    def aborted(self) -> None:
        """A batch was stopped half way: take up from what is in memory."""
        for slot in self._slots:
            if slot.job:
                slot.done = min(self._memory.pos_max(slot.seq) + 1, len(slot.ids))
                if slot.done == len(slot.ids):  # evaluated, but the logits are lost: evaluate the last token again
                    self._cut(slot, slot.done - 1)

    def newest(self) -> int | None:
        """The job to give up when the pool has no cells although it should."""
        live = [slot for slot in self._slots if slot.job]
        return max(live, key=lambda slot: slot.order).job.id if live else None  # type: ignore[union-attr]  # live

    def lost(self) -> tuple[int, ...]:
        """The context failed: forget everything and return the jobs that ended by it."""
        jobs = tuple(slot.job.id for slot in self._slots if slot.job)
        for slot in self._slots:
            slot.job, slot.ids, slot.done = None, [], 0
        self._memory.wipe()
        self._clean = True
        return jobs

    def _prompt_tokens(self, slot: _Slot) -> int:
        """Tokens it could take in: the last one, whose output starts the answer, only with credit."""
        if slot.answering and slot.pending == 1:
            return 0
        return slot.pending if slot.credits > 0 else slot.pending - 1

    def _add(self, rows: list[Row], outputs: list[tuple[int, int]], slot: _Slot, count: int) -> None:
        for pos in range(slot.done, slot.done + count):
            last = pos == len(slot.ids) - 1
            if last and slot.job:
                outputs.append((len(rows), slot.job.id))
            rows.append(Row(slot.ids[pos], pos, slot.seq, last))

    def _make_room(self, job: Job) -> bool:
        """Drop idle prefixes, oldest first, until the job fits; keep the one it would use again to the last."""
        free = [slot for slot in self._slots if not slot.job]
        if not free:
            return False
        useful = self._match(job)[0]
        need = len(job.ids) + job.max_tokens
        droppable = sorted((s for s in free if s.done and s is not useful), key=lambda s: s.idle_since)
        while self._taken(useful) + need > self._limits.n_ctx or not (useful or any(not s.done for s in free)):
            if not droppable:
                return False
            self._clear(droppable.pop(0))
        return True

    def _taken(self, useful: _Slot | None) -> int:
        return sum(slot.reserved for slot in self._slots if slot is not useful)

    def _match(self, job: Job) -> tuple[_Slot | None, int]:
        """The caller's idle slot with the longest usable beginning of this prompt."""
        best: tuple[_Slot | None, int] = (None, 0)
        for slot in self._slots:
            if slot.job or slot.caller != job.caller or not slot.done:
                continue
            keep = min(common_prefix(slot.ids, job.ids), len(job.ids) - 1)
            if keep >= max(self._limits.min_reuse, best[1] + 1) and self._intact(slot, keep):
                best = (slot, keep)
        return best

    def _intact(self, slot: _Slot, keep: int) -> bool:
        """Whether all that the token at `keep` looks at is still in memory.

        The window cache recycles cells, and removing answers success although they are gone.
        """
        first = self._memory.pos_min(slot.seq)
        return 0 <= first <= max(0, keep - self._limits.n_swa)

    def _start(self, job: Job) -> Started:
        slot, keep = self._match(job)
        if slot is None:
            slot = next(s for s in self._slots if not s.job and not s.done)
        self._orders += 1
        slot.job, slot.caller, slot.ids = job, job.caller, list(job.ids)
        slot.credits, slot.order = job.credits, self._orders
        self._memory.remove(slot.seq, keep)
        slot.done = keep
        return Started(job.id, keep)

    def _cut(self, slot: _Slot, keep: int) -> None:
        if not self._intact(slot, keep):
            keep = 0
        self._memory.remove(slot.seq, keep)
        slot.done = keep

    def _clear(self, slot: _Slot) -> None:
        self._memory.remove(slot.seq, 0)
        slot.ids, slot.done, slot.caller = [], 0, ""

    def _wipe_if_unused(self) -> None:
        if not self._clean and not any(slot.job or slot.done for slot in self._slots):
            self._memory.wipe()
            self._clean = True

    def _slot_of(self, job_id: int) -> _Slot:
        return next(slot for slot in self._slots if slot.job and slot.job.id == job_id)
