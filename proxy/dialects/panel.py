"""The panel's codec: a dry run of what a model would see. `POST /cordon/v1/preview`.

    {"messages": [...], "marked": ["..."]}  ->  {"messages": [{"role", "parts"}], "counts", "policy", "sha256"}

A part is `{"text"}` or `{"placeholder", "type", "original"}`. Law: messages are read exactly as the OpenAI dialect
reads them, so that what a preview shows is what an answer would be given; no model is asked and nothing is recorded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from filters.parts import PatientText
from filters.restore import Piece
from proxy.dialects.fields import Fields, read_object
from proxy.dialects.openai_request import read_prompt
from proxy.errors import CordonError
from proxy.exchange import Prompt

__all__ = ["Preview", "PreviewMessage", "encode_preview", "parse_preview"]

_MARKS, _MARK_CHARS = 20, 200


@dataclass(frozen=True, slots=True)
class PreviewMessage:
    """One message as a model would read it, with the originals beside the placeholders."""

    role: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a model would see of one request."""

    messages: tuple[PreviewMessage, ...]
    counts: tuple[tuple[str, int], ...]
    policy: str


def parse_preview(body: bytes) -> Prompt:
    """Read a request for a preview. Raises CordonError."""
    request = read_object(body)
    marked = list(request.items("marked"))
    if len(marked) > _MARKS or not all(isinstance(m, str) and 1 <= len(m) <= _MARK_CHARS for m in marked):
        raise CordonError("bad_request")
    read = read_prompt(Fields({**request.values, "model": request.values.get("model", "preview")}))
    return Prompt(read.conversation, read.sampling, tuple(PatientText(str(mark)) for mark in marked))


def encode_preview(preview: Preview) -> bytes:
    """Write the reply; `sha256` is over role and redacted text of each message, each as `u32 length || UTF-8`."""
    digest = hashlib.sha256()
    for message in preview.messages:
        for text in (message.role, "".join(p.placeholder or p.text.reveal() for p in message.pieces)):
            raw = text.encode("utf-8", "surrogatepass")
            digest.update(len(raw).to_bytes(4, "big") + raw)
    body = {
        "messages": [{"role": m.role, "parts": _parts(m.pieces)} for m in preview.messages],
        "counts": dict(preview.counts),
        "policy": preview.policy,
        "sha256": digest.hexdigest(),
    }
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _parts(pieces: Sequence[Piece]) -> list[dict[str, str]]:
    return [
        {"placeholder": p.placeholder, "type": str(p.type), "original": p.text.reveal()}
        if p.placeholder
        else {"text": p.text.reveal()}
        for p in pieces
    ]
