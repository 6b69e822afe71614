"""The border of a child process: what its command line names, and how it says why it cannot run.

Law: a child knows only the descriptors and the JSON it was given on its command line; it says codes, never text.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Arguments", "Control", "parse_arguments"]

_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Arguments:
    """`--fd NAME=NUMBER ... --lock JSON --plan JSON`."""

    descriptors: Mapping[str, int]
    lock: str
    plan: str


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse what the supervisor wrote; anything else is a programming error."""
    descriptors: dict[str, int] = {}
    given = {"--lock": "{}", "--plan": "{}"}
    words = iter(argv)
    for word in words:
        if word == "--fd":
            name, _, number = next(words).partition("=")
            descriptors[name] = int(number)
        elif word in given:
            given[word] = next(words)
        else:
            raise ValueError(f"unknown argument {word!r}")
    return Arguments(descriptors, given["--lock"], given["--plan"])


class Control:
    """The child's end of its control socket: one small JSON object a message."""

    def __init__(self, descriptor: int) -> None:
        self.socket = socket.socket(fileno=descriptor)

    def say(self, **message: str | bool) -> None:
        """Tell the supervisor; one that is gone, or does not read, is no reason to fail or to wait."""
        try:
            self.socket.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)
        except OSError:
            return

    def hear(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """Read one message and the descriptor that came with it; an empty one when the supervisor is gone."""
        data, descriptors, _, _ = socket.recv_fds(self.socket, _MESSAGE_BYTES, 1)
        return (json.loads(data) if data else {}), tuple(descriptors)

    def failed(self, code: str, reasons: Sequence[str] = ()) -> None:
        """Say why this process will end: a code, and of a lock that does not hold the reasons."""
        self.say(failed=code, **({"reasons": ",".join(reasons)} if reasons else {}))
