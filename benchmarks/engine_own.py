"""E7 of `engine.py`: the engine's own time a token, that is all but the library's decode. In this process.

Processor time of the calling thread, with one thread for the library too, so that other work is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.table import ms, show
from proxy.workers.engine.answerer import Answerer
from proxy.workers.engine.batch import Decoded, Row
from proxy.workers.engine.binding import silence
from proxy.workers.engine.interrupt import Interrupt
from proxy.workers.engine.launch import RolePlan
from proxy.workers.engine.load import check_files, load
from proxy.workers.wire import Done, Message, encode
from tests.kit.engines import engine_plan, generate

__all__ = ["own_time"]


class _Timed:
    """A context that adds up how long it decodes."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.decode_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def decode(self, rows: Sequence[Row]) -> Decoded:
        """Evaluate a batch."""
        began = time.thread_time()
        result: Decoded = self._context.decode(rows)
        self.decode_s += time.thread_time() - began
        return result


def own_time(role: RolePlan, tokens: int) -> None:
    """Measure and print, for one and for four answers."""
    from dataclasses import replace

    silence()
    (checked,) = check_files(engine_plan(role, threads=1))
    loaded = load(checked, Interrupt(_now_ms).flag)
    timed = _Timed(loaded.context)
    answerer = Answerer(replace(loaded, context=timed), prefix_cache=False, draw_seed=lambda: 1, now_ms=_now_ms)
    rows = []
    number = 0
    for count, temperature in ((1, 0.0), (1, 1.0), (4, 0.0)):
        timed.decode_s, said = 0.0, list[Message]()
        began = time.thread_time()
        for _ in range(count):
            number += 1
            request = generate(number, "Summarise.", caller=f"{number}", max_tokens=tokens, temperature=temperature,
                               top_p=0.95, top_k=64, credits=10_000)  # fmt: skip
            said += answerer.begin(request)
        bytes_sent = 0
        while (plan := answerer.plan()) is not None:
            for message in answerer.step(plan):
                bytes_sent += len(encode(message))
                said.append(message)
        whole = time.thread_time() - began
        made = sum(message.completion_tokens for message in said if isinstance(message, Done))
        own = (whole - timed.decode_s) / max(made, 1)
        name = f"{count} answer{'s' if count > 1 else ''}, {'greedy' if not temperature else 'drawn'}"
        rows.append((name, f"{made}", ms(timed.decode_s / max(made, 1)), ms(own)))
    answerer.close()
    loaded.close()
    show("E7: the engine's own time a token", ("", "tokens", "decode", "own"), rows)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
