"""Where an answer is cut, and how much is held back."""

from __future__ import annotations

import pytest

from filters.segment import Bounds, Segmenter, window_chars


def _segments(text: str, window: int | None = 20) -> list[str]:
    segmenter = Segmenter(window)
    return [*segmenter.feed(text), *segmenter.finish()]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", []),
        ("Short.", ["Short."]),
        ("First sentence is long. Second", ["First sentence is long.", " Second"]),
        ("No. Not yet. Now it is long enough! Yes", ["No. Not yet. Now it is long enough!", " Yes"]),
        ("A list of things here\n- one", ["A list of things here\n", "- one"]),
        ("The dose is 2.55555555.5 mg and more words come", ["The dose is 2.55555555.5 mg and more ", "words come"]),
        ("Really, is that all there is…  ok", ["Really, is that all there is…", "  ok"]),
        ("x" * 45, ["x" * 40, "x" * 5]),
        ("x" * 35 + "[NAME_1] y", ["x" * 35, "[NAME_1] y"]),
        ("x" * 32 + "[NAME_1]" + "y" * 9, ["x" * 32 + "[NAME_1]", "y" * 9]),
        ("x" * 38 + "[see " + "y" * 9, ["x" * 38, "[see " + "y" * 9]),
        (" " + "x" * 45, [" ", "x" * 40, "x" * 5]),
    ],
)  # fmt: skip
def test_where_segments_end(text: str, segments: list[str]) -> None:
    assert _segments(text) == segments


def test_buffered_holds_everything_to_the_end() -> None:
    segmenter = Segmenter(None)
    assert segmenter.feed("One. Two.\n" * 500) == ()
    assert segmenter.finish() == ("One. Two.\n" * 500,)
    assert segmenter.finish() == ()


def test_a_sentence_end_needs_the_character_after_it() -> None:
    segmenter = Segmenter(20)
    assert segmenter.feed("This is the whole dose 2.") == ()
    assert segmenter.feed("5 mg. ") == ("This is the whole dose 2.5 mg.",)


@pytest.mark.parametrize(
    "text", ["word " * 300, "x" * 999, "One. Two! Three? " * 50, "[LOCATION_9999]" * 60, "a\n" * 400]
)
def test_no_more_than_two_windows_are_held_and_nothing_is_lost(text: str) -> None:
    segmenter = Segmenter(30)
    released = ""
    for count, char in enumerate(text, 1):
        released += "".join(segmenter.feed(char))
        assert count - len(released) < 60
    assert released + "".join(segmenter.finish()) == text


def test_a_window_shorter_than_a_placeholder_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Segmenter(14)


@pytest.mark.parametrize(
    ("guard", "answer", "chars"),
    [
        (100, 10, 4 * 115), (1000, 40, 4 * 48), (100, 40, None), (100, 50, None), (100, 0, None), (0, 10, None),
        (1000, 263, 4 * 511), (1000, 264, None), (120, 10, 4 * 92), (100_000, 1, 4 * 48),
    ],
)  # fmt: skip
def test_the_window_follows_from_the_speeds(guard: float, answer: float, chars: int | None) -> None:
    window = window_chars(prompt_tokens_per_s=guard, answer_tokens_per_s=answer, suffix_tokens=460)
    assert window == chars


def test_more_guard_time_means_a_shorter_window() -> None:
    def chars(share: float) -> int | None:
        return window_chars(
            prompt_tokens_per_s=100, answer_tokens_per_s=10, suffix_tokens=460, bounds=Bounds(guard_share=share)
        )

    assert (chars(0.25), chars(0.5), chars(0.75)) == (4 * 307, 4 * 115, 4 * 71)


@pytest.mark.parametrize(("least", "most", "chars"), [(48, 512, 4 * 115), (200, 512, 4 * 200), (48, 100, None)])
def test_the_policy_bounds_the_window(least: int, most: int, chars: int | None) -> None:
    bounds = Bounds(least, most)
    window = window_chars(prompt_tokens_per_s=100, answer_tokens_per_s=10, suffix_tokens=460, bounds=bounds)
    assert window == chars
