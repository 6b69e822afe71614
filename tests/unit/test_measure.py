"""The self-measurement stops when it has seen enough, and leaves an empty pool."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from proxy.workers.engine.batch import Decoded, Row
from proxy.workers.engine.measure import measure


class _Context:
    """A context that evaluates a token in a fixed time."""

    def __init__(self, token_s: float, *, n_ctx: int = 4096, works: bool = True) -> None:
        self.spec = SimpleNamespace(n_ctx=n_ctx, n_batch=1024)
        self.now = 0.0
        self.filled = 0
        self._token_s, self._works = token_s, works

    def decode(self, rows: Sequence[Row]) -> Decoded:
        assert [row.pos for row in rows] == list(range(self.filled, self.filled + len(rows)))
        self.now += len(rows) * self._token_s
        self.filled += len(rows)
        return Decoded.OK if self._works else Decoded.NO_CELLS

    def wipe(self) -> None:
        self.filled = 0


@pytest.mark.parametrize("token_s", [0.000_01, 0.001, 0.02, 0.5])
def test_speeds_are_those_of_the_machine(token_s: float) -> None:
    context = _Context(token_s)
    speed = measure(context, 5, lambda: context.now)
    assert speed.prompt == pytest.approx(1 / token_s)
    assert speed.answer == pytest.approx(1 / token_s)
    assert context.filled == 0


def test_a_fast_machine_is_done_soon_and_a_small_pool_is_not_overrun() -> None:
    fast, small = _Context(0.000_1), _Context(0.000_01, n_ctx=64)
    measure(fast, 5, lambda: fast.now)
    assert fast.now < 1
    measure(small, 5, lambda: small.now)
    assert small.filled == 0


def test_what_cannot_be_measured_is_nothing() -> None:
    context = _Context(0.1, works=False)
    speed = measure(context, 5, lambda: context.now)
    assert (speed.prompt, speed.answer) == (0.0, 0.0)
