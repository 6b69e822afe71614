"""Step 8 of the journey: from the model's tokens to what the caller may read. Nested async generators.

    engine deltas -> segments -> judged -> scanned -> restored

Law: a segment is judged in redacted form together with the whole answer so far, then scanned for personal data the
model added, then restored. Thoughts, where they were asked for, are an answer of their own: another channel with its
own segments, judgements, scan and restorer, and what is refused in one ends both. Every stage is consumed inside
`aclosing`, so that a caller who leaves stops the model. Generation runs on while a segment is judged; the engine's
credits bound how far.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from filters.output import OutputRefused, OutputScan
from filters.parts import Form, RedactedText
from filters.restore import Piece, Restorer
from filters.safety import Direction, Unit, text_of_call, unit_of_answer
from filters.segment import Segmenter
from filters.vault import RedactionError, Vault
from policies.decide import Verdict
from proxy.errors import CordonError
from proxy.exchange import (
    Cleared,
    Exchange,
    Finish,
    Finished,
    Released,
    ReleasedCall,
    ReleasedThought,
    Usage,
)  # fmt: skip
from proxy.rooms import Outcome, Rooms
from proxy.workers.wire import Delta, Done, ToolCallOut

__all__ = ["Answer", "Withhold", "answer"]

_WINDOW_CHARS = 6_000
"""One window of the guard. A segment that is longer is judged in several, whatever was said before it."""


class _Channel(enum.StrEnum):
    """The two kinds of text of an answer, in the words of the wire."""

    CONTENT = "content"
    THOUGHT = "thought"


_UNITS = {_Channel.CONTENT: "segment", _Channel.THOUGHT: "thought"}
"""What the guard and the log call a piece of each."""


@dataclass(frozen=True, slots=True)
class _Said:
    """Text on its way."""

    channel: _Channel
    text: str = field(repr=False)


_Stage = AsyncGenerator[_Said | ToolCallOut | Done, None]


class Withhold(Exception):  # noqa: N818 - a decision, not an error
    """The policy refused a segment; `rule` names the guideline or kind."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Answer:
    """What the stages of one answer share."""

    exchange: Exchange
    cleared: Cleared
    vault: Vault
    rooms: Rooms
    outcome: Outcome
    question: str
    """What is answered, as the guard sees it."""


async def answer(a: Answer) -> AsyncGenerator[Released | ReleasedThought | ReleasedCall | Finished, None]:
    """Yield what may be shown, then one `Finished`. Raises CordonError or Withhold."""
    restorers, calls = {channel: Restorer(a.vault, Form.TEXT) for channel in _Channel}, 0
    at = _Channel.CONTENT
    async with aclosing(_scanned(a)) as stage:
        async for item in stage:
            if _leaves(at, item) and (pieces := restorers[at].finish()):
                yield _released(a, at, pieces)
            if isinstance(item, _Said):
                at = item.channel
                if pieces := restorers[at].feed(item.text):
                    yield _released(a, at, pieces)
            elif isinstance(item, ToolCallOut):
                yield _restored_call(a, item, calls)
                calls += 1
            else:
                a.outcome.restored += sum(restorer.restored for restorer in restorers.values())
                a.outcome.unresolved += sum(restorer.unresolved for restorer in restorers.values())
                usage = _usage(a, item)
                raised = (flag for judgement in a.outcome.judgements for flag in judgement.decision.flags)
                flags = tuple(dict.fromkeys((*a.cleared.flags, *raised)))
                yield Finished(Finish(item.finish), usage, flags, a.rooms.rules.thresholds)


def _usage(a: Answer, done: Done) -> Usage:
    total_ms = max(0, a.rooms.now_ms() - a.exchange.started_ms)
    return Usage(
        done.prompt_tokens, done.completion_tokens, done.reused_tokens, done.prompt_ms, done.answer_ms, total_ms,
        done.thought_tokens,
    )  # fmt: skip


def _leaves(at: _Channel, item: _Said | ToolCallOut | Done) -> bool:
    """Whether the text of a channel is complete for now: the other one goes on, a call comes, or the end."""
    return not isinstance(item, _Said) or item.channel is not at


async def _spoken(a: Answer) -> _Stage:
    """The engine's deltas of the channels that may be shown; a fault of the engine becomes its code."""
    shown = {channel.value: channel for channel in _Channel}
    if not a.cleared.sampling.thinking:  # some models think unasked, and so do servers of the user's own
        del shown[_Channel.THOUGHT.value]
    async with aclosing(a.rooms.engine.generate(a.exchange, a.cleared)) as items:
        async for item in items:
            if isinstance(item, Delta):
                if (channel := shown.get(item.kind)) is not None:
                    yield _Said(channel, item.text.reveal())
                continue
            if isinstance(item, Done) and item.finish not in _ENDINGS:
                raise CordonError(_FAULTS.get(item.finish, item.code or "engine_fault"))
            yield item
            if isinstance(item, Done):
                return
    raise CordonError("engine_lost")


async def _segments(a: Answer) -> _Stage:
    """Cut what is said into segments; none reaches over a call or into the other channel."""
    at, segmenter = _Channel.CONTENT, Segmenter(a.rooms.rules.window_chars)
    async with aclosing(_spoken(a)) as stage:
        async for item in stage:
            if _leaves(at, item):
                for segment in segmenter.finish():
                    yield _Said(at, segment)
                segmenter = Segmenter(a.rooms.rules.window_chars)
            if isinstance(item, _Said):
                at = item.channel
                for segment in segmenter.feed(item.text):
                    yield _Said(at, segment)
            else:
                yield item


_ENDINGS = frozenset(f.value for f in Finish)
_FAULTS = {"deadline": "engine_timeout", "cancelled": "engine_lost"}


async def _judged(a: Answer) -> _Stage:
    """Let a segment pass once its channel so far, this segment included, was permitted."""
    said = dict.fromkeys(_Channel, "")
    async with aclosing(_segments(a)) as stage:
        async for item in stage:
            if isinstance(item, _Said):
                said[item.channel] += item.text
                await _judge(a, _unit(a, item, said[item.channel]), len(item.text))
                a.outcome.said.append(RedactedText(item.text))
            elif isinstance(item, ToolCallOut):
                text = text_of_call(item.name, item.arguments.reveal())
                await _judge(a, Unit("tool_call", Direction.RESPONSE, a.question, text, a.outcome.segments), len(text))
                a.outcome.said.append(RedactedText(text))
            yield item


def _unit(a: Answer, item: _Said, so_far: str) -> Unit:
    kind, number = _UNITS[item.channel], a.outcome.segments
    if len(item.text) > _WINDOW_CHARS:
        return Unit(kind, Direction.RESPONSE, a.question, item.text, number)
    return unit_of_answer(kind, so_far, question=a.question, seg=number)


async def _judge(a: Answer, unit: Unit, new_chars: int) -> None:
    judgement = await a.rooms.guard.judge(a.exchange, (unit,))
    a.rooms.watch.judged(judgement)
    a.outcome.segments += 1
    a.outcome.chars += new_chars
    a.outcome.judgements.append(judgement)
    if judgement.decision.verdict is Verdict.REFUSE:
        if judgement.decision.code == "guard_missing":  # a fault of ours, not a decision about the text
            raise CordonError("guard_missing")
        raise Withhold(judgement.decision.rule)


async def _scanned(a: Answer) -> _Stage:
    """Replace personal data that the model added; known placeholders pass untouched."""
    at, scan = _Channel.CONTENT, OutputScan(a.vault, a.rooms.rules.out_actions)
    try:
        async with aclosing(_judged(a)) as stage:
            async for item in stage:
                if _leaves(at, item):
                    scan.finish()
                    if text := await _settle(a, scan):
                        yield _Said(at, text)
                    _count(a, scan)
                    scan = OutputScan(a.vault, a.rooms.rules.out_actions)
                if isinstance(item, _Said):
                    at = item.channel
                    scan.feed(item.text)
                    if text := await _settle(a, scan):
                        yield _Said(at, text)
                else:
                    yield await _scanned_call(a, item) if isinstance(item, ToolCallOut) else item
    except OutputRefused as refused:
        raise Withhold(",".join(refused.kinds)) from None
    finally:
        _count(a, scan)


def _count(a: Answer, scan: OutputScan) -> None:
    """What a finished scan replaced, let pass, and knew already."""
    a.outcome.known += scan.known
    a.outcome.masked.update(dict(scan.counts))
    a.outcome.let_pass.update(dict(scan.kept))


async def _settle(a: Answer, scan: OutputScan) -> str:
    out: list[str] = []
    while (window := scan.due()) is not None:
        findings = await a.rooms.analyst.look(a.exchange, window.text)
        try:
            out.append(scan.settle(window, findings))
        except RedactionError as fault:
            raise CordonError(fault.code) from None
    return "".join(out)


async def _scanned_call(a: Answer, call: ToolCallOut) -> ToolCallOut:
    """Scan the arguments of a complete call as one JSON document, keys included; it stays JSON."""
    scan = OutputScan(a.vault, a.rooms.rules.out_actions)
    findings = await a.rooms.analyst.look(a.exchange, call.arguments)
    try:
        masked = scan.whole_json(call.arguments.reveal(), findings)
    except RedactionError as fault:
        raise CordonError(fault.code) from None
    _count(a, scan)
    return ToolCallOut(call.id, call.name, RedactedText(masked))


def _released(a: Answer, channel: _Channel, pieces: tuple[Piece, ...]) -> Released | ReleasedThought:
    _left(a, pieces)
    return Released(pieces) if channel is _Channel.CONTENT else ReleasedThought(pieces)


def _left(a: Answer, pieces: tuple[Piece, ...]) -> None:
    """Count what leaves."""
    if a.outcome.first_ms is None:
        a.outcome.first_ms = max(0, a.rooms.now_ms() - a.exchange.started_ms)
    a.outcome.released += sum(len(p.text) for p in pieces)


def _restored_call(a: Answer, call: ToolCallOut, index: int) -> ReleasedCall:
    known = a.vault if a.rooms.rules.restore_calls else Vault()  # an empty vault restores nothing
    from_model = Restorer(known, Form.JSON)
    pieces = from_model.feed(call.arguments.reveal()) + from_model.finish()
    a.outcome.restored += from_model.restored
    a.outcome.unresolved += from_model.unresolved
    _left(a, pieces)
    return ReleasedCall(index, call.name, pieces)
