"""The loop between link and rooms: what goes where, and how it ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.interrupt import Interrupt
from proxy.workers.engine.load import Loaded
from proxy.workers.engine.main import Worker
from proxy.workers.wire import Cancel, Done, EndExchange, Failed, Locked, Message, Probe, Reader, Score, encode
from tests.kit.engines import generate
from tests.kit.loaded import Clock, load_answer, load_guard


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
