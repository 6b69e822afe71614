"""The Ollama dialect: `POST /api/chat`, `/api/generate`, `/api/show`; `GET /api/tags`, `/api/ps`, `/api/version`, `/`.

Local clients work by changing a port and giving a token: the official client takes `host="http://127.0.0.1:8642"` and
the header `Authorization: Bearer ...`. No address manages models: pull, create, copy, push and delete are 404.
"""

from __future__ import annotations

from proxy.dialects import Ask, Dialect, Facts, Read
from proxy.dialects.ollama_models import ps, root, show, tags, version
from proxy.dialects.ollama_reply import (
    chat_idle,
    chat_stream,
    chat_whole,
    error,
    generate_idle,
    generate_stream,
    generate_whole,
)
from proxy.dialects.ollama_request import parse_chat, parse_generate, parse_show

__all__ = ["DIALECT"]

DIALECT = Dialect(
    name="ollama",
    prefix="/api/",
    stream_type="application/x-ndjson",
    asks=(
        Ask("ollama_chat", "/api/chat", parse_chat, chat_stream, chat_whole, chat_idle),
        Ask("ollama_generate", "/api/generate", parse_generate, generate_stream, generate_whole, generate_idle),
    ),
    reads=(
        Read("ollama_tags", "/api/tags", tags),
        Read("ollama_ps", "/api/ps", ps),
        Read("ollama_version", "/api/version", version),
        Read("ollama_root", "/", root, "text/plain"),
    ),
    error=error,
    facts=(Facts("ollama_show", "/api/show", parse_show, show),),
)
