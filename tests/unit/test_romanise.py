"""Latin forms of Arabic: what a name comes out as, and that every Latin letter knows its origin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.romanise import romanise


def latin(text: str) -> str:
    made = romanise(text)
    assert made is not None
    return made.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("المريض Perera, 62", "almarid Perera, 62"),
        ("محمد", "mahamad"),
        ("المنصوري", "almanasuri"),
        ("دبي", "dabi"),
        ("مُحَمَّد", "muhamad"),
        ("و", "w"),
    ],
)
def test_letters_come_out_as_the_table_says(text: str, expected: str) -> None:
    assert latin(text) == expected


@pytest.mark.parametrize(
    "text", ["", "Mr Perera", "Müller, 12.03.1960", "Ελένη", "Мария", "佐藤", "β-blocker", "පෙරේරා", "சிவகுமார்"]
)
def test_other_text_is_left_alone(text: str) -> None:
    assert romanise(text) is None


def test_no_letter_of_a_name_is_left() -> None:
    assert latin("عبد الرحمن إبراهيم الغامدي فؤاد").replace(" ", "").isascii()


def test_a_joiner_alone_is_kept_where_no_arabic_letter_stands() -> None:
    assert latin("a\u200db م\u200d") == "a\u200db m"


_MIXED = st.text(st.sampled_from("සිල් சிவ محمّد المنصوري abc 12.,-\u200d\n"), max_size=60)


@given(_MIXED)
def test_every_letter_knows_its_origin(text: str) -> None:
    made = romanise(text)
    if made is None:
        return
    assert len(made.text) == len(made.starts) == len(made.ends)
    for start, end in zip(made.starts, made.ends, strict=True):
        assert 0 <= start < end <= len(text)
    assert list(made.starts) == sorted(made.starts)
    assert list(made.ends) == sorted(made.ends)
    if made.text:
        assert made.span(0, len(made.text))[1] <= len(text)


@given(_MIXED)
def test_what_is_latin_already_stays_in_its_place(text: str) -> None:
    made = romanise(text)
    if made is None:
        return
    for char, start, end in zip(made.text, made.starts, made.ends, strict=True):
        if text[start].isascii():
            assert (char, end) == (text[start], start + 1)
