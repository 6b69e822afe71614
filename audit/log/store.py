"""Where the parts of a log lie, and how an integration moves records from the write-ahead log into tiles and blobs.

Order of an integration: blobs, bundles and tiles, the root recomputed from what lies on disk, `state/signed`, the
checkpoint. Each step is durable before the next begins, and each may be repeated after a crash with the same result.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from audit import shapes
from audit.checkpoint import Checkpoint
from audit.log.disk import Disk
from audit.log.values import AuditDamaged, AuditFork
from audit.shapes import b64, unb64
from audit.strictjson import dumps, loads
from audit.tree import TileName, leaf_hash, new_tiles, read_bundle, root_from_tiles, tile_names, write_bundle
from audit.wal import Frame

__all__ = ["CHECKPOINT", "SIGNED", "WAL", "Store", "blob_path", "kept_path", "segment_path"]

CHECKPOINT = "log/checkpoint"
SIGNED = "state/signed"
WAL = "state/wal"
_WIDTH = 256


def blob_path(digest: str) -> str:
    return f"blob/{digest[:2]}/{digest[2:4]}/{digest}"


def segment_path(epoch: int) -> str:
    return f"seg/{epoch:06d}.age"


def kept_path(size: int) -> str:
    return f"log/checkpoints/{size:012d}"


class Store:
    """The integrated part of a log on disk."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def read_tile(self, name: TileName) -> bytes:
        """Read a tile; after a crash the wider one may already stand in its place."""
        try:
            return self.disk.read("log/" + name.path())
        except FileNotFoundError:
            raise AuditDamaged(f"a tile is missing: {name.path()}") from None

    def leaves(self, size: int) -> Iterator[bytes]:
        """Yield the leaves of a tree of this size, from the bundles."""
        for name in tile_names(size):
            if name.level < 0:
                leaves = read_bundle(self.read_tile(name))
                if len(leaves) != name.width:
                    raise AuditDamaged(f"a bundle has another number of records: {name.path()}")
                yield from leaves

    def leaf(self, seq: int, size: int) -> bytes:
        """Read one leaf of a tree of this size."""
        number, place = divmod(seq, _WIDTH)
        width = min(_WIDTH, size - number * _WIDTH)
        return read_bundle(self.read_tile(TileName(-1, number, width)))[place]

    def put_blobs(self, frames: Sequence[Frame], digests: Sequence[str]) -> None:
        """Write blobs as one batch: all files, then all names, then each folder once."""
        files = {blob_path(digest): frame.blob for frame, digest in zip(frames, digests, strict=True) if frame.blob}
        if not self.disk.write_batch(files):
            raise AuditDamaged("a blob of this name has another content")

    def put_tiles(self, old_size: int, leaves: Sequence[bytes]) -> None:
        """Write the bundles and tiles that `leaves` add to a tree of `old_size`."""
        for name, data in [*self._bundles(old_size, leaves), *new_tiles(old_size, _hashes(leaves), self.read_tile)]:
            if not self.disk.write_once("log/" + name.path(), data):
                raise AuditDamaged(f"a tile of this name has another content: {name.path()}")

    def _bundles(self, old_size: int, leaves: Sequence[bytes]) -> Iterator[tuple[TileName, bytes]]:
        number, width = divmod(old_size, _WIDTH)
        row = [*(read_bundle(self.read_tile(TileName(-1, number, width))) if width else ()), *leaves]
        for offset in range(0, len(row), _WIDTH):
            piece = row[offset : offset + _WIDTH]
            yield TileName(-1, number + offset // _WIDTH, len(piece)), write_bundle(piece)

    def verify_root(self, size: int, root: bytes) -> None:
        """Read the tiles back: what memory knows and what lies on disk must be one tree."""
        if root_from_tiles(size, self.read_tile) != root:
            raise AuditDamaged("tiles on disk give another root")

    def signed(self) -> tuple[int, bytes] | None:
        """Return the size and root that were signed last, as far as this disk remembers."""
        if not self.disk.exists(SIGNED):
            return None
        body = loads(self.disk.read(SIGNED))
        shapes.check("files", "signed", body)
        return body["size"], unb64(body["root"])

    def put_signed(self, size: int, root: bytes) -> None:
        """Remember what is about to be signed; never sign less, or another root at the same size."""
        before = self.signed()
        if before is not None and (size < before[0] or (size == before[0] and root != before[1])):
            raise AuditFork("a checkpoint beyond this one was already signed")
        self.disk.write(SIGNED, dumps({"v": 1, "size": size, "root": b64(root)}))

    def put_checkpoint(self, note: bytes) -> None:
        self.disk.write(CHECKPOINT, note)

    def keep(self, note: bytes) -> None:
        """Keep a checkpoint: the end of an epoch, an export, an anchor, or one found after a crash."""
        size = Checkpoint.parse(note.decode("utf-8").partition("\n\n")[0] + "\n").size
        self.disk.write_once(kept_path(size), note)

    def prune(self, old_size: int, new_size: int) -> None:
        """Delete partial tiles of the old tree that a durable checkpoint no longer needs."""
        wanted = {name.path() for name in _edge(new_size)}
        for name in _edge(old_size):
            if name.path() not in wanted and self.disk.exists("log/" + name.path()):
                self.disk.remove("log/" + name.path())

    def erase(self, paths: Sequence[str]) -> None:
        """Delete files and make the deletion last. Other copies, and blocks of the medium, are beyond us."""
        folders = set()
        for path in paths:
            if self.disk.exists(path):
                self.disk.remove(path)
                folders.add(PurePosixPath(path).parent.as_posix())
        for folder in sorted(folders):
            self.disk.sync_folder(folder)


def _edge(size: int) -> Iterator[TileName]:
    if size % _WIDTH:
        yield TileName(-1, size // _WIDTH, size % _WIDTH)
    level, hashes = 0, size
    while hashes:
        if hashes % _WIDTH:
            yield TileName(level, hashes // _WIDTH, hashes % _WIDTH)
        level, hashes = level + 1, hashes // _WIDTH


def _hashes(leaves: Sequence[bytes]) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in leaves]
