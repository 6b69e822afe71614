"""Cut a long text into overlapping chunks, so that a hit is found as if there were no cut.

Law: Presidio compares results of one call with each other (trap `quadratic_hits`), so a call gets at most 4,000
characters. Chunks overlap by 256 and are cut at white space; a hit counts once, in the chunk that sees both its sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Chunk", "chunks"]

_SIZE = 4_000
_OVERLAP = 256
_LOOK_BACK = 1_000
"""A chunk begins after white space even where a long run without any ends the one before."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`text[start:end]`; hits that begin in [first, last) are this chunk's."""

    start: int
    end: int
    first: int
    last: int

    def counts(self, start: int, end: int) -> bool:
        """Return whether a hit is this chunk's, or touches a cut: then a whole one swallows it."""
        return self.first <= start < self.last or start < self.first < end or end == self.end


def chunks(text: str) -> Iterator[Chunk]:
    """Yield the chunks of `text` in order."""
    start, first = 0, 0
    while len(text) - start > _SIZE:
        end = _cut(text, start + _SIZE - _OVERLAP, start + _SIZE)
        last = end - _OVERLAP // 2
        yield Chunk(start, end, first, last)
        start, first = _cut(text, end - _LOOK_BACK, end - _OVERLAP), last
    yield Chunk(start, len(text), first, len(text))


def _cut(text: str, low: int, high: int) -> int:
    """Return the last place in (low, high] after white space, or `high`."""
    for at in range(high, low, -1):
        if text[at - 1].isspace():
            return at
    return high
