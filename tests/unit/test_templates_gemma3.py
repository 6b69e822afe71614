"""Gemma 3: alternating turns, the system text in the first user turn, no tools. Gemma 2: no chat at all."""

from __future__ import annotations

import pytest

from filters.parts import RedactedText
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import PLACEHOLDER_HINT, Chat, joined
from proxy.workers.wire import Turn, TurnTool

_FAMILY = FAMILIES["gemma3"]


def _render(*turns: tuple[str, str], hint: str = "") -> str:
    return joined(_FAMILY.render(Chat(tuple(Turn(role, RedactedText(text)) for role, text in turns), hint=hint)))


_U, _M, _E = "<start_of_turn>user\n", "<start_of_turn>model\n", "<end_of_turn>\n"


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("user", " U ")], f"<bos>{_U}U{_E}{_M}"),
        ([("system", "S"), ("user", "U")], f"<bos>{_U}S\n\nU{_E}{_M}"),
        ([("user", "A"), ("user", "B")], f"<bos>{_U}A\n\nB{_E}{_M}"),
        ([("user", "A"), ("assistant", "B"), ("user", "C")], f"<bos>{_U}A{_E}{_M}B{_E}{_U}C{_E}{_M}"),
        ([("system", "S"), ("assistant", "B"), ("user", "C")], f"<bos>{_U}S{_E}{_M}B{_E}{_U}C{_E}{_M}"),
        ([("user", "A"), ("developer", "S"), ("user", "B")], f"<bos>{_U}S\n\nA\n\nB{_E}{_M}"),
    ],
)
def test_turns(turns: list[tuple[str, str]], expected: str) -> None:
    assert _render(*turns) == expected


def test_the_hint_opens_the_first_user_turn() -> None:
    assert _render(("user", "U"), hint=PLACEHOLDER_HINT) == f"<bos>{_U}{PLACEHOLDER_HINT}\n\nU{_E}{_M}"


def test_tools_are_refused() -> None:
    tool = TurnTool("f", RedactedText("d"), RedactedText("{}"))
    user = Turn("user", RedactedText("U"))
    for chat in (Chat((user,), (tool,)), Chat((user, Turn("tool", RedactedText("r"), answers=0)))):
        with pytest.raises(EngineError, match="tools_unsupported"):
            _FAMILY.render(chat)


def test_a_judge_has_no_chat() -> None:
    assert FAMILIES["gemma2"].render is None
