"""Stop strings: whatever the cut, the same text before the first one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.engine.stops import StopScanner


def _stream(stops: list[str], chunks: list[str]) -> tuple[str, bool]:
    scanner = StopScanner(stops)
    shown = "".join(scanner.feed(chunk) for chunk in chunks)
    return shown + scanner.finish(), scanner.stopped


def _first_stop(stops: list[str], text: str) -> tuple[str, bool]:
    """The definition: read until some stop is complete; show what stood before the longest of those."""
    for end in range(1, len(text) + 1):
        done = [stop for stop in stops if stop and text[:end].endswith(stop)]
        if done:
            return text[: end - max(map(len, done))], True
    return text, False


@given(
    st.lists(st.text("ab\n", max_size=4), max_size=4),
    st.text("ab\n", max_size=14),
    st.lists(st.integers(0, 14), max_size=5),
)
def test_every_cut_gives_what_the_definition_says(stops: list[str], text: str, places: list[int]) -> None:
    edges = [0, *sorted(min(p, len(text)) for p in places), len(text)]
    chunks = [text[a:b] for a, b in itertools.pairwise(edges)]
    assert _stream(stops, chunks) == _first_stop(stops, text)


def test_text_that_cannot_become_a_stop_is_not_held() -> None:
    scanner = StopScanner(["END"])
    assert [scanner.feed(c) for c in "an E to"] == ["a", "n", " ", "", "E ", "t", "o"]


def test_after_a_stop_nothing_comes() -> None:
    scanner = StopScanner(["##"])
    assert scanner.feed("a#") == "a"
    assert scanner.feed("#b") == ""
    assert scanner.feed("more") == ""
    assert scanner.finish() == ""
    assert scanner.stopped


@pytest.mark.parametrize("stops", [[], [""]])
def test_no_stop_holds_nothing(stops: list[str]) -> None:
    assert _stream(stops, ["a", "b"]) == ("ab", False)
