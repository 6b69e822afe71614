"""What a policy file says happens: each action to each type and kind, each limit to each request."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from filters.findings import Type
from filters.parts import PatientText
from filters.redact import RedactionError, redact
from filters.vault import Vault
from policies.model import DETECTOR_TYPES, Limits, Policy
from proxy.build import rules_of, switches_of
from proxy.exchange import (
    Caller,
    CallerKind,
    Conversation,
    Event,
    Exchange,
    Finished,
    Message,
    Prompt,
    Refused,
    Role,
    Sampling,
)
from proxy.pipeline import journey, within_limits
from proxy.rooms import Rooms
from tests.kit.audit_house import quick_folder
from tests.kit.found import request
from tests.kit.gateway_house import housed
from tests.kit.policies import files, policy_of
from tests.kit.rooms import FakeHouse

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)
_ACTIONS = ("pseudonymise", "mask", "keep", "refuse")
_NEVER_KEPT = {"NAME", "ID", "PHONE", "EMAIL", "SECRET"}


def site(rules: str) -> Policy:
    """A policy of the site that differs from `hospital` in some rules."""
    text = f'name = "site"\nextends = "hospital"\ntitle = "Site"\n{rules}'
    return policy_of("site", site=text.encode())


def written(policy: Policy, text: str) -> str:
    """What a model would see of a marked text under a policy."""
    parts, found = request(text)
    with Vault() as vault:
        return redact(parts, found, vault, actions=rules_of(policy, None, this_year=2026).actions).texts[0].reveal()


def expected(action: str, type_: str, value: str) -> str:
    return {"pseudonymise": f"[{type_}_1]", "mask": f"[{type_}]", "keep": value}[action]


@pytest.mark.parametrize("type_", [t for t in DETECTOR_TYPES if t != "MARKED"])
@pytest.mark.parametrize("action", _ACTIONS)
def test_each_action_on_each_type(type_: str, action: str) -> None:
    if action == "keep" and type_ in _NEVER_KEPT:
        return  # the loader refuses such a policy; see test_policy_load
    policy, text = site(f'[pii.in]\n{type_} = "{action}"\n'), f"a «{type_} Value9» b"
    if action == "refuse":
        with pytest.raises(RedactionError, match="pii_refused"):
            written(policy, text)
        return
    assert written(policy, text) == f"a {expected(action, type_, 'Value9')} b"
    assert (type_ in switches_of(policy, 2026).drop) == (action == "keep")


@pytest.mark.parametrize("action", _ACTIONS)
def test_each_action_on_one_kind_goes_before_its_type(action: str) -> None:
    policy = site(f'[pii.in]\nDATE = "mask"\n[pii.kinds]\nbirth_date = "{action}"\n')
    if action == "refuse":
        with pytest.raises(RedactionError) as caught:
            written(policy, "«DATE/birth_date 3.5.1950»")
        assert caught.value.kinds == ("birth_date",)
    else:
        assert written(policy, "«DATE/birth_date 3.5.1950»") == expected(action, "DATE", "3.5.1950")
    assert written(policy, "«DATE/date 3.5.2020»") == "[DATE]"


def test_what_a_person_marks_is_always_replaced() -> None:
    assert written(policy_of("research-deidentify"), "«MARKED thing»") == "[MARKED_1]"


@pytest.mark.parametrize("name", sorted(files("library")))
def test_every_shipped_policy_replaces_names_numbers_and_addresses(name: str) -> None:
    masked = name == "research-deidentify"
    suffix = "" if masked else "_1"
    for type_ in ("NAME", "ID", "PHONE", "EMAIL"):
        assert written(policy_of(name), f"«{type_} Value9»") == f"[{type_}{suffix}]"


def test_national_numbers_are_masked_where_the_law_minds_them() -> None:
    for name, kind in (("pdpa-sg", "sg_nric"), ("uae-health", "ae_emirates_id"), ("hipaa-safe-harbor", "us_ssn")):
        assert written(policy_of(name), f"«ID/{kind} X1» «ID/mrn 77»") == "[ID] [ID_1]"


# ---- limits ------------------------------------------------------------------------------------------------------

LIMITS = Limits(prompt_chars=20, turns=2, answer_tokens=50)


def prompt(*texts: str, tokens: int | None = None) -> Prompt:
    turns = tuple(Message(Role.USER, PatientText(text)) for text in texts)
    return Prompt(Conversation(turns), Sampling("demo-clinic", max_tokens=tokens))


@pytest.mark.parametrize(("given", "taken"), [(None, None), (10, 10), (50, 50), (51, 50), (10**6, 50)])
def test_an_answer_is_asked_for_no_longer_than_allowed(given: int | None, taken: int | None) -> None:
    assert within_limits(prompt("a", tokens=given), LIMITS).sampling.max_tokens == taken


@dataclass
class LimitedHouse(FakeHouse):
    """The rooms under a policy with small limits."""

    def rooms(self) -> Rooms:
        rooms = super().rooms()
        policy = replace(policy_of(), limits=LIMITS)
        return replace(rooms, rules=rules_of(policy, self.window_chars, this_year=2026))


@pytest.mark.parametrize(
    ("texts", "fits"), [(("x" * 20,), True), (("x" * 21,), False), (("x" * 10, "y" * 11), False), (("", "", ""), False)]
)
async def test_what_is_too_much_is_refused_before_anything_reads_it(texts: tuple[str, ...], fits: bool) -> None:
    house = LimitedHouse()
    caller = Caller(1000, CallerKind.UID, "", "test", frozenset())
    events: list[Event] = []
    async with aclosing(
        journey(Exchange("x1", caller, "openai", True, 60_000, 0), prompt(*texts), house.rooms())
    ) as on:
        events += [event async for event in on]
    if fits:
        assert isinstance(events[-1], Finished)
    else:
        assert events == [Refused("text_too_long")]
        assert house.analyst.read == []
        assert house.log.records == [("B", "x1", "find:text_too_long")]


def test_types_of_the_policies_are_those_of_the_detectors() -> None:
    assert set(DETECTOR_TYPES) == {type_.value for type_ in Type}


# ---- the window of an answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("least", "most", "chars"), [(48, 512, 192), (100, 512, 400), (48, 48, 192)])
async def test_the_measured_speed_chooses_within_the_bounds_of_the_policy(
    tmp_path: Path, least: int, most: int, chars: int
) -> None:
    rules = f"[safety.window]\nleast_tokens = {least}\nmost_tokens = {most}\n"
    (tmp_path / "site.toml").write_text(f'name = "site"\nextends = "hospital"\ntitle = "Site"\n{rules}')
    async with housed(tmp_path, policy="site") as yard:
        await yard.ledger.open()
        assert yard.house.rooms is not None
        assert yard.house.rooms.rules.window_chars == chars  # the guard reads 1,000 tokens a second, the model says 10
        await yard.ledger.close()
