"""The loop between link and rooms: what goes where, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from proxy.workers.engine.batch import Decoded, EngineError, Row
from proxy.workers.engine.interrupt import Interrupt
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.main import Worker, _hurried
from proxy.workers.wire import (
    Cancel,
    Credit,
    Done,
    EndExchange,
    Failed,
    Locked,
    Message,
    Probe,
    Reader,
    Score,
    encode,
)
from tests.kit.engines import answer_role, generate, said
from tests.kit.loaded import Clock, load_answer, load_guard, load_role
from tests.kit.tinymodels import tiny_gemma4


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Loaded]]:
    folder: Path = tmp_path_factory.mktemp("models")
    loaded = {"answer": load_answer(folder), "guard": load_guard(folder)}
    yield loaded
    for model in loaded.values():
        model.close()


def _serve(models: dict[str, Loaded], *messages: Message) -> list[Message]:
    """Put messages in, end the link, and return what was said."""
    worker = Worker(models, Interrupt(Clock()), prefix_cache=True)
    ours, theirs = socket.socketpair()
    for message in messages:
        worker.inbox.put(message)
    worker.inbox.put(None)
    with ours, theirs:
        worker.serve(theirs, lambda: "facts")
        theirs.shutdown(socket.SHUT_WR)
        reader, said = Reader(), []
        while data := ours.recv(1 << 16):
            said += reader.feed(data)
    worker.close()
    return said


def test_messages_reach_their_rooms(models: dict[str, Loaded]) -> None:
    bad = Score(2, "x", (), (), (), 1_000)
    said = _serve(models, Probe(0), generate(1, "x", max_tokens=0), bad, replace(bad, role="nobody"), EndExchange("x"))
    assert said == [
        Locked("facts"),
        Done(1, "error", "bad_request", 0, 0, 0, 0, 0),
        Failed(2, "bad_request"),
        Failed(2, "guard_unavailable"),
    ]


def test_a_room_that_is_not_there_says_so(models: dict[str, Loaded]) -> None:
    score = Score(2, "x", (), (), (), 1_000)
    guard_only = _serve({"guard": models["guard"]}, generate(1, "x"), replace(score, role="answer"))
    assert guard_only == [Done(1, "error", "engine_unavailable", 0, 0, 0, 0, 0), Failed(2, "guard_unavailable")]
    answer_only = _serve({"answer": models["answer"]}, score, EndExchange("x"), Cancel(5))
    assert answer_only == [Failed(2, "guard_unavailable")]


def test_cancel_reaches_a_job_in_either_room(models: dict[str, Loaded]) -> None:
    said = _serve(models, generate(1, "x", credits=0), Cancel(1), Cancel(1))
    assert [(m.id, m.finish) for m in said if isinstance(m, Done)] == [(1, "cancelled")]


@dataclass
class _Cancelling:
    """A real context during whose n-th batch a cancel arrives, as from the reading thread; it counts the rows."""

    context: Any
    at: int
    worker: Worker | None = None
    interrupt: Interrupt | None = None
    rows: list[int] = field(default_factory=list)
    results: list[Decoded] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def decode(self, rows: Sequence[Row]) -> Decoded:
        if len(self.rows) == self.at and self.interrupt and self.worker:
            self.interrupt.cancel(1)
            self.worker.inbox.put(Cancel(1))
        self.rows.append(len(rows))
        self.results.append(self.context.decode(rows))
        return self.results[-1]


@pytest.mark.parametrize("neighbour", [False, True], ids=["alone", "beside an answer"])
def test_a_cancel_in_the_middle_of_a_long_prompt_costs_no_further_batch_of_it(tmp_path: Path, neighbour: bool) -> None:
    path, interrupt = tmp_path / "answer.gguf", Interrupt(Clock())
    role = answer_role(path, tiny_gemma4(path), context=4096, request_tokens=3000)
    loaded = load_role(role, interrupt.flag)
    watched = _Cancelling(loaded.context, at=4 if neighbour else 1)
    worker = Worker({"answer": replace(loaded, context=watched)}, interrupt, prefix_cache=True)
    watched.worker, watched.interrupt = worker, interrupt
    heard: list[Message] = []
    worker._say = heard.append
    short, long = generate(2, "the patient", max_tokens=24), generate(1, "pain and fever " * 400, max_tokens=8)
    for message in ([short] if neighbour else []) + [long]:
        worker.arrive(message)
    while not any(isinstance(m, Done) and m.id == 1 for m in heard):
        for message in worker._arrived(busy=True):
            worker._tell(worker._handle(message))
        worker._answer_step()
    (done,) = [m for m in heard if isinstance(m, Done) and m.id == 1]
    assert (done.finish, done.completion_tokens) == ("cancelled", 0)
    assert watched.results.index(Decoded.ABORTED) == watched.at
    assert done.prompt_tokens > sum(watched.rows)
    while neighbour and not any(isinstance(m, Done) and m.id == 2 for m in heard):
        worker._answer_step()
    after = watched.rows[watched.at + 1 :]
    assert all(rows == 1 for rows in after)
    assert bool(after) is neighbour
    if neighbour:
        worker.arrive(replace(short, id=3, caller="another"))
        while not any(isinstance(m, Done) and m.id == 3 for m in heard):
            for message in worker._arrived(busy=True):
                worker._tell(worker._handle(message))
            worker._answer_step()
        assert said([m for m in heard if m.id == 2]) == said([m for m in heard if m.id == 3])  # type: ignore[union-attr] # all
    worker.close()
    loaded.close()


def test_after_the_flag_no_further_node_of_the_graph_is_begun(tmp_path: Path) -> None:
    """The library asks about a hundred times in one chunk of a tiny model's prompt, and obeys the first yes."""
    path = tmp_path / "answer.gguf"
    asked: list[int] = []
    stop_at = 1 << 30

    def stop() -> bool:
        asked.append(1)
        return len(asked) >= stop_at

    loaded = load_role(answer_role(path, tiny_gemma4(path)), stop)
    rows = [Row(300 + i % 50, i, 0, i == 511) for i in range(512)]
    asked.clear()
    assert loaded.context.decode(rows) is Decoded.OK
    whole = len(asked)
    assert whole > 50
    loaded.context.wipe()
    asked.clear()
    stop_at = whole // 2
    assert loaded.context.decode(rows) is Decoded.ABORTED
    assert len(asked) <= stop_at + 1
    loaded.close()


def test_a_cancel_does_not_wait_for_prompts_that_came_before_it_unless_one_is_its_own() -> None:
    first, own = generate(7, "x"), generate(8, "x")
    got = _hurried((first, Credit(3, 1), Cancel(3), own, Cancel(8), Cancel(4)))
    assert got == [Cancel(3), Cancel(4), first, Credit(3, 1), own, Cancel(8)]


def test_messages_nobody_here_asked_for_are_ignored(models: dict[str, Loaded]) -> None:
    assert _serve(models, Failed(1, "x"), Locked("{}")) == []


def test_a_rehearsal_says_nothing_and_leaves_nothing(models: dict[str, Loaded]) -> None:
    worker = Worker(models, Interrupt(Clock()), prefix_cache=True)
    worker.rehearse()
    for model in models.values():
        assert all(model.context.pos_max(seq) == -1 for seq in range(model.context.spec.n_seq_max))
    worker.close()


def test_a_model_that_fails_its_rehearsal_does_not_start(models: dict[str, Loaded]) -> None:
    refusing = replace(models["answer"], trained_context=2)  # no prompt fits
    worker = Worker({"answer": refusing}, Interrupt(Clock()), prefix_cache=True)
    with pytest.raises(EngineError, match="context_length_exceeded"):
        worker.rehearse()


def test_frames_cut_anywhere_are_read() -> None:
    reader = Reader()
    raw = encode(generate(1, "é😀"))
    read = [message for i in range(len(raw)) for message in reader.feed(raw[i : i + 1])]
    assert read == [generate(1, "é😀")]
