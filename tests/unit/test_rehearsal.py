"""A rehearsal passes only if everything came out."""

from __future__ import annotations

import pytest

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.rehearsal import ANSWER, rehearsed_score, verify_rehearsal
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.wire import Done, Failed, Message, Reader, Scored, encode


def _done(finish: str, code: str = "") -> Done:
    return Done(1, finish, code, 0, 0, 0, 0, 0)


def test_it_is_made_of_requests_as_the_wire_carries_them() -> None:
    for name in ("gemma2", "granite"):
        score = rehearsed_score(FAMILIES[name])
        assert Reader().feed(encode(ANSWER) + encode(score)) == (ANSWER, score)


def test_answers_and_scores_pass() -> None:
    verify_rehearsal([])
    verify_rehearsal([_done("stop"), _done("length"), Scored(2, ((1.0, -2.0),), 1, 0, 0)])


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (_done("error", "schema_unsupported"), "schema_unsupported"),
        (_done("cancelled"), "engine_fault"),
        (Failed(2, "guard_invalid"), "guard_invalid"),
        (Scored(2, ((1.0, float("nan")),), 1, 0, 0), "guard_invalid"),
        (Scored(2, ((float("-inf"), 1.0),), 1, 0, 0), "guard_invalid"),
    ],
)
def test_anything_else_keeps_the_engine_from_starting(end: Message, code: str) -> None:
    with pytest.raises(EngineError, match=code):
        verify_rehearsal([_done("stop"), end])
