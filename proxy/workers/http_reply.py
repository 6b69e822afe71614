"""An HTTP/1.1 reply, cut out of a byte stream. Sans-io: `feed(bytes)` returns body bytes, `finish()` at the end.

Law: only what one reply to one POST needs (RFC 9112): no redirect is followed, no content coding is undone, and a body
that ends before its framing says so is lost, never complete.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.errors import CordonError

__all__ = ["ReplyHead", "ReplyParser"]

_MAX_HEAD = 64 * 1024
_MAX_LINE = 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """Status and the headers that decide how the body is read."""

    status: int
    content_type: str
    length: int | None
    chunked: bool


class ReplyParser:
    """Read one reply. `head` is set once it is complete; `done` once the body is."""

    __slots__ = ("_buffer", "_left", "done", "head")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = -1
        """Bytes left of the body or chunk; -1 while a chunk size is awaited, -2 in the trailers, -3 until the end."""
        self.head: ReplyHead | None = None
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """Take any cut of the stream, return what it added to the body. Raises CordonError `engine_fault`."""
        self._buffer += data
        while self.head is None:
            if not self._read_head():
                return b""
        out = bytearray()
        while not self.done and self._step(self.head, out):
            pass
        return bytes(out)

    def finish(self) -> None:
        """The connection ended. Raises CordonError `engine_lost` if the reply had not."""
        if self.head is None or not (self.done or self._left == -3):
            raise CordonError("engine_lost")

    def _read_head(self) -> bool:
        """Take a complete head out of the buffer; interim replies (1xx) are passed over."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise CordonError("engine_fault")
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        head = _parse_head(lines)
        if head.status < 200:
            return True
        self.head = head
        if not head.chunked:
            self._left = -3 if head.length is None else head.length
            self.done = head.length == 0 or head.status in (204, 304)
        return True

    def _step(self, head: ReplyHead, out: bytearray) -> bool:
        """One move of the machine; False when more bytes are needed."""
        if self._left == -1:
            return self._read_size()
        if self._left == -2:
            return self._read_trailer()
        if not self._buffer:
            return False
        if self._left == -3:
            out += self._buffer
            self._buffer.clear()
            return False
        taken = bytes(self._buffer[: self._left])
        del self._buffer[: len(taken)]
        out += taken
        self._left -= len(taken)
        if self._left == 0:
            self.done = not head.chunked
            self._left = -1
        return True

    def _read_size(self) -> bool:
        """A chunk size; the line end of the chunk before it comes first and is empty."""
        line = self._take_line()
        if line is None:
            return False
        if line == b"":
            return True
        size = _SIZE.fullmatch(line)
        if size is None:
            raise CordonError("engine_fault")
        self._left = int(size[1], 16) or -2
        return True

    def _read_trailer(self) -> bool:
        line = self._take_line()
        if line == b"":
            self.done = True
        return line is not None

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_LINE:
                raise CordonError("engine_fault")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line


def _parse_head(lines: list[bytes]) -> ReplyHead:
    status = _STATUS.fullmatch(lines[0])
    fields = [_FIELD.fullmatch(line) for line in lines[1:]]
    if status is None or None in fields:
        raise CordonError("engine_fault")
    values = {f[1].lower(): f[2].decode("latin-1").lower() for f in fields if f is not None}
    transfer, length = values.get(b"transfer-encoding"), values.get(b"content-length")
    if transfer not in (None, "chunked") or values.get(b"content-encoding", "identity") != "identity":
        raise CordonError("engine_fault")
    if length is not None and not re.fullmatch("[0-9]{1,12}", length):
        raise CordonError("engine_fault")
    chunked = transfer is not None  # it overrides a length, RFC 9112 section 6.3
    return ReplyHead(
        int(status[1]), values.get(b"content-type", ""), int(length) if length and not chunked else None, chunked
    )
