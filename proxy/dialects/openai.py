"""The OpenAI dialect: `POST /v1/chat/completions`, `/v1/completions` and `/v1/responses`, `GET /v1/models[/{id}]`.

The official client works unchanged with `base_url="http://127.0.0.1:8642/v1"` and a token as its key.
"""

from __future__ import annotations

from proxy.dialects import Ask, Dialect, Read
from proxy.dialects.openai_completions import COMPLETIONS
from proxy.dialects.openai_reply import Stream, error, model, models, whole
from proxy.dialects.openai_request import parse
from proxy.dialects.openai_responses_reply import RESPONSES

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="openai",
    prefix="/v1/",
    stream_type="text/event-stream; charset=utf-8",
    asks=(Ask("chat_completions", "/v1/chat/completions", parse, Stream, whole), COMPLETIONS, RESPONSES),
    reads=(Read("models", "/v1/models", models), Read("model", "/v1/models/{name}", model)),
    error=error,
)
