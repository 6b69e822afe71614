"""Rooms for the pipeline that keep the promises of the real ones, without Presidio, llama.cpp or a disk.

    Analyst finds the literals it was given         Guard refuses a unit that holds a word it was given
    Engine answers by a function of the redacted    Diary keeps the records in order and can fail at any of them

`script` of a room maps a call's name to the code it fails with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from audit.log import Ticket
from filters.findings import Finding, Found, Source, Type
from filters.parts import Part, PatientText, RedactedText
from filters.units import Unit
from policies.decide import Decision, Evidence, Verdict
from proxy.build import rules_of
from proxy.errors import CordonError
from proxy.exchange import Cleared, Conversation, Exchange, Sampling
from proxy.rooms import Judgement, Outcome, Redaction, Rooms, Stage, Timed
from proxy.workers.wire import Delta, Done, ModelInfo, ToolCallOut
from tests.kit.policies import policy_of

__all__ = ["Analyst", "Diary", "Engine", "FakeHouse", "Guard", "Watched", "last_message"]

Answer = Callable[[Cleared], Sequence[str | Delta | ToolCallOut]]
PERMITTED = Decision(Verdict.PERMIT, "", "", (), ())


def last_message(cleared: Cleared) -> Sequence[str | Delta | ToolCallOut]:
    """Repeat the last message, one character at a time."""
    return tuple(cleared.conversation.messages[-1].content.reveal())


async def _step(script: Mapping[str, str], call: str) -> None:
    """Let others run, then fail if the script says so."""
    await asyncio.sleep(0)
    if call in script:
        raise CordonError(script[call])


@dataclass(slots=True)
class Analyst:
    """Finds every occurrence of the literals it knows."""

    literals: Mapping[str, Type] = field(default_factory=dict)
    script: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    async def find(self, exchange: Exchange, parts: Sequence[Part], marked: Sequence[PatientText]) -> Found:
        """Findings of every part."""
        await _step(self.script, "find")
        self.read += [part.text.reveal() for part in parts]
        known = dict(self.literals) | {m.reveal(): Type.MARKED for m in marked}
        found = tuple(_spans(part.text.reveal(), known) for part in parts)
        spread = tuple(literal.casefold() for literal in known)
        return Found(found, tuple(() for _ in parts), spread)

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Findings in a window of an answer."""
        await _step(self.script, "look")
        return _spans(window.reveal(), self.literals)


def _spans(text: str, literals: Mapping[str, Type]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for literal, kind in sorted(literals.items(), key=lambda item: -len(item[0])):
        at = text.find(literal)
        while at >= 0:
            end = at + len(literal)
            if all(end <= f.start or at >= f.end for f in found):
                found.append(Finding(at, end, kind, "person" if kind is Type.NAME else "other", 900, Source.PATTERN))
            at = text.find(literal, end)
    return tuple(sorted(found))


@dataclass(slots=True)
class Guard:
    """Refuses by words; remembers which exchanges it still holds something about."""

    words: frozenset[str] = frozenset()
    script: dict[str, str] = field(default_factory=dict)
    judged: list[Unit] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        """Permit, unless a word stands in a unit."""
        self.held.add(exchange.id)
        self.judged += units
        await _step(self.script, "judge")
        for unit in units:
            if any(word in unit.text for word in self.words):
                code = f"{unit.direction.value}_refused"
                return Judgement(Decision(Verdict.REFUSE, "harassment", code, (), ()), Evidence(()), 1)
        return Judgement(PERMITTED, Evidence(()), 1)

    async def forget(self, exchange: Exchange) -> None:
        """The exchange ended."""
        self.held.discard(exchange.id)


@dataclass(slots=True)
class Engine:
    """Answers by a function. `running` counts generators that have begun and not ended."""

    answer: Answer = last_message
    script: dict[str, str] = field(default_factory=dict)
    cleared: list[Cleared] = field(default_factory=list)
    running: int = 0
    finish: str = "stop"

    def model(self) -> ModelInfo:
        """A demonstration model."""
        return ModelInfo("answer", "demo-clinic", "ab" * 32, "fake", "cd" * 32, 4096, demo=True)

    async def check(self, exchange: Exchange, conversation: Conversation[RedactedText]) -> None:
        """Room for one more."""
        await _step(self.script, "check")

    async def generate(self, exchange: Exchange, cleared: Cleared) -> AsyncGenerator[Delta | ToolCallOut | Done, None]:
        """Stream the answer; `lost` in the script loses the engine after half of it."""
        self.cleared.append(cleared)
        self.running += 1
        try:
            await _step(self.script, "generate")
            pieces = self.answer(cleared)
            for number, piece in enumerate(pieces):
                if number == len(pieces) // 2:
                    await _step(self.script, "lost")
                await asyncio.sleep(0)
                yield Delta(1, "content", RedactedText(piece), 1) if isinstance(piece, str) else piece
            finish = "tool_calls" if any(isinstance(p, ToolCallOut) for p in pieces) else self.finish
            yield Done(1, finish, "", 10, len(pieces), 0, 1, 1)
        finally:
            self.running -= 1


@dataclass(slots=True)
class Diary:
    """The log in memory. `open` holds exchanges that were begun and not closed."""

    script: dict[str, str] = field(default_factory=dict)
    records: list[tuple[str, str, str]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    async def begin(self, exchange: Exchange, redaction: Redaction, judgement: Judgement, sampling: Sampling) -> Ticket:
        """The first record of an answer."""
        await _step(self.script, "begin")
        self.records.append(("R", exchange.id, ""))
        self.open.add(exchange.id)
        return Ticket(len(self.records), exchange.id)

    async def close(self, exchange: Exchange, ticket: Ticket, outcome: Outcome) -> None:
        """The second."""
        await _step(self.script, "close")
        if ticket.req not in self.open:
            raise ValueError("closed twice")
        self.open.discard(ticket.req)
        self.records.append(("Z", exchange.id, outcome.code or outcome.result))

    async def block(
        self, exchange: Exchange, stage: Stage, code: str, *, redaction: Redaction | None, judgement: Judgement | None
    ) -> None:
        """The only record of a refusal."""
        await _step(self.script, "block")
        self.records.append(("B", exchange.id, f"{stage}:{code}"))


@dataclass(slots=True)
class Watched:
    """What was measured, in order. `within` is the stages that have begun and not ended."""

    stages: list[Timed] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    within: list[Timed] = field(default_factory=list)

    @contextmanager
    def stage(self, stage: Timed) -> Iterator[None]:
        """Note that a stage began, and that it ended."""
        self.stages.append(stage)
        self.within.append(stage)
        try:
            yield
        finally:
            self.within.remove(stage)

    def judged(self, judgement: Judgement) -> None:
        """Keep it."""
        self.judgements.append(judgement)

    def answered(self, outcome: Outcome) -> None:
        """Keep it."""
        self.outcomes.append(outcome)


@dataclass(slots=True)
class FakeHouse:
    """All rooms together, under the shipped policy `hospital`."""

    analyst: Analyst = field(default_factory=Analyst)
    guard: Guard = field(default_factory=Guard)
    engine: Engine = field(default_factory=Engine)
    log: Diary = field(default_factory=Diary)
    watch: Watched = field(default_factory=Watched)
    window_chars: int | None = 200
    now_ms: int = 0

    def rooms(self) -> Rooms:
        """What the pipeline is given."""
        rules = rules_of(policy_of("hospital"), self.window_chars, this_year=2026)
        return Rooms(self.analyst, self.guard, self.engine, self.log, rules, self.watch, lambda: self.now_ms)

    def verify_settled(self) -> None:
        """After every exchange, whatever happened: nothing is open, held or running."""
        left = (self.log.open, self.guard.held, self.engine.running, self.watch.within)
        if any(left):
            raise AssertionError(f"left behind: {left}")
