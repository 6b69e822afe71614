"""How a command reaches a running service: it leaves a file in the inbox and waits for what becomes of it.

Law: the command needs no key, no lock and no right but to write into the inbox; what it says is what the service wrote.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass

from proxy.cli.audit_offline import is_writing
from proxy.cli.command import Exit, complain, err, out
from proxy.config import Settings
from proxy.post import Handled, PostBox

__all__ = ["Letter", "by_post", "send", "wait_argument", "wait_for"]

_PATIENCE_S = 180
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Letter:
    """A file for the inbox."""

    name: str
    data: bytes


def wait_argument(parser: argparse.ArgumentParser) -> None:
    """How long a command waits for the service."""
    parser.add_argument(
        "--wait",
        type=float,
        default=_PATIENCE_S if sys.stderr.isatty() else 0,
        metavar="SECONDS",
        help=f"how long to wait for a running service ({_PATIENCE_S} on a terminal, else 0)",
    )


def by_post(settings: Settings) -> bool:
    """Whether the log is somebody else's to write: the service runs, or this user has no right to it."""
    folder, post = settings.audit.dir, PostBox.beside(settings.audit.dir)
    if is_writing(folder):
        return True
    return post.inbox.is_dir() and not os.access(folder, os.W_OK)


def send(settings: Settings, letter: Letter, wait_s: float) -> int:
    """Leave a letter, and say what became of it."""
    post = PostBox.beside(settings.audit.dir)
    try:
        path = post.put(letter.name, letter.data)
    except OSError as error:
        complain(f"the service is running and {post.inbox} cannot be written ({error.strerror}); nothing was changed")
        return Exit.FAILED
    handled = wait_for(post, letter.name, wait_s)
    if handled is None:
        out().print(f"Left for the service: {path}", markup=False)
        out().print("It answers within seconds while it runs, else after its next start.")
        return Exit.DONE
    if handled.done:
        out().print(f"The service: {handled.said}", markup=False)
        return Exit.DONE
    complain(f"the service refused it: {handled.said}")
    return Exit.NO


def wait_for(post: PostBox, name: str, wait_s: float) -> Handled | None:
    """Look for the answer until it is there or the patience ends."""
    until = time.monotonic() + wait_s
    with err().status("Waiting for the service ...", spinner="line"):
        while True:
            try:
                handled = post.answer(name)
            except OSError:
                handled = None
            if handled is not None or time.monotonic() >= until:
                return handled
            time.sleep(_LOOK_S)
