"""Total, pure, monotone: a missing score refuses, a higher score never turns a refusal into a permission."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decide import Decision, Evidence, UnitScores, Verdict, decide
from policies.model import Cap, Direction, Injection, Policy, Threshold, Tightening
from tests.kit.policies import IDS, files, policy_of

P, R = Direction.PROMPT, Direction.RESPONSE
POLICY = policy_of()
GENERAL = replace(POLICY, guidelines=tuple(replace(g, prompt=Cap.BLOCK) for g in POLICY.guidelines))
STRENGTH = {verdict: strength for strength, verdict in enumerate(Verdict)}


def _unit(direction: Direction = P, seg: int | None = None, lang: str = "", **scores: int | None) -> UnitScores:
    return UnitScores(
        "user" if direction is P else "segment",
        direction,
        seg,
        1,
        lang,
        tuple((dict.fromkeys(IDS, 0) | scores).items()),
    )


def _decide(*units: UnitScores, policy: Policy = POLICY) -> Decision:
    return decide(policy, Evidence(units))


def test_low_scores_permit() -> None:
    decision = _decide(_unit(), _unit(R, 0))
    assert (decision.verdict, decision.rule, decision.code, decision.flags) == (Verdict.PERMIT, "", "", ())
    assert decision.acts == ((tuple((id_, Verdict.PERMIT) for id_ in IDS)),) * 2


@pytest.mark.parametrize(
    ("score", "verdict"), [(4999, "permit"), (5000, "flag"), (7999, "flag"), (8000, "refuse"), (10_000, "refuse")]
)
def test_thresholds_are_reached_at_the_recorded_integer(score: int, verdict: str) -> None:
    assert _decide(_unit(hate=score)).verdict == verdict


def test_a_cap_of_flag_never_refuses() -> None:
    decision = _decide(_unit(dangerous=10_000))
    assert (decision.verdict, decision.flags) == (Verdict.FLAG, ("dangerous/prompt",))
    assert _decide(_unit(dangerous=10_000), policy=GENERAL).verdict is Verdict.REFUSE


@pytest.mark.parametrize(("unit", "code"), [
    (_unit(R, 3, dangerous=9000), "response_refused"), (_unit(R, dangerous=9000), "prompt_refused"),
    (_unit(hate=9000), "prompt_refused"),
])  # fmt: skip
def test_a_forged_answer_in_the_request_is_the_prompts_fault(unit: UnitScores, code: str) -> None:
    assert _decide(_unit(), unit).code == code


def test_the_first_refusal_in_order_names_the_rule_and_flags_are_kept() -> None:
    decision = _decide(_unit(sexual=6000), _unit(hate=9000, dangerous=9000), _unit(harassment=9000))
    assert (decision.verdict, decision.rule) == (Verdict.REFUSE, "harassment/prompt")
    assert decision.flags == ("dangerous/prompt", "sexual/prompt")
    assert dict(decision.acts[1]) == {"dangerous": "flag", "harassment": "permit", "hate": "refuse", "sexual": "permit"}


@pytest.mark.parametrize("score", [None, -1, 10_001, 0.5, True, "9"])
def test_what_is_no_score_is_missing(score: object) -> None:
    decision = _decide(_unit(), _unit(hate=score))  # type: ignore[arg-type]
    assert (decision.verdict, decision.code, decision.rule) == (Verdict.REFUSE, "guard_missing", "")


def test_absent_and_doubled_scores_are_missing() -> None:
    short = replace(_unit(), scores=tuple((id_, 0) for id_ in IDS[:3]))
    doubled = replace(_unit(), scores=(*_unit().scores, ("hate", 0)))
    assert _decide(short).code == _decide(doubled).code == "guard_missing"


def test_no_unit_is_no_evidence() -> None:
    assert _decide().code == "guard_missing"


def test_a_guideline_that_is_off_is_not_asked() -> None:
    policy = replace(
        POLICY, guidelines=tuple(replace(g, prompt=Cap.OFF) if g.id == "hate" else g for g in POLICY.guidelines)
    )
    unit = replace(_unit(), scores=tuple((id_, 0) for id_ in IDS if id_ != "hate"))
    assert _decide(unit, policy=policy).verdict is Verdict.PERMIT
    assert _decide(_unit(hate=10_000), policy=policy).verdict is Verdict.PERMIT


def test_a_missing_threshold_refuses() -> None:
    assert _decide(_unit(), policy=replace(POLICY, thresholds=())).verdict is Verdict.REFUSE


def test_other_languages_flag_or_refuse_as_the_policy_says() -> None:
    unit = _unit(lang="unsupported")
    assert _decide(unit).flags == ("language/unsupported",)
    strict = replace(POLICY, unsupported_language="refuse")
    assert (_decide(unit, policy=strict).code, _decide(unit, policy=strict).rule) == (
        "prompt_refused",
        "language/unsupported",
    )
    assert _decide(replace(unit, scores=_unit(hate=9000).scores), policy=strict).rule == "hate/prompt"


def test_unsafe_allow_all_permits_and_says_so() -> None:
    decision = _decide(_unit(hate=10_000), policy=policy_of("unsafe-allow-all"))
    assert (decision.verdict, decision.flags) == (Verdict.PERMIT, ("unsafe-allow-all",))
    assert _decide(policy=policy_of("unsafe-allow-all")).verdict is Verdict.PERMIT


# ---- orders in data ----------------------------------------------------------------------------------------------


def _tool(score: int | None = None, kind: str = "tool") -> UnitScores:
    scores = _unit().scores if score is None else (*_unit().scores, ("injection", score))
    return replace(_unit(), kind=kind, scores=scores)


@pytest.mark.parametrize(
    ("score", "flags"), [(0, ()), (4999, ()), (5000, ("injection/tool",)), (10_000, ("injection/tool",))]
)
def test_orders_in_a_tools_result_flag_by_default(score: int, flags: tuple[str, ...]) -> None:
    decision = _decide(_unit(), _tool(score))
    assert (decision.verdict is Verdict.FLAG, decision.flags) == (bool(flags), flags)
    assert dict(decision.acts[1])["injection"] == ("flag" if flags else "permit")
    assert "injection" not in dict(decision.acts[0])


@pytest.mark.parametrize("kind", ["tool", "tools"])
def test_data_without_that_score_is_missing_evidence(kind: str) -> None:
    assert _decide(_tool(kind=kind)).code == "guard_missing"


def test_a_document_is_asked_only_where_there_is_one() -> None:
    assert _decide(_tool(9000, "user")).flags == ("injection/user",)
    assert _decide(_tool(kind="user")).verdict is Verdict.PERMIT
    assert _decide(_tool(9000, "system")).verdict is Verdict.PERMIT


@pytest.mark.parametrize(("cap", "verdict"), [(Cap.OFF, "permit"), (Cap.FLAG, "flag"), (Cap.BLOCK, "refuse")])
def test_a_policy_may_stop_them_or_not_ask(cap: Cap, verdict: str) -> None:
    policy = replace(POLICY, injection=Injection(tools=cap, documents=Cap.OFF))
    decision = _decide(_tool(9000), policy=policy)
    assert (decision.verdict, decision.rule) == (verdict, "injection/tool" if cap is Cap.BLOCK else "")
    assert _decide(_tool(9000, "user"), policy=policy).verdict is Verdict.PERMIT
    assert _decide(_tool(), policy=replace(policy, injection=Injection(Cap.OFF, Cap.OFF))).verdict is Verdict.PERMIT


def test_a_guideline_refuses_before_orders_do_and_its_score_is_never_read_as_them() -> None:
    policy = replace(POLICY, injection=Injection(Cap.BLOCK, Cap.BLOCK))
    both = replace(_tool(9000), scores=(*_unit(hate=9000).scores, ("injection", 9000)))
    assert _decide(both, policy=policy).rule == "hate/prompt"
    assert _decide(replace(_tool(0), scores=(*_unit(dangerous=9999).scores, ("injection", 0)))).flags == (
        "dangerous/prompt",
    )


# ---- stricter places ---------------------------------------------------------------------------------------------


def test_a_stricter_place_refuses_there_and_nowhere_else() -> None:
    rules = (Tightening("system", "dangerous", Cap.BLOCK, None), Tightening("response", "hate", None, 2500))
    policy = replace(POLICY, tightened=rules)
    system = replace(_unit(dangerous=9000), kind="system")
    assert _decide(_unit(dangerous=9000), policy=policy).verdict is Verdict.FLAG
    assert _decide(system, policy=policy).rule == "dangerous/prompt"
    assert _decide(system).verdict is Verdict.FLAG
    assert _decide(_unit(R, 0, hate=2500), policy=policy).rule == "hate/response"
    assert _decide(_unit(hate=2500), policy=policy).verdict is Verdict.PERMIT


_SCORE = st.one_of(st.integers(0, 10_000), st.sampled_from([4999, 5000, 7999, 8000]))
_UNITS = st.lists(
    st.tuples(st.sampled_from([P, R]), st.sampled_from([None, 0]), st.sampled_from(["", "unsupported"]),
              st.lists(_SCORE, min_size=4, max_size=4)),
    min_size=1, max_size=4,
)  # fmt: skip


@given(
    scores=st.lists(_SCORE, min_size=5, max_size=5),
    which=st.integers(0, 4),
    more=st.integers(0, 10_000),
    cap=st.sampled_from(list(Cap)),
    at_most=st.one_of(st.none(), st.integers(1, 10_000)),
)
def test_monotone_in_data_and_under_stricter_rules_too(
    scores: list[int], which: int, more: int, cap: Cap, at_most: int | None
) -> None:
    rules = (Tightening("tool", "hate", Cap.BLOCK, at_most), Tightening("prompt", "sexual", None, at_most))
    policy = replace(POLICY, injection=Injection(cap, cap), tightened=rules)
    names = (*IDS, "injection")
    before = replace(_unit(), kind="tool", scores=tuple(zip(names, scores, strict=True)))
    raised = [min(10_000, score + more * (i == which)) for i, score in enumerate(scores)]
    after = replace(before, scores=tuple(zip(names, raised, strict=True)))
    first, second = _decide(before, policy=policy), _decide(after, policy=policy)
    assert STRENGTH[second.verdict] >= STRENGTH[first.verdict]
    plain = _decide(before, policy=replace(policy, tightened=()))
    assert STRENGTH[first.verdict] >= STRENGTH[plain.verdict]  # a stricter rule is never milder


@given(
    units=_UNITS,
    which=st.integers(0, 3),
    more=st.integers(0, 10_000),
    general=st.booleans(),
    floor=st.integers(1, 9999),
)
def test_total_and_monotone(
    units: list[tuple[Direction, int | None, str, list[int]]], which: int, more: int, general: bool, floor: int
) -> None:
    thresholds = tuple(Threshold(t.policy, t.direction, min(floor, t.block), t.block) for t in POLICY.thresholds)
    policy = replace(GENERAL if general else POLICY, thresholds=thresholds)
    before = tuple(
        UnitScores("user", d, s, 1, lang, tuple(zip(IDS, scores, strict=True))) for d, s, lang, scores in units
    )
    raised = tuple(
        (id_, min(10_000, (score or 0) + more * (i == which))) for i, (id_, score) in enumerate(before[0].scores)
    )
    after = (replace(before[0], scores=raised), *before[1:])
    first, second = _decide(*before, policy=policy), _decide(*after, policy=policy)
    assert STRENGTH[second.verdict] >= STRENGTH[first.verdict]
    assert set(first.flags) <= set(second.flags) | {second.rule} | {f"{id_}/{before[0].direction}" for id_ in IDS}
    assert (first.verdict is Verdict.REFUSE) == bool(first.rule) == bool(first.code)
    assert first == _decide(*before, policy=policy)


# ---- every policy, any evidence ----------------------------------------------------------------------------------

_LIBRARY = [policy_of(name) for name in sorted(files("library"))]
_ANYTHING = st.one_of(_SCORE, st.none(), st.sampled_from([-1, 10_001, 0.5, True, "9"]))
_KINDS = ("user", "system", "developer", "tool", "tools", "assistant", "segment", "tool_call", "thought", "", "what")
_LANG = st.sampled_from(["", "unsupported"])


@st.composite
def _any_unit(draw: st.DrawFn) -> UnitScores:
    """A unit as nobody would make it: any kind, any scores, some of them missing, doubled or unheard of."""
    names = draw(st.lists(st.sampled_from((*IDS, "injection", "unheard-of")), max_size=7))
    scores = tuple((name, draw(_ANYTHING)) for name in names)
    seg, windows = draw(st.sampled_from([None, 0, 7])), draw(st.integers(0, 9))
    return UnitScores(draw(st.sampled_from(_KINDS)), draw(st.sampled_from([P, R])), seg, windows, draw(_LANG), scores)  # type: ignore[arg-type]  # what is no score


@st.composite
def _whole_unit(draw: st.DrawFn) -> UnitScores:
    """A unit that has every score a policy may ask for."""
    kind, scores = draw(st.sampled_from(_KINDS[:9])), tuple((name, draw(_SCORE)) for name in (*IDS, "injection"))
    return UnitScores(kind, draw(st.sampled_from([P, R])), draw(st.sampled_from([None, 0])), 1, draw(_LANG), scores)


@given(policy=st.sampled_from(_LIBRARY), units=st.lists(_any_unit(), max_size=5))
def test_any_evidence_has_an_answer_and_what_is_missing_is_never_a_permission(
    policy: Policy, units: list[UnitScores]
) -> None:
    decision = _decide(*units, policy=policy)
    assert decision == _decide(*units, policy=policy)
    assert len(decision.acts) == len(units)
    assert (decision.verdict is Verdict.REFUSE) == bool(decision.code)
    wanted = IDS if policy.judges else ()
    found = [[score for name, score in unit.scores if name == id_] for unit in units for id_ in wanted]
    known = all(len(one) == 1 and type(one[0]) is int and 0 <= one[0] <= 10_000 for one in found)
    if policy.judges and not (units and known):
        assert (decision.verdict, decision.code, decision.flags) == (Verdict.REFUSE, "guard_missing", ())


@given(policy=st.sampled_from(_LIBRARY), units=st.lists(_whole_unit(), min_size=1, max_size=4), data=st.data())
def test_more_evidence_of_harm_is_never_milder_under_any_policy(
    policy: Policy, units: list[UnitScores], data: st.DataObject
) -> None:
    """Higher scores, one more unit, a language the guard was not made for, a score that is lost: none of them helps."""
    before = _decide(*units, policy=policy)
    higher = [
        replace(unit, scores=tuple((name, data.draw(st.integers(score, 10_000))) for name, score in unit.scores))
        for unit in units
    ]
    lost = replace(units[0], scores=units[0].scores[1:])
    foreign = [replace(units[0], lang="unsupported"), *units[1:]]
    for harm in (higher, [*units, data.draw(_whole_unit())], foreign, [lost, *units[1:]]):
        assert STRENGTH[_decide(*harm, policy=policy).verdict] >= STRENGTH[before.verdict]
    order = data.draw(st.permutations(units))
    assert _decide(*order, policy=policy).verdict is before.verdict
