"""What a command of the command line is, and the exit statuses.

Law: one file a command; `--help` ends with an example; stdout carries results only, so that it can be piped; everything
a person should know beside them goes to stderr.
"""

from __future__ import annotations

import argparse
import enum
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from rich.console import Console

__all__ = ["Command", "Exit", "Parser", "complain", "err", "out"]


class Exit(enum.IntEnum):
    """Exit statuses of every command."""

    DONE = 0
    NO = 1
    """Done, and the answer is no: not verified, leak found."""
    FAILED = 2
    """Could not be done."""
    USAGE = 64
    CONFIG = 78


@dataclass(frozen=True, slots=True)
class Command:
    """One verb.

    Attributes:
        name: as typed, `audit verify` for a second level.
        summary: one line.
        example: lines that work, without the `$`.
        arguments: adds arguments to the parser.
        run: does it.
    """

    name: str
    summary: str
    example: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = field(default=lambda _: None)


class Parser(argparse.ArgumentParser):
    """argparse with the usage status of sysexits.h."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to see what is right; a verb may have a usage status of its own."""
        self.exit(self.get_default("usage_status") or Exit.USAGE, f"{self.prog}: {message}\nSee: {self.prog} --help\n")


def out() -> Console:
    """Where results go."""
    return Console(highlight=False, soft_wrap=True)


def err() -> Console:
    """Where progress and messages go."""
    return Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """Say a sentence on stderr."""
    print(f"cordon: {message}", file=sys.stderr)
