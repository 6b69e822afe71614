"""A thousand mixed requests with random disconnects leave no sequence, no memory, no place and no task behind.

The gateway's client and the engine's two threads, joined by a socket pair in one process, so that both can be looked
into afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from audit.log import Ticket
from filters.parts import RedactedText
from filters.tokens import Control, Text
from proxy.errors import CordonError
from proxy.exchange import (
    Caller,
    CallerKind,
    Cleared,
    Conversation,
    Exchange,
    Message,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from proxy.workers.admission import FairQueue
from proxy.workers.client import EngineClient, Link
from proxy.workers.engine.binding import silence
from proxy.workers.engine.interrupt import Interrupt
from proxy.workers.engine.load import Loaded, check_files, load
from proxy.workers.engine.main import Worker, _now_ms, _read, _send
from proxy.workers.wire import Hello, Locked, ModelInfo, Score
from tests.kit.engines import answer_role, engine_plan, guard_role
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4

REQUESTS = 1_000
_TEXT = "the patient has pain and fever was seen today in clinic with no cough "
_SCHEMA = RedactedText('{"type":"object","properties":{"a":{"enum":["pain","fever"]}},"required":["a"]}')


class House:
    """The engine of the process, with its rooms in reach."""

    def __init__(self, folder: Path) -> None:
        silence()
        answer, guard = folder / "answer.gguf", folder / "guard.gguf"
        plan = engine_plan(answer_role(answer, tiny_gemma4(answer)), guard_role(guard, tiny_gemma2(guard)))
        self.interrupt = Interrupt(_now_ms)
        self.models: dict[str, Loaded] = {c.plan.role: load(c, self.interrupt.flag) for c in check_files(plan)}
        self.worker = Worker(self.models, self.interrupt, prefix_cache=True)
        self.ours, self.theirs = socket.socketpair()
        self.threads = [
            threading.Thread(target=self.worker.serve, args=(self.theirs, str)),
            threading.Thread(target=_read, args=(self.theirs, self.worker, self.interrupt)),
        ]

    def start(self) -> None:
        infos = tuple(ModelInfo(role, role, "0" * 64, "x", "t", 1024, True) for role in self.models)
        _send(self.theirs, Locked("{}"))
        _send(self.theirs, Hello(1, "digest", infos))
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.worker.inbox.put(None)
        self.theirs.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self.threads)
        self.theirs.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.worker.close()
    for model in made.models.values():
        model.close()


def exchange(number: int, dice: random.Random) -> Exchange:
    who = Caller(1000 + number % 7, CallerKind.UID, "", "test", frozenset())
    deadline = 20 if dice.random() < 0.05 else 60_000
    return Exchange(f"x{number}", who, "openai", True, deadline, int(time.monotonic() * 1000))


def cleared(number: int, dice: random.Random) -> Cleared:
    kind = dice.random()
    tools: tuple[Tool[RedactedText], ...] = ()
    schema, choice = None, ToolChoice.AUTO
    if kind < 0.15:
        schema = _SCHEMA
    elif kind < 0.3:
        tools = (Tool("stop", RedactedText("d"), RedactedText("{}")),)
        choice = ToolChoice.REQUIRED
    turns = (Message(Role.USER, RedactedText(_TEXT * dice.randint(1, 9))),)
    sampling = Sampling(
        "m",
        max_tokens=dice.choice([1, 3, 10, 30]),
        temperature=dice.choice([0.0, 1.0]),
        seed=number,
        tool_choice=choice,
        thinking=kind > 0.8,
    )
    return Cleared(Conversation(turns, tools=tools, schema=schema), sampling, Ticket(number, f"x{number}"), ())


async def answer(engine: EngineClient, number: int, dice: random.Random) -> str:
    """One request: read to its end, or left after a few pieces, or left while it waits."""
    patience = dice.choice([None, 0, 1, 3])
    async with aclosing(engine.generate(exchange(number, dice), cleared(number, dice))) as stream:
        seen = 0
        async for message in stream:
            seen += 1
            if patience is not None and seen > patience:
                return "left"
            code = getattr(message, "code", "")
            if code:
                return code
    return "read"


async def score(engine: EngineClient, number: int, dice: random.Random) -> str:
    prefix = (Control("<bos>"), Text(_TEXT * dice.randint(1, 12)))
    suffixes = tuple((Text(f" policy {n}"),) for n in range(dice.randint(1, 6)))
    who = exchange(number, dice)
    try:
        await engine.score(
            lambda i: Score(i, who.id, prefix, suffixes, ("Yes", "No"), 60_000), dice.choice([0.002, 30])
        )
    finally:
        engine.end(who)
    return "scored"


async def one(engine: EngineClient, number: int, places: asyncio.Semaphore) -> str:
    dice = random.Random(number)
    async with places:
        work = score if dice.random() < 0.25 else answer
        try:
            async with asyncio.timeout(dice.choice([None, None, 0.001, 0.01, 0.05])):
                return await work(engine, number, dice)
        except TimeoutError:
            return "cancelled"
        except CordonError as error:
            return error.code


async def storm(house: House) -> Counter[str]:
    link, queue = Link("engine_lost", "engine_unavailable"), FairQueue(parallel=4, per_caller=50, in_all=100)
    engine = EngineClient(link, link, queue, now_s=time.monotonic)
    serving = asyncio.ensure_future(link.serve(house.ours))
    await link.wait_up()
    places = asyncio.Semaphore(24)
    ended = Counter(await asyncio.gather(*(one(engine, n, places) for n in range(1, REQUESTS + 1))))
    await asyncio.sleep(0.5)  # the last cancels arrive
    assert link._inboxes == {}
    assert engine._turns == {}
    assert (queue._active, queue.waiting()) == ({}, 0)
    assert [task for task in asyncio.all_tasks() if task not in (asyncio.current_task(), serving)] == []
    link.close()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return ended


def resident_mib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS:"))


def test_a_thousand_mixed_requests_leave_nothing_behind(house: House) -> None:
    before, threads = resident_mib(), threading.active_count()
    house.start()
    ended = asyncio.run(storm(house))
    house.stop()
    assert sum(ended.values()) == REQUESTS
    for kind in ("read", "left", "cancelled", "scored", "guard_timeout"):
        assert ended[kind] > 0, ended
    assert not {"engine_lost", "engine_fault", "internal", "engine_full"} & set(ended), ended
    answerer, judge = house.worker._answerer, house.worker._judge
    assert answerer is not None
    assert judge is not None
    assert answerer._answers == {}
    assert not answerer._scheduler._waiting
    assert all(slot.job is None for slot in answerer._scheduler._slots)
    answerer.forget()
    assert judge._work is None
    assert not judge._waiting
    assert not judge._ended
    for model in house.models.values():
        assert {model.context.pos_max(seq) for seq in range(model.context.spec.n_seq_max)} == {-1}
    assert house.interrupt._cancelled == frozenset()
    assert threading.active_count() == threads
    gc.collect()
    assert resident_mib() - before < 200
