"""Same rows, same file; test rows are never read; the budget of medical false positives holds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from policies.calibrate import Row, calibrate, canaries, check_canaries, is_dev, provisional
from policies.calibrated import write_calibration
from policies.model import Calibration, Direction, PolicyError
from tests.kit.policies import ACT, IDS, maker, policy_of

P, R = Direction.PROMPT, Direction.RESPONSE
_DEV_IDS = [f"r{n}" for n in range(30_000) if is_dev(f"r{n}")]
_TEST_IDS = [f"r{n}" for n in range(3_000) if not is_dev(f"r{n}")]


def _rows(medical: list[tuple[int, ...]], unsafe: list[tuple[str, tuple[int, ...]]]) -> list[Row]:
    """The same cases in both directions, all of them development rows."""
    ids = iter(_DEV_IDS)
    return [
        Row(next(ids), direction, bool(policy), policy, not policy, tuple(zip(IDS, scores, strict=True)))
        for direction in Direction
        for policy, scores in [*(("", scores) for scores in medical), *unsafe]
    ]


def _at(index: int, score: int) -> tuple[int, ...]:
    return tuple(score if i == index else 0 for i in range(4))


def _thresholds(made: Calibration, direction: Direction = P) -> list[tuple[int, int]]:
    return [(t.flag, t.block) for t in made.thresholds if t.direction is direction]


def _made(medical: list[tuple[int, ...]], unsafe: list[tuple[str, tuple[int, ...]]]) -> Calibration:
    return calibrate(_rows(medical, unsafe), maker=maker())


def test_without_overlap_everything_unsafe_is_caught_for_nothing() -> None:
    made = _made([_at(0, 300)] * 200, [("dangerous", _at(0, 9000)), ("dangerous", _at(0, 400)), ("hate", _at(2, 7000))])
    assert _thresholds(made) == [(400, 400), (10_000, 10_000), (7000, 7000), (10_000, 10_000)]
    assert dict(made.measured)["unsafe_blocked_prompt"][0] == 1.0
    assert dict(made.measured)["medical_blocked_prompt"] == (0.0, 0.0, 0.0188)


def test_the_budget_is_a_union_over_guidelines() -> None:
    medical = [_at(0, 5000)] * 4 + [_at(1, 5000)] * 4 + [_at(0, 0)] * 492
    unsafe = [("dangerous", _at(0, 5000))] * 9 + [("harassment", _at(1, 5000))] * 8
    made = _made(medical, unsafe)
    assert _thresholds(made)[:2] == [(5000, 5000), (5000, 10_000)]
    assert dict(made.measured)["medical_blocked_response"][0] == 0.008
    assert dict(made.measured)["medical_flagged_response"][0] == 0.016


def test_most_caught_per_false_positive_goes_first() -> None:
    medical = [_at(0, 5000)] * 2 + [_at(3, 5000)] * 1 + [_at(0, 0)] * 122
    made = _made(medical, [("dangerous", _at(0, 5000))] * 3 + [("sexual", _at(3, 5000))] * 2)
    assert [block for _, block in _thresholds(made)] == [10_000, 10_000, 10_000, 5000]


def test_ties_go_by_the_order_of_the_guidelines() -> None:
    medical = [_at(1, 5000), _at(2, 5000)] + [_at(0, 0)] * 123
    made = _made(medical, [("harassment", _at(1, 5000)), ("hate", _at(2, 5000))])
    assert [block for _, block in _thresholds(made)] == [10_000, 5000, 10_000, 10_000]


def test_other_harms_do_not_move_a_threshold() -> None:
    made = _made([_at(0, 0)] * 125, [("other", _at(0, 9000))])
    assert _thresholds(made) == [(10_000, 10_000)] * 4
    assert dict(made.measured)["unsafe_blocked_prompt"] == (0.0, 0.0, 1.0)


def test_too_few_medical_rows_are_no_calibration() -> None:
    with pytest.raises(PolicyError) as caught:
        _made([_at(0, 0)] * 124, [])
    assert (caught.value.code, caught.value.detail) == (
        "calibration_too_small",
        "124 medical safe prompt rows, 125 are needed",
    )


def test_test_rows_are_never_read() -> None:
    rows = _rows([_at(0, 300)] * 200, [("dangerous", _at(0, 9000))])
    hostile = [Row(id_, P, unsafe=False, policy="", medical=True, scores=(("dangerous", 10_000),)) for id_ in _TEST_IDS]
    assert calibrate(rows + hostile, maker=maker()) == calibrate(rows, maker=maker())


def test_a_doubled_id_and_a_missing_score_are_refused() -> None:
    rows = _rows([_at(0, 0)] * 125, [])
    with pytest.raises(PolicyError, match="twice"):
        calibrate([*rows, rows[0]], maker=maker())
    with pytest.raises(PolicyError, match="no score"):
        calibrate([replace(rows[0], scores=()), *rows[1:]], maker=maker())


def test_order_of_rows_changes_nothing_and_invariants_hold_on_noise() -> None:
    random_ = random.Random(7)
    medical = [tuple(int(10_000 * random_.betavariate(1, 8)) for _ in IDS) for _ in range(400)]
    unsafe = [
        (IDS[n % 4], tuple(int(10_000 * random_.betavariate(4 if i == n % 4 else 1, 3)) for i in range(4)))
        for n in range(300)
    ]
    rows = _rows(medical, unsafe)
    made = calibrate(rows, maker=maker())
    random_.shuffle(rows)
    assert write_calibration(calibrate(rows, maker=maker())) == write_calibration(made)
    assert all(0 < t.flag <= t.block <= 10_000 for t in made.thresholds)
    rates = dict(made.measured)
    for direction in Direction:
        assert rates[f"medical_blocked_{direction}"][0] <= 0.008
        assert rates[f"medical_flagged_{direction}"][0] <= 0.05
        assert rates[f"unsafe_flagged_{direction}"][0] >= rates[f"unsafe_blocked_{direction}"][0] > 0.1


def test_the_split_is_by_id_alone() -> None:
    assert [is_dev(id_) for id_ in ("a", "b", "c", "d", "e", "f")] == [True, False, False, False, False, True]
    assert 0.28 < len(_DEV_IDS) / 30_000 < 0.32


def test_provisional_thresholds_say_what_they_are() -> None:
    made = provisional(IDS, maker=maker(), act=ACT)
    assert (made.basis, {(t.flag, t.block) for t in made.thresholds}) == ("provisional", {(5000, 8000)})


def test_canaries_are_two_texts_per_guideline() -> None:
    texts = canaries(policy_of())
    assert [id_ for id_, *_ in texts] == list(IDS)
    assert len({text for _, *pair in texts for text in pair}) == 8


@pytest.mark.parametrize(
    ("unsafe", "safe", "drifts"), [(9900, 100, False), (9700, 300, False), (9699, 100, True), (9900, 301, True)]
)
def test_a_canary_may_move_by_two_hundredths(unsafe: int, safe: int, drifts: bool) -> None:
    stored = tuple((id_, 9900, 100) for id_ in IDS)
    measured = (*stored[:3], ("sexual", unsafe, safe))
    if not drifts:
        check_canaries(stored, measured)
        return
    with pytest.raises(PolicyError) as caught:
        check_canaries(stored, measured)
    assert (caught.value.code, caught.value.detail) == ("guard_drift", "sexual")


def test_a_canary_that_was_not_measured_has_drifted() -> None:
    with pytest.raises(PolicyError, match="guard_drift"):
        check_canaries((("hate", 1, 1),), ())
