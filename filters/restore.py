"""Put originals back where issued placeholders stand, in a stream cut anywhere.

Law: only a placeholder that was issued in this exchange, written exactly, is replaced. A truncated, altered or invented
one passes as it is and is counted; nothing is ever guessed, because a guess hands one person another's name. Restored
text is not read again, so an original that contains a look-alike is safe. At most 14 characters are held back, and only
while they can still become an issued placeholder.

    restorer = Restorer(vault, Form.TEXT)
    restorer.feed("Seen: [NAM")     Piece("Seen: ")
    restorer.feed("E_1].")          Piece("Ana Pereira", "[NAME_1]", NAME), Piece(".")
    restorer.finish()               what was still held, as plain text
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from filters.findings import Type
from filters.parts import Form, PatientText
from filters.vault import LONGEST, Vault

__all__ = ["Piece", "Restorer"]


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


class Restorer:
    """Restores one channel of one choice (content, reasoning, or the arguments of one tool call)."""

    __slots__ = ("_form", "_held", "_misses", "_restored", "_vault")

    def __init__(self, vault: Vault, form: Form) -> None:
        self._vault = vault
        self._form = form
        self._held = ""
        self._restored = 0
        self._misses = _Misses()

    @property
    def restored(self) -> int:
        """How many placeholders were replaced by their originals."""
        return self._restored

    @property
    def unresolved(self) -> int:
        """How many look-alikes passed as they were."""
        return self._misses.count

    def feed(self, text: str) -> tuple[Piece, ...]:
        """Take any cut of the answer; return what can be said for certain."""
        return self._run(self._held + text, last=False)

    def finish(self) -> tuple[Piece, ...]:
        """Return what was held back: it did not become a placeholder."""
        pieces = self._run(self._held, last=True)
        self._misses.finish()
        return pieces

    def _run(self, text: str, *, last: bool) -> tuple[Piece, ...]:
        pieces: list[Piece] = []
        done = 0
        at = text.find("[")
        while at >= 0:
            placeholder = text[at : text.find("]", at, at + LONGEST) + 1]
            found = self._vault.original(placeholder) if placeholder else None
            if found is not None:
                self._plain(text[done:at], pieces)
                pieces.append(self._restore(placeholder, *found))
                done = at + len(placeholder)
            elif not last and self._vault.begins(text[at : at + LONGEST]):
                break
            at = text.find("[", max(done, at + 1))
        end = at if at >= 0 else len(text)
        self._plain(text[done:end], pieces)
        self._held = text[end:]
        return tuple(pieces)

    def _plain(self, text: str, pieces: list[Piece]) -> None:
        if text:
            self._misses.feed(text)
            pieces.append(Piece(PatientText(text)))

    def _restore(self, placeholder: str, type_: Type, original: PatientText) -> Piece:
        self._restored += 1
        self._misses.finish()
        if self._form is not Form.TEXT:
            original = PatientText(_json_escaped(original.reveal()))
        return Piece(original, placeholder, type_)


def _json_escaped(text: str) -> str:
    """Return `text` as it stands inside a JSON string; a lone surrogate, which UTF-8 cannot carry, as an escape."""
    lone = any("\ud800" <= c <= "\udfff" for c in text)
    return json.dumps(text, ensure_ascii=lone)[1:-1]


_ANY = "|".join(Type)
_MISS = re.compile(
    rf"[\[［【]\s*(?:(?:{_ANY})(?:\\?_\s*\d*|[\s-]\s*\d+)|[^\W\d_]{{2,16}}\\?_\s*\d{{1,5}}\s*\\?[\]］】])",
    re.IGNORECASE,
)
_OPENS = "[［【"
_FAR = 40


class _Misses:
    """Counts look-alikes in passed text, however it is cut.

    A candidate runs from an opening bracket to a closing one, the next opening one, a newline or 40 characters.
    """

    __slots__ = ("_candidate", "count")

    def __init__(self) -> None:
        self.count = 0
        self._candidate = ""

    def feed(self, text: str) -> None:
        if not self._candidate and not any(mark in text for mark in _OPENS):
            return
        for char in text:
            if char in _OPENS:
                self.finish()
                self._candidate = char
            elif self._candidate:
                self._candidate += char
                if char in "]］】\n" or len(self._candidate) == _FAR:
                    self.finish()

    def finish(self) -> None:
        if _MISS.match(self._candidate):
            self.count += 1
        self._candidate = ""
