"""Why something would be replaced, in words: which detector, on what grounds, how sure."""

from __future__ import annotations

from collections.abc import Mapping

from filters.findings import Finding, Source
from filters.kinds import DENIED
from filters.recognizers import catalogue
from filters.recognizers.base import Recognizer
from filters.stock import STOCK

__all__ = ["grounds_of", "recognizers_by_kind"]

_SOURCES = {
    Source.NER: "the name finder took it for one",
    Source.PLUGIN: "a model of this site took it for one",
    Source.KNOWN: "the same value was found elsewhere in the text",
    Source.MARKED: "a person marked it",
}
_KINDS = {
    DENIED: "a word this site always replaces",
    "opaque": "a long run that nobody can read, so nobody can inspect it",
    "uncovered_script": "letters in which names are not found reliably",
}


def recognizers_by_kind() -> Mapping[str, Recognizer]:
    """Every kind of our own, with the recognizer that finds it."""
    found: dict[str, Recognizer] = {}
    for entry in catalogue():
        recognizer = entry.recognizer
        for kind in (recognizer.kind, recognizer.cued_kind, *(name for _, name in recognizer.kinds)):
            found.setdefault(kind, recognizer)
    return found


def grounds_of(finding: Finding, recognizers: Mapping[str, Recognizer]) -> str:
    """Return one short clause: what made this a finding."""
    if finding.kind in _KINDS:
        return _KINDS[finding.kind]
    if finding.source in _SOURCES:
        return _SOURCES[finding.source]
    recognizer = recognizers.get(finding.kind)
    if recognizer is None:
        stock = next((s for s in STOCK if s.kind == finding.kind), None)
        return f"a pattern of Presidio, {stock.terms.value}" if stock else "a rule of this site"
    scores = recognizer.scores
    if recognizer.check is not None and finding.score == scores.checked:
        return "its form, and its check digit is right"
    if scores.cued and finding.score == scores.cued and scores.cued != scores.shape:
        return "its form, beside a word that announces it"
    return "its form alone"
