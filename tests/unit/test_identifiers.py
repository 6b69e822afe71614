"""The page of identifiers says what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from filters.identifiers import page
from filters.recognizers import catalogue
from filters.stock import STOCK

PAGE = Path(__file__).parents[2] / "docs" / "identifiers.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_kind_has_a_row() -> None:
    for kind in (*(entry.recognizer.kind for entry in catalogue()), *(stock.kind for stock in STOCK)):
        assert f"| `{kind}` |" in page()
