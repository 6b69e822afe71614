"""A short self-measurement of a loaded model: prompt and answer tokens per second, in under a second.

Law: uses the pool before anyone else does and leaves it empty; the numbers are this machine's, never assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from proxy.workers.engine.batch import Decoded, Row
from proxy.workers.engine.binding import Context

__all__ = ["Speed", "measure"]

_ENOUGH_S = 0.15
_MAX_PROMPT = 512


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens per second; 0 where nothing could be measured."""

    prompt: float
    answer: float


def measure(context: Context, token: int, now_s: Callable[[], float]) -> Speed:
    """Time a prompt, doubled until it takes long enough to count, then single tokens after it."""
    size, prompt = 8, 0.0
    limit = min(_MAX_PROMPT, context.spec.n_batch, context.spec.n_ctx // 2)
    while True:
        context.wipe()
        began = now_s()
        result = context.decode([Row(token, i, 0, i == size - 1) for i in range(size)])
        took = now_s() - began
        if result is not Decoded.OK:
            return Speed(0.0, 0.0)
        prompt = size / max(took, 1e-6)
        if took >= _ENOUGH_S or size * 2 > limit:
            break
        size *= 2
    began, count = now_s(), 0
    while now_s() - began < _ENOUGH_S and size + count + 1 < context.spec.n_ctx:
        context.decode([Row(token, size + count, 0, flag=True)])
        count += 1
    answer = count / max(now_s() - began, 1e-6)
    context.wipe()
    return Speed(prompt, answer)
