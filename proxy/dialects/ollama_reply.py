"""Answers in the Ollama dialect: events -> bytes, one JSON object a line.

Law: text comes from `Released` events only. A stream is lines with `"done": false` and one last line with
`"done": true`; a stream that broke ends with an `error` line instead. Counts and times are the engine's; there is no
`context`, because tokens of a conversation would come back unread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import assert_never

from filters.restore import Piece
from proxy.dialects import Idle, ReplyHead
from proxy.dialects.banner import notes_of
from proxy.dialects.ollama_request import idle_chat, idle_generate
from proxy.errors import CordonError, entry_of
from proxy.exchange import (
    Broken,
    Event,
    Finish,
    Finished,
    Opened,
    Refused,
    Released,
    ReleasedCall,
    ReleasedThought,
    Withheld,
)  # fmt: skip

__all__ = [
    "Stream", "chat_idle", "chat_stream", "chat_whole", "error", "generate_idle", "generate_stream", "generate_whole",
    "stamp",
]  # fmt: skip

_Object = dict[str, object]
_Said = Callable[[str, str, Sequence[_Object]], _Object]
"""Text, thoughts and calls in the words of one address."""

_NS_PER_MS = 1_000_000
_REASONS = {Finish.STOP: "stop", Finish.LENGTH: "length", Finish.TOOL_CALLS: "stop"}
_SENTENCES = {
    "bad_request": "A field of the request has a wrong type or value; nothing was sent to a model. "
    "Compare the request with the Ollama API reference.",
    "model_unknown": "There is no model of that name here; nothing was sent to a model. Ask /api/tags for the names.",
    "unsupported_parameter": "The request asks for something this service does not do (template, raw, suffix, "
    "context, logprobs, or think where the policy shows no thoughts); nothing was sent to a model. "
    "Remove the parameter.",
}
"""Where the sentence of the table speaks of another API."""


def error(code: str, request_id: str, rule: str = "") -> bytes:
    """The body of an error reply; every word comes from a table, `rule` from the policy."""
    entry = entry_of(code)
    sentence = _SENTENCES.get(code, f"{entry.message} {entry.next}")
    body: _Object = {"error": sentence, "code": code, "request_id": request_id}
    return _json(body | ({"rule": rule} if rule else {}))


def chat_stream(head: ReplyHead) -> Stream:
    """A streamed answer of `/api/chat`."""
    return Stream(head, _chat)


def generate_stream(head: ReplyHead) -> Stream:
    """A streamed answer of `/api/generate`."""
    return Stream(head, _generate)


def chat_whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """A complete answer of `/api/chat`."""
    return _whole(head, events, _chat)


def generate_whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """A complete answer of `/api/generate`."""
    return _whole(head, events, _generate)


def chat_idle(body: bytes) -> Idle | None:
    """A request of `/api/chat` without messages."""
    return _idle(idle_chat(body), _chat)


def generate_idle(body: bytes) -> Idle | None:
    """A request of `/api/generate` without a prompt."""
    return _idle(idle_generate(body), _generate)


def _idle(name: str | None, said: _Said) -> Idle | None:
    """The models are in memory before anybody may ask and stay there, so the answer is always the same."""
    if name is None:
        return None
    end: _Object = {"done": True, "done_reason": "load"}
    return Idle(name, lambda head: _json(_envelope(head, name) | said("", "", ()) | end) + b"\n")


def stamp(seconds: int) -> str:
    """A time as RFC 3339 says."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Stream:
    """Encodes one streamed answer."""

    __slots__ = ("_broken", "_head", "_model", "_said")

    def __init__(self, head: ReplyHead, said: _Said) -> None:
        self._head, self._said = head, said
        self._model, self._broken = "", False

    def feed(self, event: Event) -> bytes:
        """The line of one event of the pipeline; nothing follows an error line."""
        if self._broken:
            return b""
        try:
            return self._line(event)
        except CordonError as fault:
            return self._error(fault.code, "")

    def _line(self, event: Event) -> bytes:
        match event:
            case Opened():
                self._model = event.model
                return b""  # this API has no first line; the status alone says that an answer begins
            case Released():
                text = _text(event.pieces)
                return self._part(self._said(text, "", ())) if text else b""
            case ReleasedThought():
                thought = _text(event.pieces)
                return self._part(self._said("", thought, ())) if thought else b""
            case ReleasedCall():
                return self._part(self._said("", "", (_call(self._head, event),)))
            case Finished() | Withheld():
                body = _envelope(self._head, self._model) | self._said("", "", ())
                return _json(body | _end(self._head, self._model, event)) + b"\n"
            case Broken() | Refused():
                return self._error(event.code, event.rule if isinstance(event, Refused) else "")
            case _:
                assert_never(event)

    def _part(self, said: _Object) -> bytes:
        return _json(_envelope(self._head, self._model) | said | {"done": False}) + b"\n"

    def _error(self, code: str, rule: str) -> bytes:
        self._broken = True
        return error(code, self._head.exchange, rule) + b"\n"


def _whole(head: ReplyHead, events: Sequence[Event], said: _Said) -> bytes:
    last, opened = events[-1], events[0]
    if not isinstance(opened, Opened) or not isinstance(last, Finished | Withheld):
        raise CordonError("internal")
    text, thought, calls = "", "", list[_Object]()
    if isinstance(last, Finished):  # nothing of a refused answer is returned, also not what was permitted before
        text = "".join(_text(e.pieces) for e in events if isinstance(e, Released))
        thought = "".join(_text(e.pieces) for e in events if isinstance(e, ReleasedThought))
        calls = [_call(head, e) for e in events if isinstance(e, ReleasedCall)]
    return _json(_envelope(head, opened.model) | said(text, thought, calls) | _end(head, opened.model, last))


def _chat(text: str, thought: str, calls: Sequence[_Object]) -> _Object:
    message: _Object = {"role": "assistant", "content": text}
    return {"message": message | _thought(thought) | ({"tool_calls": list(calls)} if calls else {})}


def _generate(text: str, thought: str, calls: Sequence[_Object]) -> _Object:
    del calls  # this address declares no functions, so none is called
    return {"response": text, **_thought(thought)}


def _thought(thought: str) -> _Object:
    return {"thinking": thought} if thought else {}


def _envelope(head: ReplyHead, name: str) -> _Object:
    return {"model": name, "created_at": stamp(head.created_s)}


def _end(head: ReplyHead, name: str, last: Finished | Withheld) -> _Object:
    if isinstance(last, Withheld):
        refused: _Object = {"code": last.code, "policy": last.rule, "exchange": head.exchange}
        refused |= notes_of((), last.thresholds)
        return {"done": True, "done_reason": "content_filter", "cordon": refused | _demo(head, name)}
    usage = last.usage
    return {
        "done": True,
        "done_reason": _REASONS[last.finish],
        "total_duration": usage.total_ms * _NS_PER_MS,
        "load_duration": 0,  # models are loaded before anybody may ask
        "prompt_eval_count": usage.prompt_tokens,
        "prompt_eval_duration": usage.prompt_ms * _NS_PER_MS,
        "eval_count": usage.completion_tokens,
        "eval_duration": usage.answer_ms * _NS_PER_MS,
        "cordon": {"exchange": head.exchange, "flags": list(last.flags)}
        | notes_of(last.flags, last.thresholds)
        | _demo(head, name),
    }


def _demo(head: ReplyHead, name: str) -> _Object:
    return {"demo": True} if name in head.demo_models else {}


def _call(head: ReplyHead, call: ReleasedCall) -> _Object:
    """A call; its arguments are an object in this API, not a text."""
    try:
        arguments = json.loads(_text(call.arguments))
    except (ValueError, RecursionError):
        raise CordonError("tool_call_malformed") from None
    if not isinstance(arguments, dict):
        raise CordonError("tool_call_malformed")
    function = {"index": call.index, "name": call.name, "arguments": arguments}
    return {"id": f"call_{head.exchange}_{call.index}", "function": function}


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text.reveal() for piece in pieces)


def _json(body: _Object) -> bytes:
    """Escaped to ASCII, so that no reader of lines finds an end where there is none."""
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError:  # a number of a call that JSON cannot say (RFC 8259 section 6)
        raise CordonError("tool_call_malformed") from None
