"""What the journey tells a monitor: durations, and counts under closed labels."""

from __future__ import annotations

from collections import Counter

import pytest

from policies.decide import Evidence, UnitScores, decide
from policies.model import Direction
from proxy.health import Metrics
from proxy.meter import Meter
from proxy.rooms import Judgement, Outcome
from tests.kit.policies import IDS, policy_of


def lines(metrics: Metrics) -> list[str]:
    return [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]


def meter() -> Meter:
    clock = iter((1.0, 1.5, 9.0))
    return Meter(Metrics(), lambda: next(clock))


def test_a_stage_is_timed_also_when_it_fails() -> None:
    watch = meter()
    with pytest.raises(LookupError), watch.stage("judge"):
        raise LookupError
    assert 'cordon_stage_seconds_sum{stage="judge"} 0.5' in lines(watch.metrics)


@pytest.mark.parametrize(("seg", "direction"), [(None, Direction.PROMPT), (0, Direction.RESPONSE)])
def test_a_judgement_is_timed_and_counted_by_guideline(seg: int | None, direction: Direction) -> None:
    watch = meter()
    scores = tuple((id_, 9900 if id_ == "harassment" else 0) for id_ in IDS)
    evidence = Evidence((UnitScores("user", direction, seg, 1, "", scores),) * 2)
    watch.judged(Judgement(decide(policy_of(), evidence), evidence, 250))
    said = lines(watch.metrics)
    assert f'cordon_guard_seconds_sum{{direction="{direction}"}} 0.25' in said
    counted = f'action="refuse",direction="{direction}",guideline="harassment"'
    assert f"cordon_judgements_total{{{counted}}} 2.0" in said
    assert sum(line.startswith("cordon_judgements_total") for line in said) == len(IDS)
    assert "other" not in "".join(said)


def test_nothing_asked_is_nothing_counted() -> None:
    watch = meter()
    evidence = Evidence(())
    watch.judged(Judgement(decide(policy_of("unsafe-allow-all"), evidence), evidence, 250))
    assert not any("direction=" in line for line in lines(watch.metrics))


def test_a_guard_without_a_score_is_timed() -> None:
    watch = meter()
    evidence = Evidence((UnitScores("user", Direction.PROMPT, None, 1, "", ()),))
    watch.judged(Judgement(decide(policy_of(), evidence), evidence, 250))
    assert 'cordon_guard_seconds_count{direction="prompt"} 1.0' in lines(watch.metrics)


def test_an_answer_tells_its_first_text_and_what_the_model_knew() -> None:
    watch = meter()
    watch.answered(Outcome())
    assert "cordon_first_segment_seconds_count 0.0" in lines(watch.metrics)
    watch.answered(Outcome(first_ms=500, known=2))
    said = lines(watch.metrics)
    assert "cordon_first_segment_seconds_sum 0.5" in said
    assert "cordon_known_in_output_total 2.0" in said


def test_what_a_model_added_is_told_by_what_was_done() -> None:
    watch = meter()
    watch.answered(Outcome(masked=Counter(EMAIL=2), let_pass=Counter(PERSON=1)))
    said = lines(watch.metrics)
    assert 'cordon_added_identifiers_total{action="masked"} 2.0' in said
    assert 'cordon_added_identifiers_total{action="kept"} 1.0' in said
