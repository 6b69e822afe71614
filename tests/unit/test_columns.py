"""Records become rows: one per exchange, in words, nothing counted twice and nothing lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audit.export.columns import HEADERS, code_of, exchanges, row
from audit.export.dossier import Dossier
from audit.words import GROUPS, group_of, kind_words, readable, word
from filters.recognizers import catalogue
from tests.kit.audit_house import ORIGIN, quick_folder
from tests.kit.dossiers import HOSTILE, dossier_of, eventful

REASONS = {"prompt_refused": "The policy refuses this prompt."}
folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def dossier(folder) -> Dossier:
    return dossier_of(eventful(folder))


def cells(dossier: Dossier, number: int) -> dict[str, object]:
    return dict(zip(HEADERS, row(exchanges(dossier)[number], REASONS), strict=True))


def test_every_request_and_every_block_is_one_row(dossier) -> None:
    kinds = {**{seq: kind for seq, (kind, _) in dossier.records.items()}}
    kinds |= {seq: missing.kind for seq, missing in dossier.missing.items()}
    assert [e.seq for e in exchanges(dossier)] == sorted(seq for seq, kind in kinds.items() if kind in "RB")


def test_results_and_states(dossier) -> None:
    assert [(e.result, e.state) for e in exchanges(dossier)] == [
        ("erased", "erased"),
        ("refused", "complete"),
        ("blocked", "complete"),
        ("blocked", "complete"),
        ("timeout", "complete"),
        ("interrupted", "interrupted"),
        ("ok", "complete"),
    ]


def test_an_answered_request(dossier) -> None:
    said = cells(dossier, 6)
    code = said.pop("Record code")
    assert len(code) == 24
    assert code == code_of(dossier.leaves[said["No"]])
    assert said == {
        "No": 15,
        "Date": "2026-11-21",
        "Time (local)": "10:30:03 +05:30",
        "Time (UTC)": "2026-11-21 05:00:03",
        "Workstation": ORIGIN.rpartition("/")[2],
        "Staff": "uid:1000",
        "Role": "ward",
        "Patient reference": "",
        "Purpose": "treatment",
        "Result": "answered",
        "Reason": "",
        "Identifiers removed": 3,
        "Names": 1,
        "Identity numbers": 0,
        "Contact data": 2,
        "Dates": 0,
        "Other identifiers": 0,
        "Prompt safety": "permitted",
        "Answer safety": "permitted",
        "Model": "demo (d929-8a10-d1b0-7358-37dc)",
        "Policy": "8234-12d1-eacb-6795-6220",
        "Answer characters": 2,
        "Duration (s)": 0.8,
        "Network evidence": "measured by the service itself (record 14)",
        "Record state": "complete",
    }


def test_an_erased_request_keeps_its_hour_and_its_code_only(dossier) -> None:
    said = {name: cell for name, cell in cells(dossier, 0).items() if cell != ""}
    assert set(said) == {"No", "Date", "Time (UTC)", "Workstation", "Result", "Record state", "Record code"}
    assert said["Time (UTC)"] == "2026-11-20 hour 05"
    assert said["Result"] == said["Record state"] == "erased by order"


def test_a_patient_is_a_pseudonym(dossier) -> None:
    assert str(cells(dossier, 1)["Patient reference"]).startswith("hmac-sha256:")
    assert "patient 7" not in str([row(e, REASONS) for e in exchanges(dossier)])


def test_a_block_says_why_where_and_how_often(dossier) -> None:
    assert cells(dossier, 2)["Reason"] == "The policy refuses this prompt. Stopped at: judging the prompt. Rule hate."
    assert cells(dossier, 3)["Reason"] == "token_unknown Stopped at: access. 7 times."


def test_what_was_not_looked_at_is_empty_not_zero(dossier) -> None:
    assert cells(dossier, 3)["Identifiers removed"] == ""


def test_a_level_is_computed_not_read(dossier) -> None:
    tick = exchanges(dossier)[6].begin["tick"]
    lowered = replace(dossier, levels={**dossier.levels, tick: "E0"})
    assert cells(lowered, 6)["Network evidence"] == f"not measured (record {tick})"


def test_names_are_not_changed_here(dossier) -> None:
    assert cells(dossier, 1)["Staff"] == HOSTILE


@pytest.mark.parametrize("kind", [entry.recognizer.kind.upper() for entry in catalogue()])
def test_every_recognizer_has_words_and_a_column(kind: str) -> None:
    assert kind_words(kind) != kind
    assert group_of(kind) in GROUPS


def test_an_unknown_kind_is_shown_not_dropped() -> None:
    assert kind_words("ZZ_TOP") == "ZZ_TOP"
    assert (group_of("ZZ_TOP"), group_of("TOP")) == ("identity", "other")
    assert word("results", "novel") == "novel"


def test_times_are_written_for_people() -> None:
    assert readable("from 2026-11-20T10:30:00.812+05:30 on") == "from 2026-11-20 10:30:00 +05:30 on"
    assert readable("2026-11-20T10:30:00Z, 2026-11-20T10:30:00.000+00:00") == (
        "2026-11-20 10:30:00 UTC, 2026-11-20 10:30:00 UTC"
    )
