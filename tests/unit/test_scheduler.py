"""Batching never changes an answer: whatever runs beside it, is cancelled, aborted or used again."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.scheduler import Job, Limits, Scheduler, common_prefix
from tests.kit.pool import FakePool

_N_CTX = 512


def _limits(**changes: Any) -> Limits:
    values = {
        "n_ctx": _N_CTX, "slots": 4, "n_batch": 64, "n_swa": 0, "request_tokens": 300, "alone": 32, "beside": 8,
        "min_reuse": 4, "idle_ms": 1000, **changes,
    }  # fmt: skip
    return Limits(**values)


class _Bench:
    """A scheduler over a fake pool; answers are collected and end after `max_tokens`."""

    def __init__(self, **changes: Any) -> None:
        window = changes.pop("window", 0)
        self.pool = FakePool(_N_CTX, window=window)
        self.scheduler = Scheduler(_limits(n_swa=window, **changes), self.pool)
        self.answers: dict[int, list[int]] = {}
        self.jobs: dict[int, Job] = {}
        self.reused: dict[int, int] = {}
        self.batches: list[int] = []
        self.now = 0

    def submit(self, number: int, ids: Any, *, max_tokens: int = 6, caller: str = "a", credit: int = 100) -> None:
        self.jobs[number] = Job(number, caller, tuple(ids), max_tokens, credit)
        self.scheduler.submit(self.jobs[number])
        self.answers[number] = []

    def step(self, upto: int | None = None) -> bool:
        for started in self.scheduler.admit():
            self.reused[started.id] = started.reused
        plan = self.scheduler.plan()
        if plan is None:
            return False
        self.batches.append(len(plan.rows))
        _, predictions = self.pool.decode(plan.rows, upto)
        if upto is not None:
            self.scheduler.aborted()
            return True
        self.scheduler.evaluated(plan)
        for index, number in plan.outputs:
            self.answers[number].append(predictions[index])
            if len(self.answers[number]) == self.jobs[number].max_tokens:
                self.scheduler.end(number, self.now)
            else:
                self.scheduler.charge(number, 1)
                self.scheduler.append(number, predictions[index])
        return True

    def run(self) -> None:
        while self.step():
            pass


def _alone(ids: Any, *, max_tokens: int = 6, window: int = 0) -> list[int]:
    bench = _Bench(window=window)
    bench.submit(1, ids, max_tokens=max_tokens)
    bench.run()
    return bench.answers[1]


def _ids(seed: int, size: int) -> tuple[int, ...]:
    draw = random.Random(seed)
    return tuple(draw.randrange(100) for _ in range(size))


def test_four_at_once_answer_as_each_alone() -> None:
    bench = _Bench()
    prompts = {n: _ids(n, 20 + 13 * n) for n in range(1, 5)}
    for number, ids in prompts.items():
        bench.submit(number, ids)
    bench.run()
    assert bench.answers == {n: _alone(ids) for n, ids in prompts.items()}


def test_steps_are_long_alone_and_short_beside_an_answer() -> None:
    bench = _Bench()
    bench.submit(1, _ids(1, 70), max_tokens=20)
    bench.submit(2, _ids(2, 40), max_tokens=2)
    for _ in range(5):
        bench.step()
    assert bench.batches == [32, 32, 6, 9, 9]


def test_without_credit_nothing_goes_on_and_with_credit_it_does() -> None:
    bench = _Bench()
    bench.submit(1, _ids(1, 10), max_tokens=8, credit=3)
    bench.run()
    assert len(bench.answers[1]) == 3
    assert not bench.scheduler.answering
    bench.scheduler.charge(1, -2)
    bench.run()
    assert len(bench.answers[1]) == 5
    bench.scheduler.charge(1, -100)
    bench.run()
    assert bench.answers[1] == _alone(_ids(1, 10), max_tokens=8)


def test_no_credit_at_the_start_reads_the_prompt_and_stops_before_the_first_token() -> None:
    bench = _Bench()
    bench.submit(1, _ids(1, 10), credit=0)
    bench.run()
    assert (bench.batches, bench.answers[1]) == ([9], [])


def test_credit_for_a_waiting_job_is_kept() -> None:
    bench = _Bench(slots=1)
    bench.submit(1, _ids(1, 10))
    bench.step()
    bench.submit(2, _ids(2, 10), credit=0)
    bench.scheduler.charge(2, -50)
    bench.run()
    assert bench.answers[2] == _alone(_ids(2, 10))


@pytest.mark.parametrize(("size", "max_tokens"), [(300, 1), (0, 1), (10, 291), (1, 10_000)])
def test_what_can_never_fit_is_refused(size: int, max_tokens: int) -> None:
    with pytest.raises(EngineError, match="context_length_exceeded"):
        _Bench().submit(1, _ids(1, size), max_tokens=max_tokens)


def test_the_line_is_bounded_and_in_order() -> None:
    bench = _Bench(slots=1)
    for number in range(1, 3):
        bench.submit(number, _ids(number, 10))
    with pytest.raises(EngineError, match="engine_full"):
        bench.submit(3, _ids(3, 10))
    bench.run()
    assert list(bench.reused) == [1, 2]


def test_the_pool_is_reserved_so_that_it_never_runs_out() -> None:
    bench = _Bench(idle_ms=10**9)
    for number in range(1, 9):
        bench.submit(number, _ids(number, 200), max_tokens=60, caller=f"c{number}")
    bench.run()
    assert bench.pool.fullest <= _N_CTX
    assert bench.answers == {n: _alone(_ids(n, 200), max_tokens=60) for n in range(1, 9)}


def test_the_same_caller_uses_its_prefix_again_and_no_one_else() -> None:
    bench = _Bench()
    first, second = _ids(1, 40), (*_ids(1, 30), *_ids(2, 20))
    for number, (ids, caller) in enumerate([(first, "a"), (second, "b"), (second, "a")]):
        bench.submit(number, ids, caller=caller)
        bench.run()
    assert bench.reused == {0: 0, 1: 0, 2: 30}
    assert bench.answers[1] == bench.answers[2] == _alone(second)


def test_at_least_one_token_is_evaluated_and_short_prefixes_are_not_worth_it() -> None:
    bench = _Bench()
    for number, ids in enumerate([_ids(1, 40), _ids(1, 40), (*_ids(1, 3), *_ids(5, 9))]):
        bench.submit(number, ids)
        bench.run()
    assert bench.reused == {0: 0, 1: 39, 2: 0}


def test_reuse_can_be_off_and_idle_prefixes_end() -> None:
    off = _Bench(idle_ms=0)
    off.submit(1, _ids(1, 20))
    off.run()
    assert (off.pool.wipes, off.scheduler.next_expiry()) == (1, None)
    bench = _Bench()
    bench.submit(1, _ids(1, 20))
    bench.run()
    assert bench.scheduler.next_expiry() == 1000
    bench.scheduler.expire(999)
    assert bench.pool.wipes == 0
    bench.scheduler.expire(1000)
    assert (bench.pool.wipes, bench.pool.cells, bench.scheduler.next_expiry()) == (1, {}, None)


def test_a_cancelled_job_leaves_the_others_alone() -> None:
    bench = _Bench()
    prompts = {n: _ids(n, 30) for n in range(1, 4)}
    for number, ids in prompts.items():
        bench.submit(number, ids)
    for _ in range(4):
        bench.step()
    bench.scheduler.end(2, 0)
    bench.run()
    assert {n: bench.answers[n] for n in (1, 3)} == {n: _alone(prompts[n]) for n in (1, 3)}


def test_a_waiting_job_can_be_cancelled() -> None:
    bench = _Bench(slots=1)
    bench.submit(1, _ids(1, 10))
    bench.submit(2, _ids(2, 10))
    bench.scheduler.end(2, 0)
    bench.run()
    assert bench.answers[2] == []


def test_after_a_fatal_error_nothing_is_left() -> None:
    bench = _Bench()
    bench.submit(1, _ids(1, 10))
    bench.submit(2, _ids(2, 10))
    bench.step()
    assert bench.scheduler.newest() == 2
    assert bench.scheduler.lost() == (1, 2)
    assert bench.scheduler.plan() is None
    assert bench.scheduler.newest() is None
    assert bench.pool.cells == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0, 12]))
def test_aborts_anywhere_change_no_answer(seed: int, window: int) -> None:
    draw = random.Random(seed)
    bench = _Bench(window=window)
    prompts = {n: _ids(seed + n, draw.randint(1, 60)) for n in range(1, 5)}
    for number, ids in prompts.items():
        bench.submit(number, ids)
    while bench.step(draw.randint(0, 8) if draw.random() < 0.3 else None):
        pass
    assert bench.answers == {n: _alone(ids, window=window) for n, ids in prompts.items()}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_histories_that_grow_shrink_and_fork_answer_as_on_a_clean_pool(seed: int) -> None:
    draw = random.Random(seed)
    bench = _Bench(window=12)
    history = list(_ids(seed, 40))
    for number in range(6):
        history = [*history[: draw.randint(20, len(history))], *_ids(seed + number, draw.randint(1, 30))][:200]
        bench.submit(number, history, caller=draw.choice("ab"))
        bench.run()
        assert bench.answers[number] == _alone(history, window=12)
        if draw.random() < 0.5:
            history += bench.answers[number]


def test_a_broken_reuse_rule_would_be_noticed() -> None:
    bench = _Bench(window=12)
    bench.scheduler._intact = lambda slot, keep: True  # type: ignore[method-assign]  # the rule that must not hold
    long, fork = _ids(1, 60), (*_ids(1, 30), *_ids(2, 10))
    bench.submit(1, long)
    bench.run()
    bench.submit(2, fork)
    bench.run()
    assert bench.answers[2] != _alone(fork, window=12)


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_common_prefix(a: list[int], b: list[int]) -> None:
    size = common_prefix(a, b)
    assert a[:size] == b[:size]
    assert size in (len(a), len(b)) or a[size] != b[size]


def test_a_token_that_ended_leaves_no_prefix_of_its_caller() -> None:
    bench = _Bench()
    for number, caller in enumerate(["uid:1/gone", "uid:1/stays", "uid:1"]):
        bench.submit(number, _ids(number, 20), caller=caller)
        bench.run()
    bench.scheduler.forget("gone")
    for number, caller in enumerate(["uid:1/gone", "uid:1/stays", "uid:1"]):
        bench.submit(10 + number, _ids(number, 20), caller=caller)
        bench.run()
    assert [bench.reused[10 + number] for number in range(3)] == [0, 19, 19]


def test_an_answer_in_work_leaves_none_either_and_the_last_one_wipes_the_pool() -> None:
    bench = _Bench()
    bench.submit(1, _ids(1, 20), caller="uid:1/gone", max_tokens=30)
    bench.step()
    bench.scheduler.forget("gone")
    bench.scheduler.end(1, bench.now)
    assert (bench.pool.wipes, bench.pool.cells) == (1, {})
    bench.submit(2, _ids(1, 20), caller="uid:1/gone")  # the gateway lets nobody in with it; were it so, it starts anew
    bench.run()
    assert bench.reused[2] == 0
    assert bench.scheduler.next_expiry() is not None
