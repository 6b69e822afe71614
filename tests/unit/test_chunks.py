"""Chunks cover the text, overlap, and give every place to exactly one chunk."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.chunks import chunks


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 30_000), st.sampled_from(["word ", "x", "a b", "long" * 300 + " "]))
def test_every_place_belongs_to_one_chunk(size: int, word: str) -> None:
    text = (word * (size // len(word) + 1))[:size]
    parts = list(chunks(text))
    assert parts[0].first == 0
    assert parts[-1].last == len(text) == parts[-1].end
    for left, right in pairwise(parts):
        assert left.last == right.first
        assert right.start <= right.first <= left.end
        assert left.start < right.start
    assert all(part.end - part.start <= 5_100 for part in parts)


def test_a_short_text_is_one_chunk() -> None:
    (part,) = chunks("x" * 4_000)
    assert (part.start, part.end) == (0, 4_000)


def test_cuts_are_after_white_space() -> None:
    text = "word " * 4_000
    for part in chunks(text):
        assert part.start == 0 or text[part.start - 1] == " "


@pytest.mark.parametrize(("start", "end", "counts"), [(0, 5, True), (3_990, 3_999, False)])
def test_a_hit_counts_once(start: int, end: int, counts: bool) -> None:
    assert next(chunks("word " * 2_000)).counts(start, end) is counts
