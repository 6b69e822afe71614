"""What a template takes and gives: a conversation in, pieces out.

Law: only constants of a template become `Control`; everything of the conversation is `Text`, and texts between two
control tokens are one `Text`, because a tokeniser merges across any other cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filters.tokens import Control, Piece, Text
from proxy.workers.engine.batch import EngineError
from proxy.workers.wire import Turn, TurnTool

__all__ = ["PLACEHOLDER_HINT", "Chat", "Family", "Writer", "bare", "joined", "json_object", "with_hint"]

PLACEHOLDER_HINT = "Copy identifiers such as [TYPE_1] exactly."
_BARE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Chat:
    """One conversation to render."""

    messages: tuple[Turn, ...]
    tools: tuple[TurnTool, ...] = ()
    thinking: bool = False
    empty_thought: bool = False
    """With thinking off, open and close an empty thought before the answer: a property of the model's file."""
    hint: str = ""
    """A constant sentence of ours for the system turn."""


@dataclass(frozen=True, slots=True)
class Family:
    """One family of models: its control tokens, its template, and which tokens carry structure in an answer."""

    name: str
    archs: frozenset[str]
    controls: tuple[str, ...]
    optional: tuple[str, ...] = ()
    render: Callable[[Chat], tuple[Piece, ...]] | None = None
    """None for a judge, which gets its pieces from the safety templates."""
    tools: bool = False
    thinks: bool = False
    """Whether a prompt can ask for thoughts."""
    turn_open: str = ""
    channel: tuple[str, str] | None = None
    tool_call: tuple[str, str] | None = None
    quote: str | None = None
    tool_response: str | None = None
    fixed_digest: str = ""


class Writer:
    """Collects pieces; adjacent texts become one."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._open: list[str] = []

    def control(self, name: str) -> None:
        """Add a control token."""
        self._flush()
        self._pieces.append(Control(name))

    def text(self, text: str) -> None:
        """Add literal text."""
        self._open.append(text)

    def quoted(self, quote: str, text: str) -> None:
        """Add text between two quote tokens."""
        self.control(quote)
        self.text(text)
        self.control(quote)

    def pieces(self) -> tuple[Piece, ...]:
        """All of it."""
        self._flush()
        return tuple(self._pieces)

    def _flush(self) -> None:
        text = "".join(self._open)
        if text:
            self._pieces.append(Text(text))
        self._open.clear()


def bare(name: object) -> str:
    """Return a name or key that is written without quotes; one that could say something else is refused."""
    if not isinstance(name, str) or not _BARE.fullmatch(name):
        raise EngineError("bad_request")
    return name


def json_object(text: str) -> Mapping[str, Any]:
    """Parse the JSON text of an object; anything else is refused."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise EngineError("bad_request") from None
    if not isinstance(value, dict) or _depth(value) > _MAX_DEPTH:
        raise EngineError("bad_request")
    return value


def _depth(value: object) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            todo += [(v, depth + 1) for v in item.values()]
        elif isinstance(item, list):
            todo += [(v, depth + 1) for v in item]
    return deepest


def with_hint(system: str, hint: str) -> str:
    """A system text and our sentence."""
    return "\n".join(part for part in (system.strip(), hint) if part)


def joined(pieces: Sequence[Piece]) -> str:
    """The prompt as one string, for tests and digests; never for a tokeniser."""
    return "".join(piece.name if isinstance(piece, Control) else piece.text for piece in pieces)
