"""Links: answers find their question, a lost worker ends what waited for it, who leaves cancels, nothing hangs."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from audit.log import Ticket
from filters.findings import Finding, Source, Type
from filters.parts import Form, Part, PatientText, RedactedText
from proxy.errors import CordonError
from proxy.exchange import Caller, CallerKind, Cleared, Conversation, Exchange, Message, Role, Sampling
from proxy.workers import wire
from proxy.workers.admission import FairQueue
from proxy.workers.client import AnalystClient, EngineClient, Link
from proxy.workers.wire import (
    Cancel,
    Credit,
    Delta,
    Done,
    Failed,
    Find,
    Forget,
    FoundParts,
    Generate,
    Hello,
    Locked,
    Look,
    Looked,
    ModelInfo,
    Probe,
    Score,
    Scored,
    encode,
)

MODELS = (
    ModelInfo("answer", "demo-chat", "a" * 64, "gemma4", "t", 2048, True, 900.0, 60.0, 0),
    ModelInfo("guard", "demo-guard", "b" * 64, "gemma2", "t", 4096, True, 800.0, 0.0, 460),
)


class Worker:
    """The other end of a link, in the same loop."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.frames, self.got = sock, wire.Reader(), asyncio.Queue[wire.Message]()
        self.writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        reader, self.writer = await asyncio.open_connection(sock=self.sock)
        self.say(Locked("{}"), Hello(1, "digest", MODELS))
        while data := await reader.read(65536):
            for message in self.frames.feed(data):
                self.got.put_nowait(message)

    def say(self, *messages: wire.Message) -> None:
        assert self.writer is not None
        self.writer.write(b"".join(encode(m) for m in messages))

    async def next(self) -> wire.Message:
        async with asyncio.timeout(5):
            return await self.got.get()

    def die(self) -> None:
        assert self.writer is not None
        self.writer.transport.abort()


@asynccontextmanager
async def linked() -> AsyncGenerator[tuple[Link, Worker], None]:
    ours, theirs = socket.socketpair()
    link, worker = Link("engine_lost", "engine_unavailable"), Worker(theirs)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(link.serve(ours)), tasks.create_task(worker.run())]
        await link.wait_up()
        yield link, worker
        for task in running:
            task.cancel()


def exchange(deadline_ms: int = 60_000, caller: int = 1000) -> Exchange:
    who = Caller(caller, CallerKind.UID, "", "test", frozenset())
    return Exchange("x1", who, "openai", True, deadline_ms, int(time.monotonic() * 1000))


def cleared() -> Cleared:
    conversation = Conversation((Message(Role.USER, RedactedText("hi [NAME_1]")),))
    return Cleared(conversation, Sampling("demo-chat", max_tokens=10), Ticket(1, "x1"), ())


def engine(link: Link, queue: FairQueue | None = None) -> EngineClient:
    return EngineClient(link, link, queue or FairQueue(), now_s=time.monotonic)


async def test_find_round_trip() -> None:
    async with linked() as (link, worker):
        analyst = AnalystClient(link, "{}", lambda: None)
        parts = [Part(0, "user", Form.TEXT, PatientText("Ana"))]
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(analyst.find(exchange(), parts, ()))
            question = await worker.next()
            assert isinstance(question, Find)
            finding = Finding(0, 3, Type.NAME, "person", 900, Source.NER)
            worker.say(FoundParts(question.id, ((finding,),), ((),), (PatientText("ana"),)))
        found = await asked
        assert found.parts == ((finding,),)
        assert found.spread == ("ana",)


async def test_an_answer_about_other_parts_is_a_fault() -> None:
    async with linked() as (link, worker):
        analyst = AnalystClient(link, "{}", lambda: None)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(code_of(analyst.find(exchange(), [], ())))
            question = await worker.next()
            worker.say(FoundParts(question.id, ((),), ((),), ()))  # type: ignore[union-attr]
        assert await asked == "analyst_fault"


async def code_of(work: object) -> str:
    try:
        await work  # type: ignore[misc]
    except CordonError as error:
        return error.code
    return ""


async def test_a_failure_keeps_its_code() -> None:
    async with linked() as (link, worker):
        analyst = AnalystClient(link, "{}", lambda: None)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(code_of(analyst.look(exchange(), RedactedText("x"))))
            question = await worker.next()
            assert isinstance(question, Look)
            worker.say(Failed(question.id, "text_too_encoded"))
        assert await asked == "text_too_encoded"


async def test_an_analyst_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with linked() as (link, worker):
        killed: list[bool] = []
        analyst = AnalystClient(link, "{}", lambda: killed.append(True))
        real = asyncio.timeout
        monkeypatch.setattr(asyncio, "timeout", lambda s: real(min(s or 0.05, 0.05)))
        assert await code_of(analyst.look(exchange(), RedactedText("x"))) == "analyst_timeout"
        assert killed == [True]
        del worker


async def test_two_questions_at_once_get_their_own_answers() -> None:
    async with linked() as (link, worker):
        analyst = AnalystClient(link, "{}", lambda: None)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(analyst.look(exchange(), RedactedText("one")))
            second = tasks.create_task(analyst.look(exchange(), RedactedText("two")))
            a, b = await worker.next(), await worker.next()
            assert isinstance(a, Look)
            assert isinstance(b, Look)
            finding = {
                "one": Finding(0, 1, Type.NAME, "person", 1, Source.NER),
                "two": Finding(0, 2, Type.ID, "mrn", 2, Source.NER),
            }
            worker.say(Looked(b.id, (finding[b.window.reveal()],)), Looked(a.id, (finding[a.window.reveal()],)))
        assert (await first)[0].type is Type.NAME
        assert (await second)[0].type is Type.ID


async def test_generation_streams_and_grants_credit() -> None:
    async with linked() as (link, worker):
        client = engine(link)
        assert client.model().id == "demo-chat"
        got = []

        async def consume() -> None:
            async with aclosing(client.generate(exchange(), cleared())) as stream:
                got.extend([message async for message in stream])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(consume())
            asked = await worker.next()
            assert isinstance(asked, Generate)
            assert asked.messages[0].content.reveal() == "hi [NAME_1]"
            assert asked.max_tokens == 10
            worker.say(Delta(asked.id, "content", RedactedText("ok"), 3))
            credit = await worker.next()
            assert credit == Credit(asked.id, 3)
            worker.say(Done(asked.id, "stop", "", 5, 3, 0, 1, 1))
        assert [type(m) for m in got] == [Delta, Done]


async def test_who_leaves_cancels_the_model() -> None:
    async with linked() as (link, worker):
        stream = engine(link).generate(exchange(), cleared())
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(anext(stream))
            asked = await worker.next()
            worker.say(Delta(asked.id, "content", RedactedText("ok"), 1))  # type: ignore[union-attr]
            await first
        await stream.aclose()
        while not isinstance(last := await worker.next(), Cancel):
            assert isinstance(last, Credit)
        assert last.id == asked.id  # type: ignore[union-attr]


async def test_a_lost_engine_ends_the_answer_with_its_code_and_frees_the_place() -> None:
    async with linked() as (link, worker):
        queue = FairQueue(parallel=1)
        client = engine(link, queue)
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(code_of(drain(client)))
            await worker.next()
            worker.die()
        assert await asked == "engine_lost"
        assert queue.waiting() == 0
        assert await code_of(drain(client)) == "engine_unavailable"
        assert await code_of(client.check(exchange(), cleared().conversation)) == "engine_unavailable"


async def drain(client: EngineClient, deadline_ms: int = 60_000) -> None:
    async with aclosing(client.generate(exchange(deadline_ms), cleared())) as stream:
        async for _ in stream:
            pass


async def test_waiting_counts_against_the_deadline() -> None:
    async with linked() as (link, worker):
        queue = FairQueue(parallel=1)
        client = engine(link, queue)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(drain(client))
            asked = await worker.next()
            assert await code_of(drain(client, deadline_ms=50)) == "engine_timeout"
            assert queue.waiting() == 0
            worker.say(Done(asked.id, "stop", "", 0, 0, 0, 0, 0))  # type: ignore[union-attr]
        await running


async def test_a_score_comes_back_and_a_lost_guard_says_so() -> None:
    async with linked() as (link, worker):
        client = engine(link)

        def make(number: int) -> Score:
            return Score(number, "x1", (), (), ("Yes", "No"), 100)

        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(client.score(make, 5))
            question = await worker.next()
            worker.say(Scored(question.id, ((1.0, -1.0),), 10, 0, 3))  # type: ignore[union-attr]
        assert (await asked).logits == ((1.0, -1.0),)
        assert client.guard_speed() == 800.0
        assert await code_of(client.score(make, 0.05)) == "guard_timeout"
        async with asyncio.TaskGroup() as tasks:
            lost = tasks.create_task(code_of(client.score(make, 5)))
            await worker.next()
            await worker.next()
            worker.die()
        assert await lost == "guard_unavailable"


async def test_facts_can_be_asked_again() -> None:
    async with linked() as (link, worker):
        assert link.facts == "{}"
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(link.probe(5))
            assert isinstance(await worker.next(), Probe)
            worker.say(Locked('{"again":1}'))
        assert await asked == '{"again":1}'


async def test_garbage_from_a_worker_is_a_lost_worker() -> None:
    async with linked() as (link, worker):
        assert worker.writer is not None
        worker.writer.write(b"\xff\xff\xff\xff")
        for _ in range(100):
            if not link.up:
                break
            await asyncio.sleep(0.01)
        assert not link.up


async def test_a_replacement_serves_the_same_link() -> None:
    link = Link("engine_lost", "engine_unavailable")
    for _ in range(2):
        ours, theirs = socket.socketpair()
        worker = Worker(theirs)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(link.serve(ours)), tasks.create_task(worker.run())]
            await link.wait_up()
            assert engine(link).model().id == "demo-chat"
            for task in running:
                task.cancel()
        assert not link.up


async def test_leaving_a_score_cancels_it_and_an_answered_one_not() -> None:
    async with linked() as (link, worker):
        client = engine(link)
        with pytest.raises(CordonError, match="guard_timeout"):
            await client.score(lambda i: Score(i, "x", (), (), (), 10), 0.01)
        asked = await worker.next()
        assert isinstance(asked, Score)
        assert await worker.next() == Cancel(asked.id)
        async with asyncio.TaskGroup() as tasks:
            scored = tasks.create_task(client.score(lambda i: Score(i, "x", (), (), (), 10), 5))
            second = await worker.next()
            assert isinstance(second, Score)
            worker.say(Scored(second.id, ((1.0, 2.0),), 1, 0, 1))
        assert scored.result().logits == ((1.0, 2.0),)
        client.forget("kid")
        assert await worker.next() == Forget("kid")
