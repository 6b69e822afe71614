"""The log's keeper: nothing is served before start and evidence are durable; a log that fails refuses, and recovers."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from audit.log import AuditError
from audit.log.setup import read_officer
from audit.log.snapshot import read_directory
from audit.verify import examine, from_directory, read_package
from filters.parts import PatientText
from proxy.errors import CordonError
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
from proxy.post import PostBox, request_of
from tests.kit.audit_house import quick_folder
from tests.kit.gateway_house import Yard, facts_of, housed

tmp_path = pytest.fixture(name="tmp_path")(quick_folder)
CALLER = Caller(1000, CallerKind.EXTENSION, "ab12", "panel", frozenset())


async def ask(yard: Yard, text: str = "is it well?", name: str = "x1") -> list[Event]:
    exchange = Exchange(name, CALLER, "openai", True, 60_000, int(yard.clock.mono_s() * 1000))
    prompt = Prompt(Conversation((Message(Role.USER, PatientText(text)),)), Sampling("demo-clinic"))
    async with aclosing(yard.house.run(exchange, prompt)) as events:
        return [event async for event in events]


async def code_of(yard: Yard) -> str:
    with pytest.raises(CordonError) as caught:
        await yard.ledger.open()
    return caught.value.code


def verdict(yard: Yard) -> str:
    trust, keyring = read_officer(yard.folder / "officer")
    return examine(from_directory(read_directory(yard.folder / "audit")), trust, keyring).verdict


async def test_a_day_from_start_to_stop(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        assert await ask(yard) == [Refused("not_ready", retry_after_s=2)]
        await yard.ledger.open()
        assert set(yard.house.readiness().values()) == {"ok"}
        assert isinstance((await ask(yard))[-1], Finished)
        yard.clock.pass_ms(1_000)
        await yard.ledger.close()
        assert yard.kinds() == "SERZBEX"
        refused = yard.records("B")[0]
        assert (refused["stage"], refused["code"], refused["count"]) == ("engine", "not_ready", 1)
        assert refused["caller"] == {"id": "uid:1000/ab12", "kind": "extension"}
        assert [e["why"] for e in yard.records("E")] == ["start", "stop"]
        assert verdict(yard) == "VERIFIED"


async def test_start_names_what_runs(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        start = yard.records("S")[0]
        assert start["models"] == {"answer": "ab" * 32, "guard": yard.house.plan.guard.sha256}
        assert start["policy"] == yard.house.policy.digest
        assert start["engine"] == "embedded"
        await yard.ledger.close()


async def test_a_guard_that_scores_its_examples_otherwise_is_refused_for_good(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        yard.workers["engine"].drift = 1.0
        assert await code_of(yard) == "guard_drift"
        assert yard.house.readiness()["guard"] == "guard_drift"
        assert await ask(yard) == [Refused("guard_drift", retry_after_s=2)]
        assert yard.workers["engine"].scored > 0
        assert not [m for m in yard.workers["engine"].got if type(m).__name__ == "Generate"]
        await yard.ledger.close()
        assert yard.kinds() == "SEX"
        assert verdict(yard) == "VERIFIED"


async def test_a_worker_that_is_lost_during_the_start_is_waited_for_on_the_same_log(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.lose("engine")
        assert await code_of(yard) == "not_ready"
        assert isinstance((await ask(yard))[0], Refused)
        await yard.attach("engine")
        await yard.ledger.open()
        assert isinstance((await ask(yard))[-1], Finished)
        await yard.ledger.close()
        assert [(e["why"], e["level"]) for e in yard.records("E")] == [("start", "E1"), ("stop", "E1")]
        assert yard.kinds().count("S") == 1


def weaken(yard: Yard) -> None:
    facts = json.loads(facts_of("engine"))
    facts["proc"]["seccomp"] = 0
    yard.workers["engine"].told = json.dumps(facts)


async def test_evidence_below_what_the_policy_asks_for_ends_the_start(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        weaken(yard)
        assert await code_of(yard) == "confinement_failed"
        assert yard.house.readiness()["confinement"] == "confinement_failed"
        assert await ask(yard) == [Refused("confinement_failed", retry_after_s=2)]
        assert yard.house.evidence == ("E0", ("filter-differs",))
        assert yard.ledger.lost == ("filter-differs",)
        await yard.ledger.close()
        assert yard.kinds() == "SEX"
        assert (yard.records("X")[0]["why"], yard.records("X")[0]["code"]) == ("fault", "confinement_failed")
        said = [(line["event"], line.get("code")) for line in yard.journal()]
        assert ("confinement_failed", "filter-differs") in said
        assert verdict(yard) == "VERIFIED"


async def test_a_lock_that_fails_later_shuts_first_then_records_then_ends_for_good(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        order: list[str] = []

        async def shut(code: str) -> None:
            order.append(f"{code} after {yard.kinds()}")

        ended = asyncio.Event()
        yard.house.shut = shut
        yard.house.fault = lambda code: (order.append(code), ended.set())[1]
        weaken(yard)
        yard.clock.pass_ms(901_000)
        task = yard.tasks.create_task(yard.ledger.keep(0.01))
        await ended.wait()
        task.cancel()
        assert order == ["confinement_failed after SE", "confinement_failed"]
        assert await ask(yard) == [Refused("confinement_failed", retry_after_s=2)]
        await yard.ledger.close()
        assert [(e["why"], e["level"], e["reasons"]) for e in yard.records("E")] == [
            ("start", "E1", []),
            ("tick", "E0", ["filter-differs"]),
        ]
        assert (yard.records("X")[0]["why"], yard.records("X")[0]["code"]) == ("fault", "confinement_failed")
        assert verdict(yard).startswith("VERIFIED")


async def test_a_policy_that_asks_for_no_evidence_goes_on_and_says_e0(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        yard.house.policy = replace(yard.house.policy, evidence_min="E0")
        weaken(yard)
        await yard.ledger.open()
        assert yard.house.readiness()["confinement"] == "ok"
        assert isinstance((await ask(yard))[-1], Finished)
        await yard.ledger.close()
        assert [e["level"] for e in yard.records("E")] == ["E0", "E0"]
        assert yard.records("X")[0]["why"] == "stop"


async def test_a_worker_that_does_not_answer_is_replaced_and_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.evidence._PROBE_S", 0.3)
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        asked: list[str] = []
        yard.house.replace = asked.append
        yard.workers["analyst"].silent = True
        yard.clock.pass_ms(901_000)
        await ticked(yard)
        assert asked == ["analyst"]
        assert yard.ledger.lost == ()
        yard.workers["analyst"].silent = False
        await yard.ledger.replaced("analyst")
        assert yard.house.readiness()["confinement"] == "ok"
        await yard.ledger.close()
        assert [(e["why"], e["level"]) for e in yard.records("E")] == [
            ("start", "E1"), ("tick", "E0"), ("change", "E1"), ("stop", "E1"),
        ]  # fmt: skip


async def test_two_reasons_for_evidence_at_once_give_two_windows_and_no_gap(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.clock.pass_ms(900_000)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(yard.ledger.replaced("engine"))
            tasks.create_task(yard.ledger.replaced("analyst"))
        _, one, two = yard.records("E")
        assert (one["gaps"], two["gaps"], one["level"], two["level"]) == ([], [], "E1", "E1")
        assert two["window"]["from"] == one["window"]["to"]
        await yard.ledger.close()


async def test_a_worker_replaced_before_the_start_is_not_recorded(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.replaced("engine")
        assert yard.said.getvalue() == ""


async def test_a_log_that_is_not_enrolled_is_named_and_nothing_is_answered(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        for note in (tmp_path / "audit" / "notes").iterdir():
            note.unlink()
        assert await code_of(yard) == "audit_not_enrolled"
        assert (await ask(yard))[0] == Refused("not_ready", retry_after_s=2)
        await yard.ledger.close()  # nothing to close, nothing said
        assert yard.said.getvalue() == ""


async def test_a_tick_keeps_the_heartbeat_the_evidence_and_the_sleep(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.clock.sleep_ms(5_000)
        yard.clock.pass_ms(901_000)
        await ticked(yard)
        yard.clock.pass_ms(1_000)
        await yard.ledger.close()
        assert yard.records("H")[0]["asleep_ms"] == 5_000
        assert [e["why"] for e in yard.records("E")] == ["start", "tick", "stop"]


async def ticked(yard: Yard, count: int = 1) -> None:
    """Let `keep` tick so many times; each tick reads how long the computer slept."""
    until = yard.clock.readings + count
    task = yard.tasks.create_task(yard.ledger.keep(0.01))
    while yard.clock.readings <= until:  # noqa: ASYNC110 - the clock is a value, it signals nobody
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])


class Full:
    """A log on a disk that is full until it is told otherwise."""

    def __init__(self, log) -> None:
        self.log, self.full = log, True

    def __getattr__(self, name: str):
        if self.full and name in ("append", "block", "tick", "begin"):
            raise AuditError("audit_full", "the disk is nearly full")
        return getattr(self.log, name)


async def test_a_log_that_fails_is_said_once_refuses_and_recovers(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        full = Full(yard.ledger._log)
        yard.ledger._log = full
        await ticked(yard, 2)
        assert yard.house.readiness()["log"] == "audit_full"
        assert await ask(yard) == [Refused("audit_full", retry_after_s=2)]
        assert [line["code"] for line in yard.journal() if line["event"] == "log_failed"] == ["audit_full"]
        full.full = False
        await ticked(yard)
        assert yard.house.readiness()["log"] == "ok"
        assert isinstance((await ask(yard))[-1], Finished)
        await yard.ledger.close()
        assert verdict(yard) == "VERIFIED"


async def test_a_changed_token_registry_is_recorded_once(tmp_path: Path) -> None:
    from proxy.clients import NewClient

    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.house.clients.add(NewClient("ward", 1000, days=1), now_s=yard.clock.utc_ms / 1000)
        assert yard.house.changed
        await ticked(yard, 2)
        await yard.ledger.close()
        changes = yard.records("C")
        assert [(c["what"], c["old"], c["new"]) for c in changes] == [("access", "", yard.house.clients.digest)]
        assert verdict(yard) == "VERIFIED"  # who may ask is on record, and not the officer's to approve


async def test_a_registry_changed_while_nothing_ran_is_recorded_at_the_start(tmp_path: Path) -> None:
    from proxy.clients import NewClient

    async with housed(tmp_path) as yard:
        yard.house.clients.add(NewClient("ward", 1000, days=1), now_s=yard.clock.utc_ms / 1000)
        await yard.ledger.open()
        await yard.ledger.close()
        assert yard.kinds() == "SCEEX"
        assert verdict(yard) == "VERIFIED"


async def test_the_post_is_collected_while_the_service_runs(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        post = PostBox.beside(tmp_path / "audit")
        keeping = yard.tasks.create_task(yard.ledger.keep(0.01))
        await until(post.inbox.is_dir)
        post.put("export-1.json", request_of(None))
        post.put("wrong.note", b"nonsense")
        await until(lambda: post.answer("export-1.json") and post.answer("wrong.note"))
        keeping.cancel()
        await asyncio.wait([keeping])
        await yard.ledger.close()
        assert [item.done for name in ("export-1.json", "wrong.note") if (item := post.answer(name))] == [True, False]
        assert "O" in yard.kinds()
        assert sorted(line["code"] for line in yard.journal() if line["event"] == "post") == ["done", "refused"]
        trust, keyring = read_officer(yard.folder / "officer")
        with next(post.outbox.glob("*.zip")).open("rb") as file:
            assert examine(read_package(file), trust, keyring).verdict.startswith("VERIFIED")


async def until(holds) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


async def test_a_tally_that_cannot_be_written_is_not_lost(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.house.refuse_access("uid:1000", "token_missing")
        yard.house.refuse_parse(CALLER, "bad_json")
        recorder, yard.house.recorder = yard.house.recorder, Unwritable()  # type: ignore[assignment]
        with pytest.raises(CordonError):
            await yard.ledger._write_tally()
        yard.house.recorder = recorder
        await yard.ledger.close()
        assert [(b["stage"], b["code"], b["caller"]["kind"]) for b in yard.records("B")] == [
            ("access", "token_missing", "uid"),
            ("parse", "bad_json", "extension"),
        ]


class Unwritable:
    """A recorder whose disk is full."""

    async def refuse_early(self, refusals) -> None:
        raise CordonError("audit_full")


async def test_an_end_that_cannot_be_written_is_said_and_ends(tmp_path: Path) -> None:
    async with housed(tmp_path) as yard:
        await yard.ledger.open()
        yard.ledger._log.stop("stop", at=yard.clock.instant())  # as if the disk were gone: every later write fails
        await yard.ledger.close()
        assert [line["event"] for line in yard.journal()][-1] == "log_failed"
        await yard.ledger.close()
