"""Put originals back where issued placeholders stand (skeleton of the value; the Restorer follows)."""

from __future__ import annotations

from dataclasses import dataclass

from filters.findings import Type
from filters.parts import PatientText

__all__ = ["Piece"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer as the caller may see it.

    Attributes:
        text: what the caller reads (an original, or plain text).
        placeholder: the placeholder the model wrote, or "" for plain text.
        type: its type, or None for plain text.
    """

    text: PatientText
    placeholder: str = ""
    type: Type | None = None
