"""Scanner: zones, starts, cues, classes of precedence."""

from __future__ import annotations

import re

import pytest

from filters.findings import Source, Type
from filters.recognizers.base import Recognizer, Scores, bounded
from filters.scan import Hit, Scanner, cue_pattern, has_cue, zones


def rule(**more: object) -> Recognizer:
    base: dict[str, object] = {
        "kind": "k", "type": Type.ID, "patterns": (bounded(r"\d{4}"),), "scores": Scores(shape=400, cued=900),
        "cues": ("my no",),
    }  # fmt: skip
    return Recognizer(**{**base, **more})  # type: ignore[arg-type] # keyword table


def only(recognizer: Recognizer, text: str) -> Hit:
    (hit,) = Scanner([recognizer]).hits(text)
    return hit


@pytest.mark.parametrize("text", ["my no 1234", "My-No: 1234", "MY NO. is 1234", "my_no 1234", "1234 (my no)"])
def test_a_cue_raises(text: str) -> None:
    hit = only(rule(), text)
    assert (hit.score, hit.cued, hit.rank) == (900, True, 4)


@pytest.mark.parametrize(
    "text", ["1234", "my no\n1234", "my no " + "x " * 25 + "1234", "mymy no1 1234", "1234, my no 9"]
)
def test_no_cue_no_raise(text: str) -> None:
    hit = Scanner([rule()]).hits(text)[0]
    assert (hit.score, hit.cued, hit.rank) == (400, False, 7)


def test_a_right_check_digit_raises_and_a_wrong_one_lowers() -> None:
    scores = Scores(shape=600, cued=900, checked=950)
    good = only(rule(check=lambda _: True, scores=scores), "1234")
    bad = only(rule(check=lambda _: False, scores=scores), "1234")
    assert (good.score, good.rank) == (950, 3)
    assert (bad.score, bad.rank) == (450, 7)
    assert only(rule(check=lambda _: False, scores=scores), "my no 1234").score == 900


@pytest.mark.parametrize(
    ("kind", "rank"), [(Type.SECRET, 2), (Type.EMAIL, 3), (Type.DATE, 5), (Type.PHONE, 6), (Type.ID, 7), (Type.AGE, 11)]
)
def test_classes(kind: Type, rank: int) -> None:
    assert only(rule(type=kind), "1234").rank == rank


def test_an_unmistakable_shape_is_class_three() -> None:
    assert only(rule(scores=Scores(shape=800)), "1234").rank == 3


def test_guards_apply_without_a_cue() -> None:
    assert Scanner([rule()]).hits("1234 mg") == ()
    assert Scanner([rule()]).hits("my no 1234 mg") != ()
    assert Scanner([rule(guarded=False)]).hits("1234 mg") != ()


def test_refine_has_the_last_word() -> None:
    assert Scanner([rule(refine=lambda *_: None)]).hits("1234") == ()
    hit = only(rule(refine=lambda _, a, b: (a, b - 1, 777)), "1234")
    assert (hit.end, hit.score) == (3, 777)


def test_the_value_group_is_the_span_and_the_cue_names_the_kind() -> None:
    recognizer = rule(patterns=(r"(?P<cue>alpha|beta) (?P<value>\d+)",), kinds=(("alpha", "a"),))
    hits = Scanner([recognizer]).hits("alpha 12 beta 34")
    assert [(h.start, h.end, h.kind, h.cued) for h in hits] == [(6, 8, "a", True), (14, 16, "k", True)]


def test_starts_limit_where_patterns_are_tried() -> None:
    recognizer = rule(patterns=(r"no (\d{4})",), starts=("no",))
    assert len(Scanner([recognizer]).hits("no 1234 no 5678 piano 9999")) == 2
    assert Scanner([rule(starts=("zzz",))]).hits("1234") == ()


def test_anchors_are_a_quick_no() -> None:
    assert Scanner([rule(anchors=("@",))]).hits("1234") == ()
    assert Scanner([rule(anchors=("@",))]).hits("1234 @") != ()


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("1234", 0), ("12345", 1), ("1-2-3-4-5", 1), ("1 mg 2 mg 3 mg", 0), ("12345" + " x" * 40 + "67890", 2)],
)
def test_zones_are_where_digits_are_dense(text: str, count: int) -> None:
    assert len(list(zones(text))) == count


def test_zones_do_not_cut_a_word() -> None:
    text = "12345" + " " * 15 + "abcdefghijkl mnop"
    ((_, end),) = zones(text)
    assert text[end : end + 1] in ("", " ")


def test_cue_words_are_whole_words() -> None:
    cue = cue_pattern(["id", "id card"])
    assert has_cue(cue, "id 12", 3, 5)
    assert not has_cue(cue, "said 12", 5, 7)
    assert isinstance(cue, re.Pattern)


def test_hits_are_sorted_distinct_and_of_patterns() -> None:
    hits = Scanner([rule(patterns=(r"\d{4}", r"\d{4}"))]).hits("5678 1234")
    assert [(h.start, h.source) for h in hits] == [(0, Source.PATTERN), (5, Source.PATTERN)]
