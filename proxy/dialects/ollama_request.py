"""Requests of the Ollama API: bytes -> `Prompt`.

Law: as in the OpenAI dialect. Unknown keys, of the request, of `options` and of known objects, are dropped without a
word; what is understood but cannot be done is refused, never ignored; what cannot be inspected (images, token numbers
of an earlier `context`, text past the model's template) is refused. A request streams unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from filters.parts import PatientText
from proxy.dialects import Parsed
from proxy.dialects.fields import Fields, dump, read_object
from proxy.dialects.texts import inspectable, read_name, read_stops, read_tools
from proxy.errors import CordonError
from proxy.exchange import Conversation, Message, Prompt, Role, Sampling, Tool, ToolCall

__all__ = ["idle_chat", "idle_generate", "parse_chat", "parse_generate", "parse_show"]

_ROLES = frozenset({Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL})
_LATEST = ":latest"
_INT64 = 2**63


def parse_chat(body: bytes) -> Parsed:
    """Read a request of `/api/chat`.

    Raises:
        CordonError: `bad_json`, `too_deep`, `bad_request`, `unsupported_parameter` or `content_not_inspectable`.
    """
    request = read_object(body)
    history = _History()
    messages = tuple(_message(item, history) for item in request.objects("messages"))
    return _parsed(request, messages, read_tools(request))


def parse_generate(body: bytes) -> Parsed:
    """Read a request of `/api/generate`: `system` is a system turn, `prompt` a user's. Raises as `parse_chat` does."""
    request = read_object(body)
    _refuse_past_template(request)
    return _parsed(request, tuple(_turns(request)), ())


def idle_chat(body: bytes) -> str | None:
    """The model's name if the request has no messages: by that a client loads a model, or lets it go."""
    request = read_object(body)
    return None if list(request.items("messages")) else _model(request)


def idle_generate(body: bytes) -> str | None:
    """The model's name if the request has no prompt; what goes past the template is refused first."""
    request = read_object(body)
    _refuse_past_template(request)
    return None if request.text("prompt") else _model(request)


def parse_show(body: bytes) -> str:
    """Read which model is asked about; older clients call it `name`. Raises CordonError."""
    request = read_object(body)
    return _model(request, "model" if request.has("model") else "name")


def _parsed(
    request: Fields, messages: tuple[Message[PatientText], ...], tools: tuple[Tool[PatientText], ...]
) -> Parsed:
    _refuse_undoable(request)
    if not messages:
        raise CordonError("bad_request")
    options = request.object("options") or Fields({})
    schema, json_mode = _format(request)
    conversation = Conversation(messages, tools, read_stops(options), schema)
    streamed = not request.has("stream") or request.flag("stream")
    return Parsed(Prompt(conversation, _sampling(request, options, json_mode)), streamed)


def _refuse_undoable(request: Fields) -> None:
    """What would change the meaning of the answer if it were dropped."""
    if request.flag("logprobs") or request.integer("top_logprobs", 0, 1_000):
        raise CordonError("unsupported_parameter")


def _refuse_past_template(request: Fields) -> None:
    """What would bypass the model's own template: text that is no turn of anybody, or tokens nobody can read."""
    if list(request.items("images")):
        raise CordonError("content_not_inspectable")
    if any([request.text("template"), request.text("suffix"), request.flag("raw"), list(request.items("context"))]):
        raise CordonError("unsupported_parameter")


def _model(request: Fields, key: str = "model") -> str:
    """The model's name; `:latest` is what clients add to a name without a tag."""
    name = request.need_text(key).removesuffix(_LATEST)
    if not 1 <= len(name) <= 256:
        raise CordonError("bad_request")
    return name


def _sampling(request: Fields, options: Fields, json_mode: bool) -> Sampling:
    limit = options.integer("num_predict", -2, 1_000_000)
    seed = options.integer("seed", -_INT64, _INT64 - 1)
    return Sampling(
        model=_model(request),
        max_tokens=limit if limit is not None and limit > 0 else None,  # 0, -1 and -2 mean no limit of the caller's
        temperature=options.number("temperature", 0, 2),
        top_p=options.number("top_p", 0, 1),
        top_k=options.integer("top_k", 0, 1_000_000),
        min_p=options.number("min_p", 0, 1),
        seed=seed if seed is not None and seed >= 0 else None,  # -1 means any
        presence_penalty=options.number("presence_penalty", -2, 2),
        frequency_penalty=options.number("frequency_penalty", -2, 2),
        json_mode=json_mode,
        thinking=_thinking(request),
    )


def _thinking(request: Fields) -> bool:
    """Whether thoughts are asked for; a level is a yes, because a model here thinks or does not."""
    match request.values.get("think"):
        case None | False:
            return False
        case True | "low" | "medium" | "high":
            return True
        case _:
            raise CordonError("bad_request")


def _format(request: Fields) -> tuple[PatientText | None, bool]:
    """The schema of the answer, and whether it must be JSON without one."""
    match request.values.get("format"):
        case None | "":
            return None, False
        case "json":
            return None, True
        case dict() as schema:
            return PatientText(dump(schema)), False
        case _:
            raise CordonError("bad_request")


def _turns(request: Fields) -> Iterator[Message[PatientText]]:
    if system := request.text("system"):
        yield Message(Role.SYSTEM, inspectable(system))
    prompt = request.text("prompt")
    if not prompt:  # `idle_generate` came first
        raise CordonError("bad_request")
    yield Message(Role.USER, inspectable(prompt))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A call of the history without a result yet."""

    position: int
    name: str
    id: str


@dataclass(slots=True)
class _History:
    """Which call a tool result answers. Ids are rare in this API: a result names the function, or nothing at all."""

    waiting: list[_Waiting] = field(default_factory=list)
    count: int = 0

    def call(self, item: Fields) -> ToolCall[PatientText]:
        function = item.need_object("function")
        name, arguments = read_name(function), function.object("arguments")
        self.waiting.append(_Waiting(self.count, name, item.text("id") or ""))
        self.count += 1
        return ToolCall(name, PatientText(dump({} if arguments is None else arguments.values)))

    def answered(self, item: Fields) -> int:
        """The first call that waits for such a result."""
        wanted_id = item.text("tool_call_id")
        wanted = item.text("tool_name") or item.text("name")
        for call in self.waiting:
            if (not wanted_id or call.id == wanted_id) and (not wanted or call.name == wanted):
                self.waiting.remove(call)
                return call.position
        raise CordonError("bad_request")


def _message(item: Fields, history: _History) -> Message[PatientText]:
    role = item.need_text("role")
    if role not in _ROLES:
        raise CordonError("bad_request")
    if list(item.items("images")):
        raise CordonError("content_not_inspectable")
    if role == Role.ASSISTANT:
        return _assistant(item, history)
    if list(item.items("tool_calls")):
        raise CordonError("bad_request")
    content = inspectable(item.need_text("content"))
    return Message(Role(role), content, answers=history.answered(item) if role == Role.TOOL else None)


def _assistant(item: Fields, history: _History) -> Message[PatientText]:
    calls = tuple(history.call(call) for call in item.objects("tool_calls"))
    thought = item.text("thinking")
    content = inspectable(item.text("content") or "")
    return Message(Role.ASSISTANT, content, PatientText(thought) if thought else None, calls)
