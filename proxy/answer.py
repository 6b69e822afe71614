"""Step 8 of the journey: from the model's tokens to what the caller may read. Nested async generators.

    engine deltas -> segments -> judged -> scanned -> restored

Law: a segment is judged in redacted form together with the whole answer so far, then scanned for personal data the
model added, then restored. Every stage is consumed inside `aclosing`, so that a caller who leaves stops the model.
Generation runs on while a segment is judged; the engine's credits bound how far.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from filters.output import OutputRefused, OutputScan
from filters.parts import Form, RedactedText
from filters.restore import Piece, Restorer
from filters.safety import Direction, Unit, text_of_call, unit_of_answer
from filters.segment import Segmenter
from filters.vault import RedactionError, Vault
from policies.decide import Verdict
from proxy.errors import CordonError
from proxy.exchange import Cleared, Exchange, Finish, Finished, Released, ReleasedCall, Usage
from proxy.rooms import Outcome, Rooms
from proxy.workers.wire import Delta, Done, ToolCallOut

__all__ = ["Answer", "Withhold", "answer"]

_WINDOW_CHARS = 6_000
"""One window of the guard. A segment that is longer is judged in several, whatever was said before it."""

_Stage = AsyncGenerator[str | ToolCallOut | Done, None]


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


async def answer(a: Answer) -> AsyncGenerator[Released | ReleasedCall | Finished, None]:
    """Yield what may be shown, then one `Finished`. Raises CordonError or Withhold."""
    restorer, calls = Restorer(a.vault, Form.TEXT), 0
    async with aclosing(_scanned(a)) as stage:
        async for item in stage:
            if isinstance(item, str):
                if pieces := restorer.feed(item):
                    yield _released(a, pieces)
            elif isinstance(item, ToolCallOut):
                yield _restored_call(a, item, calls)
                calls += 1
            else:
                if pieces := restorer.finish():
                    yield _released(a, pieces)
                a.outcome.restored += restorer.restored
                a.outcome.unresolved += restorer.unresolved
                usage = _usage(a, item)
                raised = (flag for judgement in a.outcome.judgements for flag in judgement.decision.flags)
                flags = tuple(dict.fromkeys((*a.cleared.flags, *raised)))
                yield Finished(Finish(item.finish), usage, flags, a.rooms.rules.thresholds)


def _usage(a: Answer, done: Done) -> Usage:
    total_ms = max(0, a.rooms.now_ms() - a.exchange.started_ms)
    return Usage(
        done.prompt_tokens, done.completion_tokens, done.reused_tokens, done.prompt_ms, done.answer_ms, total_ms
    )


async def _segments(a: Answer) -> _Stage:
    """Cut the engine's deltas into segments; a fault of the engine becomes its code."""
    segmenter = Segmenter(a.rooms.rules.window_chars)
    async with aclosing(a.rooms.engine.generate(a.exchange, a.cleared)) as deltas:
        async for item in deltas:
            if isinstance(item, Delta):
                if item.kind == "content":  # thoughts are counted by the engine and dropped here
                    for segment in segmenter.feed(item.text.reveal()):
                        yield segment
            elif isinstance(item, ToolCallOut):
                for segment in segmenter.finish():
                    yield segment
                segmenter = Segmenter(a.rooms.rules.window_chars)
                yield item
            else:
                if item.finish not in _ENDINGS:
                    raise CordonError(_FAULTS.get(item.finish, item.code or "engine_fault"))
                for segment in segmenter.finish():
                    yield segment
                yield item
                return
    raise CordonError("engine_lost")


_ENDINGS = frozenset(f.value for f in Finish)
_FAULTS = {"deadline": "engine_timeout", "cancelled": "engine_lost"}


async def _judged(a: Answer) -> _Stage:
    """Let a segment pass once the answer so far, this segment included, was permitted."""
    said = ""
    async with aclosing(_segments(a)) as stage:
        async for item in stage:
            if isinstance(item, str):
                said += item
                if len(item) > _WINDOW_CHARS:
                    unit = Unit("segment", Direction.RESPONSE, a.question, item, a.outcome.segments)
                else:
                    unit = unit_of_answer("segment", said, question=a.question, seg=a.outcome.segments)
                await _judge(a, unit, len(item))
                a.outcome.said.append(RedactedText(item))
            elif isinstance(item, ToolCallOut):
                text = text_of_call(item.name, item.arguments.reveal())
                await _judge(a, Unit("tool_call", Direction.RESPONSE, a.question, text, a.outcome.segments), len(text))
                a.outcome.said.append(RedactedText(text))
            yield item


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
    scan = OutputScan(a.vault, a.rooms.rules.out_actions)
    try:
        async with aclosing(_judged(a)) as stage:
            async for item in stage:
                if isinstance(item, str):
                    scan.feed(item)
                    if text := await _settle(a, scan):
                        yield text
                    continue
                scan.finish()
                if text := await _settle(a, scan):
                    yield text
                _count(a, scan)
                scan = OutputScan(a.vault, a.rooms.rules.out_actions)
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


def _released(a: Answer, pieces: tuple[Piece, ...]) -> Released:
    if a.outcome.first_ms is None:
        a.outcome.first_ms = max(0, a.rooms.now_ms() - a.exchange.started_ms)
    a.outcome.released += sum(len(p.text) for p in pieces)
    return Released(pieces)


def _restored_call(a: Answer, call: ToolCallOut, index: int) -> ReleasedCall:
    known = a.vault if a.rooms.rules.restore_calls else Vault()  # an empty vault restores nothing
    from_model = Restorer(known, Form.JSON)
    pieces = from_model.feed(call.arguments.reveal()) + from_model.finish()
    a.outcome.restored += from_model.restored
    a.outcome.unresolved += from_model.unresolved
    return ReleasedCall(index, call.name, _released(a, pieces).pieces)
