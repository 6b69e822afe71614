"""Token ids of an answer to events: content, thoughts, tool calls, the end. By id, because some files render channel
and tool tokens as empty strings, so the text alone cannot be parsed.

    state     id                                           next
    content   channel open / channel close / tool open     name / stay, dropped / tool
    name      newline, or eight tokens                     thought
    thought   channel close / other                        content / said by a `Thought`, shown or dropped
    tool      tool close / quote / other                   content and a call / toggle string / collect
    any       tool response, other end of generation       finish; inside a tool call: malformed

Law: a half call is never shown as text; any channel is a thought, whatever its name.
"""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from proxy.workers.engine.batch import EngineError

__all__ = ["Call", "Content", "End", "Event", "Marks", "Parser", "Quoted", "Thought", "parse_call"]

_MAX_CALLS = 64
_MAX_CALL_BYTES = 64 * 1024
_MAX_NAME_TOKENS = 8
_MAX_DEPTH = 32
_HEAD = re.compile(r"\s*call:([A-Za-z0-9_.-]{1,64})\s*(?=\{)")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,19})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of the answer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Thought:
    """A token of a thought, or of its frame: then it says nothing, and what was begun of a character stays half."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Call:
    """A complete tool call; `arguments` is canonical JSON of an object."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class End:
    """The model ended its answer: `stop` or `tool_calls`."""

    finish: str


Event = Content | Thought | Call | End


@dataclass(frozen=True, slots=True)
class Marks:
    """The ids that carry structure in an answer; -1 where the family has none."""

    channel_open: int = -1
    channel_close: int = -1
    tool_open: int = -1
    tool_close: int = -1
    quote: int = -1
    tool_response: int = -1
    turn_open: int = -1
    """A model that opens a turn itself has ended its own."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A string between two quote tokens."""

    text: str


class _State(enum.Enum):
    CONTENT = "content"
    NAME = "name"
    THOUGHT = "thought"
    TOOL = "tool"


class Parser:
    """`feed(id, piece, ends)` returns the events of one token; raises `tool_call_malformed`."""

    def __init__(self, marks: Marks, tools: frozenset[str]) -> None:
        self._marks = marks
        self._tools = tools
        self._state = _State.CONTENT
        self._name_tokens = 0
        self._calls = 0
        self._call: list[str | Quoted] = []
        self._open = bytearray()
        self._in_string = False
        self._size = 0

    @property
    def in_content(self) -> bool:
        """Whether the next token may be content: the only state in which a grammar applies."""
        return self._state is _State.CONTENT

    def feed(self, token: int, piece: bytes, *, ends: bool) -> tuple[Event, ...]:
        """Take the next token, its bytes (none if it is a structural one), and whether it ends generation."""
        if ends or token in (self._marks.tool_response, self._marks.turn_open):
            self.finish()
            return (End("tool_calls" if self._calls else "stop"),)
        steps: dict[_State, Callable[[int, bytes], tuple[Event, ...]]] = {
            _State.CONTENT: self._content,
            _State.NAME: self._name,
            _State.THOUGHT: self._thought,
            _State.TOOL: self._tool,
        }
        return steps[self._state](token, piece)

    def finish(self) -> None:
        """The answer was cut by its length: raise if that was inside a call."""
        if self._state is _State.TOOL:
            raise EngineError("tool_call_malformed")

    def _content(self, token: int, piece: bytes) -> tuple[Event, ...]:
        if token == self._marks.channel_open:
            self._state, self._name_tokens = _State.NAME, 0
            return (Thought(),)
        if token == self._marks.channel_close:
            return (Thought(),)
        if token == self._marks.tool_open:
            self._state = _State.TOOL
            self._call, self._open, self._in_string, self._size = [], bytearray(), False, 0
            return ()
        return (Content(piece),) if piece else ()

    def _name(self, token: int, piece: bytes) -> tuple[Event, ...]:
        self._name_tokens += 1
        if token == self._marks.channel_close:
            self._state = _State.CONTENT
        elif b"\n" in piece or self._name_tokens >= _MAX_NAME_TOKENS:
            self._state = _State.THOUGHT
        return (Thought(piece.partition(b"\n")[2]),)

    def _thought(self, token: int, piece: bytes) -> tuple[Event, ...]:
        if token == self._marks.channel_close:
            self._state = _State.CONTENT
            return (Thought(),)
        return (Thought(piece),)

    def _tool(self, token: int, piece: bytes) -> tuple[Event, ...]:
        if token == self._marks.tool_close and not self._in_string:
            self._take()
            self._state = _State.CONTENT
            self._calls += 1
            name, arguments = parse_call(tuple(self._call))
            if name not in self._tools or self._calls > _MAX_CALLS:
                raise EngineError("tool_call_malformed")
            return (Call(name, arguments),)
        if token == self._marks.quote:
            self._take()
            self._in_string = not self._in_string
            return ()
        self._size += len(piece)
        if self._size > _MAX_CALL_BYTES or token in (self._marks.tool_open, self._marks.tool_close) or not piece:
            raise EngineError("tool_call_malformed")
        self._open += piece
        return ()

    def _take(self) -> None:
        text = self._open.decode("utf-8", "replace")
        self._open = bytearray()
        if self._in_string:
            self._call.append(Quoted(text))
        elif text:
            self._call.append(text)


def parse_call(pieces: tuple[str | Quoted, ...]) -> tuple[str, str]:
    """Read `call:NAME{key:value,...}` and return the name and the arguments as canonical JSON."""
    reader = _Reader(pieces)
    name = reader.match(_HEAD).strip().removeprefix("call:").strip()
    value = reader.value(0)
    reader.end()
    return name, json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


class _Reader:
    """Recursive descent over text and quoted strings."""

    def __init__(self, pieces: tuple[str | Quoted, ...]) -> None:
        self._pieces = pieces
        self._index = 0
        self._at = 0

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._rest())
        if not found:
            raise EngineError("tool_call_malformed")
        self._at += found.end()
        return found.group()

    def end(self) -> None:
        if self._rest() or self._quoted() is not None:
            raise EngineError("tool_call_malformed")

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise EngineError("tool_call_malformed")
        quoted = self._take_quoted()
        if quoted is not None:
            return quoted
        if self._try("{"):
            return self._object(depth)
        if self._try("["):
            return self._list(depth)
        for word, value in _WORDS.items():
            if self._try(word):
                return value
        return _number(self.match(_NUMBER))

    def _object(self, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        if self._try("}"):
            return values
        while True:
            quoted = self._take_quoted()
            key = quoted if quoted is not None else self.match(_KEY)
            if key in values or not self._try(":"):
                raise EngineError("tool_call_malformed")
            values[key] = self.value(depth + 1)
            if self._closed("}"):
                return values

    def _list(self, depth: int) -> list[Any]:
        values: list[Any] = []
        if self._try("]"):
            return values
        while True:
            values.append(self.value(depth + 1))
            if self._closed("]"):
                return values

    def _closed(self, mark: str) -> bool:
        if self._try(mark):
            return True
        if not self._try(","):
            raise EngineError("tool_call_malformed")
        return False

    def _rest(self) -> str:
        """Text up to the next quoted string, without leading space."""
        while self._index < len(self._pieces):
            piece = self._pieces[self._index]
            if isinstance(piece, Quoted):
                return ""
            while self._at < len(piece) and piece[self._at].isspace():
                self._at += 1
            if self._at < len(piece):
                return piece[self._at :]
            self._index, self._at = self._index + 1, 0
        return ""

    def _quoted(self) -> str | None:
        if self._rest() or self._index >= len(self._pieces):
            return None
        piece = self._pieces[self._index]
        return piece.text if isinstance(piece, Quoted) else None

    def _take_quoted(self) -> str | None:
        text = self._quoted()
        if text is not None:
            self._index, self._at = self._index + 1, 0
        return text

    def _try(self, mark: str) -> bool:
        if not self._rest().startswith(mark):
            return False
        self._at += len(mark)
        return True


def _number(text: str) -> int | float:
    if re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise EngineError("tool_call_malformed")
    return value
