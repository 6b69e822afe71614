"""From a request to what can be scheduled: rendered, tokenised, every number checked.

Law: runs on the reading thread, so that a long prompt does not hold up the answers of others; it touches the vocabulary
and the plan, which nobody changes, and no context. What is refused here never reaches the inference thread's rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filters.tokens import Piece, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.calls import calls_gbnf
from proxy.workers.engine.encode import answer_id, encode
from proxy.workers.engine.grammar import ANY_OBJECT, gbnf_of
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.parse import Marks
from proxy.workers.engine.sampling import SamplerSpec
from proxy.workers.engine.scheduler import Job
from proxy.workers.engine.stops import MAX_STOPS
from proxy.workers.engine.templates.chat import PLACEHOLDER_HINT, Chat
from proxy.workers.wire import Done, Generate, Score

__all__ = ["Clerk", "ReadyAnswer", "ReadyExam", "marks_of", "refusal"]

_MAX_PENALTY = 2.0
_MAX_TEMPERATURE = 2.0
_MAX_TOKEN_BYTES = 96
"""Longer than any piece of the families' vocabularies: a text longer than a full pool of such is refused unread."""
_CHOICES = ("auto", "none", "required")


@dataclass(frozen=True, slots=True)
class ReadyAnswer:
    """A `Generate` that may be scheduled."""

    job: Job
    spec: SamplerSpec
    stops: tuple[str, ...]
    gbnf: str | None
    calls_only: bool
    """The grammar is of tool calls: it holds from the first token to the last, structure included."""
    tools: frozenset[str]
    thinking: bool
    """Thoughts were asked for, so they are sent."""
    began_ms: int
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class ReadyExam:
    """A `Score` of one ending that may be scheduled."""

    job: Job
    words: tuple[int, ...]
    began_ms: int
    deadline_ms: int


class Clerk:
    """The desk of one answering model. `draw_seed` gives a seed to a request that names none."""

    def __init__(self, loaded: Loaded, *, draw_seed: Callable[[], int], now_ms: Callable[[], int]) -> None:
        self._loaded, self._draw_seed, self._now_ms = loaded, draw_seed, now_ms
        self.request_tokens = min(loaded.plan.request_tokens, loaded.trained_context, loaded.context.spec.n_ctx)
        self.marks = marks_of(loaded)
        self._suppressed = loaded.model.suppressed()

    def answer(self, request: Generate) -> ReadyAnswer:
        """Make a request ready. Raises EngineError."""
        now = self._now_ms()
        ids = self._encode(self._render(request))
        max_tokens = request.max_tokens
        if max_tokens is None:  # the default never makes a prompt too long that would fit with a shorter answer
            max_tokens = max(1, min(self._loaded.plan.max_tokens, self.request_tokens - len(ids)))
        stops = tuple(stop.reveal() for stop in request.stop)
        if max_tokens < 1 or len(stops) > MAX_STOPS or request.deadline_ms < 0 or request.credits < 0:
            raise EngineError("bad_request")
        must_call = request.tool_choice == "required"
        return ReadyAnswer(
            job=Job(request.id, request.caller, ids, max_tokens, request.credits),
            spec=self._sampling(request, max_tokens),
            stops=stops,
            gbnf=calls_gbnf(request.tools, self.marks) if must_call else self._gbnf(request),
            calls_only=must_call,
            tools=frozenset() if request.tool_choice == "none" else frozenset(tool.name for tool in request.tools),
            thinking=request.thinking,
            began_ms=now,
            deadline_ms=now + request.deadline_ms,
        )

    def exam(self, request: Score) -> ReadyExam:
        """Make a question with one ending ready. Raises EngineError."""
        now, ends = self._now_ms(), request.suffixes[0] if len(request.suffixes) == 1 else ()
        if not ends or not request.answers or request.deadline_ms < 0:
            raise EngineError("bad_request")
        ids = self._encode((*request.prefix, *ends))
        words = tuple(answer_id(self._loaded.model, word) for word in request.answers)
        return ReadyExam(Job(request.id, request.exchange, ids, 1, 1), words, now, now + request.deadline_ms)

    def _encode(self, pieces: tuple[Piece, ...]) -> tuple[int, ...]:
        size = sum(len(piece.text.strip()) for piece in pieces if isinstance(piece, Text))
        if size > _MAX_TOKEN_BYTES * self.request_tokens:
            raise EngineError("context_length_exceeded")
        return encode(self._loaded.vocabulary, pieces)

    def _render(self, request: Generate) -> tuple[Piece, ...]:
        family, plan = self._loaded.family, self._loaded.plan
        if family.render is None or not request.messages:
            raise EngineError("bad_request")
        if request.tool_choice not in _CHOICES or (request.tool_choice == "required" and not request.tools):
            raise EngineError("unsupported_parameter")
        formed = request.schema is not None or request.json_mode or request.tool_choice == "required"
        if request.thinking and (formed or not family.thinks):  # a grammar holds from the first token, so none is free
            raise EngineError("unsupported_parameter")
        tools = () if request.tool_choice == "none" else request.tools
        if tools and not family.tools:
            raise EngineError("tools_unsupported")
        hint = PLACEHOLDER_HINT if plan.placeholder_hint else ""
        asked = Chat(request.messages, tools, request.thinking, plan.empty_thought, hint)
        return family.render(asked)

    def _sampling(self, request: Generate, max_tokens: int) -> SamplerSpec:
        plan = self._loaded.plan
        return SamplerSpec(
            temperature=_within(_or(request.temperature, plan.temperature), 0.0, _MAX_TEMPERATURE),
            top_p=_within(_or(request.top_p, plan.top_p), 0.0, 1.0),
            top_k=max(0, plan.top_k if request.top_k is None else request.top_k),
            min_p=_within(_or(request.min_p, plan.min_p), 0.0, 1.0),
            seed=self._draw_seed() if request.seed is None else request.seed,
            presence_penalty=_within(_or(request.presence_penalty, 0.0), -_MAX_PENALTY, _MAX_PENALTY),
            frequency_penalty=_within(_or(request.frequency_penalty, 0.0), -_MAX_PENALTY, _MAX_PENALTY),
            window=max(1, min(max_tokens, 8192)),
            banned=self._suppressed + self._banned(request),
        )

    def _banned(self, request: Generate) -> tuple[int, ...]:
        """Structure that a grammar could take for text: all of it in JSON, all but its own in a call that must be."""
        must_call = request.tool_choice == "required"
        if request.schema is None and not request.json_mode and not must_call:
            return ()
        own = {self.marks.tool_open, self.marks.tool_close, self.marks.quote} if must_call else set()
        is_eog = self._loaded.model.is_eog
        return tuple(t for t in self._loaded.vocabulary.structural if t not in own and not is_eog(t))

    def _gbnf(self, request: Generate) -> str | None:
        if request.schema is None and not request.json_mode:
            return None
        if request.tools and request.tool_choice != "none":
            raise EngineError("schema_unsupported")  # a call could not be written inside the schema
        return gbnf_of(ANY_OBJECT if request.schema is None else request.schema.reveal())


def marks_of(loaded: Loaded) -> Marks:
    """The ids that carry structure in a model's answers."""
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


def refusal(number: int, code: str) -> Done:
    """The end of a request that was not begun."""
    return Done(number, "error", code, 0, 0, 0, 0, 0)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # not a number is not within either
        raise EngineError("bad_request")
    return value
