"""Step 8: what a model says leaves only after it was judged, scanned and restored; every ending has its code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.log import Ticket
from filters.findings import Finding, Found, Source, Type
from filters.output import OutAction, OutActions
from filters.parts import PatientText, RedactedText
from filters.vault import Vault
from policies.decide import Decision, Evidence, Verdict
from proxy.answer import Answer, Withhold, answer
from proxy.errors import CordonError
from proxy.exchange import (
    Caller,
    CallerKind,
    Cleared,
    Conversation,
    Exchange,
    Finish,
    Finished,
    Message,
    Prompt,
    Released,
    ReleasedCall,
    ReleasedThought,
    Role,
    Sampling,
    Usage,
)
from proxy.pipeline import redact_prompt
from proxy.rooms import Judgement, Outcome
from proxy.workers.wire import Delta, Done, ToolCallOut
from tests.kit.rooms import FakeHouse

EXCHANGE = Exchange("x1", Caller(1000, CallerKind.UID, "", "t", frozenset()), "openai", True, 60_000, 1_000)
NAME, MAIL = "Ana Pereira", "ana@mail.example"


def call(**arguments: object) -> ToolCallOut:
    return ToolCallOut(1, "book", RedactedText(json.dumps(arguments)))


@dataclass
class Case:
    """One answer: the vault knows `NAME` as [NAME_1]."""

    says: Sequence[str | Delta | ToolCallOut]
    house: FakeHouse = field(default_factory=FakeHouse)
    vault: Vault = field(default_factory=Vault)
    outcome: Outcome = field(default_factory=Outcome)
    flags: tuple[str, ...] = ()
    rules: dict[str, object] = field(default_factory=dict)
    thinking: bool = False

    async def run(self) -> list[object]:
        self.house.engine.answer = lambda cleared: self.says
        rooms = self.house.rooms()
        rooms = replace(rooms, rules=replace(rooms.rules, **self.rules))  # type: ignore[arg-type]
        finding = Finding(0, len(NAME), Type.NAME, "person", 900, Source.PATTERN)
        sampling = Sampling("m", thinking=self.thinking)
        asked = Prompt(Conversation((Message(Role.USER, PatientText(NAME)),)), sampling)
        redacted, _ = redact_prompt(asked, Found(((finding,),), ((),), ()), self.vault, rooms)
        cleared = Cleared(redacted.conversation, redacted.sampling, Ticket(1, "x1"), self.flags)
        got = []
        async with aclosing(answer(Answer(EXCHANGE, cleared, self.vault, rooms, self.outcome, "why?"))) as events:
            async for event in events:
                got.append(event)
                self.events = got
        return got

    events: list[object] = field(default_factory=list)

    async def code(self) -> str:
        with pytest.raises(CordonError) as caught:
            await self.run()
        assert self.house.engine.running == 0
        return caught.value.code

    async def rule(self) -> str:
        with pytest.raises(Withhold) as caught:
            await self.run()
        assert self.house.engine.running == 0
        return caught.value.rule


def said(events: Sequence[object]) -> str:
    return "".join(p.text.reveal() for e in events if isinstance(e, Released) for p in e.pieces)


def arguments(events: Sequence[object]) -> list[object]:
    return [json.loads("".join(p.text.reveal() for p in e.arguments)) for e in events if isinstance(e, ReleasedCall)]


async def test_a_placeholder_becomes_the_name_again_and_is_counted() -> None:
    case = Case(["[NAME", "_1] is well; [NAME_2] is not known."])
    events = await case.run()
    assert said(events) == "Ana Pereira is well; [NAME_2] is not known."
    assert (case.outcome.restored, case.outcome.unresolved) == (1, 1)
    assert case.outcome.released == len(said(events))
    assert case.outcome.chars == len("[NAME_1] is well; [NAME_2] is not known.")
    assert "".join(t.reveal() for t in case.outcome.said) == "[NAME_1] is well; [NAME_2] is not known."


async def test_the_end_tells_what_the_engine_counted_and_every_flag_once() -> None:
    case = Case(["well."], flags=("hate/prompt", "language/unsupported"))
    flagged = Decision(Verdict.FLAG, "", "", ("language/unsupported", "hate/response"), ())
    case.house.guard = Deciding(flagged)  # type: ignore[assignment]
    events = await case.run()
    assert events[-1] == Finished(
        Finish.STOP, Usage(10, 1, 0, 1, 1, 0), ("hate/prompt", "language/unsupported", "hate/response"), "provisional"
    )  # fmt: skip


@dataclass
class Deciding:
    """A guard with one decision for everything; keeps what it was asked."""

    decision: Decision
    judged: list[object] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    async def judge(self, exchange, units):
        self.judged += units
        return Judgement(self.decision, Evidence(()), 1)

    async def forget(self, exchange) -> None:
        return


@pytest.mark.parametrize(
    ("finish", "code"),
    [
        ("deadline", "engine_timeout"),
        ("cancelled", "engine_lost"),
        ("fault", "engine_fault"),
        ("", "engine_fault"),
        ("content_filter", "engine_fault"),
    ],
)
async def test_an_ending_that_is_none_is_a_fault(finish: str, code: str) -> None:
    case = Case(["well."])
    case.house.engine.finish = finish
    assert await case.code() == code
    assert not any(isinstance(e, Finished) for e in case.events)


@pytest.mark.parametrize("finish", ["stop", "length"])
async def test_an_ending_is_passed_on(finish: str) -> None:
    case = Case(["well."])
    case.house.engine.finish = finish
    assert (await case.run())[-1].finish.value == finish  # type: ignore[attr-defined]


class Own:
    """An engine that says exactly these items."""

    def __init__(self, *items: object) -> None:
        self.items, self.running = items, 0

    model = FakeHouse().engine.model

    async def generate(self, exchange, cleared):
        self.running += 1
        try:
            for item in self.items:
                yield item
        finally:
            self.running -= 1


async def test_the_code_of_the_engine_is_the_code_of_the_answer() -> None:
    case = Case([])
    case.house.engine = Own(Done(1, "failed", "content_tokens", 1, 0, 0, 1, 1))  # type: ignore[assignment]
    with pytest.raises(CordonError, match="content_tokens"):
        await run_own(case)


async def run_own(case: Case) -> list[object]:
    engine = case.house.engine
    case.house.engine = FakeHouse().engine
    rooms = replace(case.house.rooms(), engine=engine)
    cleared = Cleared(Conversation((Message(Role.USER, RedactedText("hi")),)), Sampling("m"), Ticket(1, "x1"), ())
    async with aclosing(answer(Answer(EXCHANGE, cleared, case.vault, rooms, case.outcome, "why?"))) as events:
        return [event async for event in events]


async def test_an_engine_that_stops_without_an_end_is_lost() -> None:
    case = Case([])
    case.house.engine = Own(Delta(1, "content", RedactedText("well."), 1))  # type: ignore[assignment]
    with pytest.raises(CordonError, match="engine_lost"):
        await run_own(case)


async def test_thoughts_that_nobody_asked_for_are_dropped() -> None:
    case = Case([])
    case.house.engine = Own(  # type: ignore[assignment]
        Delta(1, "thought", RedactedText("SECRET"), 1),
        Delta(1, "content", RedactedText("well."), 1),
        Done(1, "stop", "", 1, 2, 3, 1, 1, 7),
    )
    events = await run_own(case)
    assert said(events) == "well."
    assert [u.text for u in case.house.guard.judged] == ["well."]
    assert events[-1].usage == Usage(1, 2, 3, 1, 1, 0, 7)  # type: ignore[attr-defined]
    assert "SECRET" not in "".join(text.reveal() for text in case.outcome.said)


def thought(text: str) -> Delta:
    return Delta(1, "thought", RedactedText(text), 1)


def thoughts(events: Sequence[object]) -> str:
    return "".join(p.text.reveal() for e in events if isinstance(e, ReleasedThought) for p in e.pieces)


async def test_thoughts_are_judged_scanned_and_restored_on_a_channel_of_their_own() -> None:
    case = Case([thought("[NAME_1] wrote "), thought(f"to {MAIL}."), "[NAME_1] is well."], thinking=True)
    case.house.analyst.literals = {MAIL: Type.EMAIL}
    events = await case.run()
    assert [type(e) for e in events] == [ReleasedThought, Released, Finished]
    assert thoughts(events) == f"{NAME} wrote to [EMAIL]."
    assert said(events) == f"{NAME} is well."
    assert [(u.kind, u.text) for u in case.house.guard.judged] == [
        ("thought", f"[NAME_1] wrote to {MAIL}."), ("segment", "[NAME_1] is well."),
    ]  # fmt: skip
    assert (case.outcome.restored, case.outcome.masked, case.outcome.segments) == (2, {"OTHER": 1}, 2)
    assert case.outcome.released == len(thoughts(events)) + len(said(events))


async def test_half_a_placeholder_in_each_channel_is_none() -> None:
    case = Case([thought("[NAM"), "E_1] is", thought("E_1]"), " well"], thinking=True)
    events = await case.run()
    assert (thoughts(events), said(events)) == ("[NAME_1]", "E_1] is well")
    assert case.outcome.restored == 0


@pytest.mark.parametrize("window", [40, None])
async def test_a_refused_thought_ends_the_answer_and_no_byte_of_it_leaves(window: int | None) -> None:
    fine = "The dose is right, I think. " * 12
    case = Case([thought(fine), thought("You are worthless. "), "Take it twice a day."], thinking=True)
    case.house.window_chars = window
    case.house.guard.words = frozenset({"worthless"})
    assert await case.rule() == "harassment"
    assert "worthless" not in thoughts(case.events)
    assert said(case.events) == ""
    assert all(isinstance(event, ReleasedThought) for event in case.events)
    assert bool(case.events) == (window is not None)


async def test_a_refused_answer_after_a_permitted_thought_is_withheld_too() -> None:
    case = Case([thought("Let me see. " * 30), "You are worthless."], thinking=True)
    case.house.window_chars = 40
    case.house.guard.words = frozenset({"worthless"})
    assert await case.rule() == "harassment"
    assert thoughts(case.events).startswith("Let me see. ")
    assert said(case.events) == ""


async def test_a_thought_between_calls_keeps_their_order() -> None:
    case = Case([thought("First. "), call(a=1), thought("Then. "), call(a=2)], thinking=True)
    events = await case.run()
    assert [type(e) for e in events] == [ReleasedThought, ReleasedCall, ReleasedThought, ReleasedCall, Finished]
    assert [u.kind for u in case.house.guard.judged] == ["thought", "tool_call", "thought", "tool_call"]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([40, None]))
async def test_both_channels_come_out_the_same_however_they_are_cut(one: int, other: int, window: int | None) -> None:
    def cut(text: str, size: int) -> list[str]:
        return [text[i : i + size] for i in range(0, len(text), size)]

    private, public = f"[NAME_1] may be ill. Ask {MAIL}. " * 4, "Rest, [NAME_1]. It will pass. " * 5
    case = Case([*map(thought, cut(private, one)), *cut(public, other)], thinking=True)
    case.house.window_chars = window
    case.house.analyst.literals = {MAIL: Type.EMAIL}
    events = await case.run()
    assert thoughts(events) == private.replace("[NAME_1]", NAME).replace(MAIL, "[EMAIL]")
    assert said(events) == public.replace("[NAME_1]", NAME)
    kinds = [u.kind for u in case.house.guard.judged]
    assert kinds == sorted(kinds, reverse=True)
    assert len(kinds) == (2 if window is None else kinds.count("thought") + kinds.count("segment"))


async def test_nothing_said_is_an_answer_too() -> None:
    case = Case([])
    events = await case.run()
    assert [type(e) for e in events] == [Finished]
    assert (case.outcome.segments, case.outcome.first_ms) == (0, None)


async def test_the_first_text_that_leaves_is_timed_from_arrival() -> None:
    case = Case(["one. " * 30, "two. " * 30])
    case.house.window_chars = 40
    case.house.now_ms = 1_250
    await case.run()
    assert case.outcome.first_ms == 250


async def test_a_withheld_answer_has_no_first_text() -> None:
    case = Case(["worthless"])
    case.house.guard.words = frozenset({"worthless"})
    assert await case.rule() == "harassment"
    assert (case.outcome.first_ms, case.outcome.released, case.events) == (None, 0, [])


async def test_a_missing_score_is_a_fault_of_ours_and_releases_nothing() -> None:
    case = Case(["well."])
    case.house.guard = Deciding(Decision(Verdict.REFUSE, "", "guard_missing", (), ()))  # type: ignore[assignment]
    assert await case.code() == "guard_missing"
    assert (case.events, case.outcome.released, len(case.outcome.judgements)) == ([], 0, 1)


async def test_a_language_the_policy_refuses_is_withheld_by_its_rule() -> None:
    case = Case(["well."])
    refusal = Decision(Verdict.REFUSE, "language/unsupported", "response_refused", (), ())
    case.house.guard = Deciding(refusal)  # type: ignore[assignment]
    assert await case.rule() == "language/unsupported"


async def test_a_segment_is_judged_with_what_was_said_before_it() -> None:
    case = Case(["You are wor", "th nothing. " + "All is well. " * 20, "More of it. " * 20])
    case.house.window_chars = 40
    await case.run()
    judged = [u.text for u in case.house.guard.judged]
    assert len(judged) > 2
    assert all(text.startswith("You are worth") for text in judged if len(text) < 3_000)
    assert [u.seg for u in case.house.guard.judged] == list(range(len(judged)))
    assert {u.question for u in case.house.guard.judged} == {"why?"}


async def test_a_segment_longer_than_one_window_is_judged_whole() -> None:
    case = Case(["START " + "fine " * 2_000 + "END"])
    case.house.window_chars = None
    await case.run()
    unit = case.house.guard.judged[0]
    assert unit.text.startswith("START")
    assert unit.text.endswith("END")


async def test_harm_at_the_start_of_an_answer_that_is_judged_at_its_end_is_seen() -> None:
    case = Case(["You are worthless. " + "fine " * 2_000])
    case.house.window_chars = None
    case.house.guard.words = frozenset({"worthless"})
    assert await case.rule() == "harassment"


async def test_new_personal_data_is_masked_and_a_known_value_counted() -> None:
    case = Case([f"Write to {MAIL}. {NAME} knows."])
    case.house.analyst.literals = {MAIL: Type.EMAIL, NAME: Type.NAME}
    assert MAIL not in said(await case.run())
    assert case.outcome.known == 1
    assert case.outcome.masked == {"OTHER": 1}
    assert not case.outcome.let_pass


async def test_what_the_policy_lets_pass_is_counted_too() -> None:
    case = Case(["Ask Novak in Brno.", call(to="Novak")])
    case.house.analyst.literals = {"Novak": Type.NAME, "Brno": Type.LOCATION}
    await case.run()
    assert case.outcome.let_pass == {"PERSON": 2, "OTHER": 1}
    assert not case.outcome.masked


async def test_a_kind_the_policy_refuses_withholds_the_answer() -> None:
    case = Case([f"Write to {MAIL}."], rules={"out_actions": OutActions(((Type.EMAIL, OutAction.REFUSE),))})
    case.house.analyst.literals = {MAIL: Type.EMAIL}
    assert await case.rule() == "other"
    assert case.events == []


@pytest.mark.parametrize("says", [["well."], [call(a="x")]])
async def test_an_analyst_in_trouble_releases_nothing(says: list[str | ToolCallOut]) -> None:
    case = Case(says)
    case.house.analyst.script["look"] = "analyst_unavailable"
    assert await case.code() == "analyst_unavailable"
    assert (case.events, case.outcome.released) == ([], 0)


@pytest.mark.parametrize("says", ["well.", call(a="x")])
async def test_findings_that_do_not_fit_are_a_fault(says: str | ToolCallOut) -> None:
    case = Case([says])

    class Wild:
        async def look(self, exchange, window):
            return (Finding(0, 10_000, Type.EMAIL, "email", 900, Source.PATTERN),)

    case.house.analyst = Wild()  # type: ignore[assignment]
    assert await case.code() == "analyst_fault"
    assert case.events == []


async def test_a_tool_call_is_judged_scanned_and_restored_as_one_document() -> None:
    case = Case([call(who="[NAME_1]", mail=MAIL, count=7, when=2.5, deep=[{"x": True, "y": None}])])
    case.house.analyst.literals = {MAIL: Type.EMAIL}
    events = await case.run()
    (got,) = arguments(events)
    assert got["who"] == NAME  # type: ignore[index]
    assert MAIL not in json.dumps(got)
    assert (got["count"], got["when"], got["deep"]) == (7, 2.5, [{"x": True, "y": None}])  # type: ignore[index]
    assert [u.kind for u in case.house.guard.judged] == ["tool_call"]
    assert "book" in case.house.guard.judged[0].text
    assert (case.outcome.restored, case.outcome.segments) == (1, 1)
    assert events[-1].finish is Finish.TOOL_CALLS  # type: ignore[attr-defined]


async def test_a_number_that_identifies_is_masked_in_arguments_and_it_stays_json() -> None:
    case = Case([call(phone=911042754, rest=[911042754, 12])])
    case.house.analyst.literals = {"911042754": Type.PHONE}
    (got,) = arguments(await case.run())
    assert "911042754" not in json.dumps(got)
    assert got["rest"][1] == 12  # type: ignore[index]


async def test_a_key_that_identifies_is_masked_too() -> None:
    case = Case([call(**{MAIL: 1})])
    case.house.analyst.literals = {MAIL: Type.EMAIL}
    assert MAIL not in json.dumps(arguments(await case.run()))


async def test_arguments_that_are_no_json_are_not_released() -> None:
    case = Case([ToolCallOut(1, "book", RedactedText('{"a": '))])
    assert await case.code() == "tool_call_malformed"
    assert case.events == []


async def test_a_name_with_quotes_stays_json_when_it_is_put_back() -> None:
    case = Case([call(who="[NAME_1]")])
    quoted = 'Ana "Bibi" \\ Pereira'
    finding = Finding(0, len(quoted), Type.NAME, "person", 900, Source.PATTERN)
    vault = Vault()
    rooms = case.house.rooms()
    asked = Prompt(Conversation((Message(Role.USER, PatientText(quoted)),)), Sampling("m"))
    redact_prompt(asked, Found(((finding,),), ((),), ()), vault, rooms)
    case.house.engine = Own(call(who="[NAME_1]"), Done(1, "tool_calls", "", 1, 1, 0, 1, 1))  # type: ignore[assignment]
    case.vault = vault
    assert arguments(await run_own(case)) == [{"who": quoted}]


async def test_a_policy_that_keeps_placeholders_in_calls_restores_text_only() -> None:
    case = Case(["[NAME_1]: ", call(who="[NAME_1]")], rules={"restore_calls": False})
    events = await case.run()
    assert arguments(events) == [{"who": "[NAME_1]"}]
    assert said(events) == f"{NAME}: "


async def test_text_before_a_call_leaves_before_it_and_calls_are_numbered() -> None:
    case = Case(["One. ", call(a=1), "Two. ", call(a=2)])
    events = await case.run()
    assert [type(e) for e in events] == [Released, ReleasedCall, Released, ReleasedCall, Finished]
    assert [e.index for e in events if isinstance(e, ReleasedCall)] == [0, 1]
    assert said(events) == "One. Two. "


async def test_a_refused_call_leaves_no_byte_of_itself() -> None:
    case = Case(["Fine. ", call(text="worthless")])
    case.house.guard.words = frozenset({"worthless"})
    assert await case.rule() == "harassment"
    assert (case.events, case.outcome.released) == ([], 0)
