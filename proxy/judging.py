"""The guard room: units of text -> questions -> logits -> scores -> the policy's decision.

Law: `filters.safety` knows the questions, the engine evaluates tokens, `policies` decides; this file carries values
between them. A missing, slow or failing guard refuses with its own code. A score is computed anew unless the very same
unit was judged before under the same digests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from filters.safety import Missing, ShieldGemma, Unit, language_flag, windows
from policies.decide import Evidence, UnitScores, decide
from policies.model import Policy
from proxy.errors import CordonError
from proxy.exchange import Exchange
from proxy.rooms import Judgement
from proxy.workers.client import EngineClient
from proxy.workers.wire import Score

__all__ = ["Guard", "OpenGuard", "streaming_window"]

_MIN_WINDOW_CHARS = 500
_MIN_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Guard:
    """`GuardRoom` with a ShieldGemma behind a link."""

    engine: EngineClient
    guard: ShieldGemma
    policy: Policy
    now_s: Callable[[], float]

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        """Score every unit (the maximum over its windows) and decide."""
        began = self.now_s()
        scored = [await self._unit(exchange, unit) for unit in units]
        evidence = Evidence(tuple(scored))
        return Judgement(decide(self.policy, evidence), evidence, int((self.now_s() - began) * 1000))

    async def forget(self, exchange: Exchange) -> None:
        """Let the engine drop what it kept for this exchange."""
        try:
            self.engine.end(exchange)
        except CordonError:
            return  # the engine is gone, and with it what it kept

    async def _unit(self, exchange: Exchange, unit: Unit) -> UnitScores:
        highest: dict[str, int | None] = {}
        pieces = windows(unit)
        for piece in pieces:
            for policy, score in (await self._window(exchange, piece)).items():
                before = highest.get(policy, 0)
                highest[policy] = None if score is None or before is None else max(score, before)
        return UnitScores(
            kind=unit.kind,
            direction=unit.direction.value,
            seg=unit.seg,
            windows=len(pieces),
            lang=language_flag(unit.text),
            scores=tuple(sorted(highest.items())),
        )

    async def _window(self, exchange: Exchange, unit: Unit) -> dict[str, int | None]:
        try:
            return await self._score(exchange, unit)
        except CordonError as error:
            if error.code != "too_long":
                raise
        if len(unit.text) <= _MIN_WINDOW_CHARS:
            raise CordonError("guard_text_too_long")
        middle = len(unit.text) // 2
        halves = (replace(unit, text=unit.text[:middle]), replace(unit, text=unit.text[middle:]))
        first, second = [await self._window(exchange, half) for half in halves]
        return {
            policy: None if a is None or (b := second.get(policy)) is None else max(a, b) for policy, a in first.items()
        }

    async def _score(self, exchange: Exchange, unit: Unit) -> dict[str, int | None]:
        request = self.guard.questions(unit)
        limit_s = max(_MIN_LIMIT_S, 4 * self._predicted_s(unit))
        reply = await self.engine.score(
            lambda i: Score(
                i, exchange.id, request.prefix, request.suffixes, request.answers, int(limit_s * 1000)
            ),
            limit_s,
        )
        scores = self.guard.scores(reply.logits)
        return {policy: None if isinstance(score, Missing) else score for policy, score in scores.items()}

    def _predicted_s(self, unit: Unit) -> float:
        speed = self.engine.guard_speed()
        return (len(unit.text) / 3 + 500) / speed if speed > 0 else 0.0


@dataclass(frozen=True, slots=True)
class OpenGuard:
    """The guard of a policy whose profile is `unsafe-allow-all`: nothing is judged, and every record says so."""

    policy: Policy

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        """Decide on no evidence; only the unsafe profile permits that."""
        del exchange, units
        evidence = Evidence(())
        return Judgement(decide(self.policy, evidence), evidence, 0)

    async def forget(self, exchange: Exchange) -> None:
        """Nothing is kept."""
        del exchange


def streaming_window(guard_speed: float, answer_speed: float, suffix_tokens: int, *, share: float = 0.5) -> int | None:
    """Characters per segment such that judging costs at most `share` of generating, or None: judge once, at the end.

    Speeds in tokens per second, measured on this machine. w = ceil(S / (b R / G - 1)), clamped to 48..512 tokens,
    4 characters a token.
    """
    if answer_speed <= 0 or share * guard_speed <= answer_speed:
        return None
    tokens = math.ceil(suffix_tokens / (share * guard_speed / answer_speed - 1))
    return None if tokens > 512 else 4 * max(48, tokens)
