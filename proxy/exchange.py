"""The values that travel through the pipeline; each state of knowledge is a type of its own.

    Prompt  ->  Redacted  ->  Cleared  ->  Released
    parsed      replaced      judged,       judged, scanned,
                              recorded      restored

Law: the engine accepts only `Cleared` (to generate) or `Redacted` and segments (to judge); the server can write only
events, whose text is `Released`. A `Cleared` cannot be made without the ticket of a durable log record. mypy rejects
the wrong order. `Exchange` is the envelope beside the text and is safe to log.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from audit.log import Ticket
from filters.parts import Form, Part, PatientText, RedactedText
from filters.restore import Piece

__all__ = [
    "Broken", "Caller", "CallerKind", "Cleared", "Conversation", "Event", "Exchange", "Finish", "Finished", "Message",
    "Opened", "Prompt", "Redacted", "Refused", "Released", "ReleasedCall", "ReleasedThought", "Role", "Sampling",
    "Tool", "ToolCall", "ToolChoice", "Usage", "Withheld", "parts_of", "rebuild", "seen_digest",
]  # fmt: skip

T = TypeVar("T", PatientText, RedactedText)


class Role(enum.StrEnum):
    """Who speaks in a message, in the words of the OpenAI dialect."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ToolChoice(enum.StrEnum):
    """Whether the model may, must or must not call a tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


class CallerKind(enum.StrEnum):
    """How a caller showed who they are."""

    UID = "uid"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the operating system's user and, over TCP, the token they showed."""

    uid: int
    kind: CallerKind
    kid: str
    label: str
    scopes: frozenset[str]

    @property
    def id(self) -> str:
        """The name of this caller in the log, the queue and the caches."""
        return f"uid:{self.uid}/{self.kid}" if self.kid else f"uid:{self.uid}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The envelope of one request. Holds no text."""

    id: str
    caller: Caller
    dialect: str
    stream: bool
    deadline_ms: int
    """Milliseconds from arrival within which the answer must be finished."""
    started_ms: int
    """Monotonic clock at arrival, in milliseconds."""


@dataclass(frozen=True, slots=True)
class ToolCall(Generic[T]):
    """A function call in the history. The client's call id is structure and never reaches a model."""

    name: str
    arguments: T
    """JSON text of an object."""


@dataclass(frozen=True, slots=True)
class Message(Generic[T]):
    """One turn."""

    role: Role
    content: T
    reasoning: T | None = None
    tool_calls: tuple[ToolCall[T], ...] = ()
    answers: int | None = None
    """For a tool result: which call it answers, counted from 0 over the whole history."""

    def texts(self) -> Iterator[T]:
        """Every text of this turn."""
        yield self.content
        if self.reasoning is not None:
            yield self.reasoning
        for call in self.tool_calls:
            yield call.arguments


@dataclass(frozen=True, slots=True)
class Tool(Generic[T]):
    """A function the model may call."""

    name: str
    description: T
    parameters: T
    """JSON schema text."""

    def texts(self) -> Iterator[T]:
        """Every text of this declaration."""
        yield self.description
        yield self.parameters


@dataclass(frozen=True, slots=True)
class Conversation(Generic[T]):
    """Everything a model could see of one request, in one state of knowledge."""

    messages: tuple[Message[T], ...]
    tools: tuple[Tool[T], ...] = ()
    stop: tuple[T, ...] = ()
    schema: T | None = None
    """JSON schema text the answer must follow, or None."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Numbers of a request; None means the model's recommended value."""

    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    json_mode: bool = False
    tool_choice: ToolChoice = ToolChoice.AUTO
    include_usage: bool = False
    thinking: bool = False
    """Ask the model for thoughts and show them; only a policy that shows thoughts permits it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed request: patient text, not yet inspected."""

    conversation: Conversation[PatientText]
    sampling: Sampling
    marked: tuple[PatientText, ...] = ()
    """Literals the user asks to replace besides what is found."""
    seen: str = ""
    """SHA-256 of the preview the user agreed to (`seen_digest`), or "": then no preview was promised."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """The request after replacement and the last look."""

    conversation: Conversation[RedactedText]
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Cleared:
    """A request that was judged, permitted and durably recorded: the only thing an engine generates from."""

    conversation: Conversation[RedactedText]
    sampling: Sampling
    ticket: Ticket
    flags: tuple[str, ...]


class Finish(enum.StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts and times as the engine measured them; `total_ms` is from arrival to the last word."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    prompt_ms: int = 0
    answer_ms: int = 0
    total_ms: int = 0
    reasoning_tokens: int = 0
    """Of the completion tokens, those of thoughts, shown or not."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The prompt was permitted and recorded; the answer begins. `model` is what the reply names."""

    model: str
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Released:
    """Answer text that was judged, scanned and restored."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ReleasedThought:
    """Text of the thinking channel that was judged, scanned and restored like an answer."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ReleasedCall:
    """A complete tool call that was judged, scanned and restored."""

    index: int
    name: str
    arguments: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete and its outcome is durable in the log."""

    finish: Finish
    usage: Usage
    flags: tuple[str, ...]
    thresholds: str = ""
    """Where the thresholds of the safety check come from (`measured`, `provisional`, `demo`, `off`)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request ends before an answer began: a code of `proxy.errors`, and the rule or kinds behind it."""

    code: str
    rule: str = ""
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """The rest of the answer was refused by the policy; nothing of the refused segment was released."""

    code: str
    rule: str
    thresholds: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The answer ended by a fault after it began."""

    code: str


Event = Opened | Released | ReleasedThought | ReleasedCall | Finished | Refused | Withheld | Broken


def seen_digest(conversation: Conversation[RedactedText]) -> str:
    """SHA-256 over role and redacted text of each message in order, each as `u32 length || UTF-8`, in hex."""
    digest = hashlib.sha256()
    for message in conversation.messages:
        for text in (message.role.value, message.content.reveal()):
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()


def parts_of(conversation: Conversation[PatientText]) -> tuple[Part, ...]:
    """List every text of a conversation in discovery order.

    What belongs to the whole request comes before the messages, so that appending a message never renumbers
    an earlier value.
    """
    return tuple(Part(i, role, form, text) for i, (role, form, text) in enumerate(_walk(conversation)))


def rebuild(conversation: Conversation[PatientText], texts: Sequence[RedactedText]) -> Conversation[RedactedText]:
    """Put redacted texts where the originals were; `texts` is in the order of `parts_of`."""
    feed = iter(texts)
    tools = tuple(Tool(_name(t.name, next(feed)), next(feed), next(feed)) for t in conversation.tools)
    schema = next(feed) if conversation.schema is not None else None
    stop = tuple(next(feed) for _ in conversation.stop)
    messages = tuple(_rebuild_message(m, feed) for m in conversation.messages)
    if next(feed, None) is not None:
        raise ValueError("more texts than parts")
    return Conversation(messages, tools, stop, schema)


def _walk(conversation: Conversation[PatientText]) -> Iterator[tuple[str, Form, PatientText]]:
    for tool in conversation.tools:
        yield "tools", Form.NAME, PatientText(tool.name)
        yield "tools", Form.TEXT, tool.description
        yield "tools", Form.SCHEMA, tool.parameters
    if conversation.schema is not None:
        yield "tools", Form.SCHEMA, conversation.schema
    for stop in conversation.stop:
        yield "stop", Form.TEXT, stop
    for message in conversation.messages:
        yield message.role.value, Form.TEXT, message.content
        if message.reasoning is not None:
            yield message.role.value, Form.TEXT, message.reasoning
        for call in message.tool_calls:
            yield message.role.value, Form.NAME, PatientText(call.name)
            yield message.role.value, Form.JSON, call.arguments


def _rebuild_message(message: Message[PatientText], feed: Iterator[RedactedText]) -> Message[RedactedText]:
    content = next(feed)
    reasoning = next(feed) if message.reasoning is not None else None
    calls = tuple(ToolCall(_name(c.name, next(feed)), next(feed)) for c in message.tool_calls)
    return Message(message.role, content, reasoning, calls, message.answers)


def _name(name: str, checked: RedactedText) -> str:
    """A structural name must come back unchanged: a hit in it is refused before this point."""
    if checked.reveal() != name:
        raise ValueError("a structural name was changed by redaction")
    return name
