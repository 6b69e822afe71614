"""Every pattern of ours is linear by construction, and what is not is refused with its reason."""

from __future__ import annotations

import pytest

from filters.lint import PatternRefused, paths, verify_linear
from filters.recognizers import catalogue

PATTERNS = [(e.recognizer.kind, pattern) for e in catalogue() for pattern in e.recognizer.patterns]


@pytest.mark.parametrize(("kind", "pattern"), PATTERNS, ids=[f"{k}-{i}" for i, (k, _) in enumerate(PATTERNS)])
def test_patterns_are_linear_by_construction(kind: str, pattern: str) -> None:
    assert kind
    verify_linear(pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(?:a{1,9}){1,9}", "inside another"),
        (r"\d+", "no upper bound"),
        (r"a*b", "no upper bound"),
        (r"(?:ab)*+c", "no upper bound"),
        (r"\w{1,300}", "more than 256"),
        (r"(?:\d{1,3}\d{1,3}){2,8}", "inside another"),
        (r"(?=(?:x{1,5}){1,5})y", "inside another"),
        (r"(?:a|b{1,9}c|b{1,9}){1,9}", "inside another"),
        (r"[", "no regular expression"),
        (r"(?<=a{1,3})b", "no regular expression"),
    ],
)
def test_a_bad_pattern_is_seen(pattern: str, why: str) -> None:
    with pytest.raises(PatternRefused, match=why) as refused:
        verify_linear(pattern)
    assert pattern not in refused.value.why


@pytest.mark.parametrize(
    ("pattern", "ways"),
    [(r"LX-\d{6}", 1), (r"[A-Z]{2,3}-\d{4}", 1), (r"\d{2,4}\d{2}", 3), (r"(?:ab|cd)x", 2), (r"\d{1,9}+\d", 1)],
)
def test_ways_to_try_one_start(pattern: str, ways: int) -> None:
    assert paths(pattern) == ways


@pytest.mark.parametrize(
    "pattern", [r"\d{1,99}\d{1,99}\d{1,99}", r"(a)\1", r"(?:a|a){1,30}b", r"(?:x?y?){9}(?:x?y?){9}"]
)
def test_ways_that_multiply_are_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        paths(pattern)
