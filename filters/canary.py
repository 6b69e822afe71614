"""Does every enabled detector find its own examples? Asked once, at start.

Law: a detector that is enabled but absent protects nothing and says nothing, so the service must not start with one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from filters.findings import Source, Type
from filters.fold import fold
from filters.plugins import NerPlugin
from filters.recognizers import Entry
from filters.scan import Hit

__all__ = ["failing", "failing_plugin"]

_BALANCED = 500
_PEOPLE = (
    ("Patient John Smith was seen by Dr. Maria Garcia in the clinic.", "Smith"),
    ("Die Patientin Anna Schneider wurde am Montag aufgenommen.", "Schneider"),
    ("La paciente Carmen Rodríguez ingresa por dolor abdominal.", "Rodríguez"),
)

Hits = Callable[[str], Iterable[Hit]]


def failing(patterns: Hits, entries: Sequence[Entry], everything: Hits | None) -> str | None:
    """Return the kind of the first detector that misses an example of its own, or None."""
    for entry in entries:
        for example in entry.examples.match:
            if not _finds(patterns, entry, example):
                return entry.recognizer.kind
    if everything is None:
        return None
    seen = any(_names(everything, text, name) for text, name in _PEOPLE)
    return None if seen else "clinical_ner"


def failing_plugin(plugins: Iterable[NerPlugin]) -> str | None:
    """Return the id of the first plug-in that misses an example of its own, or None."""
    for plugin in plugins:
        for example in plugin.examples:
            start, end = example.index("«"), example.index("»") - 1
            spans = plugin.spans(example.replace("«", "").replace("»", ""))
            if not any(span.start <= start and end <= span.end and span.score >= _BALANCED for span in spans):
                return plugin.id
    return None


def _finds(hits: Hits, entry: Entry, example: str) -> bool:
    start, end = example.index("«"), example.index("»") - 1
    view = fold(example.replace("«", "").replace("»", ""))
    return any(
        hit.type is entry.recognizer.type and hit.score >= _BALANCED and view.span(hit.start, hit.end) == (start, end)
        for hit in hits(view.text)
    )


def _names(hits: Hits, text: str, name: str) -> bool:
    at = text.index(name)
    return any(
        hit.type is Type.NAME and hit.source is Source.NER and hit.start <= at and at + len(name) <= hit.end
        for hit in hits(text)
    )
