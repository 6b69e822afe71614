"""The guard room: units of text -> questions -> logits -> scores -> the policy's decision.

Law: `filters.safety` knows the questions, the engine evaluates tokens, `policies` decides; this file carries values
between them. A missing, slow or failing guard refuses with its own code. A score is computed anew unless the very same
unit was judged before under the same digests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from filters.granite import GraniteGuardian
from filters.injection import injection_score
from filters.safety import Direction as Side
from filters.safety import Guard as Questions
from filters.safety import (
    GuardInvalidError,
    Guideline,
    Missing,
    ShieldGemma,
    TooLongError,
    Unit,
    halved,
    language_flag,
    windows,
)
from filters.verdicts import Basis, Judged, VerdictCache
from policies.calibrate import canaries
from policies.decide import Evidence, UnitScores, decide
from policies.model import INJECTION, CanaryScores, Direction, Policy
from proxy.errors import CordonError
from proxy.exchange import Exchange
from proxy.rooms import Judgement
from proxy.workers.client import EngineClient
from proxy.workers.wire import Score

__all__ = ["FAMILY_QUESTIONS", "Guard", "OpenGuard", "guard_of"]

_MIN_LIMIT_S = 30.0

_BACKENDS: Mapping[str, Callable[[Sequence[Guideline]], Questions]] = {
    kind.template_digest: kind for kind in (ShieldGemma, GraniteGuardian)
}
"""Digest of the questions -> who asks them. A guard is one class that fulfils `filters.safety.Guard`."""

FAMILY_QUESTIONS: Mapping[str, str] = {
    "gemma2": ShieldGemma.template_digest,
    "granite": GraniteGuardian.template_digest,
}
"""Family of a guard's file -> the questions it was trained on."""

Scores = dict[str, int | None]
"""Policy -> 0..10000, None where the score is missing."""


@dataclass(frozen=True, slots=True)
class Guard:
    """`GuardRoom` with a model behind a link."""

    engine: EngineClient
    guard: Questions
    policy: Policy
    basis: Basis
    cache: VerdictCache
    now_s: Callable[[], float]

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        """Score every unit (the maximum over its windows) and decide."""
        began = self.now_s()
        scored = [await self._unit(exchange, unit) for unit in units]
        evidence = Evidence(tuple(scored))
        return Judgement(decide(self.policy, evidence), evidence, int((self.now_s() - began) * 1000))

    async def canaries(self, exchange: Exchange) -> CanaryScores:
        """Score each guideline's own unsafe and safe prompt, past the cache."""
        measured = []
        for policy, *texts in canaries(self.policy):
            pair = [await self._score(exchange, Unit("user", Side.PROMPT, "", text)) for text in texts]
            unsafe, safe = (scores.get(policy) for scores in pair)
            measured.append((policy, -1 if unsafe is None else unsafe, -1 if safe is None else safe))
        return tuple(measured)

    async def forget(self, exchange: Exchange) -> None:
        """Let the engine drop what it kept for this exchange."""
        try:
            self.engine.end(exchange)
        except CordonError:
            return  # the engine is gone, and with it what it kept

    async def _unit(self, exchange: Exchange, unit: Unit) -> UnitScores:
        judged = self.cache.get(self.basis, unit)
        scores: Scores = dict(judged.scores) if judged is not None else {}
        count = judged.windows if judged is not None else 0
        if judged is None:
            pieces = _cut(windows, unit)
            count = len(pieces)
            for piece in pieces:
                scores = _highest(scores, await self._window(exchange, piece))
            complete = {policy: score for policy, score in scores.items() if score is not None}
            if len(complete) == len(scores):
                self.cache.put(self.basis, unit, judged=Judged(tuple(sorted(complete.items())), count))
        scores = _with_orders(scores, unit)
        return UnitScores(
            kind=unit.kind,
            direction=Direction(unit.direction.value),
            seg=unit.seg,
            windows=count,
            lang=language_flag(unit.text),
            scores=tuple(sorted(scores.items())),
        )

    async def _window(self, exchange: Exchange, unit: Unit) -> Scores:
        try:
            return await self._score(exchange, unit)
        except CordonError as error:
            if error.code != "guard_text_too_long":
                raise
        scores: Scores = {}
        for half in _cut(halved, unit):
            scores = _highest(scores, await self._window(exchange, half))
        return scores

    async def _score(self, exchange: Exchange, unit: Unit) -> Scores:
        request = self.guard.questions(unit)
        limit_s = max(_MIN_LIMIT_S, 4 * self._predicted_s(unit))
        reply = await self.engine.score(
            lambda i: Score(i, exchange.id, request.prefix, request.suffixes, request.answers, int(limit_s * 1000)),
            limit_s,
        )
        scores = self.guard.scores(reply.logits)
        return {policy: None if isinstance(score, Missing) else score for policy, score in scores.items()}

    def _predicted_s(self, unit: Unit) -> float:
        speed = self.engine.guard_speed()
        return (len(unit.text) / 3 + 500) / speed if speed > 0 else 0.0


def guard_of(policy: Policy) -> Questions:
    """The guard whose questions the policy's thresholds are for, in the order of the policy's guidelines.

    Raises:
        GuardInvalidError: it is not known here, or was not made for these guidelines in these words.
    """
    backend = _BACKENDS.get(policy.template_digest)
    if backend is None:
        raise GuardInvalidError
    ordered = sorted(policy.guidelines, key=lambda g: g.order)
    return backend([Guideline(g.id, g.name, g.text) for g in ordered])


def _with_orders(scores: Scores, unit: Unit) -> Scores:
    """Add what the detector of orders says of data; of a guard that has such a question the higher score counts."""
    orders = injection_score(unit)
    if orders is None:
        return scores
    return {**scores, INJECTION: max(orders, scores.get(INJECTION) or 0)}


def _cut(how: Callable[[Unit], tuple[Unit, ...]], unit: Unit) -> tuple[Unit, ...]:
    try:
        return how(unit)
    except TooLongError:
        raise CordonError("guard_text_too_long") from None


def _highest(one: Scores, other: Scores) -> Scores:
    """The maximum per policy; missing in either is missing."""
    if not one:
        return other
    return {p: None if (b := other.get(p)) is None or a is None else max(a, b) for p, a in one.items()}


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
