"""One answer and one score before the engine is sealed: every module and codec a request needs is then loaded.

Law: the texts are constants; what comes out is looked at only for whether it came out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from filters.parts import RedactedText
from filters.tokens import Control, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates.chat import Family
from proxy.workers.wire import Done, Failed, Generate, Message, Score, Scored, Turn

__all__ = ["ANSWER", "rehearsed_score", "verify_rehearsal"]

_DEADLINE_MS = 600_000

ANSWER = Generate(
    id=1, exchange="rehearsal", caller="", messages=(Turn("user", RedactedText("Hello")),), tools=(),
    tool_choice="auto", stop=(RedactedText("Hello"),), schema=None, json_mode=True, max_tokens=2,
    temperature=1.0, top_p=0.9, top_k=40, min_p=0.01, seed=1, presence_penalty=0.1, frequency_penalty=0.1,
    deadline_ms=_DEADLINE_MS, credits=2,
)  # fmt: skip


def rehearsed_score(family: Family) -> Score:
    """One score of a judge, behind the control token its prompts begin with."""
    opening = (Control(family.controls[0]), Text("Hello"))
    return Score(2, "rehearsal", opening, ((Text("Hello"),),), ("Yes", "No"), _DEADLINE_MS)


def verify_rehearsal(ends: Sequence[Message]) -> None:
    """Raise `EngineError` with the code of what failed."""
    for end in ends:
        if isinstance(end, Done) and end.finish not in ("stop", "length"):
            raise EngineError(end.code or "engine_fault")
        if isinstance(end, Failed):
            raise EngineError(end.code)
        if isinstance(end, Scored) and not all(math.isfinite(logit) for row in end.logits for logit in row):
            raise EngineError("guard_invalid")
