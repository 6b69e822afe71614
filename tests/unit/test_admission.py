"""The queue: in order per caller, callers in turn, at most half while others wait, refusals with a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import CordonError
from proxy.workers.admission import FairQueue


def admitted(queue: FairQueue) -> list[tuple[str, int]]:
    got = []
    while (one := queue.admit()) is not None:
        got.append(one)
    return got


def test_one_caller_is_served_in_order() -> None:
    queue = FairQueue(parallel=2, per_caller=4)
    tickets = [queue.join("a") for _ in range(4)]
    assert [t for _, t in admitted(queue)] == tickets[:2]
    queue.done("a", 1.0)
    assert [t for _, t in admitted(queue)] == tickets[2:3]


def test_callers_take_turns_and_nobody_holds_more_than_half_while_others_wait() -> None:
    queue = FairQueue(parallel=4, per_caller=4)
    for _ in range(4):
        queue.join("a")
    for _ in range(4):
        queue.join("b")
    first = [caller for caller, _ in admitted(queue)]
    assert first.count("a") == 2
    assert first.count("b") == 2


def test_a_lone_caller_may_use_every_place() -> None:
    queue = FairQueue(parallel=4, per_caller=4)
    for _ in range(4):
        queue.join("a")
    assert len(admitted(queue)) == 4


def test_the_fifth_of_a_caller_is_429_and_the_seventeenth_of_all_is_503() -> None:
    queue = FairQueue(parallel=1)
    for _ in range(4):
        queue.join("a")
    with pytest.raises(CordonError) as too_many:
        queue.join("a")
    assert too_many.value.code == "too_many_requests"
    assert 1 <= (too_many.value.retry_after_s or 0) <= 60
    for caller in ("b", "c", "d"):
        for _ in range(4):
            queue.join(caller)
    with pytest.raises(CordonError) as busy:
        queue.join("e")
    assert busy.value.code == "engine_busy"
    assert 1 <= (busy.value.retry_after_s or 0) <= 60


def test_who_leaves_is_not_served() -> None:
    queue = FairQueue(parallel=1)
    first, second = queue.join("a"), queue.join("a")
    queue.leave("a", first)
    assert admitted(queue) == [("a", second)]
    queue.leave("a", 99)
    assert queue.waiting() == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["join", "admit", "done"])), max_size=60))
def test_never_more_than_the_places_and_nobody_starves(steps: list[tuple[str, str]]) -> None:
    queue = FairQueue(parallel=2, per_caller=50, in_all=100)
    running: list[str] = []
    waiting = 0
    for caller, step in steps:
        if step == "join":
            queue.join(caller)
            waiting += 1
        elif step == "admit" and (one := queue.admit()) is not None:
            running.append(one[0])
            waiting -= 1
        elif step == "done" and running:
            queue.done(running.pop(), 1.0)
        assert len(running) <= 2
        assert queue.waiting() == waiting
    while waiting:
        if running:
            queue.done(running.pop(0), 1.0)
        one = queue.admit()
        assert one is not None
        running.append(one[0])
        waiting -= 1
