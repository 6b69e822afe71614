"""`POST /v1/responses`: events -> bytes.

Law: every event has its number in the stream and the stream one last event: `response.completed`, `.incomplete` (the
length was reached, or the policy withheld the rest) or `.failed`. Of a withheld answer the last event repeats nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import assert_never

from proxy.dialects import Ask, ReplyHead
from proxy.dialects.openai_reply import cordon_of, text_of
from proxy.dialects.openai_responses_request import parse
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
    Usage,
    Withheld,
)  # fmt: skip

__all__ = ["RESPONSES", "Stream", "whole"]

_Object = dict[str, object]


def whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """An answer that is complete: its last event is `Finished` or `Withheld`."""
    if not isinstance(events[0], Opened) or not isinstance(events[-1], Finished | Withheld):
        raise CordonError("internal")
    stream = Stream(head)
    for event in events:
        stream.feed(event)
    return _json(stream.reply)


class Stream:
    """Encodes one streamed answer. `reply` is the response object as it stands."""

    __slots__ = ("_head", "_number", "_output", "_text", "reply")

    def __init__(self, head: ReplyHead) -> None:
        self._head, self._number, self._text = head, 0, ""
        self._output: list[_Object] = []
        self.reply = _response(head, "")

    def feed(self, event: Event) -> bytes:
        """The server-sent events of one event of the pipeline."""
        match event:
            case Opened():
                self.reply = _response(self._head, event.model)
                return self._say("response.created", response=self.reply) + self._say(
                    "response.in_progress", response=self.reply
                )
            case Released():
                return self._add(text_of(event.pieces))
            case ReleasedThought():  # a request of this address cannot ask for thoughts
                return b""
            case ReleasedCall():
                return self._close() + self._call(event)
            case Finished() | Withheld():
                return self._end(event)
            case Broken() | Refused():
                return self._fail(event.code)
            case _:
                assert_never(event)

    def _add(self, text: str) -> bytes:
        """More of the message; its first text opens it."""
        if not text:
            return b""
        out = b"" if self._text else self._open()
        self._text += text
        return out + self._say("response.output_text.delta", **self._place(), delta=text, logprobs=[])

    def _open(self) -> bytes:
        item = _message(self._id("msg"), "in_progress", [])
        out = self._say("response.output_item.added", output_index=len(self._output), item=item)
        return out + self._say("response.content_part.added", **self._place(), part=_part(""))

    def _close(self) -> bytes:
        """End the message, if one is open."""
        if not self._text:
            return b""
        text, place = self._text, self._place()
        item = _message(self._id("msg"), "completed", [_part(text)])
        out = self._say("response.output_text.done", **place, text=text, logprobs=[])
        out += self._say("response.content_part.done", **place, part=_part(text))
        out += self._say("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._text = ""
        return out

    def _call(self, call: ReleasedCall) -> bytes:
        at, arguments, name = len(self._output), text_of(call.arguments), self._id("fc")
        item: _Object = {
            "id": name, "type": "function_call", "status": "completed", "name": call.name, "arguments": arguments,
            "call_id": f"call_{self._head.exchange}_{call.index}",
        }  # fmt: skip
        begun = item | {"status": "in_progress", "arguments": ""}
        out = self._say("response.output_item.added", output_index=at, item=begun)
        place: _Object = {"item_id": name, "output_index": at}
        out += self._say("response.function_call_arguments.delta", **place, delta=arguments)
        out += self._say("response.function_call_arguments.done", **place, name=call.name, arguments=arguments)
        self._output.append(item)
        return out + self._say("response.output_item.done", output_index=at, item=item)

    def _end(self, last: Finished | Withheld) -> bytes:
        out, why = self._close(), ""
        if isinstance(last, Withheld):
            self._output, why = [], "content_filter"
        elif last.finish is Finish.LENGTH:
            why = "max_output_tokens"
        self.reply |= {
            "status": "incomplete" if why else "completed",
            "incomplete_details": {"reason": why} if why else None,
            "output": self._output,
            "usage": _usage(last.usage if isinstance(last, Finished) else Usage(0, 0)),
            "cordon": cordon_of(self._head, str(self.reply["model"]), last),
        }
        return out + self._say("response.incomplete" if why else "response.completed", response=self.reply)

    def _fail(self, code: str) -> bytes:
        entry = entry_of(code)
        said = {"code": "server_error", "message": f"{entry.message} {entry.next}"}
        self.reply |= {"status": "failed", "error": said, "cordon": {"exchange": self._head.exchange, "code": code}}
        return self._say("response.failed", response=self.reply)

    def _place(self) -> _Object:
        return {"item_id": self._id("msg"), "output_index": len(self._output), "content_index": 0}

    def _id(self, kind: str) -> str:
        return f"{kind}_{self._head.exchange}_{len(self._output)}"

    def _say(self, kind: str, **said: object) -> bytes:
        body = {"type": kind, "sequence_number": self._number} | said
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + _json(body) + b"\n\n"


def _response(head: ReplyHead, name: str) -> _Object:
    return {
        "id": f"resp_{head.exchange}", "object": "response", "created_at": head.created_s, "status": "in_progress",
        "error": None, "incomplete_details": None, "instructions": None, "max_output_tokens": None, "model": name,
        "output": [], "parallel_tool_calls": True, "previous_response_id": None, "store": False, "temperature": None,
        "tool_choice": "auto", "tools": [], "top_p": None, "truncation": "disabled", "usage": None, "metadata": {},
    }  # fmt: skip


def _message(name: str, status: str, content: list[_Object]) -> _Object:
    return {"id": name, "type": "message", "role": "assistant", "status": status, "content": content}


def _part(text: str) -> _Object:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Usage) -> _Object:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _json(body: _Object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii")


RESPONSES = Ask("responses", "/v1/responses", parse, Stream, whole)
