"""What the pipeline needs from the rest of the house, as protocols, and the outcome it writes down.

Law: protocols of one to three methods; values in, values out; faults are `CordonError` with a code of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from audit.log import Ticket
from filters.findings import Finding, Found
from filters.output import OutActions
from filters.parts import Part, PatientText, RedactedText
from filters.safety import Unit
from filters.vault import Actions
from policies.decide import Decision, Evidence
from policies.model import Policy, Regime
from proxy.exchange import Cleared, Conversation, Exchange, Sampling
from proxy.workers.wire import Delta, Done, ModelInfo, ToolCallOut

__all__ = [
    "AnalystRoom",
    "EngineRoom",
    "GuardRoom",
    "Judgement",
    "LogRoom",
    "Outcome",
    "Redaction",
    "Rooms",
    "Rules",
    "Stage",
    "Timed",
    "Watch",
]


Stage = Literal["find", "redact", "judge", "engine"]
"""Where a request was refused, as the log names it."""

Timed = Literal["find", "redact", "judge", "record", "generate", "close"]
"""A stage of the journey whose duration is measured. `generate` is the whole answer, its judging included."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy translated once into what the rooms take."""

    policy: Regime
    switches: str
    actions: Actions
    out_actions: OutActions
    restore_calls: bool
    window_chars: int | None
    """Segment length while streaming, or None: the answer is judged once, at its end."""

    @property
    def thresholds(self) -> str:
        """Where the thresholds come from; "" where there are none."""
        return self.policy.calibration_basis if isinstance(self.policy, Policy) else ""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What replacing did, in numbers, and the redacted texts (for the commitment)."""

    texts: tuple[RedactedText, ...]
    counts: tuple[tuple[str, int], ...]
    chars: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """The evidence about some units and the decision on it; safe to log."""

    decision: Decision
    evidence: Evidence
    took_ms: int


@dataclass(slots=True)
class Outcome:
    """How an answer went, filled while it runs, written when it ends. The one mutable value of the pipeline."""

    result: Literal["ok", "refused", "cancelled", "failed", "timeout"] = "cancelled"
    code: str = ""
    chars: int = 0
    segments: int = 0
    released: int = 0
    restored: int = 0
    unresolved: int = 0
    known: int = 0
    """Originals of this exchange that the model wrote by itself."""
    masked: Counter[str] = field(default_factory=Counter)
    """Personal data the model added, replaced before it left, by kind."""
    let_pass: Counter[str] = field(default_factory=Counter)
    """Personal data the model added that the policy lets pass, by kind."""
    first_ms: int | None = None
    """From arrival to the first text that left, or None if nothing did."""
    said: list[RedactedText] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)


class AnalystRoom(Protocol):
    """Finds identifiers."""

    async def find(self, exchange: Exchange, parts: Sequence[Part], marked: Sequence[PatientText]) -> Found:
        """Return the findings of every part. Raises CordonError."""
        ...

    async def look(self, exchange: Exchange, window: RedactedText) -> tuple[Finding, ...]:
        """Return the findings in one window of an answer. Raises CordonError."""
        ...


class GuardRoom(Protocol):
    """Judges units of text and decides by the policy."""

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        """Score every unit and decide. Raises CordonError; a missing score refuses."""
        ...

    async def forget(self, exchange: Exchange) -> None:
        """The exchange ended."""
        ...


class EngineRoom(Protocol):
    """Answers."""

    def generate(self, exchange: Exchange, cleared: Cleared) -> AsyncGenerator[Delta | ToolCallOut | Done, None]:
        """Stream the answer; ends with one Done. Raises CordonError."""
        ...

    def model(self) -> ModelInfo:
        """The model that answers."""
        ...

    async def check(self, exchange: Exchange, conversation: Conversation[RedactedText]) -> None:
        """Refuse early (queue full, engine down), before anything is judged. Raises CordonError."""
        ...


class LogRoom(Protocol):
    """Writes durable records; each call returns only when the record is on disk. Raises CordonError."""

    async def begin(self, exchange: Exchange, redaction: Redaction, judgement: Judgement, sampling: Sampling) -> Ticket:
        """The R record: before generation."""
        ...

    async def close(self, exchange: Exchange, ticket: Ticket, outcome: Outcome) -> None:
        """The Z record: how it ended."""
        ...

    async def block(
        self, exchange: Exchange, stage: Stage, code: str, *, redaction: Redaction | None, judgement: Judgement | None
    ) -> None:
        """The B record: a request that was refused before R."""
        ...


class Watch(Protocol):
    """Measures. It is given numbers and names of closed lists, never text, and does not fail."""

    def stage(self, stage: Timed) -> AbstractContextManager[None]:
        """Measure how long the block takes, however it ends."""
        ...

    def judged(self, judgement: Judgement) -> None:
        """Count what a judgement asked for."""
        ...

    def answered(self, outcome: Outcome) -> None:
        """Count how an answer went."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything one journey needs."""

    analyst: AnalystRoom
    guard: GuardRoom
    engine: EngineRoom
    log: LogRoom
    rules: Rules
    watch: Watch
    now_ms: Callable[[], int]
    """The monotonic clock of `Exchange.started_ms`."""
