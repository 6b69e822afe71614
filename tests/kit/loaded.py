"""A tiny model loaded in this process, with the clock in the test's hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from proxy.workers.engine.batch import Decoded, Row
from proxy.workers.engine.binding import silence
from proxy.workers.engine.launch import RolePlan
from proxy.workers.engine.load import Loaded, check_files, load
from tests.kit.engines import answer_role, engine_plan, guard_role
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4

__all__ = ["Clock", "FailingContext", "load_answer", "load_guard", "load_role"]


class Clock:
    """Milliseconds that pass only when told."""

    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


class FailingContext:
    """A real context whose next batches end as listed; then it works again."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.results: list[Decoded] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def decode(self, rows: Sequence[Row]) -> Decoded:
        """Fail as told, or evaluate."""
        return self.results.pop(0) if self.results else self._context.decode(rows)


def load_role(role: RolePlan, should_stop: Callable[[], bool] = lambda: False) -> Loaded:
    """Check and load one model."""
    silence()
    (checked,) = check_files(engine_plan(role))
    return load(checked, should_stop)


def load_answer(folder: Path, **changes: Any) -> Loaded:
    """A tiny generator."""
    path = folder / "answer.gguf"
    return load_role(answer_role(path, tiny_gemma4(path), **changes))


def load_guard(folder: Path, **changes: Any) -> Loaded:
    """A tiny judge."""
    path = folder / "guard.gguf"
    return load_role(guard_role(path, tiny_gemma2(path), **changes))
