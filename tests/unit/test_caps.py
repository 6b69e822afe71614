"""Buckets and connection counts, with time as a number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.caps import Buckets, ConnectionLimits, Connections


def test_ten_attempts_then_one_every_six_seconds() -> None:
    bucket = Buckets(10, 6)
    assert [bucket.take("a", 0) for _ in range(12)] == [True] * 10 + [False] * 2
    assert bucket.wait_s("a", 0) == 6
    assert bucket.wait_s("a", 5.5) == 1
    assert not bucket.take("a", 5.9)
    assert bucket.take("a", 6)
    assert not bucket.take("a", 6)
    assert bucket.take("b", 6)


def test_a_clock_set_back_gives_nothing_away() -> None:
    bucket = Buckets(1, 6)
    assert bucket.take("a", 100)
    assert not bucket.take("a", 0)
    assert bucket.wait_s("new", 0) == 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_no_more_than_the_rate(times: list[float]) -> None:
    bucket = Buckets(3, 10)
    times = sorted(times)
    taken = [t for t in times if bucket.take("a", t)]
    assert len(taken) <= 3 + (times[-1] - times[0]) / 10 + 1


def test_the_table_forgets_keys_that_are_full_again() -> None:
    bucket = Buckets(2, 1)
    for n in range(3000):
        bucket.take(str(n), n)
    assert len(bucket._levels) < 1100


def test_connections() -> None:
    held = Connections(ConnectionLimits(total=5, per_uid=3, per_stranger=1))
    assert [held.enter(1, 3) for _ in range(4)] == [True, True, True, False]
    assert [held.enter(2, 1) for _ in range(2)] == [True, False]
    assert held.enter(3, 3)
    assert not held.enter(4, 3)
    held.leave(1)
    assert held.enter(4, 3)
    for uid in (1, 1, 2, 3, 4):
        held.leave(uid)
    assert not held.open
