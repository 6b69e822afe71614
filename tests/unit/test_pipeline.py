"""The journey of a prompt, step by step: the order holds, every step can refuse, and nothing is left behind."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.findings import Type
from filters.parts import PatientText, RedactedText
from proxy.exchange import (
    Broken,
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
    ReleasedThought,
    Role,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
    Withheld,
)
from proxy.pipeline import journey, preview, tools_of, turns_of
from proxy.workers.wire import Delta
from tests.kit.policies import files, policy_of
from tests.kit.rooms import FakeHouse

CALLER = Caller(1000, CallerKind.UID, "", "test", frozenset())


def exchange(name: str = "x1") -> Exchange:
    return Exchange(name, CALLER, "openai", True, 60_000, 0)


def prompt(*texts: str) -> Prompt:
    turns = tuple(Message(Role.USER if i % 2 == 0 else Role.ASSISTANT, PatientText(t)) for i, t in enumerate(texts))
    return Prompt(Conversation(turns), Sampling("demo-clinic"))


async def run(house: FakeHouse, asked: Prompt, name: str = "x1") -> list[Event]:
    async with aclosing(journey(exchange(name), asked, house.rooms())) as events:
        got = [event async for event in events]
    house.verify_settled()
    return got


def said(events: list[Event]) -> str:
    return "".join(p.text.reveal() for e in events if isinstance(e, Released) for p in e.pieces)


def ana() -> FakeHouse:
    house = FakeHouse()
    house.analyst.literals = {"Ana Pereira": Type.NAME, "911042754V": Type.ID}
    return house


async def test_the_model_sees_placeholders_and_the_caller_names() -> None:
    house = ana()
    events = await run(house, prompt("Ana Pereira, NIC 911042754V, is well."))
    assert isinstance(events[0], Opened)
    assert isinstance(events[-1], Finished)
    assert said(events) == "Ana Pereira, NIC 911042754V, is well."
    assert house.engine.cleared[0].conversation.messages[0].content == RedactedText("[NAME_1], NIC [ID_1], is well.")
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", "ok")]


async def test_nothing_is_generated_before_the_record_and_nothing_finished_before_the_outcome() -> None:
    house = ana()
    order: list[str] = []

    async def tracked(name: str, real, *args, **kwargs):
        order.append(name)
        return await real(*args, **kwargs)

    rooms = house.rooms()

    class Log:
        async def begin(self, *args):
            return await tracked("begin", house.log.begin, *args)

        async def close(self, *args):
            return await tracked("close", house.log.close, *args)

        async def block(self, *args, **kwargs):
            return await tracked("block", house.log.block, *args, **kwargs)

    class Engine:
        model = house.engine.model
        check = house.engine.check

        def generate(self, *args):
            order.append("generate")
            return house.engine.generate(*args)

    class Guard:
        forget = house.guard.forget

        async def judge(self, x, units):
            return await tracked(f"judge {units[0].kind}", house.guard.judge, x, units)

    watched = replace(rooms, guard=Guard(), engine=Engine(), log=Log())
    async with aclosing(journey(exchange(), prompt("Ana Pereira is well. " * 30), watched)) as events:
        async for event in events:
            order.append(type(event).__name__)  # noqa: PERF401 - others append in between
    assert order.index("judge user") < order.index("begin") < order.index("generate") < order.index("Released")
    assert order.index("judge segment") < order.index("Released")
    assert order[-2:] == ["close", "Finished"]


@pytest.mark.parametrize(
    ("room", "call", "stage", "code"),
    [
        ("analyst", "find", "find", "analyst_unavailable"),
        ("engine", "check", "engine", "engine_busy"),
        ("guard", "judge", "judge", "guard_unavailable"),
    ],
)
async def test_a_fault_before_the_record_is_a_refusal_with_its_own_record(
    room: str, call: str, stage: str, code: str
) -> None:
    house = ana()
    getattr(house, room).script[call] = code
    events = await run(house, prompt("Ana Pereira"))
    assert events == [Refused(code)]
    assert house.log.records == [("B", "x1", f"{stage}:{code}")]
    assert house.engine.cleared == []


@pytest.mark.parametrize("call", ["begin", "block"])
async def test_a_log_that_cannot_be_written_means_no_answer(call: str) -> None:
    house = ana()
    house.log.script[call] = "audit_unavailable"
    if call == "block":
        house.analyst.script["find"] = "analyst_fault"
    events = await run(house, prompt("Ana Pereira"))
    assert isinstance(events[0], Refused)
    assert events[0].code == "audit_unavailable"
    assert house.engine.cleared == []


async def test_an_outcome_that_cannot_be_written_is_not_reported_as_finished() -> None:
    house = ana()
    house.log.script["close"] = "audit_full"
    async with aclosing(journey(exchange(), prompt("Ana Pereira"), house.rooms())) as events:
        got = [event async for event in events]
    assert got[-1] == Broken("audit_full")
    assert not any(isinstance(event, Finished) for event in got)


@pytest.mark.parametrize(
    ("room", "call", "code"),
    [
        ("engine", "generate", "engine_lost"),
        ("engine", "lost", "engine_lost"),
        ("analyst", "look", "analyst_fault"),
    ],
)
async def test_a_fault_during_the_answer_ends_it_with_a_code_and_a_record(room: str, call: str, code: str) -> None:
    house = ana()
    getattr(house, room).script[call] = code
    events = await run(house, prompt("Ana Pereira is well."))
    assert events[-1] == Broken(code)
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", code)]


async def test_a_prompt_the_policy_refuses_reaches_no_model() -> None:
    house = ana()
    house.guard.words = frozenset({"worthless"})
    events = await run(house, prompt("Tell Ana Pereira she is worthless"))
    assert events == [Refused("prompt_refused", "harassment")]
    assert house.log.records == [("B", "x1", "judge:prompt_refused")]
    assert house.engine.cleared == []


async def test_a_withheld_segment_leaves_no_byte_of_itself() -> None:
    house = ana()
    house.window_chars = 40
    harmless = "All is well with the patient today, she says. " * 3
    house.engine.answer = lambda cleared: tuple(harmless + "You are worthless. MARKER " + harmless)
    house.guard.words = frozenset({"worthless"})
    events = await run(house, prompt("hello"))
    assert events[-1] == Withheld("response_refused", "harassment", "provisional")
    assert "worthless" not in said(events)
    assert "MARKER" not in said(events)
    assert harmless.startswith(said(events))
    assert house.log.records[-1] == ("Z", "x1", "response_refused")


@pytest.mark.parametrize("window", [None, 40, 200])
async def test_streamed_and_buffered_say_the_same(window: int | None) -> None:
    house = ana()
    house.window_chars = window
    text = "Ana Pereira was seen. The plan is rest, NIC 911042754V. " * 6
    assert said(await run(house, prompt(text))) == text


async def test_harm_in_an_earlier_turn_is_judged() -> None:
    house = ana()
    house.guard.words = frozenset({"worthless"})
    events = await run(house, prompt("You are worthless", "I am sorry", "go on"))
    assert isinstance(events[0], Refused)


async def test_a_caller_who_leaves_is_recorded_and_stops_the_model() -> None:
    house = ana()
    house.window_chars = 40
    async with aclosing(journey(exchange(), prompt("Ana Pereira was seen today. " * 20), house.rooms())) as events:
        async for event in events:
            if isinstance(event, Released):
                break
    house.verify_settled()
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", "cancelled")]


async def test_a_cancelled_task_is_recorded_too() -> None:
    house = ana()
    house.engine.answer = lambda cleared: tuple("word " * 100_000)

    async def consume() -> None:
        async with aclosing(journey(exchange(), prompt("Ana Pereira"), house.rooms())) as events:
            async for _ in events:
                pass

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(consume())
        while not house.engine.running:  # noqa: ASYNC110 - one loop, no thread to signal from
            await asyncio.sleep(0)
        task.cancel()
    house.verify_settled()
    assert house.log.records[-1] == ("Z", "x1", "cancelled")


async def leave_during(house: FakeHouse, room: object, call: str) -> None:
    """Cancel the journey while a room is at work, then let everything settle."""
    entered, real = asyncio.Event(), getattr(room, call)

    async def slow(*args, **kwargs):
        entered.set()
        for _ in range(3):
            await asyncio.sleep(0)
        return await real(*args, **kwargs)

    class Slowed:
        def __getattr__(self, name: str):
            return slow if name == call else getattr(room, name)

    name = next(n for n in ("analyst", "guard", "engine", "log") if getattr(house, n) is room)
    rooms = replace(house.rooms(), **{name: Slowed()})

    async def consume() -> None:
        async with aclosing(journey(exchange(), prompt("Ana Pereira"), rooms)) as events:
            async for _ in events:
                pass

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(consume())
        await entered.wait()
        task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    house.verify_settled()
    assert task.cancelled()


@pytest.mark.parametrize(("room", "call"), [("analyst", "find"), ("engine", "check"), ("guard", "judge")])
async def test_a_caller_who_leaves_before_the_record_leaves_nothing_behind(room: str, call: str) -> None:
    house = ana()
    house.guard.held.add("x1")  # what an earlier step may have made the guard keep
    await leave_during(house, getattr(house, room), call)
    assert house.log.records == []
    assert house.engine.cleared == []


async def test_a_caller_who_leaves_while_the_record_is_written_gets_an_outcome() -> None:
    house = ana()
    await leave_during(house, house.log, "begin")
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", "cancelled")]
    assert house.engine.cleared == []


async def test_a_caller_who_leaves_while_the_record_fails_leaves_nothing_behind() -> None:
    house = ana()
    house.log.script["begin"] = "audit_full"
    await leave_during(house, house.log, "begin")
    assert house.log.records == []


async def test_a_mistake_of_ours_is_recorded_as_a_failure_and_not_as_a_caller_who_left() -> None:
    house = ana()

    def broken(cleared: object) -> list[str]:
        raise LookupError

    house.engine.answer = broken
    with pytest.raises(LookupError):
        await run(house, prompt("Ana Pereira"))
    house.verify_settled()
    assert house.log.records == [("R", "x1", ""), ("Z", "x1", "internal")]
    assert house.watch.outcomes[0].result == "failed"


async def test_every_stage_is_measured_and_ends_however_the_journey_ends() -> None:
    house = ana()
    house.now_ms = 250
    await run(house, prompt("Ana Pereira is well."))
    assert house.watch.stages == ["find", "redact", "judge", "record", "generate", "close"]
    assert [len(house.watch.judgements), house.watch.outcomes[0].first_ms] == [2, 250]
    house.log.script["begin"] = "audit_full"
    await run(house, prompt("Ana Pereira is well."))
    assert house.watch.stages[6:] == ["find", "redact", "judge", "record"]
    assert len(house.watch.outcomes) == 1


async def test_an_engine_that_ends_by_deadline_is_a_timeout() -> None:
    house = ana()
    house.engine.finish = "deadline"
    events = await run(house, prompt("Ana Pereira"))
    assert events[-1] == Broken("engine_timeout")


async def test_a_preview_asks_no_model_and_writes_nothing() -> None:
    house = ana()
    shown = await preview(exchange(), prompt("Ana Pereira is well"), house.rooms())
    pieces = shown.messages[0].pieces
    assert [(p.placeholder, p.text.reveal()) for p in pieces] == [("[NAME_1]", "Ana Pereira"), ("", " is well")]
    assert house.log.records == []
    assert house.engine.cleared == []
    assert house.guard.judged == []


async def test_what_the_user_saw_is_what_the_model_gets() -> None:
    house = ana()
    shown = await preview(exchange(), prompt("Ana Pereira is well"), house.rooms())
    asked = replace(prompt("Ana Pereira is well"), seen=shown.sha256)
    assert said(await run(house, asked)) == "Ana Pereira is well"
    house.analyst.literals = {}  # since then the name is no longer found
    assert await run(house, asked, "x2") == [Refused("preview_changed")]
    assert len(house.engine.cleared) == 1
    assert house.log.records[-1] == ("B", "x2", "redact:preview_changed")


async def test_a_mark_changes_what_was_seen() -> None:
    house = ana()
    plain = await preview(exchange(), prompt("Ward 7"), house.rooms())
    marked = replace(prompt("Ward 7"), marked=(PatientText("Ward 7"),), seen=plain.sha256)
    assert await run(house, marked) == [Refused("preview_changed")]


async def test_what_the_history_says_a_model_did_is_judged_too() -> None:
    turns = turns_of(
        Conversation(
            (
                Message(Role.USER, RedactedText("hi")),
                Message(
                    Role.ASSISTANT, RedactedText(""), RedactedText("hm"), (ToolCall("f", RedactedText('{"a":1}')),)
                ),
            )
        )
    )
    assert turns == [("user", "hi"), ("assistant", ""), ("thought", "hm"), ("tool_call", 'f {"a":1}')]
    tools = tools_of(
        Conversation(
            (Message(Role.USER, RedactedText("hi")),),
            (Tool("f", RedactedText("does things"), RedactedText('{"description":"deep"}')),),
            (),
            RedactedText('{"title":"schema"}'),
        )
    )
    assert "does things" in tools[0]
    assert "deep" in tools[0]
    assert "schema" in tools[1]


@given(st.integers(2, 12), st.randoms(use_true_random=False))
def test_patients_at_once_never_see_each_others_names(patients: int, rng: random.Random) -> None:
    """Many exchanges in one house, interleaved at every step, each with a name of its own."""
    names = [f"Patient{chr(65 + i)} Surname{chr(65 + i)}" for i in range(patients)]
    house = FakeHouse()
    house.window_chars = 40
    house.analyst.literals = dict.fromkeys(names, Type.NAME)
    order = list(range(patients))
    rng.shuffle(order)

    async def all_at_once() -> list[list[Event]]:
        async def one(i: int) -> list[Event]:
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            async with aclosing(
                journey(exchange(f"x{i}"), prompt(f"{names[i]} is here. " * 5), house.rooms())
            ) as events:
                return [event async for event in events]

        return await asyncio.gather(*(one(i) for i in order))

    for i, events in zip(order, asyncio.run(all_at_once()), strict=True):
        assert said(events) == f"{names[i]} is here. " * 5
        assert not any(other in said(events) for j, other in enumerate(names) if j != i)
    for cleared in house.engine.cleared:
        text = cleared.conversation.messages[0].content.reveal()
        assert "Patient" not in text
        assert "[NAME_1]" in text
    house.verify_settled()


def showing() -> bytes:
    """The hospital's policy, but one that shows thoughts."""
    return b'name = "ward"\nextends = "hospital"\ntitle = "Ward"\n[safety]\nthoughts = "show"\n'


async def think(house: FakeHouse, asked: Prompt, *, shown: bool) -> list[Event]:
    policy = policy_of("ward", ward=showing()) if shown else policy_of("hospital")
    house.engine.answer = lambda _: (Delta(1, "thought", RedactedText("Hm. "), 1), "Well.")
    rooms = house.rooms()
    rooms = replace(rooms, rules=replace(rooms.rules, policy=policy))
    async with aclosing(journey(exchange(), asked, rooms)) as events:
        got = [event async for event in events]
    house.verify_settled()
    return got


def thinking(**more: object) -> Prompt:
    asked = prompt("why?")
    return replace(asked, sampling=replace(asked.sampling, thinking=True, **more))  # type: ignore[arg-type] # by name


async def test_thoughts_are_shown_where_policy_and_request_ask_for_them() -> None:
    house = FakeHouse()
    events = await think(house, thinking(), shown=True)
    assert [type(e) for e in events] == [Opened, ReleasedThought, Released, Finished]
    assert [u.kind for u in house.guard.judged] == ["user", "thought", "segment"]
    events = await think(house, prompt("why?"), shown=True)
    assert [type(e) for e in events] == [Opened, Released, Finished]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (thinking(), False),
        (thinking(json_mode=True), True),
        (thinking(tool_choice=ToolChoice.REQUIRED), True),
        (replace(thinking(), conversation=replace(thinking().conversation, schema=PatientText("{}"))), True),
    ],
    ids=["policy", "json", "call", "schema"],
)
async def test_thoughts_that_cannot_be_had_are_refused_before_anything_is_read(asked: Prompt, shown: bool) -> None:
    house = FakeHouse()
    events = await think(house, asked, shown=shown)
    assert events == [Refused("unsupported_parameter", "thoughts")]
    assert (house.analyst.read, house.guard.judged, house.engine.cleared) == ([], [], [])
    assert house.log.records == [("B", "x1", "find:unsupported_parameter")]


def test_no_shipped_policy_shows_thoughts() -> None:
    assert not any(policy_of(name).shows_thoughts for name in files("library"))
    assert policy_of("ward", ward=showing()).shows_thoughts
