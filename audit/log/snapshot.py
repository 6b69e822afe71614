"""A view of a log at one checkpoint, complete and unmoved by later writing; also of a directory nobody writes.

What may be replaced while somebody reads (partial tiles, the newest checkpoint) is held in memory; full tiles, blobs,
segment files and notes never change and are read when asked for.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.checkpoint import Checkpoint, Note
from audit.log.disk import Disk
from audit.log.store import CHECKPOINT
from audit.log.values import AuditError, NotEnrolled
from audit.strictjson import MalformedError
from audit.tree import TileName, tile_names

__all__ = ["Snapshot", "read_directory", "take_snapshot"]

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Names and bytes of everything an export may hold. Nothing of `state/` is ever in it."""

    checkpoint: Checkpoint
    names: tuple[str, ...]
    held: Mapping[str, bytes]
    disk: Disk

    def __repr__(self) -> str:
        return f"Snapshot({self.checkpoint.size} records, {len(self.names)} files)"

    def read(self, name: str) -> bytes:
        """Return one file."""
        return self.held[name] if name in self.held else self.disk.read(name)


def take_snapshot(disk: Disk, checkpoint: bytes) -> Snapshot:
    """Collect names at the size of `checkpoint`; the caller keeps integrations away meanwhile."""
    point = Checkpoint.parse(Note.parse(checkpoint).text)
    stored = sum(1 for _ in disk.names("log/tile/entries"))
    tiles = list(tile_names(point.size)) if point.size <= stored * 256 else []
    held = {CHECKPOINT: checkpoint, **_read(disk, (name for name in tiles if name.width < 256))}
    names = {CHECKPOINT, *("log/" + name.path() for name in tiles)}
    for folder in ("log/checkpoints", "notes", "policy", "seg", "blob"):
        names.update(disk.names(folder))
    return Snapshot(point, tuple(sorted(names)), held, disk)


def read_directory(path: Path) -> Snapshot:
    """View a log without writing to it, for a check on the same computer.

    A running service may replace partial tiles meanwhile: then the checkpoint has moved, and the view is taken again.
    """
    disk = Disk(path)
    for _ in range(_ATTEMPTS):
        if not disk.exists(CHECKPOINT):
            raise NotEnrolled("no signed log in this directory")
        try:
            checkpoint = disk.read(CHECKPOINT)
            view = take_snapshot(disk, checkpoint)
            unmoved = disk.read(CHECKPOINT) == checkpoint
        except (OSError, MalformedError):
            raise AuditError("audit_unavailable", "the directory cannot be read") from None
        if unmoved:
            return view
    raise AuditError("audit_unavailable", "the log is being written too fast to be viewed")


def _read(disk: Disk, tiles: Iterable[TileName]) -> dict[str, bytes]:
    """Read what is there; a tile that is really missing is for the examination to find."""
    found = {}
    for tile in tiles:
        name = "log/" + tile.path()
        with contextlib.suppress(FileNotFoundError):
            found[name] = disk.read(name)
    return found
