"""The generator: `Generate` in, `Delta`, `ToolCallOut`, `Done` out. Joins the scheduler, the context and the streams.

Law: everything a request asks is checked before it gets a place; every accepted request ends in exactly one `Done`
(an exam, which is a `Score` with one suffix, in one `Scored` or `Failed`). Only the inference thread enters here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from proxy.workers.engine.batch import Decoded, EngineError
from proxy.workers.engine.clerk import Clerk, ReadyAnswer, ReadyExam, refusal
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.parse import Parser
from proxy.workers.engine.sampling import Grammar, Sampler
from proxy.workers.engine.scheduler import Limits, Plan, Scheduler
from proxy.workers.engine.stream import AnswerStream
from proxy.workers.wire import Done, Failed, Generate, Message, Score, Scored

__all__ = ["Answerer"]

_IDLE_MS = 300_000


@dataclass(slots=True)
class _Answer:
    """A request in work."""

    prompt_tokens: int
    deadline_ms: int
    began_ms: int
    stream: AnswerStream
    sampler: Sampler
    grammar: Grammar | None
    calls_only: bool = False
    """The grammar holds for structure too."""
    first_ms: int | None = None
    reused: int = 0

    def close(self) -> None:
        self.sampler.close()
        if self.grammar:
            self.grammar.close()


@dataclass(slots=True)
class _Exam:
    """A question whose answer is one of a few words: no text is generated."""

    prompt_tokens: int
    words: tuple[int, ...]
    deadline_ms: int
    began_ms: int
    reused: int = 0

    def close(self) -> None:
        """Holds nothing."""


class Answerer:
    """All answers of one model. `draw_seed` gives a seed to a request that names none."""

    def __init__(
        self, loaded: Loaded, *, prefix_cache: bool, draw_seed: Callable[[], int], now_ms: Callable[[], int]
    ) -> None:
        self._loaded = loaded
        self._now_ms = now_ms
        self.clerk = Clerk(loaded, draw_seed=draw_seed, now_ms=now_ms)
        spec = loaded.context.spec
        limits = Limits(
            n_ctx=spec.n_ctx,
            slots=loaded.plan.slots,
            n_batch=spec.n_batch,
            n_swa=loaded.model.n_swa,
            request_tokens=self.clerk.request_tokens,
            idle_ms=_IDLE_MS if prefix_cache else 0,
        )
        self._scheduler = Scheduler(limits, loaded.context)
        self._answers: dict[int, _Answer | _Exam] = {}

    @property
    def answering(self) -> bool:
        """Whether an answer could go on now."""
        return self._scheduler.answering

    def begin(self, request: Generate | ReadyAnswer) -> tuple[Message, ...]:
        """Take a request, or refuse it with a `Done`."""
        number = request.job.id if isinstance(request, ReadyAnswer) else request.id
        try:
            self._accept(self.clerk.answer(request) if isinstance(request, Generate) else request)
        except EngineError as error:
            return (refusal(number, error.code),)
        return ()

    def examine(self, request: Score | ReadyExam) -> tuple[Message, ...]:
        """Take a question with one ending, or refuse it."""
        number = request.job.id if isinstance(request, ReadyExam) else request.id
        try:
            ready = self.clerk.exam(request) if isinstance(request, Score) else request
            if number in self._answers:
                raise EngineError("bad_request")
            self._scheduler.submit(ready.job)
        except EngineError as error:
            return (Failed(number, error.code),)
        self._answers[number] = _Exam(len(ready.job.ids), ready.words, ready.deadline_ms, ready.began_ms)
        return ()

    def credit(self, request_id: int, tokens: int) -> None:
        """Let an answer go on."""
        self._scheduler.charge(request_id, -max(0, tokens))

    def cancel(self, request_id: int) -> tuple[Message, ...]:
        """End an answer on request."""
        return self._end(request_id, "cancelled", "") if request_id in self._answers else ()

    def expire(self) -> tuple[Message, ...]:
        """End what is past its deadline and drop what was idle too long."""
        now = self._now_ms()
        late = [number for number, answer in self._answers.items() if now >= answer.deadline_ms]
        messages = [message for number in late for message in self._end(number, "deadline", "engine_timeout")]
        self._scheduler.expire(now)
        return tuple(messages)

    def forget_token(self, kid: str) -> None:
        """A token has ended: nothing of its caller stays."""
        self._scheduler.forget(kid)

    def forget(self) -> None:
        """Drop all idle prefixes."""
        self._scheduler.expire(self._now_ms() + _IDLE_MS)

    def next_event_ms(self) -> int | None:
        """When `expire` has something to do next."""
        times = [answer.deadline_ms for answer in self._answers.values()]
        expiry = self._scheduler.next_expiry()
        return min(times + ([expiry] if expiry is not None else []), default=None)

    def plan(self) -> Plan | None:
        """The next batch, after giving free slots to waiting requests."""
        for started in self._scheduler.admit():
            self._answers[started.id].reused = started.reused
        return self._scheduler.plan()

    def deadline_of(self, plan: Plan) -> int:
        """The first deadline in a batch."""
        return min(self._answers[number].deadline_ms for number in plan.jobs)

    def step(self, plan: Plan) -> Iterable[Message]:
        """Evaluate a batch and sample what it completed."""
        match self._loaded.context.decode(plan.rows):
            case Decoded.OK:
                self._scheduler.evaluated(plan)
                for index, number in plan.outputs:
                    yield from self._read(index, number)
            case Decoded.ABORTED:
                self._scheduler.aborted()
            case Decoded.NO_CELLS:
                newest = self._scheduler.newest()
                if newest is not None:
                    yield from self._end(newest, "error", "engine_full")
            case Decoded.FATAL:
                for number in self._scheduler.lost():
                    yield from self._end(number, "error", "engine_fault")

    def close(self) -> None:
        """Free the samplers."""
        for answer in self._answers.values():
            answer.close()

    def _read(self, index: int, number: int) -> Iterable[Message]:
        work = self._answers[number]
        if isinstance(work, _Answer):
            yield from self._sample(index, number, work)
            return
        logits = self._loaded.context.logits(index)
        read = tuple(float(logits[word]) for word in work.words)
        now = self._now_ms()
        del self._answers[number]
        self._scheduler.end(number, now)
        yield Scored(number, (read,), work.prompt_tokens, work.reused, now - work.began_ms)

    def _sample(self, index: int, number: int, answer: _Answer) -> Iterable[Message]:
        loaded = self._loaded
        if answer.first_ms is None:
            answer.first_ms = self._now_ms()
        try:
            if answer.grammar and (answer.calls_only or answer.stream.in_content):
                token = answer.sampler.sample_within(answer.grammar, loaded.context, index)
            else:
                token = answer.sampler.sample(loaded.context, index)
            # some files give markers a text of their own, which would read as if the user had written it
            piece = b"" if token in loaded.vocabulary.structural else loaded.model.piece(token)
            step = answer.stream.feed(token, piece, ends=loaded.model.is_eog(token))
        except EngineError as error:
            yield from self._end(number, "error", error.code)
            return
        yield from step.messages
        if step.finish:
            yield from self._end(number, step.finish, "")
        else:
            self._scheduler.charge(number, step.charged)
            self._scheduler.append(number, token)

    def _end(self, number: int, finish: str, code: str) -> tuple[Message, ...]:
        answer = self._answers.pop(number)
        answer.close()
        now = self._now_ms()
        self._scheduler.end(number, now)
        if isinstance(answer, _Exam):
            return (Failed(number, code or "engine_unavailable"),)
        first = now if answer.first_ms is None else answer.first_ms
        times = (first - answer.began_ms, now - first)
        counts = (answer.prompt_tokens, answer.stream.tokens, answer.reused)
        return (Done(number, finish, code, *counts, *times, answer.stream.thought_tokens),)

    def _accept(self, ready: ReadyAnswer) -> None:
        if ready.job.id in self._answers:
            raise EngineError("bad_request")
        model = self._loaded.model
        grammar = Grammar(model, ready.gbnf) if ready.gbnf is not None else None
        parser = Parser(self.clerk.marks, ready.tools)
        stream = AnswerStream(ready.job.id, parser, ready.stops, ready.job.max_tokens, sends_thoughts=ready.thinking)
        sampler = Sampler(model, ready.spec)
        times = (ready.deadline_ms, ready.began_ms)
        answer = _Answer(len(ready.job.ids), *times, stream, sampler, grammar, ready.calls_only)
        try:
            self._scheduler.submit(ready.job)
        except EngineError:
            answer.close()
            raise
        self._answers[ready.job.id] = answer
