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

from policies.model import Cap, Direction, Guideline, Policy

__all__ = ["Decision", "Evidence", "UnitScores", "Verdict", "decide"]

LANGUAGE_RULE = "language/unsupported"
MISSING_CODE = "guard_missing"
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
        scores: per guideline the highest score of its windows, 0..10000, or None when one is missing.
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

    1. Every guideline that is not off must have a score for every unit, and there must be a unit.
    2. The first refusal in the order of the guidelines, then text in a language the guard was not made for.
    3. The flags.
    """
    if not policy.judges:
        return Decision(Verdict.PERMIT, "", "", (ALLOW_ALL_FLAG,), tuple(() for _ in evidence.units))
    if not evidence.units or any(_score(unit, g) is None for unit in evidence.units for g in _asked(policy, unit)):
        return Decision(Verdict.REFUSE, "", MISSING_CODE, (), tuple(() for _ in evidence.units))
    acts = tuple(tuple((g.id, _act(policy, g, unit)) for g in _asked(policy, unit)) for unit in evidence.units)
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


def _asked(policy: Policy, unit: UnitScores) -> tuple[Guideline, ...]:
    return tuple(g for g in policy.guidelines if g.cap(unit.direction) is not Cap.OFF)


def _score(unit: UnitScores, guideline: Guideline) -> int | None:
    """Return the score, or None if it is missing, given twice, or not one."""
    found = [score for policy, score in unit.scores if policy == guideline.id]
    score = found[0] if len(found) == 1 else None
    return score if type(score) is int and 0 <= score <= 10_000 else None


def _act(policy: Policy, guideline: Guideline, unit: UnitScores) -> Verdict:
    """What one score asks for. A guideline without a threshold refuses: the loader never makes one."""
    score = _score(unit, guideline)
    threshold = policy.threshold(guideline.id, unit.direction)
    if score is None or threshold is None:
        return Verdict.REFUSE
    if score >= threshold.block and guideline.cap(unit.direction) is Cap.BLOCK:
        return Verdict.REFUSE
    return Verdict.FLAG if score >= threshold.flag else Verdict.PERMIT


def _hits(
    policy: Policy, evidence: Evidence, acts: tuple[tuple[tuple[str, Verdict], ...], ...]
) -> Iterator[tuple[str, UnitScores, Verdict]]:
    for guideline in policy.guidelines:
        for unit, asked in zip(evidence.units, acts, strict=True):
            for id_, verdict in asked:
                if id_ == guideline.id:
                    yield f"{id_}/{unit.direction}", unit, verdict
    for unit in evidence.units:
        if unit.lang:
            yield LANGUAGE_RULE, unit, Verdict.REFUSE if policy.unsupported_language == "refuse" else Verdict.FLAG
