"""Answers in the OpenAI dialect: events -> bytes.

Law: text comes from `Released` events only, thoughts from `ReleasedThought` (under `reasoning_content`, the name that
servers and clients share without a standard); every reply carries our own envelope. A stream has one role chunk, then
content, one chunk with `finish_reason`, the usage if it was asked for, and one `[DONE]`; a stream that broke has an
error event and no `[DONE]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import assert_never

from filters.restore import Piece
from proxy.dialects import ModelCard, ReplyHead
from proxy.dialects.banner import notes_of
from proxy.errors import CordonError, entry_of
from proxy.exchange import (
    Broken,
    Event,
    Finished,
    Opened,
    Refused,
    Released,
    ReleasedCall,
    ReleasedThought,
    Usage,
    Withheld,
)  # fmt: skip

__all__ = ["Stream", "cordon_of", "error", "error_of", "model", "models", "text_of", "usage_of", "whole"]

_DONE = b"data: [DONE]\n\n"
_Object = dict[str, object]


def error(code: str, request_id: str, rule: str = "") -> bytes:
    """The body of an error reply; every word comes from the table, `rule` from the policy."""
    return _json(error_of(code, request_id, rule))


def models(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """The list of models."""
    del name
    return _json({"object": "list", "data": [_card(card) for card in cards]})


def model(cards: Sequence[ModelCard], name: str) -> bytes | None:
    """One model, or None if there is none of that name."""
    return next((_json(_card(card)) for card in cards if card.id == name), None)


def whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """An answer that is complete: its last event is `Finished` or `Withheld`."""
    last, opened = events[-1], events[0]
    if not isinstance(opened, Opened) or not isinstance(last, Finished | Withheld):
        raise CordonError("internal")
    message: _Object = {"role": "assistant", "content": None, "refusal": None}
    if isinstance(last, Withheld):
        # Nothing of a refused answer is returned, also not the part that was permitted before.
        message["content"], finish = "", "content_filter"
    else:
        calls = [_call(head, e) for e in events if isinstance(e, ReleasedCall)]
        text = "".join(text_of(e.pieces) for e in events if isinstance(e, Released))
        if thought := "".join(text_of(e.pieces) for e in events if isinstance(e, ReleasedThought)):
            message["reasoning_content"] = thought
        message["content"], finish = (text if text or not calls else None), last.finish.value
        if calls:
            message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    body = _envelope(head, opened.model, "chat.completion") | {"choices": [choice]}
    body["usage"] = usage_of(last.usage) if isinstance(last, Finished) else usage_of(Usage(0, 0))
    body["cordon"] = cordon_of(head, opened.model, last)
    return _json(body)


class Stream:
    """Encodes one streamed answer."""

    __slots__ = ("_head", "_model")

    def __init__(self, head: ReplyHead) -> None:
        self._head, self._model = head, ""

    def feed(self, event: Event) -> bytes:
        """The server-sent events of one event of the pipeline."""
        match event:
            case Opened():
                self._model = event.model
                return self._chunk({"role": "assistant", "content": "", "refusal": None}, None)
            case Released():
                text = text_of(event.pieces)
                return self._chunk({"content": text}, None) if text else b""
            case ReleasedThought():
                thought = text_of(event.pieces)
                return self._chunk({"reasoning_content": thought}, None) if thought else b""
            case ReleasedCall():
                return self._chunk({"tool_calls": [{"index": event.index} | _call(self._head, event)]}, None)
            case Finished() | Withheld():
                return self._end(event)
            case Broken() | Refused():
                return _event(
                    error_of(event.code, self._head.exchange, event.rule if isinstance(event, Refused) else "")
                )
            case _:
                assert_never(event)

    def _end(self, last: Finished | Withheld) -> bytes:
        finish = last.finish.value if isinstance(last, Finished) else "content_filter"
        out = self._chunk({}, finish, cordon=cordon_of(self._head, self._model, last))
        if self._head.include_usage:
            usage = usage_of(last.usage if isinstance(last, Finished) else Usage(0, 0))
            out += _event(self._envelope() | {"choices": [], "usage": usage})
        return out + _DONE

    def _chunk(self, delta: _Object, finish: str | None, *, cordon: _Object | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = self._envelope() | {"choices": [choice]}
        if self._head.include_usage:
            body["usage"] = None
        if cordon is not None:
            body["cordon"] = cordon
        return _event(body)

    def _envelope(self) -> _Object:
        return _envelope(self._head, self._model, "chat.completion.chunk")


def _envelope(head: ReplyHead, name: str, kind: str) -> _Object:
    return {
        "id": f"chatcmpl-{head.exchange}", "object": kind, "created": head.created_s, "model": name,
        "system_fingerprint": None,
    }  # fmt: skip


def cordon_of(head: ReplyHead, name: str, last: Finished | Withheld) -> _Object:
    """What Cordon says of an answer beside it."""
    said: _Object = {"exchange": head.exchange}
    if isinstance(last, Finished):
        said |= {"flags": list(last.flags), **notes_of(last.flags, last.thresholds)}
    else:
        said |= {"code": last.code, "policy": last.rule} | notes_of((), last.thresholds)
    return said | ({"demo": True} if name in head.demo_models else {})


def _call(head: ReplyHead, call: ReleasedCall) -> _Object:
    function = {"name": call.name, "arguments": text_of(call.arguments)}
    return {"id": f"call_{head.exchange}_{call.index}", "type": "function", "function": function}


def usage_of(usage: Usage) -> _Object:
    """Token counts under this dialect's names."""
    thought: _Object = {"completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens}}
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    } | (thought if usage.reasoning_tokens else {})


def _card(card: ModelCard) -> _Object:
    body: _Object = {"id": card.id, "object": "model", "created": card.created_s, "owned_by": "cordon"}
    return body | ({"cordon": {"demo": True}} if card.demo else {})


def error_of(code: str, request_id: str, rule: str = "") -> _Object:
    """An error as an object of this dialect."""
    entry = entry_of(code)
    said: _Object = {"message": f"{entry.message} {entry.next}", "type": entry.type, "param": None, "code": code}
    return {"error": said | {"request_id": request_id} | ({"rule": rule} if rule else {})}


def text_of(pieces: Iterable[Piece]) -> str:
    """The text of released pieces."""
    return "".join(piece.text.reveal() for piece in pieces)


def _event(body: _Object) -> bytes:
    return b"data: " + _json(body) + b"\n\n"


def _json(body: _Object) -> bytes:
    """Escaped to ASCII: an event stream ends its lines at CR and LF, and no client can then cut elsewhere."""
    return json.dumps(body, separators=(",", ":")).encode("ascii")
