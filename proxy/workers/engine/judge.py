"""The guard: `Score` in, `Scored` or `Failed` out. Joins the scorer and its context.

Law: one score at a time, in order of arrival; every accepted score ends in exactly one message. Only the inference
thread enters here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.workers.engine.batch import Decoded, EngineError
from proxy.workers.engine.encode import answer_id, encode
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.score import ScoreJob, ScorePlan, Scorer
from proxy.workers.engine.templates.chat import Family
from proxy.workers.wire import Failed, Message, Score, Scored

__all__ = ["Judge", "ReadyScore"]

_MAX_WAITING = 64
_MAX_SUFFIXES = 32
_MAX_ANSWERS = 32


@dataclass(slots=True)
class _Work:
    """A score in work."""

    job: ScoreJob
    answers: tuple[int, ...]
    deadline_ms: int
    began_ms: int
    reused: int = 0
    logits: dict[int, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadyScore:
    """A `Score` that may be taken up."""

    job: ScoreJob
    answers: tuple[int, ...]
    began_ms: int
    deadline_ms: int


class Judge:
    """All scores of one model."""

    def __init__(self, loaded: Loaded, *, now_ms: Callable[[], int]) -> None:
        self._loaded = loaded
        self._now_ms = now_ms
        spec = loaded.context.spec
        self._n_ctx = min(spec.n_ctx, loaded.trained_context)
        self._scorer = Scorer(loaded.context, self._n_ctx, spec.n_batch)
        self._waiting: deque[_Work] = deque()
        self._work: _Work | None = None
        self._ended: set[str] = set()
        """Exchanges that are over but for a score still to come."""

    @property
    def family(self) -> Family:
        """Which family judges."""
        return self._loaded.family

    @property
    def current(self) -> int | None:
        """The score in work."""
        return self._work.job.id if self._work else None

    def begin(self, request: Score | ReadyScore) -> tuple[Message, ...]:
        """Take a request, or refuse it."""
        number = request.id if isinstance(request, Score) else request.job.id
        try:
            ready = self.prepare(request) if isinstance(request, Score) else request
        except EngineError as error:
            return (Failed(number, error.code),)
        if len(self._waiting) >= _MAX_WAITING:
            return (Failed(ready.job.id, "guard_unavailable"),)
        self._waiting.append(_Work(ready.job, ready.answers, ready.deadline_ms, ready.began_ms))
        return ()

    def prepare(self, request: Score) -> ReadyScore:
        """Make a request ready; the reading thread does it, so that a long text holds up nobody. Raises EngineError."""
        sizes_ok = 0 < len(request.suffixes) <= _MAX_SUFFIXES and 0 < len(request.answers) <= _MAX_ANSWERS
        if not sizes_ok or request.deadline_ms < 0:
            raise EngineError("bad_request")
        vocabulary, now = self._loaded.vocabulary, self._now_ms()
        prefix = encode(vocabulary, request.prefix)
        suffixes = tuple(encode(vocabulary, suffix) for suffix in request.suffixes)
        answers = tuple(answer_id(self._loaded.model, word) for word in request.answers)
        job = ScoreJob(request.id, request.exchange, prefix, suffixes)
        return ReadyScore(job, answers, now, now + request.deadline_ms)

    def cancel(self, request_id: int) -> tuple[Message, ...]:
        """Drop a score on request; its asker has gone, so the code says only that there is no score."""
        return self._drop(lambda work: work.job.id == request_id, "guard_unavailable")

    def expire(self) -> tuple[Message, ...]:
        """Drop what is past its deadline."""
        now = self._now_ms()
        return self._drop(lambda work: now >= work.deadline_ms, "guard_timeout")

    def next_event_ms(self) -> int | None:
        """When `expire` has something to do next."""
        return min((work.deadline_ms for work in self._all()), default=None)

    def end_exchange(self, exchange: str) -> None:
        """Forget an exchange, once its last score is out."""
        self._ended.add(exchange)
        self._settle()

    def plan(self, limit: int) -> tuple[ScorePlan | None, tuple[Message, ...]]:
        """The next batch, and what was refused while looking for it."""
        refused: list[Message] = []
        while self._work is None and self._waiting:
            work = self._waiting.popleft()
            try:
                work.reused = self._scorer.start(work.job)
                self._work = work
            except EngineError as error:
                refused.append(Failed(work.job.id, error.code))
                self._settle()
        return self._scorer.plan(limit) if self._work else None, tuple(refused)

    def deadline(self) -> int:
        """Of the score in work."""
        return self._work.deadline_ms if self._work else 0

    def step(self, plan: ScorePlan) -> tuple[Message, ...]:
        """Evaluate a batch and read what it completed."""
        work = self._work
        if work is None:
            return ()
        match self._loaded.context.decode(plan.rows):
            case Decoded.OK:
                for index, number in plan.outputs:
                    logits = self._loaded.context.logits(index)
                    work.logits[number] = tuple(float(logits[answer]) for answer in work.answers)
                self._scorer.evaluated(plan)
                return self._finished(work)
            case Decoded.ABORTED:
                self._scorer.aborted()
                return ()
            case Decoded.NO_CELLS | Decoded.FATAL:
                self._scorer.lost()
                self._work = None
                self._settle()
                return (Failed(work.job.id, "guard_unavailable"),)

    def _finished(self, work: _Work) -> tuple[Message, ...]:
        if len(work.logits) < len(work.job.suffixes):
            return ()
        self._scorer.finish()
        self._work = None
        self._settle()
        tokens = len(work.job.prefix) + sum(map(len, work.job.suffixes))
        logits = tuple(work.logits[number] for number in range(len(work.job.suffixes)))
        return (Scored(work.job.id, logits, tokens, work.reused, self._now_ms() - work.began_ms),)

    def _all(self) -> list[_Work]:
        return [*self._waiting, *([self._work] if self._work else [])]

    def _settle(self) -> None:
        for exchange in self._ended - {work.job.exchange for work in self._all()}:
            self._scorer.end_exchange(exchange)
            self._ended.discard(exchange)

    def _drop(self, which: Callable[[_Work], bool], code: str) -> tuple[Message, ...]:
        gone = [work for work in self._waiting if which(work)]
        self._waiting = deque(work for work in self._waiting if not which(work))
        if self._work and which(self._work):
            gone.append(self._work)
            self._scorer.finish()
            self._work = None
        self._settle()
        return tuple(Failed(work.job.id, code) for work in gone)
