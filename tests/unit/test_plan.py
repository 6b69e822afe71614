"""What children are told survives its JSON, and nothing else is understood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.plan import GatewayPlan, LockOrder
from tests.kit.gateway_house import plan_of


@pytest.mark.parametrize("engine", ["embedded", "http"])
def test_a_plan_survives_its_json(tmp_path: Path, engine: str) -> None:
    plan = plan_of(tmp_path, engine=engine)
    assert GatewayPlan.model_validate_json(plan.model_dump_json()) == plan
    order = LockOrder(own_namespaces=True, read=("/etc/localtime",), write=("/a", "/b"), ports=(8081,))
    assert LockOrder.model_validate_json(order.model_dump_json()) == order


# What a service manager tells has a value for a start without one.
@pytest.mark.parametrize("name", sorted(GatewayPlan.model_fields.keys() - {"unit", "counters", "swap_max"}))
def test_every_field_must_be_there(tmp_path: Path, name: str) -> None:
    raw = json.loads(plan_of(tmp_path).model_dump_json())
    del raw[name]
    with pytest.raises(ValidationError):
        GatewayPlan.model_validate_json(json.dumps(raw))


def test_nothing_else_is_understood_and_nothing_can_be_changed(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with pytest.raises(ValidationError):
        GatewayPlan.model_validate_json(json.dumps({**json.loads(plan.model_dump_json()), "more": 1}))
    with pytest.raises(ValidationError):
        LockOrder.model_validate_json('{"own_namespaces": true, "unlocked": true}')
    with pytest.raises(ValidationError):
        LockOrder.model_validate_json("{}")
    with pytest.raises(ValidationError):
        plan.uid = 0
