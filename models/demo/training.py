"""What both trainings share: learning-rate curve, optimiser, batches of a token budget, and a log with a bar."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

__all__ = ["Progress", "batches", "optimiser", "rounded", "set_rate"]

T = TypeVar("T")


def optimiser(model: torch.nn.Module, rate: float) -> torch.optim.AdamW:
    """AdamW with decay on matrices only."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), eps=1e-8, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, peak: float, step: int, steps: int) -> None:
    """Linear warm-up over the first 4 %, then a cosine to 4 % of the peak."""
    warm = max(1, steps // 25)
    falling = 0.04 + 0.48 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
    rate = peak * (step + 1) / warm if step < warm else peak * falling
    for group in optimizer.param_groups:
        group["lr"] = rate


def rounded(length: int) -> int:
    """Row widths come in steps of 32: few shapes mean few kernels to prepare."""
    return -(-length // 32) * 32


def batches(make: Callable[[], T], length: Callable[[T], int], *, tokens: int) -> Iterator[Sequence[T]]:
    """Endless batches of rows of one rounded width, each of about `tokens` tokens."""
    waiting: dict[int, list[T]] = {}
    while True:
        row = make()
        width = rounded(length(row))
        rows = waiting.setdefault(width, [])
        rows.append(row)
        if len(rows) >= max(1, tokens // width):
            yield waiting.pop(width)


class Progress:
    """A line per report in the log, and a bar when stderr is a terminal."""

    def __init__(self, name: str, steps: int, every: int = 50) -> None:
        self._name, self._steps, self._every = name, steps, every
        self._start = time.monotonic()
        self._mean: float | None = None

    def step(self, done: int, loss: float, **values: float) -> None:
        """Count one step."""
        self._mean = loss if self._mean is None else 0.98 * self._mean + 0.02 * loss
        spent = time.monotonic() - self._start
        if sys.stderr.isatty():
            bar = "#" * (30 * done // self._steps)
            print(
                f"\r{self._name} [{bar:<30}] {done}/{self._steps} loss {self._mean:.3f}",
                end="",
                file=sys.stderr,
                flush=True,
            )
        elif done % self._every == 0 or done == self._steps:
            more = " ".join(f"{key} {value:.4f}" for key, value in values.items())
            print(
                f"{self._name} {done}/{self._steps} loss {self._mean:.4f} {more} {spent:.0f}s",
                file=sys.stderr,
                flush=True,
            )
