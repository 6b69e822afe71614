"""The journey of a prompt, in order, in one function.

    3 find -> 4 redact (and a last look) -> 5 judge -> 6 decide -> 7 record (durable)
    -> 8 generate -> segment -> judge -> decide -> scan -> restore -> 9 close (durable)

Law: the order is a security property, so it is code. Nothing is generated before the log entry about it is durable;
nothing is released before its segment was judged; the answer is reported complete only after its outcome is
durable. Every failure is a refusal with a code. Steps 1 (access) and 2 (parse) are the server's; see `answer` for 8.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from audit.log import Ticket
from filters.findings import Found
from filters.parts import Form, RedactedText
from filters.redact import RedactionError, redact
from filters.restore import Restorer
from filters.safety import question_of, text_of_call, text_of_tool, units_of_prompt
from filters.vault import Vault
from policies.decide import Verdict
from policies.model import Limits, Regime
from proxy.answer import Answer, Withhold, answer
from proxy.dialects.panel import Preview, PreviewMessage
from proxy.errors import CordonError
from proxy.exchange import (
    Broken,
    Cleared,
    Conversation,
    Event,
    Exchange,
    Finished,
    Opened,
    Prompt,
    Redacted,
    Refused,
    Sampling,
    ToolChoice,
    Withheld,
    parts_of,
    rebuild,
    seen_digest,
)  # fmt: skip
from proxy.rooms import Judgement, Outcome, Redaction, Rooms, Stage

__all__ = ["journey", "preview", "redact_prompt", "tools_of", "turns_of", "verify_thinking", "within_limits"]


@dataclass(slots=True)
class _Learnt:
    """What is known so far about a request that may still be refused."""

    stage: Stage = "engine"
    redaction: Redaction | None = None
    judgement: Judgement | None = None


async def journey(exchange: Exchange, prompt: Prompt, rooms: Rooms) -> AsyncGenerator[Event, None]:
    """Take one prompt through the house; yields `Refused`, or `Opened`, releases, and one closing event."""
    with Vault() as vault:
        cleared = await _clear_or_refuse(exchange, prompt, vault, rooms)  # 3 to 7
        if isinstance(cleared, Refused):
            yield cleared
            return
        outcome = Outcome("failed", "internal")  # what stands if a mistake of ours ends this
        last: Event = Broken("internal")
        try:
            yield Opened(rooms.engine.model().id, cleared.flags)
            with rooms.watch.stage("generate"):
                async with aclosing(answer(_answer_of(exchange, cleared, vault, rooms, outcome))) as released:  # 8
                    async for event in released:
                        if isinstance(event, Finished):
                            outcome.result, outcome.code, last = "ok", "", event
                        else:
                            yield event
        except Withhold as held:
            outcome.result, outcome.code, last = "refused", "response_refused", _withheld(held, rooms)
        except CordonError as fault:
            timeout = fault.code.endswith("_timeout")
            outcome.result, outcome.code, last = "timeout" if timeout else "failed", fault.code, Broken(fault.code)
        except (asyncio.CancelledError, GeneratorExit):  # the caller left
            outcome.result, outcome.code = "cancelled", ""
            raise
        finally:  # 9
            last = await _close(exchange, cleared, rooms, outcome, last)
        yield last


def _withheld(held: Withhold, rooms: Rooms) -> Withheld:
    return Withheld("response_refused", held.rule, rooms.rules.thresholds)


async def _clear_or_refuse(exchange: Exchange, prompt: Prompt, vault: Vault, rooms: Rooms) -> Cleared | Refused:
    """Steps 3 to 7. However they end without a `Cleared`, also when the caller leaves, the guard forgets."""
    learnt, cleared = _Learnt(), None
    try:
        cleared = await _clear(exchange, prompt, vault, rooms, learnt)
    except CordonError as refusal:
        return await _refuse(exchange, rooms, learnt, refusal)
    except Exception:  # a mistake of ours: it has its record as well, and the border makes a code of it
        await _refuse(exchange, rooms, learnt, CordonError("internal"))
        raise
    finally:
        if cleared is None:
            await rooms.guard.forget(exchange)
    return cleared


async def _clear(exchange: Exchange, prompt: Prompt, vault: Vault, rooms: Rooms, learnt: _Learnt) -> Cleared:
    """Steps 3 to 7; raises CordonError at the first step that refuses."""
    parts = parts_of(prompt.conversation)
    learnt.stage = "find"
    prompt = within_limits(prompt, rooms.rules.policy.limits)
    verify_thinking(prompt, rooms.rules.policy)
    with rooms.watch.stage("find"):
        found = await rooms.analyst.find(exchange, parts, prompt.marked)  # 3
    learnt.stage = "redact"
    with rooms.watch.stage("redact"):
        redacted, learnt.redaction = redact_prompt(prompt, found, vault, rooms)  # 4
    if prompt.seen and prompt.seen != seen_digest(redacted.conversation):
        raise CordonError("preview_changed")  # what the user saw is what the model gets
    learnt.stage = "engine"
    await rooms.engine.check(exchange, redacted.conversation)
    learnt.stage = "judge"
    units = units_of_prompt(turns_of(redacted.conversation), tools_of(redacted.conversation))
    with rooms.watch.stage("judge"):
        learnt.judgement = await rooms.guard.judge(exchange, units)  # 5 and 6
    rooms.watch.judged(learnt.judgement)
    decision = learnt.judgement.decision
    if decision.verdict is Verdict.REFUSE:
        raise CordonError(decision.code or "prompt_refused", rule=decision.rule)
    learnt.stage = "engine"
    with rooms.watch.stage("record"):
        ticket = await _record(exchange, rooms, learnt.redaction, learnt.judgement, redacted.sampling)  # 7
    return Cleared(redacted.conversation, redacted.sampling, ticket, decision.flags)


def within_limits(prompt: Prompt, limits: Limits) -> Prompt:
    """Hold a request to the sizes of the policy: longer is refused, an answer is asked for no longer than allowed."""
    chars = sum(len(part.text) for part in parts_of(prompt.conversation))
    if chars > limits.prompt_chars or len(prompt.conversation.messages) > limits.turns:
        raise CordonError("text_too_long")
    asked = prompt.sampling.max_tokens
    if asked is None or asked <= limits.answer_tokens:
        return prompt
    return replace(prompt, sampling=replace(prompt.sampling, max_tokens=limits.answer_tokens))


def verify_thinking(prompt: Prompt, policy: Regime) -> None:
    """Thoughts are asked for only where the policy shows them, and not in an answer whose form is prescribed."""
    sampling, schema = prompt.sampling, prompt.conversation.schema
    if not sampling.thinking:
        return
    if not policy.shows_thoughts:
        raise CordonError("unsupported_parameter", rule="thoughts")
    if schema is not None or sampling.json_mode or sampling.tool_choice is ToolChoice.REQUIRED:
        raise CordonError("unsupported_parameter", rule="thoughts")


async def _record(
    exchange: Exchange, rooms: Rooms, redaction: Redaction, judgement: Judgement, sampling: Sampling
) -> Ticket:
    """Write the R record. It cannot be stopped half way, so a caller who leaves meanwhile still gets an outcome."""
    writing = asyncio.ensure_future(rooms.log.begin(exchange, redaction, judgement, sampling))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        with suppress(CordonError):
            await rooms.log.close(exchange, await writing, Outcome())
        raise


async def preview(exchange: Exchange, prompt: Prompt, rooms: Rooms) -> Preview:
    """Steps 3 and 4 alone: what a model would see. No model sees it, so nothing is recorded. Raises CordonError."""
    found = await rooms.analyst.find(exchange, parts_of(prompt.conversation), prompt.marked)
    with Vault() as vault:
        redacted, redaction = redact_prompt(prompt, found, vault, rooms)
        messages = []
        for message in redacted.conversation.messages:
            restorer = Restorer(vault, Form.TEXT)
            pieces = restorer.feed(message.content.reveal()) + restorer.finish()
            messages.append(PreviewMessage(message.role.value, pieces))
    digest = seen_digest(redacted.conversation)
    return Preview(tuple(messages), redaction.counts, rooms.rules.policy.name, digest)


def _answer_of(exchange: Exchange, cleared: Cleared, vault: Vault, rooms: Rooms, outcome: Outcome) -> Answer:
    return Answer(exchange, cleared, vault, rooms, outcome, question_of(turns_of(cleared.conversation)))


def redact_prompt(prompt: Prompt, found: Found, vault: Vault, rooms: Rooms) -> tuple[Redacted, Redaction]:
    """Step 4: replace what was found, take the last look, count. Raises CordonError."""
    parts = parts_of(prompt.conversation)
    try:
        result = redact(parts, found, vault, actions=rooms.rules.actions)
    except RedactionError as error:
        raise CordonError(error.code, rule=",".join(error.kinds), part=error.part) from None
    redacted = Redacted(rebuild(prompt.conversation, result.texts), prompt.sampling)
    return redacted, Redaction(result.texts, result.counts, sum(len(t) for t in result.texts))


def turns_of(conversation: Conversation[RedactedText]) -> list[tuple[str, str]]:
    """What each turn says, in the words of `filters.units`: a history can be forged, so all of it is judged."""
    turns: list[tuple[str, str]] = []
    for message in conversation.messages:
        turns.append((message.role.value, message.content.reveal()))
        if message.reasoning is not None:
            turns.append(("thought", message.reasoning.reveal()))
        turns += [("tool_call", text_of_call(c.name, c.arguments.reveal())) for c in message.tool_calls]
    return turns


def tools_of(conversation: Conversation[RedactedText]) -> list[str]:
    """What the tool definitions and the answer's schema say."""
    tools = [text_of_tool(t.name, t.description.reveal(), t.parameters.reveal()) for t in conversation.tools]
    return tools if conversation.schema is None else [*tools, text_of_tool("", "", conversation.schema.reveal())]


async def _refuse(exchange: Exchange, rooms: Rooms, learnt: _Learnt, refusal: CordonError) -> Refused:
    """Write the B record; if even that fails, the log's own code is the answer."""
    try:
        await asyncio.shield(
            rooms.log.block(
                exchange, learnt.stage, refusal.code, redaction=learnt.redaction, judgement=learnt.judgement
            )
        )
    except CordonError as error:
        return Refused(error.code)
    return Refused(refusal.code, refusal.rule, refusal.retry_after_s)


async def _close(exchange: Exchange, cleared: Cleared, rooms: Rooms, outcome: Outcome, last: Event) -> Event:
    """Write the Z record, also while the caller is leaving; an unwritten outcome makes the answer a fault."""
    rooms.watch.answered(outcome)
    try:
        with rooms.watch.stage("close"):
            await asyncio.shield(rooms.log.close(exchange, cleared.ticket, outcome))
    except CordonError as error:
        return Broken(error.code)
    finally:
        await rooms.guard.forget(exchange)
    return last
