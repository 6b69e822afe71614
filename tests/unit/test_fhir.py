"""AuditEvents: what the log says, in the vocabulary of FHIR R4, held against the rules that schemas miss.

The official JSON schema and a model library are not run here; the layer by hand is.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit.export.columns import exchanges
from audit.export.dossier import Dossier
from audit.export.fhir import InvalidEventError, events, verify_event, write_ndjson
from tests.kit.audit_house import quick_folder
from tests.kit.dossiers import HOSTILE, dossier_of, eventful, steady

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "auditevents.ndjson"
folder = pytest.fixture(scope="module")(quick_folder)
Event = dict[str, Any]


@pytest.fixture(scope="module")
def dossier(folder) -> Dossier:
    return steady(dossier_of(eventful(folder)))


@pytest.fixture(scope="module")
def found(dossier) -> dict[int, Event]:
    return {int(event["id"].removeprefix("cordon-")): event for event in events(dossier)}


def detail(event: Event) -> dict[str, str]:
    return {
        item["type"]: item.get("valueString", item.get("valueBase64Binary")) for item in event["entity"][-1]["detail"]
    }


def test_golden(dossier) -> None:
    assert write_ndjson(dossier) == GOLDEN.read_bytes()


def test_a_line_is_an_event(dossier) -> None:
    assert [json.loads(line) for line in write_ndjson(dossier).splitlines()] == list(events(dossier))


def test_starts_stops_and_the_erasure_are_events_too(found) -> None:
    codes = [event["subtype"][0]["code"] for event in found.values()]
    assert codes == [
        "110120", "ai-query", "ai-query", "ai-query-refused", "ai-query-refused", "ai-query", "ai-query", "110120",
        "ai-query", "erasure", "110121",
    ]  # fmt: skip


def test_outcomes(found) -> None:
    assert [event.get("outcome") for event in found.values()] == [
        "0", None, "4", "4", "4", "8", "8", "0", "0", "0", "0",
    ]  # fmt: skip


def test_round_trip_of_what_an_exchange_says(dossier, found) -> None:
    for exchange in exchanges(dossier):
        said = detail(found[exchange.seq])
        counts = dict(pair.split("=") for pair in said.get("redactions", "").split(";") if pair)
        assert {kind: int(count) for kind, count in counts.items()} == exchange.removed
        assert base64.b64decode(said["leaf-hash"]) == exchange.leaf
        assert said.get("reason", "") == exchange.code
        assert int(said.get("count", 1)) == exchange.count


def test_a_patient_only_where_the_client_named_one(found) -> None:
    with_patient = [
        seq
        for seq, event in found.items()
        for item in event.get("entity", ())
        if item.get("type", {}).get("code") == "1"
    ]
    assert with_patient == [5]
    assert found[5]["entity"][0]["what"]["identifier"]["value"].startswith("hmac-sha256:")


def test_an_erased_request_says_so_and_names_nobody(found) -> None:
    event = found[3]
    assert event["outcomeDesc"] == "erased by order; record: erased by order"
    assert event["recorded"] == "2026-11-20T05:00:00.000+00:00"
    assert event["agent"][0]["who"] == {"display": "erased or not readable"}
    assert set(detail(event)) == {"leaf-hash"}


def test_an_erasure_names_the_records(found) -> None:
    event = next(event for event in found.values() if event["subtype"][0]["code"] == "erasure")
    assert event["action"] == "D"
    assert [item["what"]["identifier"]["value"] for item in event["entity"]] == ["3", "4"]


def test_a_model_in_another_program_has_an_address(dossier) -> None:
    inside = next(e for e in events(dossier) if len(e["agent"]) == 3)["agent"][2]["network"]
    elsewhere = replace(dossier, engines=dict.fromkeys(dossier.engines, "http"))
    outside = next(e for e in events(elsewhere) if len(e["agent"]) == 3)["agent"][2]["network"]
    assert (inside, outside) == ({"address": "in-process", "type": "5"}, {"address": "127.0.0.1", "type": "2"})


def test_a_clock_set_back_leaves_no_impossible_period(dossier) -> None:
    records = copy.deepcopy(dict(dossier.records))
    records[16][1]["t"] = "2026-11-21T09:00:00.000+05:30"
    event = next(e for e in events(replace(dossier, records=records)) if e["id"].endswith("15"))
    verify_event(event)
    assert "period" not in event


def test_a_name_is_one_json_string(found) -> None:
    assert found[5]["agent"][0]["who"]["identifier"]["value"] == HOSTILE


BREAKS: dict[str, Callable[[Event], object]] = {
    "resourceType": lambda e: e.update(resourceType="Patient"),
    "CRUDE": lambda e: e.update(action="Z"),
    "0, 4, 8 or 12": lambda e: e.update(outcome="1"),
    "exactly one requestor": lambda e: e["agent"][1].update(requestor=True),
    "says whether": lambda e: e["agent"][1].pop("requestor"),
    "1 to 5": lambda e: e["agent"][1]["network"].update(type="6"),
    "sev-1": lambda e: e["entity"][0].update(name="a", query="Yg=="),
    "start not after end": lambda e: e["period"].update(end="2026-11-20T00:00:00.000+05:30"),
    "not a time": lambda e: e.update(recorded="2026-11-21T10:30:04"),
    "no empty": lambda e: e.update(purposeOfEvent=[]),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_each_rule_refuses_its_breach(found, rule: str) -> None:
    event = copy.deepcopy(found[15])
    verify_event(event)
    BREAKS[rule](event)
    with pytest.raises(ValueError, match=rule):
        verify_event(event)


def test_rules_have_one_error() -> None:
    with pytest.raises(InvalidEventError):
        verify_event({})
