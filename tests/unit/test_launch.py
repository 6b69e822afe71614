"""A plan comes through its JSON unchanged, and nothing else is a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.workers.engine.launch import plan_from_json, plan_to_json
from tests.kit.engines import answer_role, engine_plan, guard_role

_PLAN = engine_plan(answer_role(Path("a"), "0" * 64), guard_role(Path("b"), "1" * 64, descriptor=8))


def test_round_trip() -> None:
    assert plan_from_json(plan_to_json(_PLAN)) == _PLAN


@pytest.mark.parametrize("change", [{"extra": 1}, {"models": [{"role": "answer"}]}, {"models": [[]]}])
def test_other_keys_are_refused(change: dict[str, object]) -> None:
    raw = json.loads(plan_to_json(_PLAN))
    with pytest.raises(ValueError, match="not an engine plan"):
        plan_from_json(json.dumps({**raw, **change}))
    del raw["threads"]
    with pytest.raises(ValueError, match="not an engine plan"):
        plan_from_json(json.dumps(raw))
