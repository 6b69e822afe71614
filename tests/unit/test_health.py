"""Readiness and metrics: closed lists only."""

from __future__ import annotations

import json

import pytest

from proxy.health import ALIVE, METRIC_NAMES, PARTS, Metrics, readiness


def test_ready_needs_every_part() -> None:
    state = readiness(dict.fromkeys(PARTS, "ok"))
    assert state.ready
    assert json.loads(state.body) == {"ready": True, "parts": dict.fromkeys(PARTS, "ok")}
    for part in PARTS:
        missing = readiness({p: "ok" for p in PARTS if p != part})
        assert not missing.ready
        assert json.loads(missing.body)["parts"][part] == "not_ready"


def test_only_codes_of_the_table_are_shown() -> None:
    state = readiness(dict.fromkeys(PARTS, "ok") | {"engine": "/secret/path", "log": "audit_full", "more": "ok"})
    parts = json.loads(state.body)["parts"]
    assert (parts["engine"], parts["log"], "more" in parts) == ("internal", "audit_full", False)
    assert json.loads(ALIVE) == {"status": "ok"}


def test_the_text_has_only_known_names() -> None:
    metrics = Metrics()
    metrics.count("cordon_exchanges", dialect="openai", outcome="ok")
    metrics.count("cordon_known_in_output", 3)
    metrics.level("cordon_connections", 2, listener="tcp")
    metrics.level("cordon_tokens", 1)
    metrics.took("cordon_stage_seconds", 0.2, stage="find")
    metrics.took("cordon_peer_lookup_seconds", 1e-5)
    text = metrics.render().decode()
    assert "cordon_known_in_output_total 3.0" in text
    assert 'cordon_stage_seconds_bucket{le="0.25",stage="find"} 1.0' in text
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {name.removesuffix("_total") for name in families} == set(METRIC_NAMES)


def test_a_label_outside_its_list_becomes_other() -> None:
    metrics = Metrics()
    metrics.count("cordon_access_refusals", code="Nimal Perera", listener="tcp")
    assert b"Nimal" not in metrics.render()
    assert b'code="other"' in metrics.render()


def test_unknown_names_and_labels_are_mistakes() -> None:
    metrics = Metrics()
    with pytest.raises(KeyError):
        metrics.count("cordon_people")
    with pytest.raises(KeyError):
        metrics.count("cordon_exchanges", uid="1000")
