"""The journey with the real guard behind the real link: what overlaps, and what each fault of a guard ends in.

The engine is a real process on the bundled models; detectors and log are the fakes of the pipeline's tests. Whatever
happens to the guard, at whichever step: the code is its own, and nothing is shown that was not judged.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from filters.parts import PatientText
from filters.safety import Direction, Unit
from filters.verdicts import Basis, VerdictCache
from proxy import judging
from proxy.exchange import Broken, Conversation, Event, Exchange, Message, Prompt, Refused, Released, Role, Sampling
from proxy.judging import Guard, guard_of
from proxy.pipeline import journey
from proxy.rooms import Judgement, Rooms
from proxy.workers.admission import FairQueue
from proxy.workers.client import EngineClient, Link
from proxy.workers.wire import Credit, Delta, Done, Score, Scored
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role, said
from tests.kit.judges import DEMO_GUARD, EXCHANGE, demo_policy
from tests.kit.rooms import FakeHouse

_ANSWERER = DEMO_GUARD.with_name("demo-chat.gguf")
_NOTE = (
    "Summarise this note.\n\n[NAME_1] has had a cough and fever for three days. Plan: rest, fluids, review on [DATE_1]."
)
_CALM = "The chest is clear and the blood pressure is normal today. "


def _sha256(name: str) -> str:
    return hashlib.sha256(DEMO_GUARD.with_name(name).read_bytes()).hexdigest()


@dataclass
class _Watched:
    """The real guard, and what happens before its n-th judgement of an answer."""

    real: Guard
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    asked: list[Unit] = field(default_factory=list)

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        if units[0].direction is Direction.RESPONSE:
            self.before.get(len(self.asked), lambda: None)()
            self.asked += units
        return await self.real.judge(exchange, units)

    async def forget(self, exchange: Exchange) -> None:
        await self.real.forget(exchange)


@dataclass
class _House(FakeHouse):
    """The pipeline's fake rooms, but for the guard."""

    watched: _Watched | None = None

    def rooms(self) -> Rooms:
        assert self.watched is not None
        return replace(super().rooms(), guard=self.watched)


@asynccontextmanager
async def _guarded() -> AsyncGenerator[tuple[_House, EngineProcess]]:
    role = guard_role(DEMO_GUARD, _sha256("demo-guard.gguf"), id="demo-guard", context=4096)
    policy = demo_policy()
    with EngineProcess(engine_plan(role)) as process:
        link = Link("engine_lost", "engine_unavailable")
        serving = asyncio.create_task(link.serve(process.link))
        await link.wait_up()
        client = EngineClient(link, link, FairQueue(), now_s=time.monotonic)
        basis = Basis(policy.digest, policy.calibration_digest, "g")
        guard = Guard(client, guard_of(policy), policy, basis, VerdictCache(bytes(32)), time.monotonic)
        house = _House(window_chars=120, watched=_Watched(guard))
        house.engine.answer = lambda _: tuple(_CALM * 8)
        try:
            yield house, process
        finally:
            with suppress(ProcessLookupError):  # it may have been killed
                os.kill(process.process.pid, signal.SIGCONT)
            link.close()
            await serving


async def _asked(house: _House, *, stream: bool = True) -> list[Event]:
    prompt = Prompt(Conversation((Message(Role.USER, PatientText("How is the patient?")),)), Sampling("demo-clinic"))
    async with aclosing(journey(replace(EXCHANGE, stream=stream), prompt, house.rooms())) as happening:
        return [event async for event in happening]


def _shown(events: Sequence[Event]) -> str:
    return "".join(piece.text.reveal() for event in events if isinstance(event, Released) for piece in event.pieces)


async def test_a_fine_answer_passes_segment_by_segment() -> None:
    async with _guarded() as (house, _):
        assert _shown(await _asked(house)) == _CALM * 8
        assert house.watched is not None
        assert len(house.watched.asked) > 2
        assert [unit.seg for unit in house.watched.asked] == list(range(len(house.watched.asked)))


# ---- failing is refusing, at each step ---------------------------------------------------------------------------

_CODES = {"killed": "guard_unavailable", "hung": "guard_timeout"}


def _strike(monkeypatch: pytest.MonkeyPatch, process: EngineProcess, fault: str) -> None:
    """The guard dies, or stands still and is waited for no longer than a moment."""
    if fault == "killed":
        os.kill(process.process.pid, signal.SIGKILL)
        return
    monkeypatch.setattr(judging, "_MIN_LIMIT_S", 0.4)
    os.kill(process.process.pid, signal.SIGSTOP)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", ["killed", "hung"])
async def test_a_fault_while_the_prompt_is_judged(monkeypatch: pytest.MonkeyPatch, fault: str, stream: bool) -> None:
    async with _guarded() as (house, process):
        _strike(monkeypatch, process, fault)
        events = await _asked(house, stream=stream)
    assert [(type(event), event.code) for event in events] == [(Refused, _CODES[fault])]  # type: ignore[union-attr]
    assert not house.engine.cleared  # no model was asked
    assert house.log.records == [("B", "x1", f"judge:{_CODES[fault]}")]


@pytest.mark.parametrize("segment", [0, 2])
@pytest.mark.parametrize("fault", ["killed", "hung"])
async def test_a_fault_while_an_answer_is_judged(monkeypatch: pytest.MonkeyPatch, fault: str, segment: int) -> None:
    async with _guarded() as (house, process):
        assert house.watched is not None
        house.watched.before[segment] = lambda: _strike(monkeypatch, process, fault)
        events = await _asked(house)
        judged = [unit.text for unit in house.watched.asked]
    assert events[-1] == Broken(_CODES[fault])
    assert (_CALM * 8).startswith(_shown(events))
    assert len(_shown(events)) <= (len(judged[segment - 1]) if segment else 0)  # only what was judged before
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", _CODES[fault])]
    assert not house.engine.running


async def test_a_guard_that_was_hung_judges_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with _guarded() as (house, process):
        _strike(monkeypatch, process, "hung")
        assert isinstance((await _asked(house))[-1], Refused)
        monkeypatch.undo()
        os.kill(process.process.pid, signal.SIGCONT)
        assert _shown(await _asked(house)) == _CALM * 8


# ---- judging overlaps generation ---------------------------------------------------------------------------------


def test_an_answer_goes_on_while_a_segment_is_judged() -> None:
    """The answer waits for credit; verdict and credit are asked for in one breath, and text comes before the verdict.

    The engine takes a step of the answer after every step of the guard, so nobody's clock is in this: a segment of
    2,000 tokens is judged in pieces, and between the pieces the answer grows.
    """
    guard = guard_role(DEMO_GUARD, _sha256("demo-guard.gguf"), id="demo-guard", context=4096)
    answer = answer_role(_ANSWERER, _sha256("demo-chat.gguf"), id="demo-chat", context=2048, max_tokens=200)
    questions = guard_of(demo_policy()).questions(Unit("segment", Direction.RESPONSE, "How is he?", _CALM * 130, 0))
    score = Score(2, "x1", questions.prefix, questions.suffixes, questions.answers, 60_000)
    with EngineProcess(engine_plan(answer, guard)) as process:
        process.hello()
        process.send(generate(1, _NOTE, max_tokens=160, credits=2))
        assert isinstance(process.until(Delta)[-1], Delta)
        process.send(score, Credit(1, 1_000))
        meanwhile = process.until(Scored)[:-1]
        scored = process.until(Done)
        whole = said([*meanwhile, *scored])
        assert sum(isinstance(message, Delta) for message in meanwhile) >= 3
        assert whole
        process.send(generate(3, _NOTE, max_tokens=160, caller="alone"))
        assert said(process.until(Done)).endswith(whole)  # and it says what it says when nobody is judged
