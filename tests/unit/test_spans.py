"""Invariant: findings are disjoint and sorted, and every letter or digit of every candidate is covered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.findings import Finding, Source, Type
from filters.scan import RANKS
from filters.spans import KNOWN_RANK, Candidate, resolve, snap
from filters.words import words


def cand(start: int, end: int, kind: Type = Type.NAME, score: int = 900, rank: int = 0, name: str = "k") -> Candidate:
    return Candidate(start, end, kind, name, score, Source.PATTERN, rank or RANKS[kind])


def shown(text: str, findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(text[f.start : f.end], f.type.value) for f in findings]


TEXT = "Ana O'Hara-Smith, 20-12345 born 3 May 1990 in Kandy; ana@ward.local, tel 077 123 4567 (Mr de Silva's wife)."


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    found = []
    for _ in range(draw(st.integers(0, 9))):
        a = draw(st.integers(0, len(TEXT) - 1))
        b = draw(st.integers(a + 1, min(len(TEXT), a + 30)))
        kind = draw(st.sampled_from(list(Type)))
        rank = draw(st.sampled_from([RANKS[kind], 3, 4, 7, KNOWN_RANK]))
        found.append(cand(a, b, kind, draw(st.integers(350, 999)), rank, draw(st.sampled_from("abc"))))
    return found


@settings(max_examples=300)
@given(candidates())
def test_nothing_is_lost_and_nothing_overlaps(found: list[Candidate]) -> None:
    result = resolve(TEXT, found)
    for left, right in pairwise(result):
        assert left.end <= right.start
    covered = {i for f in result for i in range(f.start, f.end)}
    label_words = {"tel", "mr", "de", "s", "in", "born"}
    for candidate in found:
        for word in words(TEXT[candidate.start : candidate.end]):
            if word.text in label_words or len(word.text) == 1:
                continue
            inside = {candidate.start + i for i in range(word.start, word.end)}
            assert inside <= covered or word.text in label_words or _is_rest_of_label(word.text)


def _is_rest_of_label(word: str) -> bool:
    """A cut may leave a piece of a word that happens to be a label ("el" of "tel")."""
    return word in {"el", "la", "de", "te", "a", "y", "e", "na", "le", "of", "nr", "no", "id"}


@settings(max_examples=100)
@given(candidates(), st.randoms())
def test_set_order(found: list[Candidate], rng: object) -> None:
    """The result does not depend on the order of candidates."""
    shuffled = list(found)
    rng.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis hands out a random.Random
    assert resolve(TEXT, found) == resolve(TEXT, shuffled)


def test_the_splice_of_an_email_and_a_number() -> None:
    """Another proxy left "…@example.comd 4012" behind when two spans overlapped."""
    text = "mail ana@example.com card 4012"
    result = resolve(text, [cand(5, 20, Type.EMAIL), cand(12, 30, Type.ID, rank=7)])
    assert shown(text, result) == [("ana@example.com", "EMAIL"), ("card 4012", "ID")]


@pytest.mark.parametrize(
    ("inner", "outer", "expected"),
    [
        ((Type.PHONE, 6), (Type.NAME, 8), [("alpha 12 beta", "NAME")]),
        ((Type.ID, 3), (Type.NAME, 8), [("alpha", "NAME"), ("12", "ID"), ("beta", "NAME")]),
        ((Type.EMAIL, 3), (Type.ORG, 9), [("alpha", "ORG"), ("12", "EMAIL"), ("beta", "ORG")]),
        ((Type.NAME, 8), (Type.DATE, 5), [("alpha 12 beta", "DATE")]),
        ((Type.ID, 3), (Type.URL, 3), [("alpha 12 beta", "URL")]),
        ((Type.SECRET, 2), (Type.ID, 7), [("alpha 12 beta", "ID")]),
    ],
)
def test_the_container_rule(inner: tuple[Type, int], outer: tuple[Type, int], expected: list[tuple[str, str]]) -> None:
    text = "alpha 12 beta"
    found = resolve(text, [cand(6, 8, inner[0], 900, inner[1]), cand(0, 13, outer[0], 600, outer[1])])
    assert shown(text, found) == expected


def test_equal_spans_go_to_the_smaller_class_then_the_higher_score() -> None:
    text = "12345678"
    assert shown(text, resolve(text, [cand(0, 8, Type.PHONE), cand(0, 8, Type.DATE)])) == [(text, "DATE")]
    a, b = cand(0, 8, Type.ID, 600, 7, "a"), cand(0, 8, Type.ID, 800, 7, "b")
    assert resolve(text, [a, b])[0].kind == "b"


def test_a_known_value_covers_free_characters_only() -> None:
    text = "Ana Perera Kandy"
    found = resolve(text, [cand(0, 16, Type.NAME, 500, KNOWN_RANK), cand(11, 16, Type.LOCATION)])
    assert shown(text, found) == [("Ana Perera", "NAME"), ("Kandy", "LOCATION")]


def test_label_words_are_no_rest() -> None:
    text = "MRN 12345"
    assert shown(text, resolve(text, [cand(0, 9, Type.NAME), cand(4, 9, Type.ID, 900, 3)])) == [("12345", "ID")]


@pytest.mark.parametrize(
    ("text", "left", "right", "kind", "joined"),
    [
        ("Ana Perera", (0, 3), (4, 10), Type.NAME, True),
        ("Perera, Ana", (0, 6), (8, 11), Type.NAME, True),
        ("Ana Perera, Nimal Silva", (0, 10), (12, 23), Type.NAME, False),
        ("J. Perera", (0, 1), (3, 9), Type.NAME, True),
        ("Smith-Jones", (0, 5), (6, 11), Type.NAME, True),
        ("O'Brien", (0, 1), (2, 7), Type.NAME, True),
        ("Ana\nPerera", (0, 3), (4, 10), Type.NAME, False),
        ("Ana and Nimal", (0, 3), (8, 13), Type.NAME, False),
        ("Kandy, Galle", (0, 5), (7, 12), Type.LOCATION, False),
        ("New York", (0, 3), (4, 8), Type.LOCATION, True),
    ],
)
def test_neighbours(text: str, left: tuple[int, int], right: tuple[int, int], kind: Type, joined: bool) -> None:
    found = resolve(text, [cand(*left, kind), cand(*right, kind)])
    assert len(found) == (1 if joined else 2)


@pytest.mark.parametrize(
    ("text", "span", "result"),
    [
        ("Dr. Perera's wife", (0, 12), "Perera"),
        ("xx Perera yy", (4, 6), "Perera"),
        ("(Perera),", (0, 9), "Perera"),
        ("Herr Dr. med. Schmidt", (0, 21), "Schmidt"),
        ("Mr", (0, 2), "Mr"),
        ("a пе́рера b", (3, 5), "пе́рера"),
        ("ට පෙරේරා", (2, 4), "පෙරේරා"),
        ("la Sra. García", (3, 14), "García"),
    ],
)
def test_snap_grows_to_words_and_strips(text: str, span: tuple[int, int], result: str) -> None:
    grown = snap(text, cand(*span))
    assert grown is not None
    assert text[grown.start : grown.end] == result


@pytest.mark.parametrize("text", ["...", "  ", "()", "-"])
def test_snap_of_nothing_is_nothing(text: str) -> None:
    assert snap(text, cand(0, len(text))) is None


def test_snap_grows_at_most_24_each_way() -> None:
    grown = snap("x" * 100, cand(50, 51))
    assert grown is not None
    assert (grown.start, grown.end) == (26, 75)
