"""Prompt pieces for a model: control tokens by name, everything else as literal text.

Law: content is always `Text`; only our own template code makes `Control`. The engine turns a `Control` into one token
id and tokenises a `Text` without special tokens, so no text of a user can become a control token.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Control", "Piece", "Text"]


@dataclass(frozen=True, slots=True)
class Control:
    """A control token by its text, such as `<start_of_turn>`."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text between two control tokens; `repr` shows a length, because it may hold (redacted) clinical text."""

    text: str

    def __repr__(self) -> str:
        return f"Text({len(self.text)})"


Piece = Control | Text
