"""Known values: found once, found everywhere; and the words that must not be."""

from __future__ import annotations

import pytest

from filters.findings import Source, Type
from filters.lexicon import common_words
from filters.propagate import Known, Value, has_name_cue

COMMON = common_words()


def known(*values: Value, marked: tuple[str, ...] = ()) -> Known:
    return Known.of(values, marked, COMMON)


def name(text: str, score: int = 900, *, cued: bool = False) -> Value:
    return Value(Type.NAME, "person", text, score, Source.NER, cued)


def value(kind: Type, text: str, label: str = "k", score: int = 900) -> Value:
    return Value(kind, label, text, score, Source.PATTERN, cued=True)


def hits(keys: Known, text: str) -> list[str]:
    return [text[m.start : m.end] for m in keys.search(text)[0]]


def stood(keys: Known, text: str) -> list[str]:
    return [text[m.start : m.end] for m in keys.search(text)[1]]


@pytest.mark.parametrize(
    ("full", "text", "found"),
    [
        ("Anil Perera", "Perera was seen.", ["Perera"]),
        ("Anil Perera", "then PERERA and anil", ["PERERA", "anil"]),
        ("Anil Perera", "Anil\nPerera came", ["Anil\nPerera", "Perera"]),
        ("María García-López", "Sra. López", ["López"]),
        ("Jean d'Arcy", "M. d'Arcy", ["Arcy"]),
        ("අනිල් පෙරේරා", "පෙරේරා මහතා", ["පෙරේරා"]),
        ("Anil Perera", "Pereras and Peregrine", []),
        ("Li Wu", "Wu said", []),
    ],
)
def test_a_name_is_found_by_its_parts(full: str, text: str, found: list[str]) -> None:
    assert hits(known(name(full)), text) == found


@pytest.mark.parametrize(
    ("full", "text", "found"),
    [
        ("Theresa May", "In May she may return", []),
        ("Theresa May", "Mrs May returned", ["May"]),
        ("Theresa May", "Theresa May returned", ["Theresa May", "May"]),
        ("Rose Fernando", "a rose garden", []),
        ("Rose Fernando", "Rose Fernando", ["Rose Fernando", "Fernando"]),
        ("Peter Lang", "lange Anamnese, so lang", []),
        ("Peter Lang", "Herr Lang", ["Lang"]),
    ],
)
def test_a_name_that_is_a_word_needs_company(full: str, text: str, found: list[str]) -> None:
    assert hits(known(name(full)), text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Parkinson disease", "Parkinson's disease", "Morbus Parkinson", "maladie de Parkinson", "Parkinson-Syndrom",
        "enfermedad de Parkinson", "malattia di Parkinson", "ziekte van Parkinson", "Wolff-Parkinson-White syndrome",
    ],
)  # fmt: skip
def test_the_patient_parkinson_and_the_disease(text: str) -> None:
    keys = known(name("James Parkinson"))
    if "Wolff" not in text:
        assert hits(keys, text) == []
        assert stood(keys, text) == ["Parkinson"]
    assert hits(keys, "Parkinson was admitted") == ["Parkinson"]


@pytest.mark.parametrize(
    ("v", "text", "found"),
    [
        (value(Type.PHONE, "077 123 4567"), "0771234567", True),
        (value(Type.PHONE, "077 123 4567"), "077-123-4567", True),
        (value(Type.ID, "943 476 5919"), "ref 9434765919.", True),
        (value(Type.ID, "20-12345"), "20-12345", True),
        (value(Type.ID, "20-12345"), "201-2345", True),
        (value(Type.ID, "20-123"), "201-23", False),
        (value(Type.EMAIL, "ana@x.org"), "ANA@X.ORG", True),
        (value(Type.EMAIL, "ana@x.org"), "ana at x.org", False),
        (value(Type.DATE, "12/03/1980", "date"), "12/03/1980", True),
        (value(Type.DATE, "March 1980", "date"), "in March 1980", False),
        (value(Type.ID, "12", "ward_bed"), "12 mg", False),
        (value(Type.LOCATION, "Nuwara Eliya"), "from nuwara eliya", True),
        (value(Type.LOCATION, "Home"), "at home", False),
        (value(Type.LOCATION, "Kandy", score=600), "in Kandy", False),
    ],
)
def test_other_values(v: Value, text: str, found: bool) -> None:
    assert bool(hits(known(v), text)) is found


@pytest.mark.parametrize(
    "v", [name("Perera", 600), value(Type.DATE, "3 days", "duration"), value(Type.AGE, "93"), value(Type.ID, "123")]
)
def test_weak_values_do_not_spread(v: Value) -> None:
    keys = known(v)
    assert not keys
    assert keys.spread == ()


def test_two_common_words_spread_only_when_somebody_says_it_is_a_name() -> None:
    assert not hits(known(name("Chest Pain", 800)), "chest pain")
    assert hits(known(name("Rose May", 800, cued=True)), "rose may")


def test_marked_literals_are_found_everywhere() -> None:
    keys = known(marked=("the yellow house",))
    matches, _ = keys.search("It was THE YELLOW  HOUSE again")
    assert [m.type for m in matches] == [Type.MARKED]


def test_the_spread_set_is_sorted_and_unconditional_keys_only() -> None:
    keys = known(name("Theresa May"), value(Type.EMAIL, "A@x.org"))
    assert keys.spread == ("a@x.org", "theresa", "theresa may")


def test_repr_of_a_value_is_a_length() -> None:
    assert repr(name("Anil Perera")) == "Value(NAME, 11)"


@pytest.mark.parametrize(
    ("text", "cue"), [("Mr ", True), ("Dr. ", True), ("Name: ", True), ("the ", False), ("", False)]
)
def test_name_cues(text: str, cue: bool) -> None:
    assert has_name_cue(text, len(text)) is cue


def test_a_value_as_long_as_a_text_is_looked_for_by_its_words_alone() -> None:
    """Tried whole at every place, it would cost the square of the text."""
    known = Known.of([Value(Type.NAME, "person", "Perera " * 500, 900, Source.NER, cued=False)], [], frozenset())
    assert known.spread == ("perera",)
    assert len(known.search("Dr Perera and Perera")[0]) == 2
