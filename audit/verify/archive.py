"""The zip of a package, read strictly: the same few rules here and in the browser, so both see the same files.

Laws: one end record, and it ends the file; the central directory lies right before it and is read to its last byte;
every local header repeats what the directory says; stored or deflated, nothing else; sizes are checked before bytes are
made, because a size in a header is only a promise. General zip readers repair, guess and skip; this one refuses.
(PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3.)
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from audit.strictjson import MalformedError

__all__ = ["ENCRYPTED_OR_UNKNOWN", "Archive", "Member", "open_archive"]

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 65_535
_MAX_FILES = 2_000_000
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_FLAGS = 0x080E
"""Deflate options, sizes after the data, UTF-8 names. Every other bit means encryption or something newer."""
_LATER = 0x0008
ENCRYPTED_OR_UNKNOWN = -1
"""The method of a member that nobody here can read."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file as the central directory describes it."""

    name: str
    method: int
    flags: int
    crc: int
    packed: int
    size: int
    kind: int
    """Type bits of the mode, 0 where the maker gave none."""
    offset: int


@dataclass(frozen=True, slots=True)
class Archive:
    """An open zip. `limit`: where the central directory begins, and all data end."""

    file: IO[bytes]
    members: tuple[Member, ...]
    limit: int

    def read(self, member: Member) -> bytes:
        """Return the bytes of a file; raise `MalformedError` for whatever is not exactly as announced."""
        self.file.seek(member.offset)
        header = self.file.read(_LOCAL.size)
        if len(header) != _LOCAL.size:
            raise MalformedError("zip: local header")
        sig, _, flags, method, _, _, crc, packed, size, name_len, extra_len = _LOCAL.unpack(header)
        name = self.file.read(name_len)
        start = member.offset + _LOCAL.size + name_len + extra_len
        same = (sig, flags, method, name) == (b"PK\3\4", member.flags, member.method, member.name.encode("latin-1"))
        sized = flags & _LATER or (
            crc == member.crc and packed in (member.packed, _FULL32) and size in (member.size, _FULL32)
        )
        if not same or not sized or start + member.packed > self.limit:
            raise MalformedError("zip: local header")
        self.file.seek(start)
        data = self.file.read(member.packed)
        if len(data) != member.packed:
            raise MalformedError("zip: cut")
        content = data if member.method == 0 else _inflate(data, member.size)
        if len(content) != member.size or zlib.crc32(content) != member.crc:
            raise MalformedError("zip: contents")
        return content


def open_archive(file: IO[bytes]) -> Archive:
    """Read the directory of a zip; raise `MalformedError` if there is none or it is not read to its last byte."""
    count, size, start = _end(file)
    if count > _MAX_FILES:
        raise MalformedError("zip: too many files")
    file.seek(start)
    data = file.read(size)
    if len(data) != size:
        raise MalformedError("zip: directory")
    return Archive(file, tuple(_members(data, count)), start)


def _end(file: IO[bytes]) -> tuple[int, int, int]:
    """Return number of files, size and place of the directory."""
    total = file.seek(0, 2)
    begin = max(0, total - _END.size - _MAX_COMMENT)
    file.seek(begin)
    tail = file.read(total - begin)
    place = tail.rfind(b"PK\5\6")
    while place >= 0 and (len(tail) - place < _END.size or len(tail) - place - _END.size != _comment(tail, place)):
        place = tail.rfind(b"PK\5\6", 0, place)
    if place < 0:
        raise MalformedError("zip: no end record")
    _, disk, first_disk, here, count, size, start, _ = _END.unpack_from(tail, place)
    end = begin + place
    if (disk, first_disk, here) != (0, 0, count):
        raise MalformedError("zip: several disks")
    if count == _FULL16 or _FULL32 in (size, start):
        count, size, start, end = _end64(file, end)
    if start + size != end:
        raise MalformedError("zip: something beside the directory")
    return count, size, start


def _comment(tail: bytes, place: int) -> int:
    return int.from_bytes(tail[place + 20 : place + 22], "little")


def _end64(file: IO[bytes], end: int) -> tuple[int, int, int, int]:
    place = end - _LOCATOR.size - _END64.size
    if place < 0:
        raise MalformedError("zip: no zip64 record")
    file.seek(place)
    data = file.read(_LOCATOR.size + _END64.size)
    sig, length, _, _, disk, first_disk, here, count, size, start = _END64.unpack_from(data)
    locator = _LOCATOR.unpack_from(data, _END64.size)
    if (sig, length, locator) != (b"PK\6\6", _END64.size - 12, (b"PK\6\7", 0, place, 1)):
        raise MalformedError("zip: zip64 record")
    if (disk, first_disk, here) != (0, 0, count):
        raise MalformedError("zip: several disks")
    return count, size, start, place


def _members(data: bytes, count: int) -> Iterator[Member]:
    place = 0
    for _ in range(count):
        if len(data) - place < _CENTRAL.size:
            raise MalformedError("zip: directory")
        fields = _CENTRAL.unpack_from(data, place)
        sig, _, _, flags, method, _, _, crc, packed, size, name_len, extra_len, comment_len = fields[:13]
        disk, _, attributes, offset = fields[13:]
        name_at = place + _CENTRAL.size
        place = name_at + name_len + extra_len + comment_len
        if sig != b"PK\1\2" or disk != 0 or place > len(data):
            raise MalformedError("zip: directory")
        extra = data[name_at + name_len : name_at + name_len + extra_len]
        size, packed, offset = _wide(extra, (size, packed, offset))
        readable = not flags & ~_FLAGS and (method == 8 or (method == 0 and packed == size))
        yield Member(
            data[name_at : name_at + name_len].decode("latin-1"),
            method if readable else ENCRYPTED_OR_UNKNOWN,
            flags,
            crc,
            packed,
            size,
            attributes >> 16 & 0o170000,
            offset,
        )
    if place != len(data):
        raise MalformedError("zip: directory")


def _wide(extra: bytes, values: tuple[int, int, int]) -> tuple[int, int, int]:
    """Fill 32-bit fields that say "too large" from the zip64 field, in its fixed order (4.5.3)."""
    if _FULL32 not in values:
        return values
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra[place + 4 : place + 4 + length].ljust(length)))
            filled = [next(wide, -1) if value == _FULL32 else value for value in values]
            if length % 8 or place + 4 + length > len(extra) or min(filled) < 0 or max(filled) >= 2**53:
                break
            return filled[0], filled[1], filled[2]
        place += 4 + length
    raise MalformedError("zip: zip64 field")


def _inflate(data: bytes, size: int) -> bytes:
    """Inflate to exactly `size` bytes, and never make more."""
    machine = zlib.decompressobj(-15)
    try:
        content = machine.decompress(data, size + 1)
    except zlib.error:
        raise MalformedError("zip: deflate") from None
    if not machine.eof or machine.unused_data or machine.unconsumed_tail:
        raise MalformedError("zip: deflate")
    return content
