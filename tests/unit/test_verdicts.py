"""One changed digest or character misses; nothing but numbers is kept."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from filters.units import Direction, Unit
from filters.verdicts import Basis, Judged, VerdictCache

BASIS = Basis("a" * 64, "b" * 64, "c" * 64)
UNIT = Unit("assistant", Direction.RESPONSE, "question", "patient text")
JUDGED = Judged((("hate", 12),), 1)
KEY = bytes(range(32))


def _cache() -> VerdictCache:
    cache = VerdictCache(KEY)
    cache.put(BASIS, UNIT, judged=JUDGED)
    return cache


def test_the_same_unit_is_found() -> None:
    assert _cache().get(BASIS, UNIT) == JUDGED
    assert _cache().get(BASIS, replace(UNIT, kind="segment", seg=4)) == JUDGED


@pytest.mark.parametrize(
    ("basis", "unit"),
    [
        (replace(BASIS, policy="d" * 64), UNIT),
        (replace(BASIS, calibration="d" * 64), UNIT),
        (replace(BASIS, guard="d" * 64), UNIT),
        (BASIS, replace(UNIT, direction=Direction.PROMPT)),
        (BASIS, replace(UNIT, question="Question")),
        (BASIS, replace(UNIT, text="patient text ")),
        (BASIS, replace(UNIT, question="question patient", text="text")),
    ],
)
def test_anything_else_misses(basis: Basis, unit: Unit) -> None:
    assert _cache().get(basis, unit) is None


def test_another_process_has_another_key() -> None:
    one, other = _cache(), VerdictCache(bytes(32))
    other.put(BASIS, UNIT, judged=JUDGED)
    assert one._entries.keys().isdisjoint(other._entries.keys())
    with pytest.raises(ValueError, match="short"):
        VerdictCache(b"short")


def test_there_is_no_text_in_it() -> None:
    raw = pickle.dumps(_cache()._entries)
    assert b"patient" not in raw
    assert b"question" not in raw
    assert repr(_cache()) == "VerdictCache(1)"


def test_the_least_recently_used_leaves() -> None:
    cache = VerdictCache(KEY, limit=2)
    first, second, third = (replace(UNIT, text=name) for name in "abc")
    cache.put(BASIS, first, judged=JUDGED)
    cache.put(BASIS, second, judged=JUDGED)
    cache.get(BASIS, first)
    cache.put(BASIS, third, judged=JUDGED)
    assert [cache.get(BASIS, unit) is not None for unit in (first, second, third)] == [True, False, True]
    cache.clear()
    assert len(cache) == 0
