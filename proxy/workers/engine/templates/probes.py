"""Fixed conversations whose renderings identify a template."""

from __future__ import annotations

from dataclasses import replace

from filters.parts import RedactedText
from proxy.workers.wire import Turn, TurnCall, TurnTool

__all__ = ["PROBES"]


def _turn(role: str, content: str) -> Turn:
    return Turn(role, RedactedText(content))


_TOOL = TurnTool(
    "dose",
    RedactedText("Look a dose up."),
    RedactedText('{"type":"object","properties":{"drug":{"type":"string","enum":["a","b"]}},"required":["drug"]}'),
)
_CALL = Turn("assistant", RedactedText(""), (TurnCall("dose", RedactedText('{"drug":"a"}')),))

PROBES: tuple[tuple[tuple[Turn, ...], tuple[TurnTool, ...]], ...] = (
    ((_turn("user", " Hello "),), ()),
    ((_turn("system", "S"), _turn("user", "U"), _turn("assistant", "A"), _turn("user", "V")), ()),
    ((_turn("user", "U"), _CALL, Turn("tool", RedactedText("5 mg"), answers=0)), (_TOOL,)),
    ((_turn("user", "U"), _turn("assistant", "A"), _turn("assistant", "B"), _turn("user", "V")), ()),
    (
        (_turn("user", "U"), replace(_CALL, thought=RedactedText("T")), Turn("tool", RedactedText("R"), answers=0)),
        (_TOOL,),
    ),
)
"""Messages and tools; the ones with tools are left out for a family without."""
