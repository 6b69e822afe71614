"""The one decision point: evidence goes in, a verdict comes out.

Law: total, pure and monotone. Every judgement the policy asks for must be there, else the answer is no; a higher score
never turns a refusal into a permission; nothing decides elsewhere. A recorded piece of evidence gives the recorded
decision again.

    decide(policy, Evidence((UnitScores("user", Direction.PROMPT, None, 1, "", (("dangerous", 9712), ...)),)))
    Decision(verdict=REFUSE, rule="dangerous/prompt", code="prompt_refused", ...)
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from policies.model import DATA_KINDS, INJECTION, Cap, Direction, Policy

__all__ = ["INJECTED_FROM", "Decision", "Evidence", "UnitScores", "Verdict", "decide"]

LANGUAGE_RULE = "language/unsupported"
MISSING_CODE = "guard_missing"
INJECTED_FROM = 5000
"""From this score on, data is taken to give orders. It is the detector's own scale, not a calibrated probability."""
ALLOW_ALL_FLAG = "unsafe-allow-all"


class Verdict(enum.StrEnum):
    """What happens, weakest first."""

    PERMIT = "permit"
    FLAG = "flag"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class UnitScores:
    """What the guard said about one unit. Holds no text.

    Attributes:
        kind: `user system developer tool tools assistant segment tool_call thought`.
        direction: which question was asked.
        seg: number of the segment for the new answer; None for everything in the request.
        windows: how many windows were scored.
        lang: "" or `unsupported`.
        scores: per guideline the highest score of its windows, 0..10000, or None when one is missing; for data
            also `injection`, which is evidence of another kind and read as nothing else. A user's turn has it
            only if it carries a document.
    """

    kind: str
    direction: Direction
    seg: int | None
    windows: int
    lang: str
    scores: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All judged units of one decision."""

    units: tuple[UnitScores, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and what it rests on.

    Attributes:
        verdict: what happens.
        rule: `guideline/direction` that refused, or "".
        code: `prompt_refused`, `response_refused` or `guard_missing` for a refusal, else "".
        flags: every rule that flagged, each once, in the order of the policy.
        acts: per unit, per guideline, what its score alone asks for.
    """

    verdict: Verdict
    rule: str
    code: str
    flags: tuple[str, ...]
    acts: tuple[tuple[tuple[str, Verdict], ...], ...]


def decide(policy: Policy, evidence: Evidence) -> Decision:
    """Decide about a request or a part of an answer.

    1. Every guideline that is not off must have a score for every unit, data its injection score, and there must be a
       unit.
    2. The first refusal in the order of the guidelines, then injection, then text in a language the guard was not made
       for.
    3. The flags.
    """
    if not policy.judges:
        return Decision(Verdict.PERMIT, "", "", (ALLOW_ALL_FLAG,), tuple(() for _ in evidence.units))
    if not evidence.units or any(_score(unit, id_) is None for unit in evidence.units for id_ in _asked(policy, unit)):
        return Decision(Verdict.REFUSE, "", MISSING_CODE, (), tuple(() for _ in evidence.units))
    acts = tuple(tuple((id_, _act(policy, id_, unit)) for id_ in _asked(policy, unit)) for unit in evidence.units)
    hits = [
        (rule, unit, verdict)
        for rule, unit, verdict in _hits(policy, evidence, acts)
        if verdict is not Verdict.PERMIT
    ]  # fmt: skip
    flags = tuple(dict.fromkeys(rule for rule, _, verdict in hits if verdict is Verdict.FLAG))
    for rule, unit, verdict in hits:
        if verdict is Verdict.REFUSE:
            return Decision(
                Verdict.REFUSE, rule, "prompt_refused" if unit.seg is None else "response_refused", flags, acts
            )
    return Decision(Verdict.FLAG if flags else Verdict.PERMIT, "", "", flags, acts)


def _asked(policy: Policy, unit: UnitScores) -> tuple[str, ...]:
    """What must have a score for a unit, in the order in which it refuses."""
    guidelines = tuple(g.id for g in policy.guidelines if policy.cap(g, unit.kind, unit.direction) is not Cap.OFF)
    cap = policy.injection_cap(unit.kind)
    injection = cap is not Cap.OFF and (unit.kind in DATA_KINDS or any(name == INJECTION for name, _ in unit.scores))
    return (*guidelines, INJECTION) if injection else guidelines


def _score(unit: UnitScores, id_: str) -> int | None:
    """Return the score, or None if it is missing, given twice, or not one."""
    found = [score for name, score in unit.scores if name == id_]
    score = found[0] if len(found) == 1 else None
    return score if type(score) is int and 0 <= score <= 10_000 else None


def _act(policy: Policy, id_: str, unit: UnitScores) -> Verdict:
    """What one score asks for. A guideline without a threshold refuses: the loader never makes one."""
    score = _score(unit, id_)
    if id_ == INJECTION:
        return _injected(score, policy.injection_cap(unit.kind))
    guideline = next(g for g in policy.guidelines if g.id == id_)
    threshold = policy.threshold_at(id_, unit.kind, unit.direction)
    if score is None or threshold is None:
        return Verdict.REFUSE
    if score >= threshold.block and policy.cap(guideline, unit.kind, unit.direction) is Cap.BLOCK:
        return Verdict.REFUSE
    return Verdict.FLAG if score >= threshold.flag else Verdict.PERMIT


def _injected(score: int | None, cap: Cap) -> Verdict:
    if score is not None and score < INJECTED_FROM:
        return Verdict.PERMIT
    return Verdict.FLAG if cap is Cap.FLAG else Verdict.REFUSE


def _hits(
    policy: Policy, evidence: Evidence, acts: tuple[tuple[tuple[str, Verdict], ...], ...]
) -> Iterator[tuple[str, UnitScores, Verdict]]:
    for name in (*(guideline.id for guideline in policy.guidelines), INJECTION):
        for unit, asked in zip(evidence.units, acts, strict=True):
            for id_, verdict in asked:
                if id_ == name:
                    place = unit.kind if id_ == INJECTION else unit.direction
                    yield f"{id_}/{place}", unit, verdict
    for unit in evidence.units:
        if unit.lang:
            yield LANGUAGE_RULE, unit, Verdict.REFUSE if policy.unsupported_language == "refuse" else Verdict.FLAG
