"""What a site's own model must be to stand beside the bundled one.

Law: a plug-in only adds findings; it never replaces the bundled model or a pattern, and never clears anything. It is
loaded from one local folder, opens nothing else, and says its findings in our labels (`filters.ner.LABELS`). The same
text gives the same spans. A plug-in that misses its own examples keeps the service from starting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["LABELS", "Card", "NerPlugin", "PluginRefused", "PluginSpan", "graded", "joined"]

LABELS = ("PERSON", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL")
"""The labels a plug-in's own are mapped to (a test holds them equal to those of the bundled model)."""


class PluginRefused(Exception):  # noqa: N818 - it names what happened to the plug-in
    """The folder cannot be used. The sentence says what is wrong with it and what to do, never a text."""


@dataclass(frozen=True, slots=True)
class PluginSpan:
    """An identifier: code points of the given text, end exclusive; score 0..1000."""

    start: int
    end: int
    label: str
    score: int


@dataclass(frozen=True, slots=True)
class Card:
    """What the manifest of a plug-in says.

    Attributes:
        id: its name, in the journal and in error sentences.
        digest: over the manifest, which holds the digests of all files.
        labels: its own label -> one of `LABELS`; what is not listed is ignored.
        threshold: thousandths of its own scale from which on a finding counts.
        examples: texts it must find the value of, between « and ».
    """

    id: str
    digest: str
    labels: Mapping[str, str]
    threshold: int
    examples: tuple[str, ...]


def graded(share: float, threshold: int) -> int:
    """Bring a share of 0..1 to our scale: from the threshold on 500..999, below 0 (not a finding)."""
    least = threshold / 1000
    if share < least:
        return 0
    return 500 + int(499 * min(1.0, (share - least) / (1.0 - least)))


def joined(text: str, words: Iterable[PluginSpan]) -> tuple[PluginSpan, ...]:
    """Join words of one label with at most one sign or space between them; the weakest gives the score."""
    done: list[PluginSpan] = []
    for word in words:
        last = done[-1] if done else None
        gap = text[last.end : word.start] if last is not None else "\n"
        if last is not None and last.label == word.label and len(gap) <= 1 and gap != "\n":
            done[-1] = PluginSpan(last.start, word.end, word.label, min(last.score, word.score))
        else:
            done.append(word)
    return tuple(done)


class NerPlugin(Protocol):
    """A loaded plug-in."""

    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def examples(self) -> tuple[str, ...]: ...
    def spans(self, text: str) -> Sequence[PluginSpan]: ...
