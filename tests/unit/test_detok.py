"""Bytes to text: whatever the cut, the same text, and never more than one character held."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.engine.detok import Detokenizer


def _stream(chunks: list[bytes]) -> str:
    decoder = Detokenizer()
    return "".join(decoder.feed(chunk) for chunk in chunks) + decoder.finish()


def _cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.binary(max_size=40), st.lists(st.integers(0, 100), max_size=6))
def test_the_cut_does_not_matter(data: bytes, places: list[int]) -> None:
    assert _stream(_cut(data, places)) == _stream([data]) == data.decode("utf-8", "replace")


@given(st.text(max_size=20))
def test_text_comes_back_byte_by_byte(text: str) -> None:
    raw = text.encode("utf-8", "replace")
    assert _stream([raw[i : i + 1] for i in range(len(raw))]) == raw.decode()


@pytest.mark.parametrize("char", ["é", "ශ", "த", "م", "中", "😀", "\U0010ffff", "\ufffd"])
def test_a_character_appears_with_its_last_byte(char: str) -> None:
    raw = char.encode()
    decoder = Detokenizer()
    assert [decoder.feed(raw[i : i + 1]) for i in range(len(raw))] == [""] * (len(raw) - 1) + [char]
    assert decoder.finish() == ""


def test_a_broken_end_is_one_replacement() -> None:
    decoder = Detokenizer()
    assert decoder.feed("😀".encode()[:3]) == ""
    assert decoder.finish() == "\ufffd"
