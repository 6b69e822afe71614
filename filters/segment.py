"""Cut an answer into segments that are judged before they are released.

Law: text alone decides where a segment ends, so an answer is cut in the same places however it arrives. A segment never
ends inside a placeholder, and no more than two windows of text are ever held back.

    Segmenter(200)      ends at the first sentence end or line end from 200 characters on, at 400 at the latest
    Segmenter(None)     buffered: one segment, at the end
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from filters.vault import LONGEST, PLACEHOLDER

__all__ = ["Bounds", "Segmenter", "window_chars"]

_CHARS_PER_TOKEN = 4
_END = re.compile(r"\n|[.!?…](?=\s)")


class Segmenter:
    """Cuts one answer. `feed` returns the segments that are complete."""

    __slots__ = ("_held", "_window")

    def __init__(self, window: int | None) -> None:
        """Take the window in characters, or None to hold everything until the end."""
        if window is not None and window < LONGEST:
            raise ValueError("the window is shorter than a placeholder")
        self._window = window
        self._held = ""

    def feed(self, text: str) -> tuple[str, ...]:
        """Take any cut of the answer."""
        self._held += text
        done: list[str] = []
        if self._window is None:
            return ()
        while end := self._end(self._window):
            done.append(self._held[:end])
            self._held = self._held[end:]
        return tuple(done)

    def finish(self) -> tuple[str, ...]:
        """Return the rest: there is no tail that is not judged."""
        rest, self._held = self._held, ""
        return (rest,) if rest else ()

    def _end(self, window: int) -> int:
        """Return where the first segment of the held text ends, or 0 while that is not known.

        Only the first two windows are looked at, with one character beyond a sentence end, so it does not matter
        how much more has arrived.
        """
        held = self._held[: 2 * window]
        match = _END.search(held, window - 1)
        if match:
            return match.end()
        return _last_break(held) if len(held) == 2 * window else 0


def _last_break(text: str) -> int:
    """Return the place after the last white space; without any, the end, or before the placeholder it would cut."""
    for place in range(len(text), 0, -1):
        if text[place - 1].isspace():
            return place
    opened = text.rfind("[", max(0, len(text) - LONGEST + 1))
    if opened > 0 and not PLACEHOLDER.match(text, opened):
        return opened
    return len(text)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which sizes the speed chooses. Shorter windows than 48 tokens judge half sentences."""

    least_tokens: int = 48
    most_tokens: int = 512
    guard_share: float = 0.5
    """Seconds of judging allowed per second of generation."""


def window_chars(
    *, prompt_tokens_per_s: float, answer_tokens_per_s: float, suffix_tokens: int, bounds: Bounds | None = None
) -> int | None:
    """Return the window for the measured speeds of guard and generator, or None when only one check at the end pays.

    A check of every w tokens costs w + S tokens of the guard; with b guard seconds allowed per second of generation it
    must not fall behind: w >= S / (b * R / G - 1).
    """
    within = bounds or Bounds()
    budget = within.guard_share * prompt_tokens_per_s
    if answer_tokens_per_s <= 0 or budget <= answer_tokens_per_s:
        return None
    tokens = math.ceil(suffix_tokens / (budget / answer_tokens_per_s - 1))
    return None if tokens > within.most_tokens else _CHARS_PER_TOKEN * max(tokens, within.least_tokens)
