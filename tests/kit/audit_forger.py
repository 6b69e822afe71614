"""An attacker who owns the disk and, where a test says so, keys. Rewrites a log so that it is consistent again."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from audit.chain import KeyChain
from audit.checkpoint import Checkpoint, Note, Signer, Vkey, parse_statement, sign_checkpoint
from audit.log import read_directory
from audit.record import Entry
from audit.strictjson import Json, dumps, loads
from audit.tree import CompactRange, leaf_hash, new_tiles, read_bundle, tree_root, write_bundle
from tests.kit.audit_house import ORIGIN, House, Remembering


class Forger:
    """Leaves of a log, to be changed and written back."""

    def __init__(self, house: House) -> None:
        self.house, self.folder = house, house.folder
        snapshot = read_directory(house.folder)
        names = sorted(name for name in snapshot.names if "/entries/" in name)
        self.leaves = [leaf for name in names for leaf in read_bundle(snapshot.read(name))]
        self.checkpoint = (self.folder / "log/checkpoint").read_bytes()

    def entries(self) -> list[Entry]:
        return [Entry.parse(leaf) for leaf in self.leaves]

    def find(self, kind: str, which: int = 0) -> int:
        return [entry.seq for entry in self.entries() if entry.kind == kind][which]

    def root(self, size: int) -> bytes:
        return tree_root(map(leaf_hash, self.leaves[:size]))

    def chain(self) -> KeyChain:
        enrolment = parse_statement(Note.parse((self.folder / "notes/enrolment-0.note").read_bytes()), "enrolment")
        chain, tree = KeyChain(ORIGIN, Vkey.parse(enrolment["epoch0"])), CompactRange()
        for leaf in self.leaves:
            entry = Entry.parse(leaf)
            if entry.kind == "K":
                chain.feed(entry, tree.root())
            tree.append(leaf_hash(leaf))
        return chain

    def signer(self, epoch: int) -> Signer:
        """The key of an epoch; a test names only those its attacker may hold."""
        assert isinstance(self.house.random, Remembering)
        return self.house.random.signer(self.chain().epochs[epoch].key)

    def edit(self, seq: int, change: Json | bytes) -> None:
        """Give a clear record another body, with a line that fits it."""
        entry = Entry.parse(self.leaves[seq])
        body = change if isinstance(change, bytes) else dumps(loads(entry.body) | change)
        self.leaves[seq] = Entry.clear(seq, entry.kind, body, hour=entry.hour).leaf()

    def renumber(self) -> None:
        """Make the numbers of the lines contiguous again."""
        for seq, leaf in enumerate(self.leaves):
            head, space, rest = leaf.partition(b" ")
            _, _, tail = rest.partition(b" ")
            self.leaves[seq] = head + space + str(seq).encode() + b" " + tail

    def write(self, signer: Signer | None = None, checkpoint: bytes | None = None) -> House:
        """Write leaves and matching tiles; sign the new root if a key is at hand, else leave the old seal."""
        shutil.rmtree(self.folder / "log/tile")
        hashes = [leaf_hash(leaf) for leaf in self.leaves]
        for name, data in new_tiles(0, hashes, lambda _: b""):
            put(self.folder / "log" / name.path(), data)
        for start in range(0, len(self.leaves), 256):
            piece = self.leaves[start : start + 256]
            partial = "" if len(piece) == 256 else f".p/{len(piece)}"
            put(self.folder / f"log/tile/entries/{start // 256:03d}{partial}", write_bundle(piece))
        if signer is not None:
            checkpoint = sign_checkpoint(Checkpoint(ORIGIN, len(hashes), tree_root(hashes)), signer)
        put(self.folder / "log/checkpoint", checkpoint or self.checkpoint)
        return self.house

    def drop_kept(self, sizes: Sequence[int]) -> None:
        for size in sizes:
            (self.folder / f"log/checkpoints/{size:012d}").unlink(missing_ok=True)

    def blob(self, seq: int) -> Path:
        digest = Entry.parse(self.leaves[seq]).digest
        return self.folder / "blob" / digest[:2] / digest[2:4] / digest


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
