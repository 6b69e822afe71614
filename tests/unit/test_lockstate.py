"""The values of the lock say what they are and cannot be changed."""

import dataclasses

import pytest

from proxy.workers import lockstate
from proxy.workers.lockstate import Control, Kept, LockError, LockPlan, Role


def test_roles_are_named_as_in_the_log() -> None:
    assert [role.value for role in Role] == ["gateway", "analyst", "engine", "engine-http", "engine-gpu"]


def test_an_error_carries_a_code_and_a_number() -> None:
    plain, numbered = LockError("threads"), LockError("seccomp", 22)
    assert (plain.code, plain.errno, str(plain)) == ("threads", 0, "threads")
    assert (numbered.code, numbered.errno, str(numbered)) == ("seccomp", 22, "seccomp (errno 22)")


def test_a_plan_without_links_has_none() -> None:
    plan = LockPlan(Role.ANALYST, (3,), (), (), (), own_namespaces=False)
    assert plan.links == ()
    assert plan.connect_ports == ()


@pytest.mark.parametrize("value", [Control("tcp4", "EPERM", "ok"), Kept(3, "pipe:[1]")])
def test_values_are_frozen(value: object) -> None:
    name = dataclasses.fields(value)[0].name  # type: ignore[arg-type]  # both are dataclasses
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, None)


def test_the_export_list_is_what_it_says() -> None:
    assert all(hasattr(lockstate, name) for name in lockstate.__all__)
