"""A decision follows from its record: again and again, for every policy; a record that was changed does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decide import Evidence, UnitScores, Verdict, decide
from policies.model import Direction, Policy
from policies.replay import evidence_of, replay
from tests.kit.policies import IDS, files, policy_of

POLICIES = [policy_of(name) for name in sorted(files("library"))]
_PROMPT, _ANSWER = ("user", "system", "developer", "tool", "tools", "assistant", "tool_call"), ("segment", "tool_call")


def recorded(policy: Policy, groups: list[tuple[UnitScores, ...]]) -> dict[str, Any]:
    """A `SAFETY` value as the log keeps it: all units, highest scores first, the strongest verdict, the last rule."""
    decisions = [decide(policy, Evidence(group)) for group in groups]
    units = [
        {
            "kind": unit.kind, "windows": unit.windows, "scores": {n: s for n, s in unit.scores if s is not None},
            "acts": {name: act.value for name, act in acts},
            **({"seg": unit.seg} if unit.seg is not None else {}), **({"lang": unit.lang} if unit.lang else {}),
        }
        for group, decision in zip(groups, decisions, strict=True)
        for unit, acts in zip(group, decision.acts, strict=True)
    ]  # fmt: skip
    units.sort(key=lambda unit: -max(unit["scores"].values(), default=0))
    rules = [d.rule for d in decisions if d.rule]
    verdict = max((d.verdict for d in decisions), key=list(Verdict).index, default=Verdict.PERMIT)
    body = {"verdict": verdict.value, "more": 0, "units": units} | ({"rule": rules[-1]} if rules else {})
    read: dict[str, Any] = json.loads(json.dumps(body))
    return read


@st.composite
def units(draw: st.DrawFn, kinds: tuple[str, ...], seg: int | None) -> UnitScores:
    kind = draw(st.sampled_from(kinds))
    names = (*IDS, "injection") if kind in ("tool", "tools") else IDS
    score = st.one_of(st.integers(0, 10_000), st.sampled_from([4999, 5000, 7999, 8000]))
    scores = tuple((name, draw(score)) for name in names)
    answers = kind in ("assistant", "tool_call", "segment")
    direction = Direction.RESPONSE if answers else Direction.PROMPT
    return UnitScores(kind, direction, seg, 1, draw(st.sampled_from(["", "unsupported"])), scores)


@given(policy=st.sampled_from(POLICIES), group=st.lists(units(_PROMPT, None), min_size=1, max_size=6))
def test_a_request_comes_out_as_recorded(policy: Policy, group: list[UnitScores]) -> None:
    again = replay(policy, recorded(policy, [tuple(group)]), answer=False)
    assert (again.same, again.whole) == (True, True)


@given(policy=st.sampled_from(POLICIES), data=st.data(), size=st.integers(0, 5))
def test_an_answer_comes_out_as_recorded(policy: Policy, data: st.DataObject, size: int) -> None:
    groups = []
    for number in range(size):
        groups.append((data.draw(units(_ANSWER, number)),))
        if decide(policy, Evidence(groups[-1])).verdict is Verdict.REFUSE:
            break  # nothing is judged after a refusal
    assert replay(policy, recorded(policy, groups), answer=True).same


def one(**scores: int) -> dict[str, Any]:
    unit = UnitScores("user", Direction.PROMPT, None, 1, "", tuple((dict.fromkeys(IDS, 0) | scores).items()))
    return recorded(POLICIES[2], [(unit,)])


def test_a_missing_score_was_a_refusal_and_is_one_again() -> None:
    unit = UnitScores("user", Direction.PROMPT, None, 1, "", tuple((id_, None) for id_ in IDS))
    body = recorded(policy_of(), [(unit,)])
    assert (body["verdict"], "rule" in body) == ("refuse", False)
    assert replay(policy_of(), body, answer=False).same


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "permit"},
        {"verdict": "flag"},
        {"rule": "sexual/prompt"},
        {"units": []},
    ],
)
def test_a_record_that_was_changed_does_not_follow_from_its_scores(change: dict[str, Any]) -> None:
    assert not replay(policy_of(), one(hate=9000) | change, answer=False).same


def test_changed_scores_and_acts_show_too() -> None:
    body = one(hate=6000)
    assert replay(policy_of(), body, answer=False).same
    for scores, acts in (({"hate": 100}, {}), ({}, {"hate": "permit"})):
        unit = body["units"][0]
        changed = {**unit, "scores": unit["scores"] | scores, "acts": unit["acts"] | acts}
        assert not replay(policy_of(), {**body, "units": [changed]}, answer=False).same


def test_another_policy_comes_out_otherwise() -> None:
    assert not replay(policy_of("unsafe-allow-all"), one(hate=9000), answer=False).same


def test_units_that_were_left_out_are_said() -> None:
    body = one(hate=100) | {"more": 3, "verdict": "flag"}
    again = replay(policy_of(), body, answer=False)
    assert (again.same, again.whole, again.verdict) == (True, False, Verdict.PERMIT)
    assert not replay(policy_of(), one(hate=9000) | {"more": 3, "verdict": "permit"}, answer=False).same


def test_evidence_is_read_as_it_was() -> None:
    unit = UnitScores("segment", Direction.RESPONSE, 4, 2, "unsupported", tuple(sorted(dict.fromkeys(IDS, 7).items())))
    assert evidence_of(recorded(policy_of(), [(unit,)])) == Evidence((unit,))
