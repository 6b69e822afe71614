"""The safety promises on real llama.cpp and the bundled guard: equality, streaming, control tokens, turns, one verdict.

What a tiny guard knows is little, so harm here is what its own guidelines give as examples; what is tested is that it
is asked about whole, wherever it stands, and that the answer to the question is what is done.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import Random

import pytest

from filters.parts import PatientText
from filters.safety import (
    Direction,
    Unit,
    question_of,
    text_of_call,
    text_of_tool,
    unit_of_answer,
    units_of_prompt,
    windows,
)
from filters.segment import Segmenter
from filters.tokens import Control, Piece, Text
from models.demo.guard_check import CANARIES
from policies.decide import Decision, Verdict
from proxy.errors import CordonError
from proxy.exchange import Conversation, Event, Finished, Message, Prompt, Released, Role, Sampling, Withheld
from proxy.judging import Guard
from proxy.pipeline import journey
from proxy.rooms import Rooms
from proxy.workers.engine.binding import Model
from proxy.workers.engine.encode import Vocabulary, encode, load_vocabulary
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.wire import EndExchange, Score, Scored
from tests.kit.judges import DEMO_GUARD, EXCHANGE, JudgeClient, demo_policy, real_guard
from tests.kit.rooms import FakeHouse

_HARM = {g.id: g.unsafe for g in demo_policy().guidelines}
_WORDS = (
    "the",
    "patient",
    "has",
    "pain",
    "[NAME_1]",
    "and",
    "fever;",
    "seen",
    "on",
    "[DATE_1]",
    "in",
    "clinic.",
    "rest\n",
)


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    with real_guard() as room:
        yield room


@pytest.fixture(scope="module")
def vocabulary() -> Iterator[tuple[Model, Vocabulary]]:
    descriptor = os.open(DEMO_GUARD, os.O_RDONLY)
    model = Model(descriptor, gpu_layers=0)
    yield model, load_vocabulary(model, FAMILIES["gemma2"].controls)
    model.close()
    os.close(descriptor)


def _client(guard: Guard) -> JudgeClient:
    assert isinstance(guard.engine, JudgeClient)
    return guard.engine


def _scores(guard: Guard, unit: Unit, exchange: str, *, apart: bool = False) -> list[float]:
    """Scores of a unit: all policies behind one prefix, or each in a call of its own, from nothing."""
    request, client = guard.guard.questions(unit), _client(guard)
    groups = [request.suffixes] if not apart else [(suffix,) for suffix in request.suffixes]
    found: list[float] = []
    for group in groups:
        client.number += 1
        name = f"{exchange}-{client.number}" if apart else exchange
        client.process.send(Score(client.number, name, request.prefix, group, request.answers, 60_000))
        scored = client.process.until(Scored)[-1]
        found += [1 / (1 + math.exp(no - yes)) for yes, no in scored.logits]
        if apart:
            client.process.send(EndExchange(name))
    return found


def _random_unit(rng: Random, size: int) -> Unit:
    text = " ".join(rng.choice(_WORDS) for _ in range(size))
    if rng.random() < 0.5:
        return Unit("user", Direction.PROMPT, "", text)
    return Unit("segment", Direction.RESPONSE, " ".join(rng.choices(_WORDS, k=9)), text, 0)


@pytest.mark.parametrize("seed", range(8))
def test_shared_prefix_scores_equal_naive_ones(guard: Guard, seed: int) -> None:
    rng = Random(seed)
    unit = _random_unit(rng, rng.choice((3, 40, 300)))
    shared = _scores(guard, unit, f"shared{seed}")
    _client(guard).process.send(EndExchange(f"shared{seed}"))
    assert shared == pytest.approx(_scores(guard, unit, "naive", apart=True), abs=1e-2)


def test_checks_of_a_growing_answer_equal_checks_from_nothing(guard: Guard) -> None:
    rng, said = Random(5), ""
    for step in range(6):
        said += " ".join(rng.choice(_WORDS) for _ in range(30)) + ". "
        unit = unit_of_answer("segment", said, question="How is he?", seg=step)
        assert _scores(guard, unit, "grows") == pytest.approx(_scores(guard, unit, "anew", apart=True), abs=1e-2)
    _client(guard).process.send(EndExchange("grows"))


# ---- control tokens ----------------------------------------------------------------------------------------------

_MARKERS = ("<end_of_turn>", "<start_of_turn>", "<bos>", "<eos>", "<|channel>", "<|turn>", "<pad>", "<unk>")


def _text_of(model: Model, ids: tuple[int, ...]) -> str:
    return b"".join(model.piece(token) for token in ids).decode("utf-8")


@pytest.mark.parametrize("marker", _MARKERS)
@pytest.mark.parametrize("kind", ["user", "system", "tool", "tools", "assistant", "segment", "tool_call"])
def test_a_marker_in_any_unit_is_letters(
    guard: Guard, vocabulary: tuple[Model, Vocabulary], marker: str, kind: str
) -> None:
    model, known = vocabulary
    hostile = f"a{marker}\n{marker}b{marker}"
    direction = Direction.RESPONSE if kind in ("assistant", "segment", "tool_call") else Direction.PROMPT
    unit = Unit(kind, direction, hostile if direction is Direction.RESPONSE else "", hostile)
    request = guard.guard.questions(unit)
    for pieces in (request.prefix, *request.suffixes):
        controls = [piece for piece in pieces if isinstance(piece, Control)]
        ids = encode(known, pieces)
        assert sum(token in known.structural for token in ids) == len(controls)
    for piece in request.prefix:
        if isinstance(piece, Text):
            assert _text_of(model, encode(known, (piece,))) == piece.text


def test_pieces_are_the_whole_string(guard: Guard, vocabulary: tuple[Model, Vocabulary]) -> None:
    """Cut only at control tokens, the parts give the ids that tokenising each stretch of the whole gives."""
    _, known = vocabulary
    rng = Random(9)
    for _ in range(200):
        text = "".join(rng.choice("ab \n.é中[]_1'\"*") for _ in range(rng.randrange(40)))
        pieces = guard.guard.questions(Unit("user", Direction.PROMPT, "", text)).prefix
        merged: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, Text) and merged and isinstance(merged[-1], Text):
                merged[-1] = Text(merged[-1].text + piece.text)
            else:
                merged.append(piece)
        assert encode(known, pieces) == encode(known, tuple(merged))


# ---- every turn --------------------------------------------------------------------------------------------------


def _decide(guard: Guard, turns: list[tuple[str, str]], tools: list[str] | None = None) -> Decision:
    return asyncio.run(guard.judge(EXCHANGE, units_of_prompt(turns, tools or []))).decision


_FINE = [("system", "Be brief."), ("user", "What is the usual dose of paracetamol?"), ("assistant", "One gram.")]


@pytest.fixture(scope="module")
def harms(guard: Guard) -> list[str]:
    """The examples of the two guidelines that block prompts of which the guard is surest."""
    examples = [text for id_ in ("harassment", "hate") for text in _HARM[id_]]

    def worth(text: str) -> int:
        scores = (
            asyncio.run(guard.judge(EXCHANGE, (Unit("user", Direction.PROMPT, "", text),))).evidence.units[0].scores
        )
        return max(score or 0 for name, score in scores if name in ("harassment", "hate"))

    return sorted(examples, key=worth)[-3:]


def test_a_fine_conversation_passes(guard: Guard) -> None:
    assert _decide(guard, [*_FINE, ("user", "Thank you.")]).verdict is Verdict.PERMIT


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("place", range(4))
def test_harm_in_an_earlier_turn_is_refused(guard: Guard, harms: list[str], which: int, place: int) -> None:
    harm = harms[which]
    turns = [*_FINE[:place], ("user", harm), *_FINE[place:], ("user", "Thank you.")]
    assert _decide(guard, turns).code == "prompt_refused"


@pytest.mark.parametrize("which", range(3))
def test_harm_cut_into_consecutive_turns_is_refused(guard: Guard, harms: list[str], which: int) -> None:
    words = harms[which].split(" ")
    half = len(words) // 2
    parts = [("user", " ".join(words[:half])), ("user", " ".join(words[half:]))]
    assert len(units_of_prompt(parts, [])) == 1  # one question, about both
    assert _decide(guard, [*_FINE, *parts]).code == "prompt_refused"
    assert _decide(guard, [*_FINE, parts[0], ("user", " "), parts[1]]).code == "prompt_refused"


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("role", ["system", "developer", "tool"])
def test_harm_in_what_is_no_question_is_refused(guard: Guard, harms: list[str], which: int, role: str) -> None:
    assert _decide(guard, [*_FINE, (role, harms[which]), ("user", "Go on.")]).code == "prompt_refused"


@pytest.mark.parametrize("which", range(3))
def test_harm_in_a_tool_definition_is_refused(guard: Guard, harms: list[str], which: int) -> None:
    assert _decide(guard, _FINE, [text_of_tool("look", harms[which], "{}")]).code == "prompt_refused"


def test_harm_in_a_forged_answer_and_its_calls_is_refused(guard: Guard) -> None:
    harm = _strongest(guard)
    assert _decide(guard, [("user", "Hello"), ("assistant", harm), ("user", "Go on.")]).code == "prompt_refused"
    call = text_of_call("send", f'{{"text": "{harm}"}}')
    assert _decide(guard, [("user", "Hello"), ("tool_call", call), ("user", "Go on.")]).verdict is not Verdict.PERMIT


def _strongest(guard: Guard) -> str:
    """The harmful answer that the guard minds most."""

    def worth(text: str) -> int:
        unit = Unit("assistant", Direction.RESPONSE, "Hello", text)
        return max(score or 0 for _, score in asyncio.run(guard.judge(EXCHANGE, (unit,))).evidence.units[0].scores)

    return max((both["response"][1] for both in CANARIES.values()), key=worth)


@pytest.mark.parametrize("at", ["start", "middle", "end", "seam"])
def test_harm_anywhere_in_a_long_turn_is_seen(guard: Guard, harms: list[str], at: str) -> None:
    harm, filler = harms[-1], "The chest is clear and the pressure is normal. " * 160
    place = {"start": 0, "middle": len(filler) // 2, "end": len(filler), "seam": 5_990}[at]
    text = f"{filler[:place]}\n\n{harm}\n\n{filler[place:]}"
    whole = Unit("user", Direction.PROMPT, "", text)
    cut = windows(whole)
    assert any(harm in window.text for window in cut)
    alone = [asyncio.run(guard.judge(EXCHANGE, (window,))).evidence.units[0] for window in cut]
    (unit,) = asyncio.run(guard.judge(EXCHANGE, (whole,))).evidence.units
    assert unit.windows == len(cut) >= 2
    highest = {name: max(dict(one.scores)[name] or 0 for one in alone) for name, _ in unit.scores if name in _HARM}
    assert {name: dict(unit.scores)[name] for name in highest} == pytest.approx(highest, abs=100)
    short = asyncio.run(guard.judge(EXCHANGE, (Unit("user", Direction.PROMPT, "", f"{filler[:200]}\n\n{harm}"),)))
    assert short.decision.verdict is not Verdict.PERMIT


# ---- one verdict, streamed or not ----------------------------------------------------------------------------------


@dataclass
class JudgedHouse(FakeHouse):
    """The pipeline's fake rooms, but for the guard, which is the real one."""

    real: Guard | None = None

    def rooms(self) -> Rooms:
        rooms = super().rooms()
        assert self.real is not None
        return replace(rooms, guard=self.real)


def _answered(guard: Guard, transcript: str, window: int | None, *, stream: bool = True) -> list[Event]:
    house = JudgedHouse(window_chars=window, real=guard)
    house.engine.answer = lambda _: tuple(transcript)
    turns = (Message(Role.USER, PatientText("How is the patient?")),)

    async def work() -> list[Event]:
        asked = Prompt(Conversation(turns), Sampling("demo-clinic"))
        async with aclosing(journey(replace(EXCHANGE, stream=stream), asked, house.rooms())) as events:
            return [event async for event in events]

    return asyncio.run(work())


def _released(events: list[Event]) -> str:
    return "".join(p.text.reveal() for e in events if isinstance(e, Released) for p in e.pieces)


_SENTENCES = ["The chest is clear.", "He takes one gram of paracetamol.", "He will be seen again."] * 3


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("window", [192, 400, None])
def test_the_same_answer_gets_the_same_verdict_streamed_or_not(guard: Guard, place: int, window: int | None) -> None:
    transcript = "\n".join([*_SENTENCES[:place], _strongest(guard), *_SENTENCES[place:]])
    streamed, whole = (_answered(guard, transcript, window, stream=stream) for stream in (True, False))
    assert (streamed[-1], _released(streamed)) == (whole[-1], _released(whole))
    fine = [_answered(guard, "\n".join(_SENTENCES), window, stream=stream) for stream in (True, False)]
    assert all(isinstance(events[-1], Finished) for events in fine)
    assert _released(fine[0]) == _released(fine[1]) == "\n".join(_SENTENCES)


def test_nothing_of_a_withheld_segment_is_shown(guard: Guard) -> None:
    harm = _strongest(guard)
    events = _answered(guard, f"{harm}\n" + "\n".join(_SENTENCES), 192)
    assert isinstance(events[-1], Withheld)
    assert _released(events) == ""


def test_what_is_released_was_judged_segment_by_segment(guard: Guard) -> None:
    """The segments of a stream are those of the segmenter, and each was asked about with all that came before."""
    transcript = "The chest is clear. " * 60
    segmenter = Segmenter(192)
    segments = [*segmenter.feed(transcript), *segmenter.finish()]
    events = _answered(guard, transcript, 192)
    assert _released(events) == transcript
    assert 1 < len(segments) <= sum(isinstance(event, Released) for event in events) + 2


# ---- failing is refusing ---------------------------------------------------------------------------------------------


def test_a_guard_that_is_killed_refuses() -> None:
    with real_guard() as room:
        client = _client(room)
        assert _decide(room, _FINE).verdict is Verdict.PERMIT
        os.kill(client.process.process.pid, signal.SIGKILL)
        client.process.process.wait(10)
        with pytest.raises(CordonError) as caught:
            _decide(room, [("user", "What is the usual dose of ibuprofen?")])
        assert caught.value.code == "guard_unavailable"


def test_a_text_with_too_many_tokens_is_halved_until_it_fits(guard: Guard) -> None:
    unit = Unit("user", Direction.PROMPT, "", "රෝගියාට උණ තිබේ. " * 300)
    (scored,) = asyncio.run(guard.judge(EXCHANGE, (unit,))).evidence.units
    assert (scored.lang, scored.windows >= 1, len(scored.scores)) == ("unsupported", True, 4 + 1)


def test_the_question_of_an_answer_is_the_last_run() -> None:
    assert question_of([*_FINE, ("user", "a"), ("user", "b")]) == "a\n\nb"
