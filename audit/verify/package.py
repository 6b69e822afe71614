"""Stage 1: is this a package at all, and are its files the ones its manifest lists? Hostile bytes come in here.

Nothing is unpacked to disk; limits are enforced while reading, because a size in a header is only a promise.
"""

import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

from audit import shapes
from audit.export.bundle import MANIFEST, MANIFEST_NOTE, Source
from audit.strictjson import Json, MalformedError
from audit.verify.archive import ENCRYPTED_OR_UNKNOWN, Member, open_archive
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
        archive = open_archive(file)
    except (MalformedError, OSError):
        return Package(frozenset(), _nothing, sealed=True, complaints=("not a zip file",))
    members = archive.members
    complaints = [complaint for member in members if (complaint := _complaint(member))]
    by_name = {member.name: member for member in members}
    if len(by_name) != len(members):
        complaints.append("a name appears twice")
    if sum(member.size for member in members) > _MAX_BYTES:
        complaints.append("too large")
    return Package(
        frozenset(by_name), lambda name: archive.read(by_name[name]), sealed=True, complaints=tuple(complaints)
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


def _complaint(member: Member) -> str | None:
    if member.method == ENCRYPTED_OR_UNKNOWN:
        return "compression or encryption"
    if member.kind not in (0, stat.S_IFREG) or member.name.endswith("/"):
        return "not a plain file"
    if _NAME.match(member.name) is None:
        return "a name that does not belong here"
    if member.size > max(member.packed, 1) * _MAX_RATIO:
        return "compressed too well"
    return None


def _nothing(_: str) -> bytes:
    raise MalformedError("nothing to read")


def _content(package: Package, name: str) -> bytes | None:
    try:
        return package.read(name)
    except (MalformedError, OSError):
        return None


def _manifest(package: Package, board: Board) -> Json | None:
    data = _content(package, MANIFEST) if MANIFEST in package.names else None
    try:
        body = shapes.read("files", "manifest", data or b"")
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
