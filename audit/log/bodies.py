"""From the corridor's values to the JSON bodies of records. Pure; every body is checked against its shape."""

from typing import Any

from audit import shapes
from audit.log.values import AuditError, Begin, Blocked, Outcome, StartFacts
from audit.record import Instant
from audit.seal import subject_ref
from audit.strictjson import Json, MalformedError, dumps

__all__ = ["blocked_body", "encode", "outcome_body", "request_body", "start_body"]


def encode(kind: str, fields: Json, at: Instant) -> bytes:
    """Add version and clock, check the shape, spell it. A value outside its shape refuses the exchange."""
    body = {"v": 1, **at.clock(), **{key: value for key, value in fields.items() if value is not None}}
    try:
        shapes.check("records", kind, body)
        return dumps(body)
    except MalformedError as error:
        raise AuditError("audit_unavailable", f"a record does not have its shape: {error}") from None


def start_body(facts: StartFacts, start: int, enrolment: str, prev: Json) -> Json:
    return {
        "start": start,
        "software": {"version": facts.version, "sha": facts.software},
        "catalogue": facts.catalogue,
        "config": facts.config,
        "policy": facts.policy,
        "calibration": facts.calibration,
        "models": {"answer": facts.models.answer, "guard": facts.models.guard},
        "engine": facts.engine,
        "filters": {
            "gateway": facts.filters.gateway,
            "analyst": facts.filters.analyst,
            "engine": facts.filters.engine,
        },
        "enrolment": enrolment,
        "prev": prev,
    }


def request_body(begin: Begin, subject_key: bytes, tick: int) -> Json:
    return {
        "req": begin.req,
        "dialect": begin.dialect,
        "stream": int(begin.stream),
        "caller": begin.caller.body(),
        "subject": _subject(begin.subject, subject_key),
        "purpose": begin.purpose,
        "basis": begin.basis,
        "policy": begin.policy,
        "in": begin.in_text.body(),
        "redact": begin.redact.body(),
        "safety": begin.safety.body(),
        "model": begin.model.body(),
        "tick": tick,
    }


def outcome_body(outcome: Outcome, of: int, tick: int) -> Json:
    return {
        "of": of,
        "result": outcome.result,
        "code": outcome.code,
        "out": outcome.out.body(),
        "safety": outcome.safety.body(),
        "restore": outcome.restore.body(),
        "dur_ms": outcome.dur_ms,
        "first_ms": outcome.first_ms,
        "tick": tick,
    }


def blocked_body(blocked: Blocked, subject_key: bytes, tick: int) -> Json:
    fields: dict[str, Any] = {
        "req": blocked.req,
        "dialect": blocked.dialect,
        "caller": blocked.caller.body(),
        "subject": _subject(blocked.subject, subject_key),
        "stage": blocked.stage,
        "code": blocked.code,
        "rule": blocked.rule,
        "count": blocked.count,
        "policy": blocked.policy,
        "in": blocked.in_text.body() if blocked.in_text else None,
        "redact": blocked.redact.body() if blocked.redact else None,
        "safety": blocked.safety.body() if blocked.safety else None,
        "tick": tick,
    }
    return fields


def _subject(identifier: str | None, key: bytes) -> Json | None:
    return None if identifier is None else {"ref": subject_ref(key, identifier), "src": "client"}
