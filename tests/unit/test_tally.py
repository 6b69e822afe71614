"""Refusals are counted, not listed; a flood of different ones is counted too, under one name."""

from __future__ import annotations

from proxy.tally import Refusals, Tally


def test_the_same_refusals_become_one_and_are_taken_once() -> None:
    tally = Tally()
    for _ in range(3):
        tally.add("uid:1000", "uid", "access", "token_missing")
    tally.add("uid:1000", "uid", "access", "token_unknown")
    tally.add("uid:1000/ab", "extension", "parse", "bad_json")
    assert tally.take() == (
        Refusals("uid:1000", "uid", "access", "token_missing", 3),
        Refusals("uid:1000", "uid", "access", "token_unknown", 1),
        Refusals("uid:1000/ab", "extension", "parse", "bad_json", 1),
    )
    assert tally.take() == ()


def test_one_caller_with_two_kinds_stays_two() -> None:
    tally = Tally()
    tally.add("uid:1/k", "token", "parse", "bad_json")
    tally.add("uid:1/k", "extension", "parse", "bad_json")
    assert [r.kind for r in tally.take()] == ["extension", "token"]


def test_a_flood_cannot_fill_the_memory_and_nothing_is_lost() -> None:
    tally = Tally()
    for number in range(5_000):
        tally.add(f"uid:{number}", "token", "access", "peer_other_user")
    tally.add("uid:0", "token", "access", "peer_other_user")  # known already: still under its own name
    taken = tally.take()
    assert len(taken) == 1_001
    assert sum(r.count for r in taken) == 5_001
    assert next(r for r in taken if r.caller_id == "other") == Refusals(
        "other", "uid", "access", "peer_other_user", 4_000
    )
    assert next(r.count for r in taken if r.caller_id == "uid:0") == 2
