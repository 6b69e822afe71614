"""What a detector says it saw, without the text it saw.

Law: a `Finding` holds offsets (Unicode code points, end exclusive), never text; scores are integers 0..1000.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Finding", "Found", "Source", "Type"]


class Type(enum.StrEnum):
    """Placeholder types: `[TYPE_n]`."""

    NAME = "NAME"
    LOCATION = "LOCATION"
    ORG = "ORG"
    DATE = "DATE"
    AGE = "AGE"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    URL = "URL"
    IP = "IP"
    ID = "ID"
    SECRET = "SECRET"  # noqa: S105 - the name of a placeholder type
    TEXT = "TEXT"
    MARKED = "MARKED"


class Source(enum.StrEnum):
    """Which detector made a finding."""

    PATTERN = "pattern"
    NER = "ner"
    PLUGIN = "plugin"
    KNOWN = "known"
    MARKED = "marked"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A span of one part that holds an identifier."""

    start: int
    end: int
    type: Type
    kind: str
    """The recognizer's kind (`person`, `lk_nic`, `facility`): counts in the log are by kind."""
    score: int
    source: Source


@dataclass(frozen=True, slots=True)
class Found:
    """All the analyst says about one request.

    Attributes:
        parts: per part, disjoint findings sorted by start.
        kept: per part, spans the policy or a guard leaves standing; the last look must not complain about them.
        spread: normal forms of known values that must not stand anywhere after redaction (patient text).
    """

    parts: tuple[tuple[Finding, ...], ...]
    kept: tuple[tuple[Finding, ...], ...]
    spread: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Found(parts={len(self.parts)}, findings={sum(map(len, self.parts))}, spread={len(self.spread)})"
