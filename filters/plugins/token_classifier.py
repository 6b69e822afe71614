"""A token classifier exported to ONNX (`obi/deid_roberta_i2b2`, `StanfordAIMI/stanford-deidentifier-base`, others).

Law: three files, as bytes: `model.onnx`, `tokenizer.json`, `config.json` (its `id2label`). onnxruntime and tokenizers
run it; neither torch nor transformers is imported, no Python code of the model's folder is run. One text, one thread,
windows that overlap: the same text gives the same spans.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from filters.plugins import Card, PluginRefused, PluginSpan, graded, joined
from filters.plugins.onnx import Runner, make_tokenizer

__all__ = ["TokenClassifier"]

_WINDOW = 256
_STRIDE = 224
_OUTSIDE = "O"


class TokenClassifier:
    """Labels of words."""

    def __init__(self, runner: Runner, tokenizer: Any, tags: tuple[str, ...], card: Card) -> None:
        self._runner, self._tokenizer, self._card = runner, tokenizer, card
        self._labels = [card.labels.get(_bare(tag), "") for tag in tags]
        bare = tokenizer.encode("").ids
        self._before, self._after = bare[: len(bare) // 2], bare[len(bare) // 2 :]
        self.id, self.digest, self.examples = card.id, card.digest, card.examples

    @classmethod
    def load(cls, files: Mapping[str, bytes], card: Card) -> TokenClassifier:
        """Build from the bytes of the folder. Raises PluginRefused."""
        try:
            id2label = json.loads(files["config.json"])["id2label"]
            tags = tuple(str(id2label[str(n)]) for n in range(len(id2label)))
        except (KeyError, ValueError, TypeError):
            raise PluginRefused(f"{card.id}: config.json is missing or has no id2label") from None
        if not {_bare(tag) for tag in tags} & set(card.labels):
            raise PluginRefused(f"{card.id}: the model has none of the labels of its manifest")
        runner = Runner.load(files, card.id, needs={"input_ids", "attention_mask"}, offers={"token_type_ids"})
        return cls(runner, make_tokenizer(files, card.id), tags, card)

    def spans(self, text: str) -> tuple[PluginSpan, ...]:
        """Return its findings in our labels."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not encoding.ids:
            return ()
        return joined(text, self._words(text, encoding, self._shares(encoding.ids)))

    def _shares(self, ids: list[int]) -> Any:
        """P(tag) of every piece, each read where it is furthest from the edge of a window."""
        out = np.zeros((len(ids), len(self._labels)))
        depth = np.full(len(ids), -1)
        for start in range(0, max(1, len(ids) - (_WINDOW - _STRIDE)), _STRIDE):
            part = ids[start : start + _WINDOW]
            place = np.arange(start, start + len(part))
            left = place - start if start else np.full(len(part), _WINDOW)
            right = place[-1] - place if place[-1] + 1 < len(ids) else np.full(len(part), _WINDOW)
            better = np.minimum(left, right) > depth[place]
            out[place[better]] = self._window(part)[better]
            depth[place] = np.maximum(depth[place], np.minimum(left, right))
        return out

    def _window(self, ids: list[int]) -> Any:
        whole = np.array([[*self._before, *ids, *self._after]], dtype=np.int64)
        inputs = {"input_ids": whole, "attention_mask": np.ones_like(whole), "token_type_ids": np.zeros_like(whole)}
        logits = self._runner.run(inputs, (1, whole.shape[1], len(self._labels)))
        scores = logits[0, len(self._before) : whole.shape[1] - len(self._after)].astype(np.float64)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def _words(self, text: str, encoding: Any, shares: Any) -> Iterator[PluginSpan]:
        by_label = {
            label: shares[:, [n for n, have in enumerate(self._labels) if have == label]].sum(axis=1)
            for label in sorted(set(self._labels) - {""})
        }
        pieces: dict[int, list[int]] = {}
        for piece, word in enumerate(encoding.word_ids):
            pieces.setdefault(-1 - piece if word is None else word, []).append(piece)
        for word in pieces.values():
            label = max(by_label, key=lambda name: (float(by_label[name][word].max()), name))
            score = graded(float(by_label[label][word].max()), self._card.threshold)
            start, end = encoding.offsets[word[0]][0], encoding.offsets[word[-1]][1]
            while start < end and text[start].isspace():
                start += 1
            if score and start < end:
                yield PluginSpan(start, end, label, score)


def _bare(tag: str) -> str:
    """ "B-PATIENT" and "I-PATIENT" are one label."""
    return tag[2:] if tag[:2] in {"B-", "I-", "L-", "U-", "S-", "E-"} else tag
