"""Measurements and codes beside a number."""

from __future__ import annotations

import pytest

from filters.guards import is_code, is_measure


@pytest.mark.parametrize(
    "after",
    [
        " mg",
        "mg",
        " %",
        "%",
        " IU",
        " IU/L",
        " mmHg",
        " /μL",
        "/mL",
        " x 10",
        "×109/L",
        " °C",
        " bpm",
        " mmol/L",
        " days",
        " kg",
        " cells/mm",
    ],
)
def test_units(after: str) -> None:
    assert is_measure("12345678" + after, 8)


@pytest.mark.parametrize("after", ["", " and", " Mister", " general", "\nmg", " .", " lane", " Unita", " Kgx"])
def test_other_words(after: str) -> None:
    assert not is_measure("12345678" + after, 8)


@pytest.mark.parametrize(
    "before",
    [
        "SNOMED ",
        "SNOMED CT: ",
        "ICD-10 ",
        "icd10: ",
        "LOINC code ",
        "PMID: ",
        "doi:",
        "ISBN ",
        "GTIN ",
        "lot ",
        "LOT no. ",
        "batch #",
        "version ",
        "NCT",
    ],
)
def test_codes(before: str) -> None:
    assert is_code(before + "12345678", len(before))


@pytest.mark.parametrize("before", ["", "a lot of ", "pilot ", "SNOMED\n", "MRN ", "the batch was seen by "])
def test_other_announcements(before: str) -> None:
    assert not is_code(before + "12345678", len(before))
