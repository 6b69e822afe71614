"""What stops a batch: its own cancels, its deadline, the end; and the byte that the library reads says the same."""

from __future__ import annotations

import threading
import time

from proxy.workers.engine.batch import Decoded, Row
from proxy.workers.engine.binding import silence
from proxy.workers.engine.interrupt import Interrupt
from tests.kit.engines import answer_role
from tests.kit.loaded import Clock, load_role
from tests.kit.tinymodels import tiny_gemma4


def test_a_batch_stops_for_its_own_jobs_only() -> None:
    interrupt = Interrupt(Clock())
    interrupt.arm(frozenset({1, 2}), 10_000)
    interrupt.cancel(3)
    assert not interrupt.tick()
    assert not interrupt.flag()
    interrupt.cancel(2)
    assert interrupt.flag()
    interrupt.disarm()
    assert not interrupt.flag()


def test_a_cancel_between_two_batches_is_not_lost_and_a_handled_one_is_forgotten() -> None:
    interrupt = Interrupt(Clock())
    interrupt.cancel(1)
    interrupt.arm(frozenset({1}), 10_000)
    assert interrupt.tick()
    interrupt.handled(1)
    assert not interrupt.tick()


def test_a_deadline_and_the_end_stop_any_batch() -> None:
    clock = Clock()
    interrupt = Interrupt(clock)
    interrupt.arm(frozenset({1}), 1_500)
    assert not interrupt.tick()
    clock.ms = 1_500
    assert not interrupt.flag()  # nobody has looked at the clock yet
    assert interrupt.tick()
    assert interrupt.flag()
    interrupt.disarm()
    assert not interrupt.tick()
    interrupt.stop()
    assert interrupt.tick()


def test_cancels_from_another_thread_are_all_seen() -> None:
    interrupt = Interrupt(Clock())
    threads = [threading.Thread(target=lambda n=n: interrupt.cancel(n)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(50):
        interrupt.arm(frozenset({number}), 10_000)
        assert interrupt.tick()
        interrupt.handled(number)
        assert not interrupt.tick()


def test_the_library_reads_the_byte_while_it_computes(tmp_path) -> None:
    """Raised before a batch it stops at the first node; raised from another thread it stops in the middle."""
    silence()
    path = tmp_path / "answer.gguf"
    interrupt = Interrupt(Clock())
    loaded = load_role(answer_role(path, tiny_gemma4(path, layers=12)), interrupt.flag)
    rows = [Row(300 + i % 50, i, 0, i == 1999) for i in range(2000)]
    interrupt.arm(frozenset({1}), 10_000)
    interrupt.cancel(1)
    assert loaded.context.decode(rows) is Decoded.ABORTED
    interrupt.handled(1)
    loaded.context.wipe()
    assert loaded.context.decode(rows) is Decoded.OK
    loaded.context.wipe()
    canceller = threading.Thread(target=lambda: (time.sleep(0.02), interrupt.cancel(1)))
    canceller.start()
    results = set()
    while interrupt.tick() is False:
        loaded.context.wipe()
        results.add(loaded.context.decode(rows))
    canceller.join()
    assert loaded.context.decode(rows) is Decoded.ABORTED
    assert results <= {Decoded.OK, Decoded.ABORTED}
    loaded.close()
