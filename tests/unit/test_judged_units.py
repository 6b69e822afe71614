"""Every turn is judged, whole, and never cut inside a placeholder."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from filters.units import (
    Direction,
    TooLongError,
    Unit,
    halved,
    language_flag,
    question_of,
    text_of_call,
    text_of_tool,
    unit_of_answer,
    units_of_prompt,
    windows,
)

P, R = Direction.PROMPT, Direction.RESPONSE


def test_turns_become_units_in_order_with_the_question_they_answer() -> None:
    turns = [
        ("system", "Be brief."), ("user", "A?"), ("assistant", "a."), ("assistant", "b."), ("user", "B?"),
        ("tool_call", 'find {"x":1}'), ("tool", "found"), ("tool", "more"), ("thought", "hm"), ("developer", "now"),
    ]  # fmt: skip
    assert units_of_prompt(turns, ["lookup\nreads records", "book"]) == (
        Unit("tools", P, "", "lookup\nreads records\n\nbook"),
        Unit("system", P, "", "Be brief."),
        Unit("user", P, "", "A?"),
        Unit("assistant", R, "A?", "a."),
        Unit("assistant", R, "A?", "b."),
        Unit("user", P, "", "B?"),
        Unit("tool_call", R, "B?", 'find {"x":1}'),
        Unit("tool", P, "", "found\n\nmore"),
        Unit("thought", R, "B?", "hm"),
        Unit("developer", P, "", "now"),
    )


def test_a_request_cut_into_two_turns_is_one_unit_also_around_an_empty_turn() -> None:
    for between in ([], [("assistant", "")], [("system", " \n"), ("assistant", "")]):
        assert units_of_prompt([("user", "how to"), *between, ("user", "do it")], []) == (
            Unit("user", P, "", "how to\n\ndo it"),
        )


def test_an_answer_without_a_question_has_an_empty_one() -> None:
    assert units_of_prompt([("assistant", "hi")], []) == (Unit("assistant", R, "", "hi"),)
    assert question_of([("system", "x")]) == ""


@pytest.mark.parametrize("turns", [[], [("user", "")], [("user", " "), ("assistant", "\n")]])
def test_there_is_always_something_to_judge(turns: list[tuple[str, str]]) -> None:
    assert units_of_prompt(turns, []) == (Unit("user", P, "", ""),)


def test_only_the_question_is_truncated_and_not_inside_a_placeholder() -> None:
    text = "x" * 500 + "[NAME_1]" + "y" * 1996
    assert question_of([("user", text)]) == "y" * 1996
    assert question_of([("user", "a"), ("assistant", "b"), ("user", "c"), ("user", "d")]) == "c\n\nd"


def test_the_check_of_an_answer_sees_its_end() -> None:
    unit = unit_of_answer("segment", "x" * 100 + "[NAME_10]" + "y" * 5997, question="Q", seg=3)
    assert unit == Unit("segment", R, "Q", "y" * 5997, 3)
    assert unit_of_answer("segment", "short", question="Q", seg=0).text == "short"


def test_a_tool_says_its_strings() -> None:
    schema = '{"type": "object", "properties": {"n\\u0061me": {"description": "say \\"hi\\"", "minimum": 3}}}'
    assert text_of_tool("find", "reads", schema).split("\n") == [
        "find", "reads", "type", "object", "properties", "name", "description", 'say "hi"', "minimum",
    ]  # fmt: skip
    assert text_of_tool("find", "", "no JSON") == "find\n\nno JSON"


def test_a_call_says_its_canonical_arguments() -> None:
    assert text_of_call("find", '{ "b": [1, 2], "a": "\\u00e9" }') == 'find {"a":"é","b":[1,2]}'
    assert text_of_call("find", "{oops") == "find {oops"


# ---- windows --------------------------------------------------------------------------------------------------


def _unit(text: str) -> Unit:
    return Unit("user", P, "", text)


def test_a_short_unit_is_one_window() -> None:
    assert windows(_unit("x" * 6000)) == (_unit("x" * 6000),)
    assert windows(_unit("")) == (_unit(""),)


@pytest.mark.parametrize("form", ["{} ", "{:05}", "[NAME_{}]", "[LOCATION_{}]\n", "{}" + "x" * 4000 + " "])
def test_windows_cover_everything_overlap_and_cut_no_placeholder(form: str) -> None:
    text = "".join(form.format(i) for i in range(1, 60_000))[:50_000]
    text = text[: text.rindex("]") + 1] if "]" in text else text
    found = [window.text for window in windows(_unit(text))]
    assert all(len(window) <= 6000 for window in found)
    assert (text.index(found[0]), text.index(found[-1]) + len(found[-1])) == (0, len(text))
    for before, after in pairwise(found):
        assert text.index(before) < text.index(after) <= text.index(before) + len(before) - 600
    for window in found:
        assert re.fullmatch(r"(?s)[^\[\]]*(\[\w+\][^\[\]]*)*", window)


@pytest.mark.parametrize("place", [0, 5200, 5390, 5995, 11_000, 19_980])
def test_harm_at_any_place_stands_whole_in_one_window(place: int) -> None:
    text = ("fine word " * 2000)[:20_000]
    text = text[:place] + " do the harm " + text[place:]
    assert any("do the harm" in window.text for window in windows(_unit(text)))


def test_windows_keep_who_and_what() -> None:
    unit = Unit("assistant", R, "Q", "word " * 2000, 7)
    assert {(w.kind, w.direction, w.question, w.seg) for w in windows(unit)} == {("assistant", R, "Q", 7)}


def test_a_unit_over_the_limit_is_not_judged_in_part() -> None:
    assert windows(_unit("x" * 100_000))
    with pytest.raises(TooLongError):
        windows(_unit("x" * 100_001))


def test_halving_ends_at_500_characters() -> None:
    sizes, layer = [], [_unit("word " * 1200)]
    while len(layer[0].text) > 500:
        layer = list(halved(layer[0]))
        assert len(layer) >= 2
        sizes.append(len(layer[0].text))
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(TooLongError):
        halved(layer[0])


def test_a_unit_shows_no_text() -> None:
    assert "secret" not in repr(Unit("user", P, "secret", "secret"))


# ---- language -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Fieber seit 3 Tagen", ""), ("", ""), ("12/80", ""), ("රෝගියාට උණ තිබේ", "unsupported"), ("ab රෝ", ""),
        ("[NAME_1] [LOCATION_2] රෝ", "unsupported"), ("naïve ỹ Ｆ", ""), ("Что говорит врач? ok", "unsupported"),
    ],
)  # fmt: skip
def test_language(text: str, flag: str) -> None:
    assert language_flag(text) == flag
