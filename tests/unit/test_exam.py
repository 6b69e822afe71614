"""Questions read in their form, answers are right or wrong, and no number stands without its interval."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.exam import Item, Match, Outcome, RowError, accuracy, by_topic, compare, is_right, items_of, prompt_of

CHOICE = {"id": "1", "topic": "anatomy", "question": "Which?", "options": {"B": "two", "A": "one"}, "answer": "B"}


def rows(*values: dict[str, object]) -> str:
    return "\n".join(json.dumps(value) for value in values)


def outcomes(*right: bool, topic: str = "t") -> list[Outcome]:
    item = Item("1", topic, Match.EXACT, "x", "?")
    return [Outcome(item, "", one) for one in right]


def test_a_choice_is_put_as_a_person_would() -> None:
    (item,) = items_of(rows({**CHOICE, "context": "Read this."}))
    assert item.letters == ("A", "B")
    assert prompt_of(item) == "Read this.\n\nWhich?\n\nA. one\nB. two\n\nAnswer with the letter only."
    assert "Which" not in repr(item)


def test_a_text_answer_asks_for_a_short_one() -> None:
    (item,) = items_of(rows({"id": 7, "source": "ward", "question": "What?", "answer": "aspirin"}))
    assert (item.match, item.topic, item.id) == (Match.CONTAINS, "ward", "7")
    assert prompt_of(item) == "What?\n\nAnswer as shortly as possible."


@pytest.mark.parametrize(
    ("match", "answer", "given", "right"),
    [
        ("exact", "Aspirin", " aspirin. ", True),
        ("exact", "Aspirin", "aspirin 100 mg", False),
        ("contains", "aspirin", "Give Aspirin 100 mg", True),
        ("contains", "aspirin", "Give paracetamol", False),
        ("regex", r"^\d+ mg$", "100 MG", True),
        ("regex", r"^\d+ mg$", "about 100 mg", False),
    ],
)
def test_three_ways_to_be_right(match: str, answer: str, given: str, right: bool) -> None:
    (item,) = items_of(rows({"id": "1", "question": "?", "answer": answer, "match": match}))
    assert is_right(item, given) is right


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "C"}, "not among the options"),
        ({"answer": ""}, "answer"),
        ({"question": 3}, "question"),
        ({"match": "regex"}, "do not agree"),
        ({"match": "guess"}, "line 1"),
        ({"options": {"AB": "x"}}, "options"),
        ({"options": {"A": 1, "B": "b"}}, "options"),
        ({"topic": 3}, "topic"),
        ({"options": {}, "match": "regex", "answer": "("}, "line 1"),
        ({"options": {}, "match": "regex", "answer": "a" * 600}, "too long"),
    ],
)
def test_a_wrong_row_is_refused_by_its_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(RowError, match="line 1") as caught:
        items_of(rows({**CHOICE, **change}))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "{", '{"id": "1"}', "3"])
def test_what_is_no_row_is_refused(text: str) -> None:
    with pytest.raises(RowError):
        items_of(text)


def test_two_rows_of_one_id_are_refused() -> None:
    with pytest.raises(RowError, match="two rows have one id"):
        items_of(rows(CHOICE, CHOICE))


def test_the_interval_is_wilsons() -> None:
    """Values of R: prop.test(81, 263, correct = FALSE) gives 0.2553 to 0.3662."""
    found = accuracy(outcomes(*[True] * 81, *[False] * 182))
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    assert accuracy([]).of == 0


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_a_share_lies_in_its_interval(right: list[bool]) -> None:
    found = accuracy(outcomes(*right))
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_topics_in_order() -> None:
    table = by_topic([*outcomes(True, topic="b"), *outcomes(False, True, topic="a")])
    assert [(topic, found.right, found.of) for topic, found in table.items()] == [("a", 1, 2), ("b", 1, 1)]


def test_two_models_on_the_same_questions() -> None:
    pair = compare(outcomes(True, True, False, False), outcomes(True, False, True, False))
    assert (pair.both, pair.only_first, pair.only_second, pair.neither, pair.p) == (1, 1, 1, 1, 1.0)
    clear = compare(outcomes(*[True] * 10), outcomes(*[False] * 10))
    assert clear.p == pytest.approx(2 / 1024)
    assert compare(outcomes(True), outcomes(True)).p == 1.0
