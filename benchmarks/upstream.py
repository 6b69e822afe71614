"""A model server that stands in for a model: it says back what it was told, at once, and remembers what came in.

What comes back through a proxy must be what the user wrote, so this shows both what a proxy lets through and whether
it puts everything back. It streams in pieces of seven characters, which cut every placeholder somewhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["LEAD", "Upstream", "upstream"]

LEAD = "Noted: "
_PIECE = 7


@dataclass(slots=True)
class Upstream:
    """Where it listens, and the last body that it was sent."""

    port: int
    bodies: list[str] = field(default_factory=list)


def _events(text: str) -> Iterator[dict[str, Any]]:
    head = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": "echo"}
    yield {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    for at in range(0, len(text), _PIECE):
        delta = {"content": text[at : at + _PIECE]}
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def _handler(seen: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send("application/json", json.dumps({"object": "list", "data": []}).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.bodies.append(body)
            asked = json.loads(body)
            text = LEAD + next(m["content"] for m in reversed(asked["messages"]) if m["role"] == "user")
            if asked.get("stream"):
                self._stream(text)
                return
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            reply = {
                "id": "chatcmpl-0",
                "object": "chat.completion",
                "created": 0,
                "model": "echo",
                "choices": [choice],
            }
            self._send("application/json", json.dumps(reply).encode())

        def _stream(self, text: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in (*map(json.dumps, _events(text)), "[DONE]"):
                data = f"data: {event}\n\n".encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, kind: str, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Listen on a free port of loopback until the end."""
    seen = Upstream(0)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(seen)) as listening:
        seen.port = listening.server_address[1]
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            listening.shutdown()
            thread.join(10)
