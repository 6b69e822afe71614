"""What the pure parts and the binding say to each other: rows of a batch, results, and the memory of a context."""

from __future__ import annotations

import ctypes
import enum
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Decoded", "EngineError", "Memory", "Row", "StopFlag"]


class EngineError(Exception):
    """A request or a file cannot be served. `code` is a key of the error table; never text of an exchange."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Decoded(enum.Enum):
    """What evaluating a batch came to."""

    OK = "ok"
    NO_CELLS = "no_cells"
    ABORTED = "aborted"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Row:
    """One token of a batch."""

    token: int
    pos: int
    seq: int
    flag: bool
    """Whether logits are wanted after it."""


class StopFlag:
    """One byte that the library reads while it computes: zero goes on."""

    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = ctypes.create_string_buffer(2)

    def set(self, *, up: bool) -> None:
        """Raise or lower it; any thread may."""
        self.buffer[0] = b"\1" if up else b"\0"

    def __call__(self) -> bool:
        """Whether it is up."""
        return self.buffer[0] != b"\0"


class Memory(Protocol):
    """The key-value pool of a context, by sequence."""

    def pos_min(self, seq: int) -> int:
        """First position in memory; -1 when empty."""

    def pos_max(self, seq: int) -> int:
        """Last position in memory; -1 when empty."""

    def remove(self, seq: int, start: int) -> None:
        """Forget a sequence from a position on."""

    def copy(self, source: int, target: int) -> None:
        """Let one sequence share all of another."""

    def wipe(self) -> None:
        """Forget everything and overwrite the buffers."""
