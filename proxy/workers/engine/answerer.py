"""The generator: `Generate` in, `Delta`, `ToolCallOut`, `Done` out. Joins the scheduler, the context and the streams.

Law: everything a request asks is checked before it gets a place; every accepted request ends in exactly one `Done`
(an exam, which is a `Score` with one suffix, in one `Scored` or `Failed`). Only the inference thread enters here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filters.tokens import Piece
from proxy.workers.engine.batch import Decoded, EngineError
from proxy.workers.engine.encode import answer_id, encode
from proxy.workers.engine.grammar import ANY_OBJECT, gbnf_of
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.parse import Marks, Parser
from proxy.workers.engine.sampling import Grammar, Sampler, SamplerSpec
from proxy.workers.engine.scheduler import Job, Limits, Plan, Scheduler
from proxy.workers.engine.stops import MAX_STOPS
from proxy.workers.engine.stream import AnswerStream
from proxy.workers.engine.templates.chat import PLACEHOLDER_HINT, Chat
from proxy.workers.wire import Done, Failed, Generate, Message, Score, Scored

__all__ = ["Answerer"]

_IDLE_MS = 300_000
_MAX_PENALTY = 2.0
_MAX_TEMPERATURE = 2.0


@dataclass(slots=True)
class _Answer:
    """A request in work."""

    prompt_tokens: int
    deadline_ms: int
    began_ms: int
    stream: AnswerStream
    sampler: Sampler
    grammar: Grammar | None
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
        self._draw_seed = draw_seed
        self._now_ms = now_ms
        spec = loaded.context.spec
        self._request_tokens = min(loaded.plan.request_tokens, loaded.trained_context, spec.n_ctx)
        limits = Limits(
            n_ctx=spec.n_ctx,
            slots=loaded.plan.slots,
            n_batch=spec.n_batch,
            n_swa=loaded.model.n_swa,
            request_tokens=self._request_tokens,
            idle_ms=_IDLE_MS if prefix_cache else 0,
        )
        self._scheduler = Scheduler(limits, loaded.context)
        self._answers: dict[int, _Answer | _Exam] = {}
        self._marks = _marks(loaded)
        self._suppressed = loaded.model.suppressed()

    @property
    def answering(self) -> bool:
        """Whether an answer could go on now."""
        return self._scheduler.answering

    def begin(self, request: Generate) -> tuple[Message, ...]:
        """Take a request, or refuse it with a `Done`."""
        now = self._now_ms()
        if request.id in self._answers:
            return (_done(request.id, "error", "bad_request"),)
        try:
            self._accept(request, now)
        except EngineError as error:
            return (_done(request.id, "error", error.code),)
        return ()

    def examine(self, request: Score) -> tuple[Message, ...]:
        """Take a question with one ending, or refuse it."""
        now, ends = self._now_ms(), request.suffixes[0] if len(request.suffixes) == 1 else ()
        try:
            if request.id in self._answers or not ends or not request.answers or request.deadline_ms < 0:
                raise EngineError("bad_request")
            ids = encode(self._loaded.vocabulary, (*request.prefix, *ends))
            words = tuple(answer_id(self._loaded.model, word) for word in request.answers)
            self._scheduler.submit(Job(request.id, request.exchange, ids, 1, 1))
        except EngineError as error:
            return (Failed(request.id, error.code),)
        self._answers[request.id] = _Exam(len(ids), words, now + request.deadline_ms, now)
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
            if answer.grammar and answer.stream.in_content:
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
        return (Done(number, finish, code, answer.prompt_tokens, answer.stream.tokens, answer.reused, *times),)

    def _accept(self, request: Generate, now: int) -> None:
        plan = self._loaded.plan
        pieces = self._render(request)
        ids = encode(self._loaded.vocabulary, pieces)
        max_tokens = request.max_tokens
        if max_tokens is None:  # the default never makes a prompt too long that would fit with a shorter answer
            max_tokens = max(1, min(plan.max_tokens, self._request_tokens - len(ids)))
        spec = self._sampling(request, max_tokens)
        stops = tuple(stop.reveal() for stop in request.stop)
        if max_tokens < 1 or len(stops) > MAX_STOPS or request.deadline_ms < 0 or request.credits < 0:
            raise EngineError("bad_request")
        grammar = self._grammar(request)
        tools = frozenset() if request.tool_choice == "none" else frozenset(tool.name for tool in request.tools)
        stream = AnswerStream(request.id, Parser(self._marks, tools), stops, max_tokens)
        sampler = Sampler(self._loaded.model, spec)
        answer = _Answer(len(ids), now + request.deadline_ms, now, stream, sampler, grammar)
        try:
            self._scheduler.submit(Job(request.id, request.caller, ids, max_tokens, request.credits))
        except EngineError:
            answer.close()
            raise
        self._answers[request.id] = answer

    def _render(self, request: Generate) -> tuple[Piece, ...]:
        family, plan = self._loaded.family, self._loaded.plan
        if family.render is None or not request.messages:
            raise EngineError("bad_request")
        if request.tool_choice not in ("auto", "none"):
            raise EngineError("unsupported_parameter")
        tools = () if request.tool_choice == "none" else request.tools
        if tools and not family.tools:
            raise EngineError("tools_unsupported")
        hint = PLACEHOLDER_HINT if plan.placeholder_hint else ""
        return family.render(Chat(request.messages, tools, empty_thought=plan.empty_thought, hint=hint))

    def _sampling(self, request: Generate, max_tokens: int) -> SamplerSpec:
        plan = self._loaded.plan
        banned = self._suppressed
        if request.schema is not None or request.json_mode:
            eog = self._loaded.model.is_eog
            banned += tuple(token for token in self._loaded.vocabulary.structural if not eog(token))
        return SamplerSpec(
            temperature=_within(_or(request.temperature, plan.temperature), 0.0, _MAX_TEMPERATURE),
            top_p=_within(_or(request.top_p, plan.top_p), 0.0, 1.0),
            top_k=max(0, plan.top_k if request.top_k is None else request.top_k),
            min_p=_within(_or(request.min_p, plan.min_p), 0.0, 1.0),
            seed=self._draw_seed() if request.seed is None else request.seed,
            presence_penalty=_within(_or(request.presence_penalty, 0.0), -_MAX_PENALTY, _MAX_PENALTY),
            frequency_penalty=_within(_or(request.frequency_penalty, 0.0), -_MAX_PENALTY, _MAX_PENALTY),
            window=max(1, min(max_tokens, 8192)),
            banned=banned,
        )

    def _grammar(self, request: Generate) -> Grammar | None:
        if request.schema is None and not request.json_mode:
            return None
        if request.tools and request.tool_choice != "none":
            raise EngineError("schema_unsupported")  # a call could not be written inside the schema
        schema = ANY_OBJECT if request.schema is None else request.schema.reveal()
        return Grammar(self._loaded.model, gbnf_of(schema))


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # not a number is not within either
        raise EngineError("bad_request")
    return value


def _done(number: int, finish: str, code: str) -> Done:
    return Done(number, finish, code, 0, 0, 0, 0, 0)


def _marks(loaded: Loaded) -> Marks:
    family, find = loaded.family, loaded.vocabulary.controls
    channel, call = family.channel or ("", ""), family.tool_call or ("", "")
    return Marks(
        channel_open=find.get(channel[0], -1),
        channel_close=find.get(channel[1], -1),
        tool_open=find.get(call[0], -1),
        tool_close=find.get(call[1], -1),
        quote=find.get(family.quote or "", -1),
        tool_response=find.get(family.tool_response or "", -1),
        turn_open=find.get(family.turn_open, -1),
    )
