"""The OpenAI dialect: `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{id}`.

The official client works unchanged with `base_url="http://127.0.0.1:8642/v1"` and a token as its key.
"""

from __future__ import annotations

from proxy.dialects import Ask, Dialect, Read
from proxy.dialects.openai_reply import Stream, error, model, models, whole
from proxy.dialects.openai_request import parse

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="openai",
    prefix="/v1/",
    stream_type="text/event-stream; charset=utf-8",
    asks=(Ask("chat_completions", "/v1/chat/completions", parse, Stream, whole),),
    reads=(Read("models", "/v1/models", models), Read("model", "/v1/models/{name}", model)),
    error=error,
)
