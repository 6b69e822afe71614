"""What a dying child says of where it died: Python's own trace over a pipe, and of that the places alone.

A child that crashes inside a library writes the stack of each thread to its end of the pipe (faulthandler(3) uses
`write` and nothing else, so it works in the sealed engine too). The supervisor reads the other end.

Law: a child that was taken over may write anything here. A line passes only if it names a file, a line number and a
function; at most a hundred pass, and the rest is counted. What passes is shortened to what tells our code apart.
"""

from __future__ import annotations

import os
import re

__all__ = ["CrashPipe"]

_LINE = re.compile(r'  File "([^"]{1,200})", line (\d+) in (\w+)')
_MOST_LINES = 100
_MOST_BYTES = 64 * 1024
_CHUNK = 16 * 1024
_PARTS = 3


class CrashPipe:
    """One pipe per life of a child. `theirs` is for the child and closed here once it runs."""

    __slots__ = ("_rest", "_said", "dropped", "ours", "theirs")

    def __init__(self) -> None:
        self.ours, self.theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.ours, False)
        self._said = bytearray()
        self.dropped = 0
        """Bytes beyond what is kept."""

    def give(self) -> None:
        """Close the child's end here."""
        os.close(self.theirs)

    def read(self) -> bool:
        """Take what is there; false at the end."""
        try:
            chunk = os.read(self.ours, _CHUNK)
        except BlockingIOError:
            return True
        kept = chunk[: _MOST_BYTES - len(self._said)]
        self._said += kept
        self.dropped += len(chunk) - len(kept)
        return bool(chunk)

    def close(self) -> tuple[tuple[str, ...], int]:
        """Read to the end; the places, `folder/file.py:12:function`, and how many lines were something else."""
        while self._more():
            pass
        os.close(self.ours)
        lines = self._said.decode("utf-8", "replace").splitlines()
        places = [_place(*found.groups()) for line in lines if (found := _LINE.fullmatch(line))][:_MOST_LINES]
        return tuple(places), len(lines) - len(places) + bool(self.dropped)

    def _more(self) -> bool:
        before = len(self._said) + self.dropped
        return self.read() and len(self._said) + self.dropped > before


def _place(path: str, line: str, function: str) -> str:
    return f"{'/'.join(path.lstrip('/').rsplit('/', _PARTS)[-_PARTS:])}:{line}:{function}"
