"""Every event passes the official schema and the model library, and both are shown to refuse."""

import json

import pytest

from audit.export.fhir import InvalidEventError, verify_event, write_ndjson
from proxy.cli.fhir_schema import EventError, can_check, verify_events
from tests.kit.audit_house import House, quick_folder
from tests.kit.dossiers import dossier_of, eventful

folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def ndjson(folder):
    return write_ndjson(dossier_of(eventful(folder)))


def test_all_events_of_an_eventful_log_pass(ndjson):
    assert can_check()
    kinds = {json.loads(line)["subtype"][0]["code"] for line in ndjson.splitlines()}
    assert kinds == {"ai-query", "ai-query-refused", "110120", "110121", "erasure"}
    assert verify_events(ndjson) == len(ndjson.splitlines())


def test_an_event_without_a_patient_and_an_empty_log_pass(folder):
    house = House(folder / "plain").enrol().run(1)
    assert verify_events(write_ndjson(dossier_of(house))) > 0
    assert verify_events(b"") == 0


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        ({"action": "Z"}, "the official schema"),
        ({"outcome": "3"}, "the official schema"),
        ({"colour": "red"}, "the official schema"),
        ({"recorded": "yesterday"}, "the official schema"),
        ({"agent": [{}]}, "fhir.resources"),
    ],
)
def test_each_layer_refuses_what_it_must(ndjson, change, layer):
    event = json.loads(ndjson.splitlines()[0]) | change
    with pytest.raises(EventError, match=layer):
        verify_events(json.dumps(event).encode())


def test_two_requestors_pass_both_layers_and_not_ours(ndjson):
    event = json.loads(ndjson.splitlines()[-1])
    event["agent"] = event["agent"][:1] * 2
    event["agent"] = [dict(agent, requestor=True) for agent in event["agent"]]
    verify_events(json.dumps(event).encode())
    with pytest.raises(InvalidEventError, match="exactly one requestor"):
        verify_event(event)
