"""The older OpenAI address `POST /v1/completions`: one text in, one text out.

Law: the text is one turn of a user, because every model here is an instruction model and its own template must not be
in a caller's hands. What would change the meaning of the answer if it were dropped (`suffix`, `echo`, `logprobs`) is
refused; everything else is read by the chat address's own reader.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import assert_never

from proxy.dialects import Ask, Parsed, ReplyHead
from proxy.dialects.fields import Fields, read_object
from proxy.dialects.openai_reply import cordon_of, error_of, text_of, usage_of
from proxy.dialects.openai_request import THINKING_KEYS, read_prompt
from proxy.errors import CordonError
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

__all__ = ["COMPLETIONS", "Stream", "parse", "whole"]

_DONE = b"data: [DONE]\n\n"
_DROPPED = frozenset(
    {"prompt", "messages", "tools", "tool_choice", "response_format", "logprobs", "best_of", *THINKING_KEYS}
)
_Object = dict[str, object]


def parse(body: bytes) -> Parsed:
    """Read a request. Raises CordonError as the chat address does."""
    request = read_object(body)
    several = (request.integer("best_of", 1, 1_000) or 1) > 1
    if several or request.flag("echo") or request.has("suffix") or request.integer("logprobs", 0, 1_000):
        raise CordonError("unsupported_parameter")
    kept = {key: value for key, value in request.values.items() if key not in _DROPPED}
    message = {"role": "user", "content": _prompt(request)}
    return Parsed(read_prompt(Fields(kept | {"messages": [message]})), request.flag("stream"))


def _prompt(request: Fields) -> str:
    """The one text; lists of token numbers cannot be inspected, and several texts are several answers."""
    value = request.values.get("prompt")
    texts = list(request.items("prompt")) if isinstance(value, list) else [value]
    if len(texts) > 1 or any(isinstance(text, int | list) for text in texts):
        raise CordonError("unsupported_parameter")
    text = texts[0] if texts else None
    if not isinstance(text, str) or not text:
        raise CordonError("bad_request")
    return text


def whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """An answer that is complete: its last event is `Finished` or `Withheld`."""
    last, opened = events[-1], events[0]
    if not isinstance(opened, Opened) or not isinstance(last, Finished | Withheld):
        raise CordonError("internal")
    said = isinstance(last, Finished)
    text = "".join(text_of(e.pieces) for e in events if isinstance(e, Released)) if said else ""
    usage = usage_of(last.usage if isinstance(last, Finished) else Usage(0, 0))
    body = _envelope(head, opened.model, text, _finish(last)) | {"usage": usage}
    return _json(body | {"cordon": cordon_of(head, opened.model, last)})


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
                return b""
            case Released():
                text = text_of(event.pieces)
                return _event(_envelope(self._head, self._model, text, None)) if text else b""
            case ReleasedCall() | ReleasedThought():  # this address offers no tools and has no place for thoughts
                return b""
            case Finished() | Withheld():
                return self._end(event)
            case Broken() | Refused():
                return _event(
                    error_of(event.code, self._head.exchange, event.rule if isinstance(event, Refused) else "")
                )
            case _:
                assert_never(event)

    def _end(self, last: Finished | Withheld) -> bytes:
        cordon = {"cordon": cordon_of(self._head, self._model, last)}
        out = _event(_envelope(self._head, self._model, "", _finish(last)) | cordon)
        if self._head.include_usage:
            usage = usage_of(last.usage if isinstance(last, Finished) else Usage(0, 0))
            out += _event(_envelope(self._head, self._model, "", None) | {"choices": [], "usage": usage})
        return out + _DONE


def _finish(last: Finished | Withheld) -> str:
    return last.finish.value if isinstance(last, Finished) else "content_filter"


def _envelope(head: ReplyHead, name: str, text: str, finish: str | None) -> _Object:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
    return {
        "id": f"cmpl-{head.exchange}", "object": "text_completion", "created": head.created_s, "model": name,
        "choices": [choice],
    }  # fmt: skip


def _event(body: _Object) -> bytes:
    return b"data: " + _json(body) + b"\n\n"


def _json(body: _Object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


COMPLETIONS = Ask("completions", "/v1/completions", parse, Stream, whole)
