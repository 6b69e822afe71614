"""Many rows: the next one is made safe while the guard judges this one, and a bar says how far it is.

Law: order is kept; a row whose replacement fails comes out as its error, in its place. One thread at most is ahead by
one row, so nothing piles up. The bar goes to standard error, and only when that is a terminal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from proxy.cli.command import err
from proxy.errors import CordonError

__all__ = ["Replacer", "counting", "redacted_ahead"]

_R = TypeVar("_R")
_Turns = tuple[tuple[str, str], ...]


class Replacer(Protocol):
    """What makes turns safe."""

    def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Return the redacted text of each turn. Raises CordonError."""
        ...


async def redacted_ahead(
    replacer: Replacer, rows: Sequence[_R], turns_of: Callable[[_R], _Turns | None]
) -> AsyncIterator[tuple[_R, tuple[str, ...] | CordonError]]:
    """Yield each row with its redacted turns, or with why there are none. A row without turns is not replaced."""

    def work(row: _R) -> tuple[str, ...] | CordonError:
        turns = turns_of(row)
        try:
            return () if turns is None else replacer.replace(turns)
        except CordonError as error:
            return error

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(work, rows[0]) if rows else None
        for number, row in enumerate(rows):
            assert coming is not None
            redacted = await asyncio.wrap_future(coming)
            coming = pool.submit(work, rows[number + 1]) if number + 1 < len(rows) else None
            yield row, redacted


class _Speed(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "", style="progress.data.speed")


@contextmanager
def counting(what: str, total: int, *, done: int = 0) -> Iterator[Callable[[], None]]:
    """A bar with count, speed and the time left; call what is given after each row."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda: progress.advance(task)
