"""The package an officer receives: a zip that is a pure function of a snapshot, a range of days and a time.

Stored, names sorted, times fixed, so equal logs give equal bytes. The structure of the log is always complete from the
first record; contents and segment files only of the chosen days. What leaves nothing behind: `state/` is not in it.

    draft = draft_manifest(snapshot, days=None, t=now.time(), page=verifier)
    note = log.sign_manifest(draft.sha, draft.size, at=now)
    write_package(file, snapshot, draft, note)
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Protocol

from audit import shapes
from audit.checkpoint import Checkpoint
from audit.record import Entry
from audit.shapes import b64
from audit.strictjson import Json, dumps
from audit.tree import read_bundle, tile_names

__all__ = [
    "MANIFEST",
    "MANIFEST_NOTE",
    "README",
    "VERIFIER",
    "Draft",
    "Source",
    "draft_manifest",
    "package_name",
    "write_package",
]

MANIFEST, MANIFEST_NOTE, README = "manifest.json", "manifest.note", "00_READ_ME_FIRST.txt"
VERIFIER = "01_verify.html"
_TEXT = """This package holds the audit log of one computer that runs Cordon.

1. Do not trust anything inside it before it was checked, this page included.
2. Check it on your own computer, with your own copy of Cordon:

       cordon audit verify THIS_FILE --trust trust.json --keyring keyring.age

   Or open your own copy of the verifier page in a browser and drop this file on it. The command
   "cordon audit verify --html verify.html" writes it. The page 01_verify.html in this package is the same one, for
   a first look only: whoever changed the package could have changed it too.
3. The answer is one of: VERIFIED, VERIFIED WITH GAPS, NOT VERIFIED, CANNOT TELL.

The log holds counts, digests and pseudonyms. It holds no prompt and no answer.
"""


class Source(Protocol):
    """What a package is made of: a snapshot of a log."""

    @property
    def checkpoint(self) -> Checkpoint: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def read(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """A manifest to be signed."""

    manifest: bytes
    names: tuple[str, ...]
    first: int
    last: int
    page: bytes = b""
    """The verifier page, or nothing."""

    @property
    def sha(self) -> str:
        return sha256(self.manifest).hexdigest()

    @property
    def size(self) -> int:
        return len(self.manifest)


def package_name(origin: str, first_day: str, last_day: str, size: int) -> str:
    """Return the file name of a package."""
    return f"cordon-export_{origin.rsplit('/', 1)[-1]}_{first_day}_{last_day}_{size}.zip"


def draft_manifest(source: Source, days: tuple[str, str] | None, t: str, page: bytes = b"") -> Draft:
    """List what goes into the package. `days`: whole UTC days, both included, or all. `page`: the verifier."""
    point = source.checkpoint
    entries = list(_entries(source))
    chosen = [entry.seq for entry in entries if days is None or days[0] <= entry.hour[:10] <= days[1]]
    if not chosen:
        raise ValueError("no records on these days")
    first, last = min(chosen), max(chosen)
    own = _own(page)
    names = tuple(sorted({*own, *_names(source, entries, first, last)}))
    contents = ((name, own[name] if name in own else source.read(name)) for name in names)
    rows = [[name, len(data), sha256(data).hexdigest()] for name, data in contents]
    body: Json = {
        "v": 1,
        "origin": point.origin,
        "size": point.size,
        "root": b64(point.root),
        "from": first,
        "to": last,
        "t": t,
        "files": rows,
    }
    shapes.check("files", "manifest", body)
    return Draft(dumps(body), names, first, last, page)


def write_package(file: IO[bytes], source: Source, draft: Draft, note: bytes) -> None:
    """Write the zip."""
    extra = {MANIFEST: draft.manifest, MANIFEST_NOTE: note, **_own(draft.page)}
    names = sorted({*draft.names, *extra})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as package:
        for name in names:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            package.writestr(info, extra[name] if name in extra else source.read(name))


def _own(page: bytes) -> dict[str, bytes]:
    """Return what a package holds beside the log: how to read it, and the page that checks it."""
    return {README: _TEXT.encode("ascii")} | ({VERIFIER: page} if page else {})


def _entries(source: Source) -> Iterator[Entry]:
    for tile in tile_names(source.checkpoint.size):
        if tile.level < 0:
            for leaf in read_bundle(source.read("log/" + tile.path())):
                yield Entry.parse(leaf)


def _names(source: Source, entries: Sequence[Entry], first: int, last: int) -> Iterator[str]:
    """Yield everything but blobs and segment files, and of those what the range needs and the disk still has."""
    have = set(source.names)
    yield from (name for name in have if not name.startswith(("blob/", "seg/")))
    epoch = -1
    for entry in entries:
        if entry.kind == "K":
            epoch += 1
        if first <= entry.seq <= last:
            wanted = f"seg/{epoch:06d}.age"
            if wanted in have:
                yield wanted
            blob = f"blob/{entry.digest[:2]}/{entry.digest[2:4]}/{entry.digest}"
            if entry.body is None and blob in have:
                yield blob
