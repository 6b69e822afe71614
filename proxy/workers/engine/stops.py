"""Stop strings across token borders.

Law: the text before the earliest stop is emitted, the stop and all after it are not; at most the longest proper prefix
of a stop is held back; cutting the text differently never changes what is emitted.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["MAX_STOPS", "StopScanner"]

MAX_STOPS = 8


class StopScanner:
    """`feed(text)` returns what may be shown; after a hit `stopped` is true and nothing more comes."""

    __slots__ = ("_held", "_stops", "stopped")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.stopped = False

    def feed(self, text: str) -> str:
        """Take the next text."""
        if self.stopped:
            return ""
        text = self._held + text
        # Character by character, the stop that is complete first wins; of two complete at once, the longer:
        # that depends on the text alone, not on how it was cut.
        hits = [(text.find(stop) + len(stop), -len(stop)) for stop in self._stops if stop in text]
        if hits:
            end, length = min(hits)
            self.stopped, self._held = True, ""
            return text[: end + length]
        keep = self._prefix_length(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """The answer ended without a stop: what was held is text after all."""
        held, self._held = self._held, ""
        return held

    def _prefix_length(self, text: str) -> int:
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(text)), 0, -1):
            tail = text[-length:]
            if any(stop.startswith(tail) for stop in self._stops):
                return length
        return 0
