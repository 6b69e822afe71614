"""Gemma 4 chat, pinned to `google-gemma-4-31B-it.jinja` of llama.cpp.

sha256 of that file: 85a08664d16d8f3be4416c92427b3ac10df1024ac566cc0b4bc3bab409393f98. The quirks are the template's and
stay: a model turn's text follows the tool results, two model messages share a turn, an answer to tool results opens no
new turn. What the template would drop in silence (a tool result without a call) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from filters.tokens import Piece
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.templates.chat import Chat, Family, Writer, bare, json_object, with_hint
from proxy.workers.engine.templates.declare import QUOTE, declare, write_value
from proxy.workers.wire import Turn

__all__ = ["FAMILY"]

_TURN, _END = "<|turn>", "<turn|>"
_CHANNEL, _CHANNEL_END = "<|channel>", "<channel|>"
_CALL, _CALL_END = "<|tool_call>", "<tool_call|>"
_RESPONSE, _RESPONSE_END = "<|tool_response>", "<tool_response|>"
_ROLES = {"user": "user", "assistant": "model", "system": "system", "developer": "developer"}


@dataclass(frozen=True, slots=True)
class _Step:
    """A message that opens or continues a turn, with the tool results that follow it."""

    turn: Turn
    results: tuple[Turn, ...]
    first_call: int
    """Number of its first call over the whole history."""
    thought: str = ""
    """What was thought before its calls, while they are still being worked on."""


def _render(chat: Chat) -> tuple[Piece, ...]:
    write = Writer()
    write.control("<bos>")
    messages = list(chat.messages)
    system = ""
    if messages and messages[0].role in ("system", "developer"):
        system = messages.pop(0).content.reveal()
    system = with_hint(system, chat.hint)
    if system or chat.tools or chat.thinking or len(messages) < len(chat.messages):
        _system(write, chat, system)
    steps = _steps(messages)
    previous = ""
    for step in steps:
        if not (step.turn.role == "assistant" and previous == "assistant"):
            write.control(_TURN)
            write.text(f"{_ROLES[step.turn.role]}\n")
        previous = step.turn.role
        _message(write, step)
    if not (steps and steps[-1].turn.tool_calls):
        write.control(_TURN)
        write.text("model\n")
        if chat.empty_thought and not chat.thinking:
            write.control(_CHANNEL)
            write.text("thought\n")
            write.control(_CHANNEL_END)
    return write.pieces()


def _system(write: Writer, chat: Chat, text: str) -> None:
    write.control(_TURN)
    write.text("system\n")
    if chat.thinking:
        write.control("<|think|>")
        write.text("\n")
    write.text(text.strip())
    for tool in chat.tools:
        write.control("<|tool>")
        declare(write, tool)
        write.control("<tool|>")
    write.control(_END)
    write.text("\n")


def _steps(messages: list[Turn]) -> list[_Step]:
    steps: list[_Step] = []
    calls = 0
    last_user = max((i for i, turn in enumerate(messages) if turn.role == "user"), default=-1)
    for i, turn in enumerate(messages):
        if turn.role != "tool":
            if turn.role not in _ROLES or (turn.tool_calls and turn.role != "assistant"):
                raise EngineError("bad_request")
            steps.append(_Step(turn, (), calls, _kept(turn) if i > last_user else ""))
            calls += len(turn.tool_calls)
        elif steps and steps[-1].turn.tool_calls:
            last = steps.pop()
            steps.append(replace(last, results=(*last.results, turn)))
        else:
            raise EngineError("bad_request")
    return steps


def _kept(turn: Turn) -> str:
    """Thoughts of a history are dropped, but for those between the calls after the last thing a person said."""
    return turn.thought.reveal() if turn.thought is not None and turn.tool_calls else ""


def _message(write: Writer, step: _Step) -> None:
    turn = step.turn
    if step.thought:
        write.control(_CHANNEL)
        write.text(f"thought\n{step.thought}\n")
        write.control(_CHANNEL_END)
    for call in turn.tool_calls:
        write.control(_CALL)
        write.text(f"call:{bare(call.name)}{{")
        _pairs(write, call.arguments.reveal())
        write.text("}")
        write.control(_CALL_END)
    for result in step.results:
        _result(write, step, result)
    content = turn.content.reveal()
    write.text(_without_thoughts(content) if turn.role == "assistant" else content.strip())
    if turn.tool_calls and not step.results:
        write.control(_RESPONSE)
    elif content or not step.results:
        write.control(_END)
        write.text("\n")


def _pairs(write: Writer, arguments: str) -> None:
    values = json_object(arguments)
    for i, key in enumerate(sorted(values, key=str.lower)):
        write.text(f"{',' if i else ''}{bare(key)}:")
        write_value(write, values[key], quoted_keys=False)


def _result(write: Writer, step: _Step, result: Turn) -> None:
    number = -1 if result.answers is None else result.answers - step.first_call
    calls = step.turn.tool_calls
    name = calls[number].name if 0 <= number < len(calls) else "unknown"
    write.control(_RESPONSE)
    write.text(f"response:{bare(name)}{{value:")
    write.quoted(QUOTE, result.content.reveal())
    write.text("}")
    write.control(_RESPONSE_END)


def _without_thoughts(text: str) -> str:
    """Past thoughts of a history that carries them as text."""
    return "".join(part.split(_CHANNEL)[0] for part in text.split(_CHANNEL_END)).strip()


FAMILY = Family(
    name="gemma4",
    archs=frozenset({"gemma4"}),
    controls=(
        "<bos>", "<eos>", _TURN, _END, "<|think|>", _CHANNEL, _CHANNEL_END, "<|tool>", "<tool|>", _CALL, _CALL_END,
        _RESPONSE, _RESPONSE_END, QUOTE,
    ),
    render=_render,
    tools=True,
    thinks=True,
    turn_open=_TURN,
    channel=(_CHANNEL, _CHANNEL_END),
    tool_call=(_CALL, _CALL_END),
    quote=QUOTE,
    tool_response=_RESPONSE,
)  # fmt: skip
