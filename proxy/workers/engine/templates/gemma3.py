"""Gemma 3 and MedGemma: no system role, no tools; the system text opens the first user turn."""

from __future__ import annotations

from filters.tokens import Piece
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates.chat import Chat, Family, Writer, with_hint

__all__ = ["FAMILY"]

_OPEN, _CLOSE = "<start_of_turn>", "<end_of_turn>"


def _render(chat: Chat) -> tuple[Piece, ...]:
    if chat.tools or any(turn.role == "tool" or turn.tool_calls for turn in chat.messages):
        raise EngineError("tools_unsupported")
    write = Writer()
    write.control("<bos>")
    for role, text in _runs(chat):
        write.control(_OPEN)
        write.text(f"{role}\n{text}")
        write.control(_CLOSE)
        write.text("\n")
    write.control(_OPEN)
    write.text("model\n")
    return write.pieces()


def _runs(chat: Chat) -> list[tuple[str, str]]:
    """Turns that alternate: runs of one role are merged, the system text goes before the first user text."""
    system: list[str] = []
    runs: list[tuple[str, list[str]]] = []
    for turn in chat.messages:
        text = turn.content.reveal().strip()
        if turn.role in ("system", "developer"):
            system.append(text)
            continue
        role = "model" if turn.role == "assistant" else "user"
        if runs and runs[-1][0] == role:
            runs[-1][1].append(text)
        else:
            runs.append((role, [text]))
    preamble = with_hint("\n\n".join(system), chat.hint)
    if preamble and runs and runs[0][0] == "user":
        runs[0][1].insert(0, preamble)
    elif preamble:
        runs.insert(0, ("user", [preamble]))
    return [(role, "\n\n".join(texts)) for role, texts in runs]


FAMILY = Family(
    name="gemma3",
    archs=frozenset({"gemma3"}),
    controls=("<bos>", _OPEN, _CLOSE),
    optional=("<unused94>", "<unused95>"),
    render=_render,
    turn_open=_OPEN,
    channel=("<unused94>", "<unused95>"),
)
