"""An OpenAI chat completion request: bytes -> `Prompt`.

Law: read only what is understood. Unknown keys, of the request and of known objects in it, are dropped without a word,
because clients send many; what is understood but cannot be done is refused, never ignored; what cannot be inspected
(images, audio, files) is refused. `user`, `metadata`, `name`, `logit_bias` and their like are dropped here, so that no
field past the redaction can carry a person's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from filters.parts import PatientText
from proxy.dialects import Parsed
from proxy.dialects.fields import Fields, as_fields, dump, read_object
from proxy.dialects.texts import inspectable, read_name, read_stops, read_tools
from proxy.errors import CordonError
from proxy.exchange import Conversation, Message, Prompt, Role, Sampling, Tool, ToolCall, ToolChoice

__all__ = ["THINKING_KEYS", "parse", "read_prompt"]

_ROLES = frozenset(role.value for role in Role)
_CHOICES = frozenset(choice.value for choice in ToolChoice)
_INT64 = 2**63
_EFFORTS = {"none": False, "minimal": False, "low": True, "medium": True, "high": True, "xhigh": True}
"""How hard to think; here a model thinks or does not."""
THINKING_KEYS = ("reasoning_effort", "chat_template_kwargs")
"""By which thoughts are asked for: the API's own name, and that of llama.cpp and vLLM."""


def parse(body: bytes) -> Parsed:
    """Read a request.

    Raises:
        CordonError: `bad_json`, `too_deep`, `bad_request`, `unsupported_parameter` or `content_not_inspectable`.
    """
    request = read_object(body)
    return Parsed(read_prompt(request), request.flag("stream"))


def read_prompt(request: Fields) -> Prompt:
    """Read the prompt of a request object; raises as `parse` does."""
    _refuse_undoable(request)
    tools, choice = _tools(request)
    schema, json_mode = _format(request)
    conversation = Conversation(_messages(request), tools, read_stops(request), schema)
    if not conversation.messages:
        raise CordonError("bad_request")
    sampling = _sampling(request, json_mode, choice)
    return Prompt(conversation, sampling)


def _refuse_undoable(request: Fields) -> None:
    """What would change the meaning of the answer if it were dropped."""
    several = (request.integer("n", 1, 1_000) or 1) > 1
    logprobs = request.flag("logprobs") or bool(request.integer("top_logprobs", 0, 1_000))
    legacy = request.has("functions") or request.has("function_call")
    if several or logprobs or legacy or request.has("audio"):
        raise CordonError("unsupported_parameter")
    if any(kind != "text" for kind in request.items("modalities")):
        raise CordonError("unsupported_parameter")


def _sampling(request: Fields, json_mode: bool, choice: ToolChoice) -> Sampling:
    model = request.need_text("model")
    if not 1 <= len(model) <= 256:
        raise CordonError("bad_request")
    limits = [request.integer(key, 1, 1_000_000) for key in ("max_completion_tokens", "max_tokens")]
    options = request.object("stream_options")
    return Sampling(
        model=model,
        max_tokens=min((n for n in limits if n is not None), default=None),
        temperature=request.number("temperature", 0, 2),
        top_p=request.number("top_p", 0, 1),
        top_k=request.integer("top_k", 0, 1_000_000),
        min_p=request.number("min_p", 0, 1),
        seed=request.integer("seed", -_INT64, _INT64 - 1),
        presence_penalty=request.number("presence_penalty", -2, 2),
        frequency_penalty=request.number("frequency_penalty", -2, 2),
        json_mode=json_mode,
        tool_choice=choice,
        include_usage=options is not None and options.flag("include_usage"),
        thinking=_thinking(request),
    )


def _thinking(request: Fields) -> bool:
    effort, template = request.text("reasoning_effort"), request.object("chat_template_kwargs")
    if effort is not None and effort not in _EFFORTS:
        raise CordonError("bad_request")
    return _EFFORTS[effort or "none"] or (template is not None and template.flag("enable_thinking"))


def _format(request: Fields) -> tuple[PatientText | None, bool]:
    """The schema of the answer, and whether it must be JSON without one."""
    form = request.object("response_format")
    if form is None:
        return None, False
    match form.need_text("type"):
        case "text":
            return None, False
        case "json_object":
            return None, True
        case "json_schema":
            return PatientText(dump(form.need_object("json_schema").need_object("schema").values)), False
        case _:
            raise CordonError("unsupported_parameter")


def _tools(request: Fields) -> tuple[tuple[Tool[PatientText], ...], ToolChoice]:
    tools = read_tools(request)
    names = {tool.name for tool in tools}
    value = request.values.get("tool_choice")
    if value is None:
        return tools, ToolChoice.AUTO
    if isinstance(value, str):
        if value not in _CHOICES or (value == ToolChoice.REQUIRED and not tools):
            raise CordonError("bad_request")
        return tools, ToolChoice(value)
    named = as_fields(value)
    if named.need_text("type") != "function":
        raise CordonError("unsupported_parameter")
    wanted = named.need_object("function").need_text("name")
    if wanted not in names:
        raise CordonError("bad_request")
    # One tool that must be called, and no other to choose from, is what naming it means.
    return tuple(tool for tool in tools if tool.name == wanted), ToolChoice.REQUIRED


@dataclass(slots=True)
class _History:
    """Which call a tool result answers: the client's ids become positions, because an id is the client's own text."""

    calls: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def call(self, item: Fields) -> ToolCall[PatientText]:
        if item.text("type") not in (None, "function"):
            raise CordonError("unsupported_parameter")
        function = item.need_object("function")
        self.calls[item.need_text("id")] = self.count  # an id used again means the later call
        self.count += 1
        return ToolCall(read_name(function), PatientText(function.need_text("arguments")))

    def answered(self, item: Fields) -> int:
        position = self.calls.get(item.need_text("tool_call_id"))
        if position is None:
            raise CordonError("bad_request")
        return position


def _messages(request: Fields) -> tuple[Message[PatientText], ...]:
    history = _History()
    return tuple(_message(item, history) for item in request.objects("messages"))


def _message(item: Fields, history: _History) -> Message[PatientText]:
    role = item.need_text("role")
    if role not in _ROLES:
        raise CordonError("bad_request")
    if item.has("audio") or item.has("images"):
        raise CordonError("content_not_inspectable")
    if role == Role.ASSISTANT:
        return _assistant(item, history)
    if not item.has("content") or item.has("tool_calls"):
        raise CordonError("bad_request")
    answers = history.answered(item) if role == Role.TOOL else None
    return Message(Role(role), _content(item), answers=answers)


def _assistant(item: Fields, history: _History) -> Message[PatientText]:
    if item.has("function_call"):
        raise CordonError("unsupported_parameter")
    calls = tuple(history.call(call) for call in item.objects("tool_calls"))
    content = _content(item) if item.has("content") else PatientText(item.text("refusal") or "")
    thought = item.text("reasoning_content")
    return Message(Role.ASSISTANT, content, PatientText(thought) if thought else None, calls)


def _content(item: Fields) -> PatientText:
    """The text of a message; several text parts are lines of one text, as other servers read them."""
    value = item.values["content"]
    if isinstance(value, str):
        return inspectable(value)
    texts = [_part(part) for part in item.objects("content")]
    if not texts and item.text("role") != Role.ASSISTANT:
        raise CordonError("bad_request")
    return inspectable("\n".join(texts))


def _part(part: Fields) -> str:
    match part.need_text("type"):
        case "text":
            return part.need_text("text")
        case "refusal":
            return part.need_text("refusal")
        case _:  # image_url, input_audio, file, and whatever comes next
            raise CordonError("content_not_inspectable")
