"""Decide a recorded case again: the scores of a log record go in, the decision that follows from them comes out.

Law: pure, and through the one `decide`. A record holds everything a decision rests on but the policy, which it names by
digest; so whoever has the log, the policy and the calibration can check each decision without any text.

    again = replay(policy, body["safety"], answer=False)
    again.same                                      the recorded verdict, rule and acts follow from the recorded scores

A record keeps the hundred units with the highest scores and counts the others. Where some were left out, the acts of
those that are there are still checked, the verdict only as far as they explain it (`whole` is False).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies.decide import Decision, Evidence, UnitScores, Verdict, decide
from policies.model import Direction, Policy

__all__ = ["Replay", "evidence_of", "replay"]

_ANSWERS = frozenset({"assistant", "segment", "tool_call", "thought"})
_STRENGTH = {verdict: strength for strength, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Replay:
    """What follows from a record, and whether it is what the record says."""

    verdict: Verdict
    rule: str
    same: bool
    whole: bool


def evidence_of(safety: Mapping[str, Any]) -> Evidence:
    """Return the evidence of a `SAFETY` value of the log."""
    return Evidence(tuple(_unit(unit) for unit in safety["units"]))


def replay(policy: Policy, safety: Mapping[str, Any], *, answer: bool) -> Replay:
    """Decide again.

    Args:
        policy: the one the record names.
        safety: the record's `SAFETY` value.
        answer: whether it is of an answer, whose segments were decided one by one, or of a request, decided at once.
    """
    evidence, recorded = evidence_of(safety), tuple(_acts(unit) for unit in safety["units"])
    whole = not safety.get("more", 0)
    decisions = _one_by_one(policy, evidence) if answer else (decide(policy, evidence),)
    verdict = max((d.verdict for d in decisions), key=_STRENGTH.__getitem__, default=Verdict.PERMIT)
    rule = next((d.rule for d in decisions if d.rule), "")
    acts = tuple(dict(act) for d in decisions for act in d.acts)
    said = Verdict(safety["verdict"])
    if whole:
        explained = verdict is said and _question(rule) == _question(safety.get("rule") or "")
    else:
        explained = _STRENGTH[verdict] <= _STRENGTH[said]
    return Replay(verdict, rule, explained and acts == recorded, whole)


def _question(rule: str) -> str:
    """What refused, without where: a record sorts its units, so the first of two that refuse may be the other one."""
    return rule.partition("/")[0]


def _one_by_one(policy: Policy, evidence: Evidence) -> tuple[Decision, ...]:
    return tuple(decide(policy, Evidence((unit,))) for unit in evidence.units)


def _unit(unit: Mapping[str, Any]) -> UnitScores:
    direction = Direction.RESPONSE if unit["kind"] in _ANSWERS else Direction.PROMPT
    scores: Sequence[tuple[str, int]] = tuple(sorted(unit["scores"].items()))
    return UnitScores(unit["kind"], direction, unit.get("seg"), unit["windows"], unit.get("lang") or "", tuple(scores))


def _acts(unit: Mapping[str, Any]) -> dict[str, Verdict]:
    return {name: Verdict(act) for name, act in unit["acts"].items()}
