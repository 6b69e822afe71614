"""The panel's codec: a dry run of what a model would see, a question on exactly that, and how the service stands.

    preview  {messages, marked}          -> {parts, messages, counts, policy, sha256}
    ask      {messages, marked, sha256}  -> events `answer` {parts}, then one of `refused`, `error`, `done`
    status   {}                          -> {version, policy, model, guard, limits, evidence, client, today, ...}

A part is `{"text"}` or `{"placeholder", "type", "original"}`. Law: messages are read exactly as the OpenAI dialect
reads them, so that what a preview shows is what an answer would be given; a question carries no tools and no settings,
only what was shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import assert_never

from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects import Ask, Dialect, Parsed, ReplyHead
from proxy.dialects.banner import notes_of
from proxy.dialects.fields import Fields, read_object
from proxy.dialects.openai_request import read_prompt
from proxy.errors import CordonError, entry_of
from proxy.exchange import (
    Broken,
    Event,
    Finished,
    Opened,
    Prompt,
    Refused,
    Released,
    ReleasedCall,
    ReleasedThought,
    Withheld,
)  # fmt: skip

__all__ = [
    "DIALECT", "PanelStatus", "Preview", "PreviewMessage", "Stream", "Today", "encode_changed", "encode_preview",
    "encode_status", "error", "parse_ask", "parse_preview",
]  # fmt: skip

_MARKS, _MARK_CHARS = 20, 200
_SHA256 = re.compile(r"[0-9a-f]{64}")
_Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class PreviewMessage:
    """One message as a model would read it, with the originals beside the placeholders."""

    role: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a model would see of one request. `sha256` is `seen_digest` of it."""

    messages: tuple[PreviewMessage, ...]
    counts: tuple[tuple[str, int], ...]
    policy: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Today:
    """The caller's own requests since midnight, by how they ended."""

    answered: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class PanelStatus:
    """How the service stands, without a word about anybody else who uses it."""

    version: str
    policy: str
    policy_digest: str
    model: str
    demo: bool
    guard_basis: str
    chars: int
    level: str
    sentence: str
    unsafe_policy: bool


def parse_preview(body: bytes) -> Prompt:
    """Read a request for a preview. Raises CordonError."""
    request = read_object(body)
    read = read_prompt(Fields({**request.values, "model": request.values.get("model", "preview")}))
    return Prompt(read.conversation, read.sampling, _marked(request))


def parse_ask(body: bytes) -> Parsed:
    """Read a question: the messages, the marks, and the digest of the preview that was shown. Raises CordonError."""
    request = read_object(body)
    seen = request.need_text("sha256")
    if not _SHA256.fullmatch(seen):
        raise CordonError("bad_request")
    read = read_prompt(Fields({"messages": request.values.get("messages"), "model": "-"}))
    sampling = replace(read.sampling, model="")  # the panel takes the model that answers
    return Parsed(Prompt(read.conversation, sampling, _marked(request), seen), stream=True)


def _marked(request: Fields) -> tuple[PatientText, ...]:
    marked = list(request.items("marked"))
    if len(marked) > _MARKS or not all(isinstance(m, str) and 1 <= len(m) <= _MARK_CHARS for m in marked):
        raise CordonError("bad_request")
    return tuple(PatientText(str(mark)) for mark in marked)


def encode_preview(preview: Preview) -> bytes:
    """Write the reply to `preview`."""
    return _json(_shown(preview))


def encode_changed(preview: Preview, request_id: str) -> bytes:
    """Write the reply to an `ask` whose preview is out of date: the error and the new preview."""
    return _json(_error("preview_changed", request_id, "") | {"preview": _shown(preview)})


def encode_status(status: PanelStatus, client: tuple[str, int] | None, today: Today) -> bytes:
    """Write the reply to `status`; `client` is the caller's token (kid, expires), None on the unix socket."""
    return _json(
        {
            "version": status.version,
            "policy": {"name": status.policy, "digest": status.policy_digest},
            "model": {"id": status.model, "demo": status.demo},
            "guard": {"basis": status.guard_basis},
            "limits": {"chars": status.chars},
            "evidence": {"level": status.level, "sentence": status.sentence},
            "client": None if client is None else {"kid": client[0], "expires": client[1]},
            "today": asdict(today),
            "unsafe_policy": status.unsafe_policy,
        }
    )


class Stream:
    """Encodes the answer to one question as server-sent events."""

    __slots__ = ("_head",)

    def __init__(self, head: ReplyHead) -> None:
        self._head = head

    def feed(self, event: Event) -> bytes:
        """The server-sent event of one event of the pipeline."""
        match event:
            case Opened() | ReleasedCall() | ReleasedThought():  # a question of the panel asks for text alone
                return b""
            case Released():
                return _event("answer", {"parts": _parts(event.pieces)}) if event.pieces else b""
            case Finished():
                said: _Object = {
                    "exchange": self._head.exchange,
                    "finish": event.finish.value,
                    "flags": list(event.flags),
                    **notes_of(event.flags, event.thresholds),
                }
                return _event("done", said)
            case Withheld() | Refused():
                return _event("refused", {"code": event.code, "rule": event.rule, "sentence": _sentence(event.code)})
            case Broken():
                return _event("error", {"code": event.code, "sentence": _sentence(event.code)})
            case _:
                assert_never(event)


def error(code: str, request_id: str, rule: str = "") -> bytes:
    """The body of an error reply at an address that belongs to no program's API."""
    return _json(_error(code, request_id, rule))


def _whole(head: ReplyHead, events: Sequence[Event]) -> bytes:
    """A question of the panel is always streamed."""
    return b"".join(map(Stream(head).feed, events))


DIALECT = Dialect(
    name="panel",
    prefix="/cordon/v1/",
    stream_type="text/event-stream; charset=utf-8",
    asks=(Ask("ask", "/cordon/v1/ask", parse_ask, Stream, _whole),),
    reads=(),
    error=error,
    panel=True,
)


def _shown(preview: Preview) -> _Object:
    messages = [{"role": m.role, "parts": _parts(m.pieces)} for m in preview.messages]
    return {
        "parts": [part for message in messages for part in message["parts"]],
        "messages": messages,
        "counts": dict(preview.counts),
        "policy": preview.policy,
        "sha256": preview.sha256,
    }


def _error(code: str, request_id: str, rule: str) -> _Object:
    entry = entry_of(code)
    said = {"code": code, "message": entry.message, "next": entry.next, "request_id": request_id}
    return {"error": said | ({"rule": rule} if rule else {})}


def _sentence(code: str) -> str:
    entry = entry_of(code)
    return f"{entry.message} {entry.next}"


def _parts(pieces: Iterable[Piece]) -> list[dict[str, str]]:
    return [
        {"placeholder": p.placeholder, "type": str(p.type), "original": p.text.reveal()}
        if p.placeholder
        else {"text": p.text.reveal()}
        for p in pieces
    ]


def _event(name: str, said: _Object) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + _json(said) + b"\n\n"


def _json(body: _Object) -> bytes:
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")
