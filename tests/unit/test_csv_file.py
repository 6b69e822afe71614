"""A CSV file comes back as it was, and nothing in it runs."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.export.csv_file import defended, write_csv

CELLS = st.one_of(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers())


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_form() -> None:
    data = write_csv(("No", "Name"), [(1, 'a "b", c'), (-2, "ක")])
    assert data == b'\xef\xbb\xbfNo,Name\r\n1,"a ""b"", c"\r\n-2,\xe0\xb6\x9a\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\u00a0@"])
def test_a_formula_is_only_text(start: str) -> None:
    assert defended(start + "1+1") == "'" + start + "1+1"


@pytest.mark.parametrize("cell", ["a=1", "", " plain", "2026-11-20", "'x"])
def test_plain_text_is_left_alone(cell: str) -> None:
    assert defended(cell) == cell


@pytest.mark.parametrize("number", [-5, 0, 0.25])
def test_numbers_stay_numbers(number: float) -> None:
    assert defended(number) is number


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5))
def test_round_trip(rows: list[list[str | int]]) -> None:
    back = read(write_csv(("h",), rows))
    assert back == [["h"], *([str(defended(cell)) for cell in row] for row in rows)]
