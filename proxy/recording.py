"""From what the pipeline learnt to records of the log. `LogRoom` over `audit.log`.

Law: values are numbers, digests, enums and names of our own catalogue; the only trace of text is a salted commitment to
the redacted text. Every call returns after the record is durable, or raises the log's own code.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TypeVar

from audit.log import AuditError, Begin, Blocked, Log, Ticket
from audit.log import Outcome as Closing
from audit.record import Caller, Instant, InText, ModelRef, OutText, Restored, Safety, SafetyUnit
from audit.record import Redaction as Replaced
from audit.seal import commitment
from policies.decide import Verdict
from policies.model import Policy
from proxy.clock import Clock
from proxy.errors import CordonError
from proxy.exchange import Exchange, Sampling
from proxy.rooms import Judgement, Outcome, Redaction, Stage
from proxy.tally import Refusals
from proxy.workers.wire import ModelInfo

__all__ = ["GuardRef", "Recorder"]

_R = TypeVar("_R")
_UNITS = 100
"""At most so many judged units stand in one record; the rest is counted."""
PII_ENGINE = "cordon-pii/1"
_UNKNOWN = "0" * 64


@dataclass(frozen=True, slots=True)
class GuardRef:
    """What judged, by digest."""

    sha256: str
    template: str
    calibration: str
    basis: str


class Recorder:
    """Writes R, Z and B records for the pipeline."""

    def __init__(
        self, log: Log, policy: Policy, guard: GuardRef, *, clock: Clock, model: Callable[[], ModelInfo]
    ) -> None:
        self._log, self._policy, self._guard, self._clock, self._model = log, policy, guard, clock, model

    async def begin(self, exchange: Exchange, redaction: Redaction, judgement: Judgement, sampling: Sampling) -> Ticket:
        """The R record."""
        model = self._model()
        record = Begin(
            req=exchange.id,
            dialect=exchange.dialect,
            stream=exchange.stream,
            caller=_caller(exchange),
            purpose=self._policy.purpose,
            policy=self._policy.digest,
            in_text=_in_text(redaction),
            redact=_replaced(redaction),
            safety=self._safety((judgement,)),
            model=_model_ref(model, sampling),
            basis=self._policy.basis or None,
        )
        return await self._write(lambda at: self._log.begin(record, at=at))

    async def close(self, exchange: Exchange, ticket: Ticket, outcome: Outcome) -> None:
        """The Z record."""
        salt = secrets.token_bytes(16)
        commit = commitment(salt, [text.reveal() for text in outcome.said])
        record = Closing(
            result=outcome.result,
            out=OutText(
                chars=outcome.chars,
                segments=outcome.segments,
                released=outcome.released,
                salt=salt.hex(),
                commit=commit,
            ),
            safety=self._safety(tuple(outcome.judgements)),
            restore=Restored(restored=outcome.restored, unresolved=outcome.unresolved),
            dur_ms=max(0, int(self._clock.mono_s() * 1000) - exchange.started_ms),
            first_ms=outcome.first_ms,
            code=outcome.code or None,
        )
        await self._write(lambda at: self._log.close(ticket, record, at=at))

    async def block(
        self, exchange: Exchange, stage: Stage, code: str, *, redaction: Redaction | None, judgement: Judgement | None
    ) -> None:
        """The B record of a request that was refused inside the pipeline."""
        record = Blocked(
            req=exchange.id,
            dialect=exchange.dialect,
            caller=_caller(exchange),
            stage=stage,
            code=code,
            policy=self._policy.digest,
            rule=(judgement.decision.rule or None) if judgement is not None else None,
            in_text=_in_text(redaction) if redaction is not None else None,
            redact=_replaced(redaction) if redaction is not None else None,
            safety=self._safety((judgement,)) if judgement is not None else None,
        )
        await self._write(lambda at: self._log.block(record, at=at))

    async def refuse_early(self, refusals: Refusals) -> None:
        """The coalesced B record of requests that were refused before the pipeline."""
        record = Blocked(
            req="-",
            dialect="-",
            caller=Caller(id=refusals.caller_id[:64], kind=refusals.kind),
            stage=refusals.stage,
            code=refusals.code,
            policy=self._policy.digest,
            count=refusals.count,
        )
        await self._write(lambda at: self._log.block(record, at=at))

    async def _write(self, write: Callable[[Instant], _R]) -> _R:
        try:
            return await asyncio.to_thread(write, self._clock.instant())
        except AuditError as error:
            raise CordonError(error.code) from None

    def _safety(self, judgements: Sequence[Judgement]) -> Safety:
        """All judged units, the highest scores first; the strongest verdict, and the rule that refused."""
        units = [unit for j in judgements for unit in _units(j)]
        units.sort(key=lambda u: -max((score for _, score in u.scores), default=0))
        highest: dict[str, int] = {}
        for unit in units:
            for policy, score in unit.scores:
                highest[policy] = max(score, highest.get(policy, 0))
        verdicts = [j.decision.verdict for j in judgements]
        rules = [j.decision.rule for j in judgements if j.decision.rule]
        return Safety(
            guard=self._guard.sha256,
            template=self._guard.template,
            calibration=self._guard.calibration,
            basis=self._guard.basis,
            verdict=max(verdicts, key=list(Verdict).index, default=Verdict.PERMIT).value,
            max=tuple(sorted(highest.items())),
            ms=sum(j.took_ms for j in judgements),
            units=tuple(units[:_UNITS]),
            more=max(0, len(units) - _UNITS),
            rule=rules[-1] if rules else None,
        )


def _params(sampling: Sampling, adapter: str) -> str:
    """Over what the answer depends on beside model and prompt; an adapter is part of it, where there is one."""
    values = asdict(sampling) | ({"adapter": adapter} if adapter else {})
    return sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _model_ref(model: ModelInfo, sampling: Sampling) -> ModelRef:
    """A server outside the cordon has no file that could be hashed; zeros say so."""
    return ModelRef(
        id=model.id[:64],
        sha=model.sha256 or _UNKNOWN,
        template=model.template_digest or _UNKNOWN,
        params=_params(sampling, model.adapter),
        seed=sampling.seed,
    )


def _caller(exchange: Exchange) -> Caller:
    return Caller(id=exchange.caller.id, kind=exchange.caller.kind.value)


def _in_text(redaction: Redaction) -> InText:
    salt = secrets.token_bytes(16)
    commit = commitment(salt, [text.reveal() for text in redaction.texts])
    return InText(chars=redaction.chars, parts=len(redaction.texts), salt=salt.hex(), commit=commit)


def _replaced(redaction: Redaction) -> Replaced:
    return Replaced(engine=PII_ENGINE, counts=redaction.counts)


def _units(judgement: Judgement) -> list[SafetyUnit]:
    return [
        SafetyUnit(
            kind=unit.kind,
            windows=unit.windows,
            scores=tuple((policy, score) for policy, score in unit.scores if score is not None),
            acts=tuple((policy, act.value) for policy, act in acts),
            seg=unit.seg,
            lang=unit.lang or None,
        )
        for unit, acts in zip(judgement.evidence.units, judgement.decision.acts, strict=True)
    ]
