"""A model that sits an exam: the engine on its own, asked one question at a time, greedy.

Law: a choice is the letter of the largest logit, of ties the first; nothing is generated for it. What the engine cannot
do ends the exam with its code, never as a wrong answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from filters.parts import RedactedText
from filters.tokens import Piece
from proxy.cli.lone_engine import EngineGone, LoneEngine, lone_engine
from proxy.config import Settings
from proxy.errors import CordonError
from proxy.stock import read_catalogue, resolve
from proxy.workers.engine.hardware import memory_available, physical_cores
from proxy.workers.engine.launch import EnginePlan, RolePlan
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Chat
from proxy.workers.wire import Delta, Done, Failed, Generate, Score, Scored, Turn

__all__ = ["Examinee", "examinee"]

_CELLS = 8_192
_ANSWER_TOKENS = 64
_DEADLINE_MS = 600_000
_BABBLE = "tool_call_malformed"
"""A call that nobody offered, and broken: a wrong answer, and the model's own."""


class Examinee:
    """One model."""

    def __init__(self, engine: LoneEngine, family: str, *, empty_thought: bool) -> None:
        self._engine, self._family, self._empty_thought = engine, family, empty_thought
        self._number = 0

    def choose(self, question: RedactedText, letters: Sequence[str]) -> str:
        """The letter it gives the largest logit. Raises CordonError, EngineGone."""
        self._number += 1
        *prefix, last = self._render(question)
        name = f"q{self._number}"
        self._engine.send(
            Score(self._number, name, tuple(prefix), ((last,),), tuple(letters), _DEADLINE_MS, role="answer")
        )
        while True:
            message = self._engine.next()
            if isinstance(message, Failed):
                raise CordonError(message.code)
            if isinstance(message, Scored):
                (row,) = message.logits
                return letters[max(range(len(letters)), key=lambda i: (row[i], -i))]

    def say(self, question: RedactedText) -> str:
        """A short greedy answer. Raises CordonError, EngineGone."""
        self._number += 1
        self._engine.send(_generate(self._number, question))
        text: list[str] = []
        while True:
            message = self._engine.next()
            if isinstance(message, Delta):
                text.append(message.text.reveal())
            if isinstance(message, Done):
                if message.code not in ("", _BABBLE):
                    raise CordonError(message.code)
                return "".join(text).strip()

    def _render(self, question: RedactedText) -> tuple[Piece, ...]:
        render = FAMILIES[self._family].render
        if render is None:
            raise EngineGone("bad_request")
        return render(Chat((Turn("user", question),), empty_thought=self._empty_thought))


@contextmanager
def examinee(settings: Settings, model_id: str) -> Iterator[Examinee]:
    """Start a model for an exam. Raises ConfigError, EngineGone."""
    found = resolve(settings.models, read_catalogue(settings.models), model_id, "answer")
    descriptor = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
    model = found.model
    role = RolePlan(
        role="answer", id=model.id, family=model.family, sha256=found.sha256, descriptor=descriptor, path=None,
        demo=model.demo, context=_CELLS, slots=1, gpu_layers=0, request_tokens=_CELLS, max_tokens=_ANSWER_TOKENS,
        temperature=0.0, top_p=1.0, top_k=0, min_p=0.0, empty_thought=model.empty_thought, placeholder_hint=False,
    )  # fmt: skip
    threads = settings.engine.threads or physical_cores()
    plan = EnginePlan("eval", threads, memory_available(), prefix_cache=False, models=(role,))
    with lone_engine(plan, {"model.answer": descriptor}) as engine:
        engine.hello()
        yield Examinee(engine, model.family, empty_thought=model.empty_thought)


def _generate(number: int, question: RedactedText) -> Generate:
    return Generate(
        id=number, exchange=f"q{number}", caller="eval", messages=(Turn("user", question),), tools=(),
        tool_choice="auto", stop=(), schema=None, json_mode=False, max_tokens=_ANSWER_TOKENS, temperature=0.0,
        top_p=None, top_k=None, min_p=None, seed=1, presence_penalty=None, frequency_penalty=None,
        deadline_ms=_DEADLINE_MS, credits=2 * _ANSWER_TOKENS,
    )  # fmt: skip
