"""The border of a child process: what its command line names, and how it says why it cannot run.

Law: a child knows only the descriptors and the JSON it was given on its command line; it says codes, never text.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Arguments", "Control", "parse_arguments"]


@dataclass(frozen=True, slots=True)
class Arguments:
    """`--fd NAME=NUMBER ... --plan JSON`."""

    descriptors: Mapping[str, int]
    plan: str


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse what the supervisor wrote; anything else is a programming error."""
    descriptors: dict[str, int] = {}
    plan = "{}"
    words = iter(argv)
    for word in words:
        if word == "--fd":
            name, _, number = next(words).partition("=")
            descriptors[name] = int(number)
        elif word == "--plan":
            plan = next(words)
        else:
            raise ValueError(f"unknown argument {word!r}")
    return Arguments(descriptors, plan)


class Control:
    """The child's end of its control socket: one small JSON object a message."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)

    def say(self, **message: str | bool) -> None:
        """Tell the supervisor; a supervisor that is gone is no reason to fail."""
        try:
            self.socket.send(json.dumps(message).encode())
        except OSError:
            return

    def failed(self, code: str) -> None:
        """Say why this process will end."""
        self.say(failed=code)
