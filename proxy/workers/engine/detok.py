"""Token bytes to text, incrementally.

Law: an incomplete character waits for its bytes; what can never become UTF-8 reads as U+FFFD; cutting the bytes
differently never changes the text. At most three bytes are held.
"""

from __future__ import annotations

import codecs

__all__ = ["Detokenizer"]


class Detokenizer:
    """`feed(bytes)` returns the text that is complete, `finish()` the rest."""

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """Take the bytes of a token."""
        return self._decoder.decode(data)

    def finish(self) -> str:
        """The answer ended: a broken last character becomes U+FFFD."""
        return self._decoder.decode(b"", final=True)
