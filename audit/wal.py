"""The write-ahead log's bytes: a header, then frames. Sans-io: bytes in, values out.

Entry and blob travel in one frame, so a record costs one `fdatasync`. A file is never recycled, because old bytes would
look like frames; after the last frame there are only zeros. A bad frame with a good one behind it means that
acknowledged data may be lost; a bad frame at the end was never acknowledged.
"""

import re
import struct
from dataclasses import dataclass
from zlib import crc32

from audit.strictjson import MalformedError

__all__ = ["FILE_BYTES", "HEADER_BYTES", "Frame", "Header", "Scan", "encode_frame", "encode_header", "scan"]

FILE_BYTES = 16 * 1024 * 1024
HEADER_BYTES = 512
_MAGIC = b"CWAL"
_HEAD = struct.Struct(">4sII")
_PLACE = struct.Struct(">QH")
_LINE = re.compile(rb"cordon1 wal ([a-z0-9./-]{3,200}) (0|[1-9][0-9]{0,15}) ([0-9a-f]{64})\n\x00*\Z")
_MAX_PAYLOAD = 200_000
"""A leaf has at most 60 000 bytes and a blob little more than 65 536."""


@dataclass(frozen=True, slots=True)
class Header:
    """Which log this is, and the tree the first frame continues."""

    origin: str
    base_size: int
    base_root: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One record: its place, its leaf, and for sealed kinds its blob (else empty)."""

    seq: int
    leaf: bytes
    blob: bytes


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file holds. `damaged`: a whole frame follows a broken one."""

    header: Header
    frames: tuple[Frame, ...]
    end: int
    damaged: bool


def encode_header(header: Header) -> bytes:
    line = f"cordon1 wal {header.origin} {header.base_size} {header.base_root.hex()}\n".encode("ascii")
    return line.ljust(HEADER_BYTES, b"\x00")


def encode_frame(frame: Frame) -> bytes:
    payload = _PLACE.pack(frame.seq, len(frame.leaf)) + frame.leaf + frame.blob
    return _HEAD.pack(_MAGIC, len(payload), crc32(payload)) + payload


def scan(data: bytes) -> Scan:
    """Read a whole file: frames until the first that is not one."""
    match = _LINE.match(data[:HEADER_BYTES])
    if match is None or len(data) < HEADER_BYTES:
        raise MalformedError("wal header")
    header = Header(match[1].decode("ascii"), int(match[2]), bytes.fromhex(match[3].decode("ascii")))
    frames, place = [], HEADER_BYTES
    while (found := _frame(data, place)) is not None:
        frame, place = found
        frames.append(frame)
    return Scan(header, tuple(frames), place, _any_frame(data, place))


def _frame(data: bytes, place: int) -> tuple[Frame, int] | None:
    if len(data) - place < _HEAD.size:
        return None
    magic, length, checksum = _HEAD.unpack_from(data, place)
    start = place + _HEAD.size
    if magic != _MAGIC or not _PLACE.size <= length <= _MAX_PAYLOAD or start + length > len(data):
        return None
    payload = data[start : start + length]
    if crc32(payload) != checksum:
        return None
    seq, width = _PLACE.unpack_from(payload)
    if _PLACE.size + width > length:
        return None
    split = _PLACE.size + width
    return Frame(seq, payload[_PLACE.size : split], payload[split:]), start + length


def _any_frame(data: bytes, place: int) -> bool:
    """Tell whether a whole frame stands anywhere behind `place`."""
    place = data.find(_MAGIC, place)
    while place >= 0:
        if _frame(data, place) is not None:
            return True
        place = data.find(_MAGIC, place + 1)
    return False
