"""What a server of the OpenAI kind says, read event by event. Sans-io.

    bytes -> lines -> events -> deltas, and at the end tool calls and a finish

Law: of a reply only content, reasoning, refusal, tool calls, finish reason and usage are read; the rest is dropped.
Servers differ: one character per event, no `id`, no `model`, no finish reason before `[DONE]` are all accepted. A
stream that ends without a finish reason or `[DONE]` is lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from filters.parts import RedactedText
from proxy.errors import CordonError
from proxy.workers.wire import Delta, ToolCallOut

__all__ = ["AnswerReader", "Event", "LineReader", "object_of"]

MAX_LINE_BYTES = 1 << 20
_MAX_CALLS = 64
_MAX_ARGUMENTS = 64 * 1024
_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}
_CUT_SHORT = "length"
"""For any other reason, such as a filter of that server: the answer is not whole, and `length` is the word for that."""

Event = dict[str, object] | None
"""One event; None is `[DONE]`."""


class LineReader:
    """Server-sent events: only `data` fields, joined until an empty line (WHATWG HTML, section 9.2.6)."""

    __slots__ = ("_buffer", "_data")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> list[Event]:
        """Take any cut of the stream, return the complete events. Raises CordonError `engine_fault`."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        found: list[Event] = []
        for line in lines:
            found += self._line(bytes(line).removesuffix(b"\r"))
        if len(self._buffer) + sum(map(len, self._data)) > MAX_LINE_BYTES:
            raise CordonError("engine_fault")
        return found

    def finish(self) -> list[Event]:
        """The stream ended; a last event without its empty line still counts."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return self._line(rest.removesuffix(b"\r")) + self._line(b"")

    def _line(self, line: bytes) -> list[Event]:
        if len(line) > MAX_LINE_BYTES:
            raise CordonError("engine_fault")
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            return []
        if line or not self._data:
            return []
        text, self._data = b"\n".join(self._data), []
        return [None if text.strip() == b"[DONE]" else object_of(text)]


def object_of(raw: bytes) -> dict[str, object]:
    """Parse one event. Raises CordonError `engine_fault`."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise CordonError("engine_fault") from None
    if not isinstance(value, dict):
        raise CordonError("engine_fault")
    return value


@dataclass(slots=True)
class _Call:
    """A tool call that arrives in pieces."""

    name: str = ""
    arguments: str = ""

    def whole(self, request_id: int, names: frozenset[str]) -> ToolCallOut:
        """The complete call, or CordonError `tool_call_malformed`."""
        try:
            value = json.loads(self.arguments or "{}")
            text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            text.encode()
        except (ValueError, RecursionError):
            raise CordonError("tool_call_malformed") from None
        if not isinstance(value, dict) or self.name not in names:
            raise CordonError("tool_call_malformed")
        return ToolCallOut(request_id, self.name, RedactedText(text))


@dataclass(slots=True)
class _Halves:
    """Joins the halves of a character that a server cut in two; a half alone becomes U+FFFD."""

    held: str = ""

    def feed(self, text: str) -> str:
        text, self.held = self.held + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.held = text[:-1], text[-1]
        return _well_formed(text)

    def finish(self) -> str:
        text, self.held = self.held, ""
        return _well_formed(text)


def _well_formed(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(slots=True)
class AnswerReader:
    """Turns events into messages of the wire. `complete` once the server has said that the answer ended."""

    request_id: int
    tool_names: frozenset[str]
    complete: bool = False
    reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    thought_tokens: int = 0
    pieces: int = 0
    _calls: list[_Call] = field(default_factory=list)
    _halves: dict[str, _Halves] = field(default_factory=dict)

    def feed(self, event: Event) -> list[Delta]:
        """Read one event, or a whole reply that was not streamed. Raises CordonError."""
        if event is None:
            self.complete = True
            return []
        if event.get("error"):
            raise CordonError("engine_fault")
        self._usage(event.get("usage"))
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return []
        said = choice.get("delta") or choice.get("message")
        out = self._said(said) if isinstance(said, dict) else []
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.complete, self.reason = True, _FINISH.get(reason, _CUT_SHORT)
        return out

    def finish(self) -> tuple[list[Delta | ToolCallOut], str]:
        """What was held back, the tool calls, and the finish. Raises CordonError `engine_lost` if there was no end."""
        if not self.complete:
            raise CordonError("engine_lost")
        out: list[Delta | ToolCallOut] = []
        for kind, halves in self._halves.items():
            out += self._delta(kind, halves.finish())
        if self.reason != "length":  # a call that was cut off is not a call
            out += [call.whole(self.request_id, self.tool_names) for call in self._calls]
        finish = "tool_calls" if self._calls and self.reason != "length" else self.reason or "stop"
        return out, "stop" if finish == "tool_calls" and not self._calls else finish

    def _said(self, said: dict[str, object]) -> list[Delta]:
        out: list[Delta] = []
        for key, kind in (("reasoning_content", "thought"), ("content", "content"), ("refusal", "content")):
            if isinstance(text := said.get(key), str) and text:
                out += self._delta(kind, self._halves.setdefault(kind, _Halves()).feed(text))
        calls = said.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict):
                self._call(position, call)
        return out

    def _delta(self, kind: str, text: str) -> list[Delta]:
        if not text:
            return []
        self.pieces += 1
        return [Delta(self.request_id, kind, RedactedText(text), 1)]

    def _call(self, position: int, piece: dict[str, object]) -> None:
        index = piece.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) else position
        if not 0 <= index <= len(self._calls) or index >= _MAX_CALLS:
            raise CordonError("tool_call_malformed")
        if index == len(self._calls):
            self._calls.append(_Call())
        call, function = self._calls[index], piece.get("function")
        if not isinstance(function, dict):
            return
        if isinstance(name := function.get("name"), str):
            call.name = call.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some servers send an object
            call.arguments = json.dumps(arguments, ensure_ascii=False)
        elif isinstance(arguments, str):
            call.arguments += arguments
        if len(call.arguments) > _MAX_ARGUMENTS:
            raise CordonError("tool_call_malformed")

    def _usage(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        self.prompt_tokens = _count(usage.get("prompt_tokens"))
        self.completion_tokens = _count(usage.get("completion_tokens"))
        self.cached_tokens = _detail(usage, "prompt_tokens_details", "cached_tokens")
        self.thought_tokens = _detail(usage, "completion_tokens_details", "reasoning_tokens")


def _detail(usage: dict[str, object], group: str, name: str) -> int:
    details = usage.get(group)
    return _count(details.get(name)) if isinstance(details, dict) else 0


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
