"""A shared prefix scores as separate calls do, and costs what is new."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.score import BASES, BRANCHES, ScoreJob, Scorer
from tests.kit.pool import FakePool

_N_CTX = 200


class _Bench:
    """A scorer over a fake pool; a "score" is the prediction after a suffix."""

    def __init__(self, n_ctx: int = _N_CTX, n_batch: int = 40) -> None:
        self.pool = FakePool(n_ctx)
        self.scorer = Scorer(self.pool, n_ctx, n_batch)
        self.batches: list[int] = []

    def score(self, job: ScoreJob, limit: int = 40, aborts: random.Random | None = None) -> tuple[int, list[int]]:
        reused = self.scorer.start(job)
        scores: dict[int, int] = {}
        while (plan := self.scorer.plan(limit)) is not None:
            if aborts and aborts.random() < 0.4:
                self.pool.decode(plan.rows, aborts.randint(0, len(plan.rows)))
                self.scorer.aborted()
                continue
            self.batches.append(len(plan.rows))
            _, predictions = self.pool.decode(plan.rows)
            scores |= {number: predictions[index] for index, number in plan.outputs}
            self.scorer.evaluated(plan)
        self.scorer.finish()
        return reused, [scores[n] for n in range(len(job.suffixes))]


def _ids(seed: int, size: int) -> tuple[int, ...]:
    draw = random.Random(seed)
    return tuple(draw.randrange(100) for _ in range(size))


def _job(number: int, exchange: str, prefix: tuple[int, ...], suffixes: int = 4) -> ScoreJob:
    return ScoreJob(number, exchange, prefix, tuple(_ids(1000 + n, 3 + n) for n in range(suffixes)))


def _naive(job: ScoreJob) -> list[int]:
    return [_Bench().score(ScoreJob(1, "x", job.prefix, (suffix,)))[1][0] for suffix in job.suffixes]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(5, 40))
def test_shared_equals_separate(seed: int, suffixes: int, limit: int) -> None:
    job = _job(1, "x", _ids(seed, 1 + seed % 90), suffixes)
    assert _Bench().score(job, limit)[1] == _naive(job)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_exchanges_that_take_turns_and_grow_and_abort(seed: int) -> None:
    draw = random.Random(seed)
    bench = _Bench()
    texts = {name: _ids(seed + i, 60) for i, name in enumerate("abc")}
    for number in range(8):
        name = draw.choice("abc")
        job = _job(number, name, texts[name][: draw.randint(1, 60)], draw.randint(1, 5))
        assert bench.score(job, 40, draw)[1] == _naive(job)
        if draw.random() < 0.2:
            bench.scorer.end_exchange(name)


def test_streaming_costs_new_tokens_and_suffixes() -> None:
    bench = _Bench()
    text = _ids(1, 60)
    assert bench.score(_job(1, "x", text[:50]))[0] == 0
    before = sum(bench.batches)
    assert bench.score(_job(2, "x", text))[0] == 50
    assert sum(bench.batches) - before == 10 + sum(3 + n for n in range(4))


def test_a_changed_prefix_is_cut_where_it_differs() -> None:
    bench = _Bench()
    bench.score(_job(1, "x", (*_ids(1, 30), *_ids(2, 10))))
    assert bench.score(_job(2, "x", (*_ids(1, 30), *_ids(3, 10))))[0] == 30


def test_the_least_recent_exchange_makes_room() -> None:
    bench = _Bench()
    for number, name in enumerate("abac"):
        bench.score(_job(number, name, _ids(ord(name), 30)))
    assert bench.score(_job(9, "a", _ids(ord("a"), 30)))[0] == 30
    assert bench.score(_job(9, "b", _ids(ord("b"), 30)))[0] == 0


def test_a_long_prefix_evicts_the_other_base_before_it_is_refused() -> None:
    bench = _Bench()
    bench.score(_job(1, "a", _ids(1, 150)))
    job = _job(2, "b", _ids(2, 190))
    assert bench.score(job)[1] == _naive(job)
    with pytest.raises(EngineError, match="guard_text_too_long"):
        bench.scorer.start(_job(3, "b", _ids(2, 195)))
    with pytest.raises(EngineError, match="guard_text_too_long"):
        bench.scorer.start(ScoreJob(4, "b", (1,), (_ids(1, 41),)))


@pytest.mark.parametrize(
    "job", [ScoreJob(1, "x", (), ((1,),)), ScoreJob(1, "x", (1,), ()), ScoreJob(1, "x", (1,), ((),))]
)
def test_nothing_to_score_is_refused(job: ScoreJob) -> None:
    with pytest.raises(EngineError, match="bad_request"):
        _Bench().scorer.start(job)


def test_branches_are_cut_between_suffixes() -> None:
    bench = _Bench()
    bench.score(_job(1, "x", _ids(1, 10), 6), limit=10)
    assert bench.batches == [10, 3 + 4, 5, 6, 7, 8]
    assert max(bench.pool.cells) < BASES + BRANCHES


def test_the_end_of_all_exchanges_overwrites_the_pool() -> None:
    bench = _Bench()
    bench.score(_job(1, "a", _ids(1, 10)))
    bench.score(_job(2, "b", _ids(2, 10)))
    bench.scorer.end_exchange("a")
    bench.scorer.end_exchange("nobody")
    assert bench.pool.wipes == 0
    bench.scorer.end_exchange("b")
    assert (bench.pool.wipes, bench.pool.cells) == (1, {})


def test_after_a_fault_everything_is_forgotten() -> None:
    bench = _Bench()
    bench.score(_job(1, "a", _ids(1, 10)))
    bench.scorer.lost()
    assert bench.score(_job(2, "a", _ids(1, 10)))[0] == 0
