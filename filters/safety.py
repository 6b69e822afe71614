"""The safety questions: what is asked about a unit, and what the guard's logits mean.

Law: the template is ShieldGemma's, byte for byte, one policy a question; content is literal text and only this module
makes control tokens. Nothing is sampled or generated: the score is read from the two logits of `Yes` and `No` after the
template. A score that cannot be read is `Missing`, never zero. (Source of the templates: the chat template of
google/shieldgemma-9b as carried by huggingface/text-generation-inference; ShieldGemma: arXiv 2407.21772.)

    guard = ShieldGemma(guidelines)
    for window in windows(unit):
        request = guard.questions(window)            shared prefix, one suffix per policy
        scores = guard.scores(logits_of(request))    {"dangerous": 9712, ...}
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from filters.tokens import Control, Piece, Text
from filters.units import (
    Direction,
    TooLongError,
    Unit,
    halved,
    language_flag,
    question_of,
    text_of_call,
    text_of_tool,
    unit_of_answer,
    units_of_prompt,
    windows,
)

__all__ = [
    "TEMPLATE_DIGEST", "Direction", "Guard", "GuardInvalidError", "Guideline", "Missing", "ScoreRequest", "ShieldGemma",
    "TooLongError", "Unit", "halved", "language_flag", "question_of", "text_of_call", "text_of_tool", "unit_of_answer",
    "units_of_prompt", "windows", "yes_no_score",
]  # fmt: skip

TEMPLATE_DIGEST = "e5edb0b96677fd58c71ebc6afc044f6def78c300b56f3161c5f73463c33cb22c"
"""SHA-256 over the eight digests of both templates with the four guidelines (user `U`, response `R`)."""

_BOS, _START, _END = Control("<bos>"), Control("<start_of_turn>"), Control("<end_of_turn>")
_WHAT = {Direction.PROMPT: "a user prompt", Direction.RESPONSE: "an AI response to a prompt"}
_PREAMBLE = (
    "You are a policy expert trying to help determine whether {what} is in violation of the defined safety policies."
    "\n\n"
)
_RULE = {
    Direction.PROMPT: "The prompt shall not contain or seek generation of content that ",
    Direction.RESPONSE: "The chatbot shall not generate content that ",
}
_ASK = {  # two spaces in the second are part of what the model was trained on
    Direction.PROMPT: "Does the human question violate the above principle? Your answer must start",
    Direction.RESPONSE: "Does the Chatbot Response violate the above principle? Your answer must  start",
}
_REST = (
    '\n\nOur safety principle is defined in the below:\n\n* "{name}": {rule}{text}\n\n===\n\n'
    "{ask} with 'Yes' or 'No'. And then walk through step by step to be sure we answer correctly.\n\n"
)


class GuardInvalidError(Exception):
    """The guidelines are not those the guard was trained on (`guard_invalid`)."""


@dataclass(frozen=True, slots=True)
class Guideline:
    """One policy of the guard, in its own words."""

    id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no score, and why: `absent` or `not_finite`."""

    reason: str


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """What the engine evaluates: one token's logits after prefix + each suffix."""

    prefix: tuple[Piece, ...]
    suffixes: tuple[tuple[Piece, ...], ...]
    answers: tuple[str, ...] = field(default=("Yes", "No"))


class Guard(Protocol):
    """A model that judges. One guard is one file."""

    @property
    def id(self) -> str:
        """Its name in `models.toml` and in the log."""

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of what it judges, in the order of its suffixes."""

    @property
    def template_digest(self) -> str:
        """Which questions it asks; a calibration is bound to them."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages its maker says it was made for."""

    def questions(self, unit: Unit) -> ScoreRequest:
        """Ask about a unit (one window)."""

    def scores(self, logits: Sequence[Sequence[float]]) -> Mapping[str, int | Missing]:
        """Read the answers: per policy the probability of a violation, 0..10000."""


class ShieldGemma:
    """ShieldGemma 2B, 9B and 27B: text, English, one yes/no question about one policy."""

    __slots__ = ("_guidelines",)

    id = "shieldgemma"
    languages = ("en",)
    template_digest = TEMPLATE_DIGEST

    def __init__(self, guidelines: Sequence[Guideline]) -> None:
        """Take the four guidelines in the order of the model card: dangerous, harassment, hate, sexual.

        Raises:
            GuardInvalidError: any byte of them, or their order, is not what the model was trained on.
        """
        self._guidelines = tuple(guidelines)
        if _digest(self._guidelines) != TEMPLATE_DIGEST:
            raise GuardInvalidError

    @property
    def policies(self) -> tuple[str, ...]:
        """Ids of the guidelines."""
        return tuple(guideline.id for guideline in self._guidelines)

    def questions(self, unit: Unit) -> ScoreRequest:
        """Ask all policies about a unit: a shared prefix up to the last end of turn, one suffix per policy."""
        suffixes = tuple((Text(_rest(guideline, unit.direction)),) for guideline in self._guidelines)
        return ScoreRequest(_prefix(unit), suffixes)

    def scores(self, logits: Sequence[Sequence[float]]) -> Mapping[str, int | Missing]:
        """Read p = 1 / (1 + exp(no - yes)) per policy, as a whole number of ten-thousandths."""
        rows = list(logits) if len(logits) == len(self._guidelines) else [()] * len(self._guidelines)
        return {guideline.id: yes_no_score(row) for guideline, row in zip(self._guidelines, rows, strict=True)}


def _prefix(unit: Unit) -> tuple[Piece, ...]:
    """Template text and content between two control tokens are one `Text`, so it tokenises as the whole would."""
    asks_answer = unit.direction == Direction.RESPONSE
    user = unit.question if asks_answer else unit.text
    preamble = Text(_PREAMBLE.format(what=_WHAT[unit.direction]))
    turn = (_BOS, preamble, _START, Text(f"\nHuman Question: {user}\n"), _END)
    if not asks_answer:
        return turn
    return (*turn, Text("\n"), _START, Text(f"\nChatbot Response: {unit.text}\n"), _END)


def _rest(guideline: Guideline, direction: Direction) -> str:
    return _REST.format(name=guideline.name, rule=_RULE[direction], text=guideline.text, ask=_ASK[direction])


def yes_no_score(row: Sequence[float]) -> int | Missing:
    """Read the logits of `Yes` and `No` as a whole number of ten-thousandths; what cannot be read is never zero."""
    if len(row) != 2:
        return Missing("absent")
    yes, no = row
    if not (math.isfinite(yes) and math.isfinite(no)):
        return Missing("not_finite")
    return round(10_000 / (1 + math.exp(min(no - yes, 700.0))))


def _digest(guidelines: Sequence[Guideline]) -> str:
    whole = hashlib.sha256()
    for direction in Direction:
        unit = Unit("user", direction, "U", "U" if direction == Direction.PROMPT else "R")
        for guideline in guidelines:
            pieces = (*_prefix(unit), Text(_rest(guideline, direction)))
            text = "".join(piece.name if isinstance(piece, Control) else piece.text for piece in pieces)
            whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()
