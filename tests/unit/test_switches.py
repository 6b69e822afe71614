"""The policy switches, one candidate at a time."""

from __future__ import annotations

import pytest

from filters.findings import Source, Type
from filters.scan import RANKS
from filters.spans import Candidate
from filters.switches import Switches, is_kept


def kept(value: str, kind: Type, name: str, **switches: object) -> bool:
    candidate = Candidate(0, len(value), kind, name, 900, Source.NER, RANKS[kind])
    return is_kept(value, candidate, Switches(**switches))  # type: ignore[arg-type] # keyword table


@pytest.mark.parametrize(
    ("value", "limit", "stays"),
    [
        ("45 yo", 90, True), ("89", 90, True), ("90", 90, False), ("93-year-old", 90, False), ("forty nine", 90, True),
        ("ninety two", 90, False), ("noventa años", 90, False), ("neunzig", 90, False), ("white", 90, True),
        ("5", 0, False), ("forty", 0, False), ("93", 94, True), ("quatre-vingt-dix ans", 90, False),
    ],
)  # fmt: skip
def test_ages(value: str, limit: int, stays: bool) -> None:
    assert kept(value, Type.AGE, "age", ages_from=limit) is stays


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("bare_year", "bare_year"),
        ("duration", "durations"),
        ("relative_date", "relative_dates"),
        ("facility", "facility_names"),
    ],
)
def test_a_switch_rules_its_kind_alone(name: str, switch: str) -> None:
    kind = Type.ORG if name == "facility" else Type.DATE
    assert kept("x", kind, name, **{switch: "keep"})
    assert not kept("x", kind, name, **{switch: "redact"})
    assert not kept("x", kind, "other", **{switch: "keep"})


@pytest.mark.parametrize(("year", "stays"), [("1980", True), ("1936", False), ("1937", True), ("no", False)])
def test_birth_years(year: str, stays: bool) -> None:
    assert kept(year, Type.DATE, "birth_year", bare_year="keep", this_year=2026) is stays
    assert not kept(year, Type.DATE, "birth_year", bare_year="redact", this_year=2026)


def test_drop_names_kinds_or_types() -> None:
    assert kept("x", Type.ID, "ward_bed", drop=("ward_bed",))
    assert kept("x", Type.ORG, "org", drop=("ORG",))
    assert not kept("x", Type.ORG, "org", drop=("ID", "facility"))


@pytest.mark.parametrize(
    "bad", [{"point": "lax"}, {"uncovered_script": "keep"}, {"ages_from": 500}, {"this_year": 1}, {"durations": ""}]
)
def test_nonsense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Switches(**bad)  # type: ignore[arg-type] # keyword table


def test_thresholds() -> None:
    assert (Switches().threshold, Switches(point="strict").threshold) == (500, 350)
