"""Scores come out in order, once each, and leave nothing behind when their exchange ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from filters.tokens import Control, Text
from proxy.workers.engine.batch import Decoded
from proxy.workers.engine.judge import Judge
from proxy.workers.engine.load import Loaded
from proxy.workers.wire import Failed, Message, Score, Scored
from tests.kit.loaded import Clock, FailingContext, load_guard

_SUFFIXES = tuple((Text(f"\n{word} policy principle"),) for word in ("pain", "fever", "No", "a", "b", "c"))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    model = load_guard(tmp_path_factory.mktemp("models"), context=512)
    yield model
    model.close()


class _Bench:
    """A judge with a clock that ticks once a batch, and everything it said."""

    def __init__(self, loaded: Loaded) -> None:
        loaded.context.wipe()
        self.clock = Clock()
        self.pool = loaded.context
        self.context = FailingContext(loaded.context)
        self.judge = Judge(replace(loaded, context=self.context), now_ms=self.clock)
        self.said: list[Message] = []

    def begin(self, number: int, **changes: Any) -> None:
        self.said += self.judge.begin(_score(number, **changes))

    def step(self, limit: int = 256) -> bool:
        self.clock.ms += 1
        self.said += self.judge.expire()
        plan, refused = self.judge.plan(limit)
        self.said += refused
        if plan is None:
            return False
        self.said += self.judge.step(plan)
        return True

    def run(self, limit: int = 256) -> list[Message]:
        while self.step(limit):
            pass
        return self.said

    @property
    def filled(self) -> int:
        return sum(self.pool.pos_max(seq) + 1 for seq in range(6))


def _score(number: int, text: str = "the patient has pain", **changes: Any) -> Score:
    prefix = (Control("<bos>"), Control("<start_of_turn>"), Text(text), Control("<end_of_turn>"))
    return replace(Score(number, f"x{number}", prefix, _SUFFIXES, ("Yes", "No"), 1_000), **changes)


def test_scores_come_in_order_with_a_row_for_each_suffix(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    for number in (3, 1, 2):
        bench.begin(number)
    assert [m.id for m in bench.run() if isinstance(m, Scored)] == [3, 1, 2]
    assert all(len(m.logits) == len(_SUFFIXES) and len(m.logits[0]) == 2 for m in bench.said if isinstance(m, Scored))
    assert bench.judge.current is None


@pytest.mark.parametrize("limit", [5, 20, 1024])
def test_small_steps_change_no_score(loaded: Loaded, limit: int) -> None:
    bench, whole = _Bench(loaded), _Bench(loaded)
    whole.begin(1)
    expected = whole.run()[0].logits
    bench.begin(1)
    (scored,) = bench.run(limit)
    for row, other in zip(scored.logits, expected, strict=True):
        assert row == pytest.approx(other, abs=5e-3)


def test_the_end_of_an_exchange_leaves_nothing(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    bench.begin(1)
    bench.run()
    assert bench.filled > 0
    bench.judge.end_exchange("x1")
    assert bench.filled == 0


def test_an_end_that_comes_first_waits_for_the_score(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    bench.begin(1)
    bench.judge.end_exchange("x1")
    bench.step(5)
    assert bench.filled > 0
    bench.run()
    assert isinstance(bench.said[0], Scored)
    assert bench.filled == 0


def test_deadlines_hold_for_the_one_in_work_and_those_in_line(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    for number in (1, 2):
        bench.begin(number, deadline_ms=3)
    assert bench.judge.next_event_ms() == 1_003
    for _ in range(5):
        bench.step(2)
    assert sorted(m.id for m in bench.said if m == Failed(m.id, "guard_timeout")) == [1, 2]
    assert bench.judge.next_event_ms() is None


def test_cancel_drops_one_and_the_next_is_scored(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    bench.begin(1)
    bench.begin(2)
    bench.step(5)
    assert bench.judge.current == 1
    assert bench.judge.cancel(1) == (Failed(1, "guard_unavailable"),)
    assert bench.judge.cancel(1) == ()
    bench.run()
    assert [m.id for m in bench.said if isinstance(m, Scored)] == [2]


@pytest.mark.parametrize("result", [Decoded.FATAL, Decoded.NO_CELLS])
def test_a_context_that_fails_fails_one_score_only(loaded: Loaded, result: Decoded) -> None:
    bench = _Bench(loaded)
    bench.begin(1)
    bench.begin(2)
    bench.context.results = [result]
    bench.run()
    assert bench.said[0] == Failed(1, "guard_unavailable")
    assert isinstance(bench.said[1], Scored)


def test_an_aborted_step_is_taken_up_again(loaded: Loaded) -> None:
    bench, whole = _Bench(loaded), _Bench(loaded)
    whole.begin(1)
    expected = whole.run()[0].logits
    bench.begin(1)
    bench.context.results = [Decoded.ABORTED]
    (scored,) = bench.run()
    assert scored.logits[0] == pytest.approx(expected[0], abs=5e-3)


def test_the_line_is_bounded(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    for number in range(65):
        bench.begin(number)
    assert bench.said == [Failed(64, "guard_unavailable")]


def test_a_prefix_too_long_for_the_pool_is_refused_and_the_next_served(loaded: Loaded) -> None:
    bench = _Bench(loaded)
    bench.said += bench.judge.begin(_score(1, "the patient has pain " * 200))
    bench.begin(2)
    bench.run()
    assert bench.said[0] == Failed(1, "guard_text_too_long")
    assert isinstance(bench.said[1], Scored)
