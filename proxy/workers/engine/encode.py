"""Pieces to token ids: control by id, content as content. Pure over a vocabulary.

Law: a `Control` becomes the id whose text it is; a `Text` never yields a structural id, whatever it says. The
structural set is every CONTROL token and the family's markers: `parse_special=False` alone still matches markers that a
file calls USER_DEFINED, so a text that hits one is cut after the marker's first character and tokenised in pieces. The
characters stay; the model reads them as letters.

    vocabulary = load_vocabulary(model, family.controls, family.optional)
    ids = encode(vocabulary, (Control("<bos>"), Text("Hello")))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from filters.tokens import Control, Piece, Text
from proxy.workers.engine.batch import EngineError

__all__ = ["Tokenizer", "Vocabulary", "answer_id", "encode", "load_vocabulary"]


class Tokenizer(Protocol):
    """The part of a model that encoding needs."""

    def tokenize(self, text: bytes) -> tuple[int, ...]:
        """Ids of literal text."""

    def control(self, text: str) -> int | None:
        """The id whose own text this is."""

    def text_of(self, token: int) -> str:
        """A token's own text."""

    def piece(self, token: int) -> bytes:
        """The bytes a token adds to an answer."""

    def control_ids(self) -> frozenset[int]:
        """All tokens of type CONTROL."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a loaded model's tokens mean to its family."""

    tokenize: Callable[[bytes], tuple[int, ...]]
    controls: Mapping[str, int]
    structural: frozenset[int]
    cut: re.Pattern[str]
    """Finds the first character of every structural text, overlapping ones too."""


def load_vocabulary(model: Tokenizer, required: Sequence[str], optional: Sequence[str] = ()) -> Vocabulary:
    """Look every control token of a family up by its text; raise `model_invalid` if a required one is missing."""
    controls = {}
    for name in (*required, *optional):
        token = model.control(name)
        if token is not None:
            controls[name] = token
        elif name in required:
            raise EngineError("model_invalid")
    structural = model.control_ids() | frozenset(controls.values())
    texts = sorted({model.text_of(token) for token in structural} - {""})
    pattern = "|".join(re.escape(text[0]) + f"(?={re.escape(text[1:])})" for text in texts)
    return Vocabulary(model.tokenize, controls, structural, re.compile(pattern, re.DOTALL))


def encode(vocabulary: Vocabulary, pieces: Sequence[Piece]) -> tuple[int, ...]:
    """Return the ids of `pieces`.

    Raises:
        EngineError: `content_tokens` if a text cannot be said without a structural token; `model_invalid` for a
            control token the model has not.
    """
    ids: list[int] = []
    for piece in pieces:
        match piece:
            case Control(name):
                if name not in vocabulary.controls:
                    raise EngineError("model_invalid")
                ids.append(vocabulary.controls[name])
            case Text(text):
                ids.extend(_content(vocabulary, text))
    return tuple(ids)


def _content(vocabulary: Vocabulary, text: str) -> Sequence[int]:
    ids = vocabulary.tokenize(_bytes(text))
    if vocabulary.structural.isdisjoint(ids):
        return ids
    apart: list[int] = []
    start = 0
    for found in vocabulary.cut.finditer(text):
        apart.extend(vocabulary.tokenize(_bytes(text[start : found.end()])))
        start = found.end()
    apart.extend(vocabulary.tokenize(_bytes(text[start:])))
    if not vocabulary.structural.isdisjoint(apart):
        raise EngineError("content_tokens")
    return apart


def _bytes(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which JSON can carry and UTF-8 cannot, reads as U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


def answer_id(model: Tokenizer, word: str) -> int:
    """The single token that says exactly `word`, which must differ from the one with a space before it.

    Otherwise the file is not a judge of this family: `guard_invalid`.
    """
    raw = _bytes(word)
    bare, spaced = model.tokenize(raw), model.tokenize(b" " + raw)
    if len(bare) != 1 or model.piece(bare[0]) != raw or bare == spaced:
        raise EngineError("guard_invalid")
    return bare[0]
