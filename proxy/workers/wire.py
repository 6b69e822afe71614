"""The messages between gateway, analyst and engine, and their framing. Sans-io.

Law: a message is a frozen dataclass with a tag in `TAGS`; a frame is a 4-byte big-endian length and one JSON object;
decoding checks every field against its annotation and refuses anything else. Links are AF_UNIX pairs: no other peer.

    gateway --Find--> analyst --FoundParts--> gateway
    gateway --Generate--> engine --Delta, ToolCallOut, Done--> gateway
    gateway --Score--> engine --Scored--> gateway
"""

from __future__ import annotations

import enum
import json
import struct
import types
import typing
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from filters.findings import Finding
from filters.parts import PatientText, RedactedText
from filters.tokens import Control, Piece, Text

__all__ = [
    "MAX_FRAME_BYTES", "Cancel", "Credit", "Delta", "Done", "EndExchange", "Failed", "Find", "Forget", "FoundParts",
    "Generate", "Hello", "Locked", "Look", "Looked", "Message", "ModelInfo", "Probe", "Reader", "Score", "Scored",
    "ToolCallOut", "Turn", "TurnCall", "TurnTool", "WireError", "WirePart", "encode",
]  # fmt: skip

MAX_FRAME_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class WireError(Exception):
    """A frame that is not one of ours. Carries no content."""


# ---- both workers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One loaded model, as the log and the user are told; `adapter` is the digest of one, or empty."""

    role: str
    id: str
    sha256: str
    arch: str
    template_digest: str
    context: int
    demo: bool
    prompt_tokens_per_s: float = 0.0
    answer_tokens_per_s: float = 0.0
    suffix_tokens: int = 0
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker is ready: what it runs. First message after `Locked`."""

    wire: int
    catalogue: str
    models: tuple[ModelInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Locked:
    """Facts of a process after its lock-down, as one JSON object (shape: the `procs` entry of an E record)."""

    facts: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask for the facts again."""

    id: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The request `id` was not done; `code` is a key of `proxy.errors`."""

    id: int
    code: str


# ---- analyst --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WirePart:
    """A `filters.parts.Part` on the wire."""

    role: str
    form: str
    text: PatientText


@dataclass(frozen=True, slots=True)
class Find:
    """Find identifiers in all parts of one request."""

    id: int
    caller: str
    parts: tuple[WirePart, ...]
    marked: tuple[PatientText, ...]
    switches: str
    """JSON of `filters.analyse.Switches`."""


@dataclass(frozen=True, slots=True)
class FoundParts:
    """Answer to `Find`: `filters.findings.Found`."""

    id: int
    parts: tuple[tuple[Finding, ...], ...]
    kept: tuple[tuple[Finding, ...], ...]
    spread: tuple[PatientText, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Find identifiers in one window of an answer."""

    id: int
    window: RedactedText
    switches: str


@dataclass(frozen=True, slots=True)
class Looked:
    """Answer to `Look`."""

    id: int
    findings: tuple[Finding, ...]


# ---- engine ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnCall:
    """A tool call in the history."""

    name: str
    arguments: RedactedText


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation; `thought` is what a model thought before it spoke or called."""

    role: str
    content: RedactedText
    tool_calls: tuple[TurnCall, ...] = ()
    answers: int | None = None
    thought: RedactedText | None = None


@dataclass(frozen=True, slots=True)
class TurnTool:
    """A function the model may call."""

    name: str
    description: RedactedText
    parameters: RedactedText


@dataclass(frozen=True, slots=True)
class Generate:
    """Start an answer. None is the model's own value; the deadline is from now; `credits` tokens may come unasked."""

    id: int
    exchange: str
    caller: str
    messages: tuple[Turn, ...]
    tools: tuple[TurnTool, ...]
    tool_choice: str
    stop: tuple[RedactedText, ...]
    schema: RedactedText | None
    json_mode: bool
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    deadline_ms: int
    credits: int
    thinking: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer. `kind` is `content` or `thought`."""

    id: int
    kind: str
    text: RedactedText
    tokens: int


@dataclass(frozen=True, slots=True)
class ToolCallOut:
    """A complete tool call of the answer; `arguments` is canonical JSON."""

    id: int
    name: str
    arguments: RedactedText


@dataclass(frozen=True, slots=True)
class Done:
    """The answer ended: `stop length tool_calls cancelled deadline error`. Tokens of thoughts are counted in both."""

    id: int
    finish: str
    code: str
    prompt_tokens: int
    completion_tokens: int
    reused_tokens: int
    prompt_ms: int
    answer_ms: int
    thought_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Credit:
    """Allow `tokens` more tokens."""

    id: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a `Generate` or `Score`."""

    id: int


@dataclass(frozen=True, slots=True)
class EndExchange:
    """Drop the guard's sequence of an exchange."""

    exchange: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop what is kept of the caller whose token `kid` has ended."""

    kid: str


@dataclass(frozen=True, slots=True)
class Score:
    """Logits of one-token `answers` after prefix + each suffix."""

    id: int
    exchange: str
    prefix: tuple[Piece, ...]
    suffixes: tuple[tuple[Piece, ...], ...]
    answers: tuple[str, ...]
    deadline_ms: int
    role: str = "guard"


@dataclass(frozen=True, slots=True)
class Scored:
    """Per suffix, the logits of the answers in order."""

    id: int
    logits: tuple[tuple[float, ...], ...]
    prompt_tokens: int
    reused_tokens: int
    ms: int


Message = (
    Hello | Locked | Probe | Failed | Find | FoundParts | Look | Looked | Generate | Delta | ToolCallOut | Done | Credit
    | Cancel | EndExchange | Score | Scored | Forget
)  # fmt: skip

_TAGS: dict[str, type[Any]] = {cls.__name__: cls for cls in get_args(Message)}
_VARIANTS: dict[str, type[Any]] = {"Control": Control, "Text": Text}


def encode(message: Message) -> bytes:
    """Return one frame."""
    body = json.dumps([type(message).__name__, _to_json(message)], ensure_ascii=False, separators=(",", ":"))
    raw = body.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_FRAME_BYTES:
        raise WireError("frame too large")
    return _LENGTH.pack(len(raw)) + raw


class Reader:
    """Cut a byte stream into messages: `feed(bytes)` returns the complete ones."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> tuple[Message, ...]:
        """Take any cut of the stream; raise `WireError` on a frame that is not ours."""
        self._buffer += data
        done: list[Message] = []
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                raise WireError("frame too large")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            done.append(_decode(bytes(self._buffer[_LENGTH.size : end])))
            del self._buffer[:end]
        return tuple(done)

    def finish(self) -> None:
        """The stream ended; raise if it ended inside a frame."""
        if self._buffer:
            raise WireError("stream ended inside a frame")


def _decode(raw: bytes) -> Message:
    try:
        tag, body = json.loads(raw.decode("utf-8", "surrogatepass"))
        message: Message = _from_json(_TAGS[tag], body)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise WireError("not one of our messages") from None
    return message


def _to_json(value: object) -> Any:
    if isinstance(value, PatientText | RedactedText):
        return value.reveal()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [_to_json(v) for v in value]
    if is_dataclass(value) and not isinstance(value, type):
        body = [_to_json(getattr(value, f.name)) for f in fields(value)]
        return [type(value).__name__, *body] if type(value).__name__ in _VARIANTS else body
    return value


@cache
def _hints(cls: Hashable) -> tuple[Any, ...]:
    hints = get_type_hints(cls)
    return tuple(hints[f.name] for f in fields(typing.cast("type[Any]", cls)))


def _from_json(hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _from_union(hint, value)
    if origin is tuple:
        return _from_tuple(get_args(hint), value)
    if hint in (PatientText, RedactedText):
        return hint(_checked(str, value))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(value)
    if is_dataclass(hint):
        kinds = _hints(typing.cast("Hashable", hint))
        if not isinstance(value, list) or len(value) != len(kinds):
            raise TypeError("wrong number of fields")
        return typing.cast("type[Any]", hint)(*(_from_json(k, v) for k, v in zip(kinds, value, strict=True)))
    return _checked(hint, value)


def _from_union(hint: Any, value: Any) -> Any:
    options = get_args(hint)
    if type(None) in options:
        rest = [o for o in options if o is not type(None)]
        return None if value is None else _from_json(rest[0], value)
    tag, *body = value
    return _from_json(_VARIANTS[tag], body)


def _from_tuple(args: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return tuple(_from_json(args[0], v) for v in value)


def _checked(kind: Any, value: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise TypeError("wrong type")
    return value
