"""Stage 1: is this a package at all, and are its files the ones its manifest lists? Hostile bytes come in here.

Nothing is unpacked to disk; limits are enforced while reading, because a size in a header is only a promise.
"""

import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

from audit import shapes
from audit.export.bundle import MANIFEST, MANIFEST_NOTE, Source
from audit.strictjson import Json, MalformedError, loads
from audit.verify.findings import Board, Finding

__all__ = ["Package", "check_package", "from_directory", "read_package"]

_NAME = re.compile(
    r"(00_READ_ME_FIRST\.txt|01_verify\.html|manifest\.(json|note)|notes/enrolment-(0|[1-9][0-9]{0,5})\.note"
    r"|policy/[0-9a-f]{64}\.toml|log/checkpoint|log/checkpoints/[0-9]{12}|log/tile/[0-9a-z]+/(x[0-9]{3}/){0,4}[0-9]{3}"
    r"(\.p/[0-9]{1,3})?|seg/[0-9]{6,10}\.age|blob/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}|evidence/[A-Za-z0-9._-]{1,100})\Z"
)
_NOTES = re.compile(r"(notes/|log/checkpoint|manifest\.note)")
_MAX_BYTES = 2 * 1024**3
_MAX_RATIO = 100
_MAX_FILES = 2_000_000
_MAX_NOTE = 128 * 1024
_MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Package:
    """Names and bytes to be examined. `sealed`: it came as a package with a manifest, not as a directory."""

    names: frozenset[str]
    read: Callable[[str], bytes]
    sealed: bool
    complaints: tuple[str, ...] = ()
    """Reasons why it is not of the expected form."""


def from_directory(source: Source) -> Package:
    """Examine a snapshot of a log where it lies; there is no manifest to hold it against."""
    return Package(frozenset(source.names), source.read, sealed=False)


def read_package(file: IO[bytes]) -> Package:
    """Open a zip under the limits of the format."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return Package(frozenset(), _nothing, sealed=True, complaints=("not a zip file",))
    infos = archive.infolist()
    complaints = [complaint for info in infos if (complaint := _complaint(info))]
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        complaints.append("a name appears twice")
    if len(names) > _MAX_FILES or sum(info.file_size for info in infos) > _MAX_BYTES:
        complaints.append("too large")
    by_name = {info.filename: info for info in infos}
    return Package(
        frozenset(names), lambda name: _read(archive, by_name[name]), sealed=True, complaints=tuple(complaints)
    )


def check_package(package: Package, board: Board) -> Json | None:
    """Run V01 and V24; return the manifest."""
    board.run(1)
    for complaint in package.complaints:
        board.add("V24", "fail", Finding(name=complaint))
    if board.broken():
        return None
    manifest = _manifest(package, board) if package.sealed else None
    for name in sorted(package.names):
        if _NOTES.match(name) and not _is_note(_content(package, name)):
            board.add("V24", "fail", Finding(name=name))
    return manifest


def _complaint(info: zipfile.ZipInfo) -> str | None:
    name = info.filename
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
        return "compression or encryption"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or info.is_dir():
        return "not a plain file"
    if _NAME.match(name) is None or name != info.orig_filename:
        return "a name that does not belong here"
    if info.file_size > max(info.compress_size, 1) * _MAX_RATIO:
        return "compressed too well"
    return None


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as stream:
            return stream.read(info.file_size + 1)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError):
        raise MalformedError("unreadable file in the package") from None


def _nothing(_: str) -> bytes:
    raise MalformedError("nothing to read")


def _content(package: Package, name: str) -> bytes | None:
    try:
        return package.read(name)
    except (MalformedError, OSError, zipfile.error):
        return None


def _manifest(package: Package, board: Board) -> Json | None:
    data = _content(package, MANIFEST) if MANIFEST in package.names else None
    try:
        body = loads(data or b"")
        shapes.check("files", "manifest", body)
    except MalformedError:
        board.add("V24", "fail", Finding(name=MANIFEST))
        return None
    listed = {row[0] for row in body["files"]}
    for name in sorted((package.names - {MANIFEST, MANIFEST_NOTE}) ^ listed | {MANIFEST_NOTE} - package.names):
        board.add("V01", "fail", Finding(name=name))
    for name, size, digest in body["files"]:
        content = _content(package, name) if name in package.names else None
        right = content is not None and len(content) == size and sha256(content).hexdigest() == digest
        if name in package.names and not right:
            board.add("V01", "fail", Finding(name=name))
    if [row[0] for row in body["files"]] != sorted(listed) or not body["from"] <= body["to"] < body["size"]:
        board.add("V24", "fail", Finding(name=MANIFEST))
    return body


def _is_note(data: bytes | None) -> bool:
    if data is None or len(data) > _MAX_NOTE:
        return False
    return sum(line.startswith("— ".encode()) for line in data.split(b"\n")) <= _MAX_SIGNATURES
