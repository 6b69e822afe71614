"""The policy's own copies of facts of the filters are equal to the originals; values are frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from filters import output, safety, vault
from filters.findings import Type
from policies.model import DETECTOR_TYPES, TEMPLATE_DIGEST, Cap, Direction, PolicyError, Regime
from tests.kit.policies import policy_of


def test_the_types_are_those_of_the_detectors() -> None:
    assert tuple(Type) == DETECTOR_TYPES


def test_the_questions_are_those_of_the_guard() -> None:
    assert TEMPLATE_DIGEST == safety.TEMPLATE_DIGEST
    assert tuple(Direction) == tuple(safety.Direction)


def test_every_action_word_means_something_to_the_filters() -> None:
    pii = policy_of().pii
    vault.Actions.named(pii.in_types, pii.in_kinds)
    output.OutActions.named(pii.out_types)


def test_the_shipped_guidelines_are_the_guards() -> None:
    guidelines = [safety.Guideline(g.id, g.name, g.text) for g in policy_of().guidelines]
    assert safety.ShieldGemma(guidelines).policies == ("dangerous", "harassment", "hate", "sexual")


def test_a_policy_is_a_regime_and_cannot_change() -> None:
    policy = policy_of()
    assert isinstance(policy, Regime)
    with pytest.raises(FrozenInstanceError):
        policy.name = "other"  # type: ignore[misc]


def test_thresholds_and_caps_by_direction() -> None:
    policy = policy_of()
    dangerous = policy.guidelines[0]
    assert (dangerous.cap(Direction.PROMPT), dangerous.cap(Direction.RESPONSE)) == (Cap.FLAG, Cap.BLOCK)
    threshold = policy.threshold("dangerous", Direction.PROMPT)
    assert threshold is not None
    assert (threshold.flag, threshold.block) == (5000, 8000)
    assert policy.threshold("other", Direction.PROMPT) is None


def test_a_refusal_has_a_stable_code_and_a_place() -> None:
    assert str(PolicyError("policy_invalid", "hospital.pii.point")) == "policy_invalid: hospital.pii.point"
    assert str(PolicyError("guard_drift")) == "guard_drift"
