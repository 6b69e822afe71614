"""From the corridor's values to bodies: every kind has its shape, and no identifier of a patient passes."""

from dataclasses import replace

import pytest

from audit.log.bodies import blocked_body, encode, outcome_body, request_body, start_body
from audit.log.values import AuditError, Blocked
from audit.record import Caller, SafetyUnit
from audit.seal import subject_ref
from audit.shapes import check
from audit.strictjson import loads
from tests.kit.audit_house import SHA, Clock, House, begin, blocked, outcome, safety

KEY = b"\x05" * 32
AT = Clock()()


def test_a_request():
    body = loads(encode("R", request_body(begin(subject="MRN-4711"), KEY, 7), AT))
    assert body["subject"] == {"ref": subject_ref(KEY, "MRN-4711"), "src": "client"}
    assert "4711" not in str(body)
    assert (body["v"], body["t"], body["stream"], body["tick"]) == (1, AT.time(), 1, 7)
    assert body["redact"]["counts"] == {"PERSON": 1, "PHONE": 2}
    assert "basis" not in body
    assert "subject" not in loads(encode("R", request_body(begin(), KEY, 7), AT))


def test_an_outcome():
    body = loads(encode("Z", outcome_body(outcome("failed"), 5, 7), AT))
    assert (body["of"], body["result"], body["first_ms"]) == (5, "failed", 90)
    assert "code" not in body


def test_a_refusal_with_and_without_what_was_found():
    bare = loads(encode("B", blocked_body(blocked(3), KEY, 7), AT))
    assert (bare["count"], bare["rule"]) == (3, "hate")
    assert not {"in", "redact", "safety", "subject"} & set(bare)
    full = Blocked(
        "r",
        "openai",
        Caller("t", "token"),
        "judge",
        "prompt_refused",
        SHA["policy"],
        in_text=begin().in_text,
        redact=begin().redact,
        safety=safety("refuse"),
        subject="MRN-4711",
    )
    body = loads(encode("B", blocked_body(full, KEY, 7), AT))
    assert {"in", "redact", "safety", "subject"} <= set(body)
    assert "4711" not in repr(full) + str(body)


def test_a_start(tmp_path):
    facts = House(tmp_path).facts()
    body = loads(encode("S", start_body(facts, 3, SHA["other"], {"size": 9, "clean": 1}), AT))
    assert (body["start"], body["prev"]["size"], body["engine"]) == (3, 9, "embedded")
    assert body["filters"] == {role: SHA[role] for role in ("gateway", "analyst", "engine")}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("R", {}),
        ("Z", outcome_body(outcome("perhaps"), 5, 7)),
        ("B", blocked_body(blocked(), KEY, -1)),
        ("R", request_body(begin(purpose="A PURPOSE TOO LONG TO BE A CODE"), KEY, 7)),
        ("H", {"asleep_ms": 1.5, "open": 0}),
        ("Q", {}),
    ],
)
def test_what_has_no_shape_refuses(kind, fields):
    with pytest.raises(AuditError) as caught:
        encode(kind, fields, AT)
    assert caught.value.code == "audit_unavailable"
    assert "PURPOSE" not in str(caught.value)


def test_a_hundred_units_fit_into_a_record():
    names = [f"policy_{number}" for number in range(6)]
    scores, acts = tuple((name, 9999) for name in names), tuple((name, "permit") for name in names)
    unit = SafetyUnit("answer", 1, scores, acts, 5, "en")
    data = encode("R", request_body(begin(safety=replace(safety(), units=(unit,) * 100)), KEY, 7), AT)
    assert len(data) < 65_536
    check("records", "R", loads(data))
    more = request_body(begin(safety=replace(safety(), units=(unit,) * 101)), KEY, 7)
    with pytest.raises(AuditError):
        encode("R", more, AT)
