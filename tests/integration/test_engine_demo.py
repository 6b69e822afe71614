"""The engine on the bundled demonstration models: trained weights have no near ties, so texts can be compared.

That the models are good enough is the business of their recipes; here they are only models that make sense.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from filters.parts import RedactedText
from filters.tokens import Control, Piece, Text
from proxy.models import CatalogueModel, load_catalogue, shipped_catalogue
from proxy.workers.engine.launch import RolePlan
from proxy.workers.wire import Cancel, Credit, Delta, Done, EndExchange, Score, Scored, Turn
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role, said

_FOLDER = Path(__file__).parents[2] / "proxy" / "share" / "models"
_NOTE = (
    "Summarise this note.\n\n[NAME_1], MRN [ID_1], seen on [DATE_1] at [PLACE_1] with a cough and fever for three "
    "days. Chest clear. Plan: rest, fluids, paracetamol 500 mg; review on [DATE_2]."
)
_NOTES = tuple(_NOTE.replace("_1]", f"_{n}]") + " Please." * n for n in range(1, 5))


def _entry(role: str) -> CatalogueModel:
    models = load_catalogue([shipped_catalogue()]).model
    return next(model for model in models if model.demo and model.role == role)


def _roles() -> tuple[RolePlan, RolePlan]:
    answer, guard = _entry("answer"), _entry("guard")
    shape = {"context": 4096, "request_tokens": 2048, "placeholder_hint": True, "empty_thought": answer.empty_thought}
    return (
        answer_role(_FOLDER / answer.file, answer.sha256, id=answer.id, **shape),
        guard_role(_FOLDER / guard.file, guard.sha256, id=guard.id, context=4096),
    )


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with EngineProcess(engine_plan(*_roles())) as process:
        process.hello()
        yield process


def test_a_note_is_summarised_with_its_placeholders(engine: EngineProcess) -> None:
    messages = engine.ask(generate(1, _NOTE, max_tokens=160))
    assert "[NAME_1]" in said(messages)
    assert messages[-1].finish == "stop"
    assert sum(m.tokens for m in messages if isinstance(m, Delta)) == messages[-1].completion_tokens - 1


def _collect(engine: EngineProcess, count: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    ended = 0
    while ended < count:
        message = engine.next()
        ended += isinstance(message, Done)
        if isinstance(message, Delta):
            texts[message.id] = texts.get(message.id, "") + message.text.reveal()
    return texts


def test_four_at_once_say_what_each_says_alone(engine: EngineProcess) -> None:
    alone = [said(engine.ask(generate(10 + n, note, caller=f"a{n}", max_tokens=160))) for n, note in enumerate(_NOTES)]
    engine.send(*(generate(20 + n, note, caller=f"b{n}", max_tokens=160) for n, note in enumerate(_NOTES)))
    together = _collect(engine, 4)
    assert [together[20 + n] for n in range(4)] == alone
    assert len(set(alone)) > 1


def test_a_cancelled_neighbour_and_a_paused_one_change_nothing(engine: EngineProcess) -> None:
    expected = [said(engine.ask(generate(30 + n, _NOTES[n], caller=f"c{n}", max_tokens=160))) for n in range(2)]
    engine.send(
        generate(40, _NOTES[0], caller="d0", max_tokens=160, credits=3),
        generate(41, _NOTES[1], caller="d1", max_tokens=160),
        generate(42, _NOTES[2] * 4, caller="d2", max_tokens=160),
        Cancel(42),
        Credit(40, 500),
    )
    texts = _collect(engine, 3)
    assert [texts[40], texts[41]] == expected


def test_a_second_turn_reuses_the_first_and_says_the_same(engine: EngineProcess) -> None:
    first = said(engine.ask(generate(50, _NOTE, caller="talk", max_tokens=160)))
    history = tuple(
        Turn(role, RedactedText(text))
        for role, text in (("user", _NOTE), ("assistant", first), ("user", "And who is it about?"))
    )
    again = engine.ask(generate(51, "", messages=history, caller="talk", max_tokens=160))
    clean = engine.ask(generate(52, "", messages=history, caller="other", max_tokens=160))
    assert again[-1].reused_tokens >= 64
    assert clean[-1].reused_tokens == 0
    assert said(again) == said(clean)


def test_json_mode_gives_json(engine: EngineProcess) -> None:
    messages = engine.ask(generate(60, _NOTE, json_mode=True, max_tokens=40))
    assert said(messages).startswith("{")


def _prefix(text: str) -> tuple[Piece, ...]:
    user = Text(f"\nHuman Question: {text}\n")
    return (
        Control("<bos>"),
        Text("You are a policy expert.\n\n"),
        Control("<start_of_turn>"),
        user,
        Control("<end_of_turn>"),
    )


_SUFFIXES: tuple[tuple[Piece, ...], ...] = tuple(
    (Text(f"\n\nOur safety principle is defined in the below:\n\n* {word}\n\n===\n\nDoes it violate this?\n\n"),)
    for word in ("dangerous", "harassment", "hate", "sexual")
)


def _score(pair: tuple[float, ...]) -> float:
    return 1 / (1 + math.exp(pair[1] - pair[0]))


def test_four_policies_at_once_score_as_one_by_one_while_the_answer_grows(engine: EngineProcess) -> None:
    for step, text in enumerate((_NOTE, _NOTE * 3, _NOTE * 8)):
        engine.send(Score(70 + step, "stream", _prefix(text), _SUFFIXES, ("Yes", "No"), 20_000))
        shared = engine.until(Scored)[-1]
        assert (shared.reused_tokens > 0) == (step > 0)
        for number, suffix in enumerate(_SUFFIXES):
            name = f"alone{step}{number}"
            engine.send(
                Score(80 + number, name, _prefix(text), (suffix,), ("Yes", "No"), 20_000), EndExchange(name)
            )  # which takes effect after the score
            alone = engine.until(Scored)[-1]
            # eight-bit kernels round by the shape of the batch; what is decided on is the score, and that is the same
            assert alone.logits[0] == pytest.approx(shared.logits[number], abs=5e-2)
            assert _score(alone.logits[0]) == pytest.approx(_score(shared.logits[number]), abs=1e-2)
