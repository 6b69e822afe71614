"""A repository of model files on the loopback, with the faults that downloads meet."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Hub", "hub"]


@dataclass(slots=True)
class Hub:
    """What it serves and what it was asked."""

    path: str
    content: bytes
    etag: str = ""
    """The digest it names; empty: the right one."""
    break_after: int | None = None
    """Bytes after which the connections end early, the next `breaks` times."""
    breaks: int = 0
    ranges: list[str] = field(default_factory=list)
    knows_ranges: bool = True
    endpoint: str = ""
    users: set[str] = field(default_factory=set)
    """What the Authorization headers said."""

    @property
    def named(self) -> str:
        """The digest that answers carry."""
        return self.etag or hashlib.sha256(self.content).hexdigest()


@contextmanager
def hub(served: Hub) -> Iterator[Hub]:
    """Serve until left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._head(200, len(served.content))

        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            served.ranges.append(asked)
            if not served.knows_ranges:
                asked = ""
            start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            body = served.content[start:]
            self._head(206 if asked else 200, len(body), start)
            if served.breaks and served.break_after is not None:
                served.breaks -= 1
                self.wfile.write(body[: served.break_after])
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.wfile.write(body)

        def _head(self, status: int, length: int, start: int = 0) -> None:
            served.users.add(self.headers.get("Authorization", ""))
            if self.path != served.path:
                status, length = 404, 0
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
            self.send_header("ETag", f'"{served.named}"')
            self.send_header("X-Linked-ETag", f'"{served.named}"')
            self.send_header("X-Linked-Size", str(len(served.content)))
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
