"""A GLiNER model exported to ONNX: it is asked for kinds of things in words ("person", "medical record number").

Law: two files, as bytes: `model.onnx`, `tokenizer.json`, and the questions are the labels of the manifest. The input is
what the model was trained on: `<<ENT>>` and each question, `<<SEP>>`, then the words of the text; the answer is a score
for every span of up to `max_width` words and every question (arXiv 2311.08526). Spans that overlap: the best stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from filters.plugins import Card, PluginRefused, PluginSpan, graded
from filters.plugins.onnx import Runner, make_tokenizer

__all__ = ["Gliner"]

_WORD = re.compile(r"\w+(?:[-_]\w+)*|\S")
"""How GLiNER cuts a text into words."""
_WORDS = 150
_STRIDE = 120
_WIDTH = 12
_INPUTS = {"input_ids", "attention_mask", "words_mask", "text_lengths", "span_idx", "span_mask"}

_Found = tuple[float, int, int, int]
"""Share, first word, last word, question."""


class Gliner:
    """Spans of words that answer a question."""

    def __init__(self, runner: Runner, tokenizer: Any, card: Card, width: int) -> None:
        self._runner, self._tokenizer, self._card, self._width = runner, tokenizer, card, width
        self._questions = tuple(sorted(card.labels))
        self._prompt = [word for question in self._questions for word in ("<<ENT>>", question)] + ["<<SEP>>"]
        self.id, self.digest, self.examples = card.id, card.digest, card.examples

    @classmethod
    def load(cls, files: Mapping[str, bytes], card: Card) -> Gliner:
        """Build from the bytes of the folder. Raises PluginRefused."""
        tokenizer = make_tokenizer(files, card.id)
        if any(tokenizer.token_to_id(sign) is None for sign in ("<<ENT>>", "<<SEP>>")):
            raise PluginRefused(f"{card.id}: the tokenizer has no <<ENT>> and <<SEP>>; this is no GLiNER model")
        try:
            width = int(json.loads(files.get("gliner_config.json", b"{}")).get("max_width", _WIDTH))
        except (ValueError, TypeError, AttributeError):
            raise PluginRefused(f"{card.id}: gliner_config.json is not the configuration of a GLiNER model") from None
        return cls(Runner.load(files, card.id, needs=_INPUTS, offers=set()), tokenizer, card, width)

    def spans(self, text: str) -> tuple[PluginSpan, ...]:
        """Return its findings in our labels."""
        words = [match.span() for match in _WORD.finditer(text)]
        found: set[_Found] = set()
        for start in range(0, max(1, len(words) - (_WORDS - _STRIDE)), _STRIDE):
            part = words[start : start + _WORDS]
            if part:
                answers = self._answers([text[a:b] for a, b in part])
                found.update((share, start + a, start + b, question) for share, a, b, question in answers)
        return tuple(sorted(self._best(words, found), key=lambda span: span.start))

    def _best(self, words: list[tuple[int, int]], found: set[_Found]) -> Iterator[PluginSpan]:
        taken = np.zeros(len(words), dtype=bool)
        for share, first, last, question in sorted(found, key=lambda f: (-f[0], f[1], f[2], f[3])):
            if not taken[first : last + 1].any():
                taken[first : last + 1] = True
                label = self._card.labels[self._questions[question]]
                score = graded(share, self._card.threshold)
                yield PluginSpan(words[first][0], words[last][1], label, score)

    def _answers(self, words: list[str]) -> Iterator[_Found]:
        encoding = self._tokenizer.encode([*self._prompt, *words], is_pretokenized=True)
        offset = len(self._prompt)
        mask, seen = [], -1
        for word in encoding.word_ids:
            first = word is not None and word >= offset and word != seen
            mask.append(word - offset + 1 if first else 0)
            seen = word if word is not None else seen
        firsts = np.repeat(np.arange(len(words)), self._width)
        lasts = firsts + np.tile(np.arange(self._width), len(words))
        inputs = {
            "input_ids": np.array([encoding.ids]),
            "attention_mask": np.ones((1, len(encoding.ids)), dtype=np.int64),
            "words_mask": np.array([mask]),
            "text_lengths": np.array([[len(words)]]),
            "span_idx": np.stack([firsts, lasts], axis=1)[None],
            "span_mask": (lasts < len(words))[None],
        }
        shape = (1, len(words), self._width, len(self._questions))
        shares = 1 / (1 + np.exp(-self._runner.run(inputs, shape)[0].astype(np.float64)))
        for first, wide, question in np.argwhere(shares >= self._card.threshold / 1000):
            if first + wide < len(words):
                share = float(shares[first, wide, question])
                yield share, int(first), int(first + wide), int(question)
