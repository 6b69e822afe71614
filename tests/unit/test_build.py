"""The house put together: it answers when every part is there, and says which is not."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from filters.output import OutAction
from filters.parts import PatientText
from policies.model import PolicyError
from proxy.build import NO_DIGEST, House, rules_of, switches_of
from proxy.clients import NewClient
from proxy.errors import CordonError
from proxy.exchange import (
    Caller,
    CallerKind,
    Conversation,
    Event,
    Exchange,
    Finished,
    Message,
    Opened,
    Prompt,
    Refused,
    Released,
    Role,
    Sampling,
)
from proxy.health import PARTS
from proxy.judging import Guard, OpenGuard
from proxy.tally import Refusals
from proxy.workers.wire import EndExchange, Generate
from tests.kit.audit_house import quick_folder
from tests.kit.gateway_house import GUARDING, HandClock, Yard, housed, plan_of, prepare_folder
from tests.kit.policies import policy_of

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)
CALLER = Caller(1000, CallerKind.TOKEN, "ab12", "ward", frozenset())


def prompt(text: str = "is it well?") -> Prompt:
    return Prompt(Conversation((Message(Role.USER, PatientText(text)),)), Sampling("demo-clinic"))


async def ask(yard: Yard, text: str = "is it well?") -> list[Event]:
    exchange = Exchange("x1", CALLER, "openai", True, 60_000, int(yard.clock.mono_s() * 1000) - 40)
    async with aclosing(yard.house.run(exchange, prompt(text))) as events:
        return [event async for event in events]


async def test_a_whole_journey_through_real_links_and_a_real_log(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        events = await ask(yard)
        assert isinstance(events[0], Opened)
        assert "".join(p.text.reveal() for e in events if isinstance(e, Released) for p in e.pieces) == "well."
        assert isinstance(events[-1], Finished)
        await yard.ledger.close()
        assert EndExchange("x1") in yard.workers["engine"].got
        request, outcome = yard.records("R")[0], yard.records("Z")[0]
        assert (request["caller"], request["model"]["id"]) == ({"id": "uid:1000/ab12", "kind": "token"}, "demo-clinic")
        assert (outcome["result"], outcome["first_ms"], outcome["out"]["released"]) == ("ok", 40, 5)
        said = yard.house.metrics.render().decode()
        assert 'cordon_stage_seconds_count{stage="generate"} 1.0' in said
        assert "cordon_first_segment_seconds_sum 0.04" in said
        assert 'cordon_judgements_total{action="permit",direction="response",guideline="hate"} 1.0' in said


async def test_a_refused_prompt_reaches_no_model(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        assert await ask(yard, "HARM") == [Refused("prompt_refused", "harassment/prompt")]
        await yard.ledger.close()
        assert not any(isinstance(m, Generate) for m in yard.workers["engine"].got)
        assert EndExchange("x1") in yard.workers["engine"].got
        assert [(b["stage"], b["code"], b["rule"]) for b in yard.records("B")] == [
            ("judge", "prompt_refused", "harassment/prompt")
        ]  # fmt: skip


@pytest.mark.parametrize(("role", "code"), [("analyst", "analyst_unavailable"), ("engine", "engine_unavailable")])
async def test_a_lost_worker_is_a_refusal_with_a_record_and_comes_back(tmp_path: Path, role: str, code: str) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        await yard.lose(role)
        assert yard.house.readiness()[role] == code
        assert (await ask(yard))[0].code == code  # type: ignore[union-attr]
        await yard.attach(role)
        assert set(yard.house.readiness().values()) == {"ok"}
        assert isinstance((await ask(yard))[-1], Finished)
        await yard.ledger.close()
        assert [b["code"] for b in yard.records("B")] == [code]


@pytest.mark.parametrize("part", ["log", "confinement", "guard", "engine"])
async def test_a_part_that_is_down_refuses_by_its_code_and_is_counted(tmp_path: Path, part: str) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.house.down[part] = "engine_failing"
        assert await ask(yard) == [Refused("engine_failing", retry_after_s=2)]
        with pytest.raises(CordonError, match="engine_failing"):
            await yard.house.preview(CALLER, prompt())
        assert yard.house.tally.take() == (Refusals("uid:1000/ab12", "token", "engine", "engine_failing", 1),)
        await yard.ledger.close()


async def test_without_a_peer_lookup_the_unix_socket_is_still_served(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.house.down["peer"] = "peer_lookup_failed"
        assert yard.house.readiness()["peer"] == "peer_lookup_failed"
        assert isinstance((await ask(yard))[-1], Finished)
        await yard.ledger.close()


async def test_a_preview_shows_without_a_record(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        with pytest.raises(CordonError, match="not_ready"):
            await yard.house.preview(CALLER, prompt())
        await yard.ledger.open()
        shown = await yard.house.preview(CALLER, prompt("hello"))
        assert [p.text.reveal() for p in shown.messages[0].pieces] == ["hello"]
        assert shown.policy == "hospital"
        await yard.ledger.close()
        assert yard.kinds() == "SEEX"


async def test_before_anything_is_up_every_part_says_so(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    house = House(plan_of(tmp_path), HandClock(), lambda: None)  # type: ignore[arg-type]
    parts = house.readiness()
    assert set(parts) == set(PARTS)
    assert {name for name, code in parts.items() if code == "ok"} == {"listeners", "policy", "peer"}
    assert (house.models(), house.answering(), house.rooms) == ((), None, None)
    assert house.evidence == ("E0", ("not_ready",))


async def test_the_model_that_answers_is_the_only_one_named(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        (card,) = yard.house.models()
        assert (card.id, card.created_s, card.demo) == ("demo-clinic", 1_700_000_000, True)
        assert GUARDING.id != card.id


async def test_refusals_before_the_pipeline_are_counted_by_kind(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    house = House(plan_of(tmp_path), HandClock(), lambda: None)  # type: ignore[arg-type]
    house.refuse_access("unknown", "peer_unknown")
    house.refuse_parse(CALLER, "bad_json")
    assert house.tally.take() == (
        Refusals("uid:1000/ab12", "token", "parse", "bad_json", 1),
        Refusals("unknown", "uid", "access", "peer_unknown", 1),
    )


def test_a_guard_without_its_calibration_is_no_house(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    for path in (tmp_path / "calibration").iterdir():
        path.unlink()
    with pytest.raises(PolicyError, match="guard_uncalibrated"):
        House(plan_of(tmp_path), HandClock(), lambda: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "engine", "links"),
    [
        ("hospital", "embedded", {"analyst", "engine"}),
        ("hospital", "http", {"analyst", "http", "engine"}),
        ("unsafe-allow-all", "http", {"analyst", "http"}),
    ],
)
def test_there_is_a_link_for_each_worker_and_a_guard_for_each_policy(
    tmp_path: Path, policy: str, engine: str, links: set[str]
) -> None:
    prepare_folder(tmp_path)
    house = House(plan_of(tmp_path, policy=policy, engine=engine), HandClock(), lambda: None)  # type: ignore[arg-type]
    assert set(house.links) == links
    assert isinstance(house.guard(), Guard if policy == "hospital" else OpenGuard)
    assert house.readiness()["engine"] == "engine_unavailable"
    assert len(NO_DIGEST) == 64


def test_a_policy_becomes_rules() -> None:
    rules = rules_of(policy_of("hospital"), 200, this_year=2026)
    assert (rules.restore_calls, rules.window_chars, rules.policy.name) == (True, 200, "hospital")
    switches = switches_of(policy_of("hospital"), 2026)
    assert (switches.ages_from, switches.this_year, switches.drop) == (90, 2026, ("ward_bed",))
    assert switches.to_json() == rules.switches


def test_a_sites_own_words_arrive_in_the_rooms() -> None:
    text = (Path(__file__).parents[2] / "policies/library/hospital.toml").read_text()
    own = text.replace('name = "hospital"', 'name = "own"').replace(
        'tool_arguments = "restore"', 'tool_arguments = "keep"'
    )
    own = own.replace("ages_from = 90", "ages_from = 18") + '\n[pii.out]\nEMAIL = "refuse"\n'
    policy = policy_of("own", own=own.encode())
    rules = rules_of(policy, None, this_year=2026)
    assert rules.restore_calls is False
    assert rules.window_chars is None
    assert ("EMAIL", OutAction.REFUSE) in [(str(t), a) for t, a in rules.out_actions.types]
    assert switches_of(policy, 2026).ages_from == 18


def test_a_revoked_token_is_forgotten_by_the_engine(tmp_path: Path) -> None:
    prepare_folder(tmp_path)
    house = House(plan_of(tmp_path), HandClock(), lambda: None)  # type: ignore[arg-type]
    forgotten: list[str] = []
    house.engine.forget = forgotten.append  # type: ignore[method-assign]  # listened to
    token = house.clients.add(NewClient("test", 1000, 1), now_s=0.0)
    assert token
    (kid,) = (entry.kid for entry in house.clients.entries)
    assert forgotten == []
    house.clients.revoke("all", uid=1000)
    assert forgotten == [kid]
