"""The log as HL7 FHIR R4 AuditEvents, one a line (NDJSON). Pure; no profile is claimed.

Requests, refusals, starts, stops and erasures become events. `verify_event` holds each against the rules that a JSON
schema does not express (invariants and bindings of https://hl7.org/fhir/R4/auditevent.html); writing runs it on every
event, so that an event which breaks one is a fault here, not a surprise at the receiver.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from audit.export.columns import Exchange, exchanges, workstation
from audit.export.dossier import Dossier, note_of
from audit.record import parse_time
from audit.strictjson import Json
from audit.words import word

__all__ = ["InvalidEventError", "events", "verify_event", "write_ndjson"]

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMS = "http://terminology.hl7.org/CodeSystem"
_OUTCOMES = {"ok": "0", "refused": "4", "cancelled": "4", "blocked": "4", "failed": "8", "timeout": "8"}
_OUTCOMES |= {"interrupted": "8"}
_ROLES = {"S": ("110120", "Application Start"), "X": ("110121", "Application Stop")}


class InvalidEventError(ValueError):
    """An event breaks a rule of AuditEvent; the message names the rule."""


def write_ndjson(dossier: Dossier) -> bytes:
    """Return one event a line, in the order of the log."""
    lines = []
    for event in events(dossier):
        verify_event(event)
        lines.append(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(lines).encode("utf-8")


def events(dossier: Dossier) -> Iterator[Json]:
    """Yield the events in the order of the log."""
    by_seq = {exchange.seq: exchange for exchange in exchanges(dossier)}
    for seq in range(dossier.found.range[0], dossier.found.range[1] + 1):
        if seq in by_seq:
            yield _exchange(by_seq[seq])
            continue
        kind, body = dossier.records.get(seq, ("", {}))
        if kind in _ROLES:
            yield _process(seq, kind, body, dossier.found.origin)
        elif kind == "T":
            yield _erasure(seq, body, dossier.found.origin)


# --- one exchange


def _exchange(exchange: Exchange) -> Json:
    subtype = "ai-query-refused" if exchange.kind == "B" else "ai-query"
    event = _frame(exchange.seq, exchange.origin, (subtype, "AI query over patient text"))
    if exchange.kind == "R":
        label = _coding(f"{_TERMS}/v3-ObservationValue", "AIAST", "Artificial Intelligence asserted")
        event["meta"] = {"security": [label]}
    event["action"] = "E"
    event.update(_when(exchange))
    if exchange.result in _OUTCOMES:
        event["outcome"] = _OUTCOMES[exchange.result]
    event["outcomeDesc"] = f"{word('results', exchange.result)}; record: {word('states', exchange.state)}"
    purpose = exchange.begin.get("purpose")
    if purpose:
        coding = _coding(f"{_TERMS}/v3-ActReason", purpose, word("purposes", purpose))
        event["purposeOfEvent"] = [{"coding": [coding]}]
    event["agent"] = list(_agents(exchange))
    event["source"] = _source(exchange.origin)
    event["entity"] = list(_entities(exchange))
    return event


def _when(exchange: Exchange) -> Json:
    """Give start and end where both are known and in order; a clock may have been set back between them."""
    start, end = exchange.begin.get("t"), exchange.outcome.get("t")
    if start is None:
        return {"recorded": end or f"{exchange.hour[:13]}:00:00.000+00:00"}
    if end is not None and parse_time(start) <= parse_time(end):
        return {"period": {"start": start, "end": end}, "recorded": end}
    return {"recorded": end or start}


def _agents(exchange: Exchange) -> Iterator[Json]:
    caller = exchange.begin.get("caller")
    who = (
        {"identifier": {"system": f"{_site(exchange.origin)}/cordon/staff", "value": caller["id"]}}
        if caller
        else {"display": "erased or not readable"}
    )
    role = _coding(f"{_TERMS}/v3-ParticipationType", "IRCP", "information recipient")
    yield {"type": {"coding": [role]}, "who": who, "requestor": True}
    yield _place(exchange.origin, {"address": "127.0.0.1", "type": "2"})
    model = exchange.begin.get("model")
    if model:
        network = {"address": "in-process", "type": "5"}
        if exchange.engine == "http":
            network = {"address": "127.0.0.1", "type": "2"}
        yield {
            "type": {"coding": [_coding(_DCM, "110152", "Destination Role ID")]},
            "who": {"display": f"on-device model {model['id']} sha256:{model['sha']}"},
            "requestor": False,
            "network": network,
        }


def _place(origin: str, network: Mapping[str, str]) -> Json:
    return {
        "type": {"coding": [_coding(_DCM, "110153", "Source Role ID")]},
        "who": {"identifier": {"value": workstation(origin)}},
        "requestor": False,
        "network": dict(network),
    }


def _entities(exchange: Exchange) -> Iterator[Json]:
    site = _site(exchange.origin)
    subject = exchange.begin.get("subject")
    if subject:
        yield {
            "what": {"identifier": {"system": f"{site}/cordon/subject", "value": subject["ref"]}},
            "type": _coding(f"{_TERMS}/audit-entity-type", "1", "Person"),
            "role": _coding(f"{_TERMS}/object-role", "1", "Patient"),
        }
    yield {
        "what": {"identifier": {"system": f"{site}/cordon/record", "value": str(exchange.seq)}},
        "type": _coding(f"{_TERMS}/audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_TERMS}/object-role", "24", "Query"),
        "securityLabel": [_coding(f"{_TERMS}/v3-ObservationValue", "MASKED", "masked")],
        "name": "AI query (content not recorded)",
        "detail": list(_details(exchange)),
    }


def _details(exchange: Exchange) -> Iterator[Json]:
    begin, end = exchange.begin, exchange.outcome
    texts = {
        "redactions": ";".join(f"{kind}={count}" for kind, count in exchange.removed.items()),
        "redacted-prompt-commitment": begin.get("in", {}).get("commit", ""),
        "redacted-answer-commitment": end.get("out", {}).get("commit", ""),
        "network-evidence": f"level={exchange.level};record={begin['tick']}" if exchange.level else "",
        "safety": ";".join(
            f"{name}={body['safety']['verdict']}" for name, body in (("prompt", begin), ("answer", end))
            if "safety" in body
        ),
        "reason": exchange.code,
        "rule": exchange.rule,
        "count": str(exchange.count) if exchange.count > 1 else "",
    }  # fmt: skip
    yield from ({"type": name, "valueString": text} for name, text in texts.items() if text)
    yield {"type": "leaf-hash", "valueBase64Binary": base64.b64encode(exchange.leaf).decode("ascii")}


# --- everything else


def _process(seq: int, kind: str, body: Json, origin: str) -> Json:
    code, display = _ROLES[kind]
    event = _frame(seq, origin, ("", ""))
    event["subtype"] = [_coding(_DCM, code, display)]
    event |= {"action": "E", "recorded": body["t"], "outcome": "0"}
    event["agent"] = [{"who": {"identifier": {"value": workstation(origin)}}, "requestor": True}]
    event["source"] = _source(origin)
    return event


def _erasure(seq: int, body: Json, origin: str) -> Json:
    order = note_of(body, "tombstone")
    event = _frame(seq, origin, ("erasure", "Erasure of records by an officer's order"))
    event |= {"action": "D", "recorded": body["t"], "outcome": "0"}
    event["agent"] = [{"who": {"display": "compliance officer"}, "requestor": True}]
    event["source"] = _source(origin)
    event["entity"] = [
        {"what": {"identifier": {"system": f"{_site(origin)}/cordon/record", "value": str(number)}}}
        for number in order.get("seqs", ())
    ]
    if not event["entity"]:
        del event["entity"]  # FHIR has no empty lists
    return event


def _frame(seq: int, origin: str, subtype: tuple[str, str]) -> Json:
    return {
        "resourceType": "AuditEvent",
        "id": f"cordon-{seq:012d}",
        "type": _coding(_DCM, "110100", "Application Activity"),
        "subtype": [_coding(f"{_site(origin)}/cordon/CodeSystem/event", *subtype)],
    }


def _source(origin: str) -> Json:
    return {
        "observer": {"identifier": {"value": workstation(origin)}, "display": "Cordon"},
        "type": [_coding(f"{_TERMS}/security-source-type", "1", "User Device")],
    }


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def _site(origin: str) -> str:
    return f"https://{origin.partition('/')[0]}"


# --- rules


def verify_event(event: Mapping[str, Any]) -> None:
    """Check by hand what neither the official schema nor a model library checks. Raises InvalidEventError."""
    _require(event.get("resourceType") == "AuditEvent", "resourceType")
    _require(event.get("action", "E") in ("C", "R", "U", "D", "E"), "action is one of CRUDE")
    _require(event.get("outcome", "0") in ("0", "4", "8", "12"), "outcome is 0, 4, 8 or 12")
    agents = event.get("agent", ())
    _require([agent.get("requestor") for agent in agents].count(True) == 1, "exactly one requestor")
    _require(all(isinstance(agent.get("requestor"), bool) for agent in agents), "every agent says whether it asked")
    networks = [agent["network"] for agent in agents if "network" in agent]
    _require(all(network.get("type") in ("1", "2", "3", "4", "5") for network in networks), "network type is 1 to 5")
    entities = event.get("entity", ())
    _require(not any("name" in entity and "query" in entity for entity in entities), "sev-1: a name or a query")
    period = event.get("period", {})
    times = [parse_time(t) for t in (*period.values(), event.get("recorded", ""))]  # parsing requires the offset
    _require(len(period) < 2 or times[0] <= times[1], "start not after end")
    _require(_no_empty(event), "no empty list, object or string")


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise InvalidEventError(rule)


def _no_empty(value: object) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_no_empty(item) for item in value.values())
    if isinstance(value, list):
        return bool(value) and all(_no_empty(item) for item in value)
    return value != ""
