"""Requests written as a person would annotate them: `Seen by «NAME Ana Pereira» on «DATE/birth_date 3 May 1950»`.

`«TYPE text»` is a finding of a pattern, `«TYPE/kind text»` names the kind, `«~TYPE text»` is one that is only known
from elsewhere, `«=text»` is a span that a guard leaves standing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from filters.findings import Finding, Found, Source, Type
from filters.parts import Form, Part, PatientText

__all__ = ["annotated", "part_of", "request", "texts_of"]

_MARK = re.compile(r"«(?P<known>~?)(?P<type>[A-Z]+)(?:/(?P<kind>\w+))? (?P<text>[^«»]*)»|«=(?P<stay>[^«»]*)»")


def annotated(text: str) -> tuple[str, tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the plain text, its findings, and its kept spans."""
    out, findings, kept, done = "", [], [], 0
    for match in _MARK.finditer(text):
        out += text[done : match.start()]
        done = match.end()
        start = len(out)
        out += match["stay"] if match["stay"] is not None else match["text"]
        if match["stay"] is not None:
            kept.append(Finding(start, len(out), Type.NAME, "eponym", 0, Source.NER))
            continue
        kind = match["kind"] or {"NAME": "person"}.get(match["type"], match["type"].lower())
        source = Source.KNOWN if match["known"] else Source.PATTERN
        findings.append(Finding(start, len(out), Type(match["type"]), kind, 900, source))
    return out + text[done:], tuple(findings), tuple(kept)


def part_of(text: str, index: int = 0, form: Form = Form.TEXT) -> Part:
    """Return one part of a user."""
    return Part(index, "user", form, PatientText(text))


def request(*texts: str | tuple[Form, str], spread: Sequence[str] = ()) -> tuple[tuple[Part, ...], Found]:
    """Return parts and what an analyst would say about them."""
    parts, findings, kept = [], [], []
    for index, entry in enumerate(texts):
        form, text = (Form.TEXT, entry) if isinstance(entry, str) else entry
        plain, found, stay = annotated(text)
        parts.append(part_of(plain, index, form))
        findings.append(found)
        kept.append(stay)
    return tuple(parts), Found(tuple(findings), tuple(kept), tuple(spread))


def texts_of(result: object) -> list[str]:
    """Return the redacted texts of a result."""
    return [text.reveal() for text in result.texts]  # type: ignore[attr-defined]
