"""A spaCy pipeline of the site (`en_core_web_lg`, `en_core_web_trf`, one trained on its own notes).

Law: loaded from the folder by its path, never by a name, so nothing is looked up, installed or downloaded. Each text is
read inside a memory zone: words of patients do not stay in the vocabulary. A transformer pipeline needs its packages
(extra `plugin-spacy-trf`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import spacy

from filters.plugins import Card, PluginRefused, PluginSpan

__all__ = ["SpacyPipeline"]

_SCORE = 800
"""A pipeline says no score; this one spreads over the document (a name of 700 and more does)."""


class SpacyPipeline:
    """The entities of a pipeline."""

    def __init__(self, nlp: Any, card: Card) -> None:
        self._nlp, self._labels = nlp, card.labels
        self.id, self.digest, self.examples = card.id, card.digest, card.examples

    @classmethod
    def load(cls, folder: Path, card: Card) -> SpacyPipeline:
        """Load a saved pipeline. Raises PluginRefused."""
        try:
            nlp = spacy.load(folder)
        except Exception:  # noqa: BLE001 - foreign border: anything a pipeline's code may raise
            raise PluginRefused(
                f"{folder}: spaCy cannot load this pipeline; it was saved by another version, or a package it needs is "
                "not installed (extra plugin-spacy-trf for transformers)"
            ) from None
        known = {label for name in nlp.pipe_names for label in nlp.pipe_labels.get(name, ())}
        if known and not known & set(card.labels):
            raise PluginRefused(f"{folder}: the pipeline has none of the labels of its manifest")
        return cls(nlp, card)

    def spans(self, text: str) -> tuple[PluginSpan, ...]:
        """Return its entities in our labels."""
        with self._nlp.memory_zone():
            found = [(e.start_char, e.end_char, e.label_) for e in self._nlp(text).ents]
        spans = ((start, end, self._labels[label]) for start, end, label in found if label in self._labels)
        return tuple(PluginSpan(start, end, label, _SCORE) for start, end, label in spans)
