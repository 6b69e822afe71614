"""`POST /v1/responses`, the stateless subset: its request, rewritten as a chat request and read by that reader.

Law: nothing is kept between requests, so what asks for state (`store`, `previous_response_id`, `conversation`,
`background`, references to items) is refused and never ignored. An item of a kind that is not known is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.dialects import Parsed
from proxy.dialects.fields import Fields, as_fields, read_object
from proxy.dialects.openai_request import read_prompt
from proxy.errors import CordonError

__all__ = ["parse"]

_Object = dict[str, object]
_KEPT = ("model", "temperature", "top_p", "top_logprobs", "seed")
_TEXT_PARTS = frozenset({"input_text", "output_text", "text"})
_STATE = ("previous_response_id", "conversation", "prompt")


def parse(body: bytes) -> Parsed:
    """Read a request. Raises CordonError as the chat address does."""
    request = read_object(body)
    if any(request.has(key) for key in _STATE) or request.flag("store") or request.flag("background"):
        raise CordonError("unsupported_parameter")
    if request.text("truncation") not in (None, "disabled"):
        raise CordonError("unsupported_parameter")
    chat: _Object = {key: request.values[key] for key in _KEPT if request.has(key)}
    chat |= {"messages": list(_messages(request)), "max_completion_tokens": request.values.get("max_output_tokens")}
    chat |= {"tools": [_tool(tool) for tool in request.objects("tools")], "tool_choice": _choice(request)}
    chat |= {"response_format": _format(request)}
    if not chat["tools"]:
        chat.pop("tools")
    return Parsed(read_prompt(Fields(chat)), request.flag("stream"))


def _messages(request: Fields) -> Iterator[_Object]:
    if (instructions := request.text("instructions")) is not None:
        yield {"role": "system", "content": instructions}
    value = request.values.get("input")
    if isinstance(value, str):
        yield {"role": "user", "content": value}
        return
    open_turn: _Object | None = None  # an assistant's turn that may still get calls
    for item in request.objects("input"):
        turn, joins = _item(item)
        if joins and open_turn is not None:
            _join(open_turn, turn)
            continue
        if open_turn is not None:
            yield open_turn
        open_turn = turn if turn["role"] == "assistant" else None
        if open_turn is None:
            yield turn
    if open_turn is not None:
        yield open_turn


def _join(turn: _Object, call: _Object) -> None:
    """Calls of one turn are separate items here and one list there."""
    calls = turn.setdefault("tool_calls", [])
    more = call["tool_calls"]
    if isinstance(calls, list) and isinstance(more, list):
        calls.extend(more)


def _item(item: Fields) -> tuple[_Object, bool]:
    """One item as a turn, and whether it belongs to the assistant's turn before it."""
    match item.text("type"):
        case None | "message":
            return {"role": item.need_text("role"), "content": _content(item, "content")}, False
        case "function_call":
            function = {"name": item.need_text("name"), "arguments": item.need_text("arguments")}
            call = {"id": item.need_text("call_id"), "type": "function", "function": function}
            return {"role": "assistant", "tool_calls": [call]}, True
        case "function_call_output":
            answer = {"role": "tool", "tool_call_id": item.need_text("call_id")}
            return answer | {"content": _content(item, "output")}, False
        case _:
            raise CordonError("unsupported_parameter")


def _content(item: Fields, key: str) -> object:
    value = item.values.get(key)
    if isinstance(value, str):
        return value
    return [_part(part) for part in item.objects(key)]


def _part(part: Fields) -> _Object:
    kind = part.need_text("type")
    if kind in _TEXT_PARTS:
        return {"type": "text", "text": part.need_text("text")}
    if kind == "refusal":
        return {"type": "refusal", "refusal": part.need_text("refusal")}
    raise CordonError("content_not_inspectable")


def _tool(tool: Fields) -> _Object:
    """A function is flat here and nested there."""
    kind = tool.need_text("type")
    function = {key: tool.values[key] for key in ("name", "description", "parameters") if tool.has(key)}
    return {"type": kind, "function": function}


def _choice(request: Fields) -> object:
    value = request.values.get("tool_choice")
    if value is None or isinstance(value, str):
        return value
    named = as_fields(value)
    return {"type": named.need_text("type"), "function": {"name": named.need_text("name")}}


def _format(request: Fields) -> object:
    text = request.object("text")
    form = None if text is None else text.object("format")
    if form is None or form.need_text("type") != "json_schema":
        return None if form is None else form.values
    return {"type": "json_schema", "json_schema": {"schema": form.need_object("schema").values}}
