"""Opening a log: read what the disk holds, prove it is one history, and say what is still to be done.

 1 the header of the write-ahead log names the origin, the notes name the officer;
 2 every leaf and every tile is recomputed up to the checkpoint, keys and ranges are checked;
 3 frames must repeat the stored leaves byte for byte, later ones must be contiguous and are replayed;
 4 a broken frame before a whole one is damage, a broken one at the end was never acknowledged;
 5 the found checkpoint is kept, 6 contents under an erasure order are deleted, 7 a started hand-over is finished.
What the caller must still do: start an epoch.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from audit import shapes
from audit.chain import BrokenChainError, BrokenOrderError, RangeError
from audit.checkpoint import BadSignatureError, Checkpoint, Note, Signer, Vkey, parse_statement, verify_statement
from audit.history import History
from audit.log.disk import Disk
from audit.log.store import CHECKPOINT, WAL, Store, blob_path, segment_path
from audit.log.values import AuditDamaged, AuditFork, NotEnrolled
from audit.record import Entry
from audit.shapes import unb64
from audit.strictjson import MalformedError, loads
from audit.tree import ProofError, new_tiles
from audit.wal import Frame, Header, Scan, scan

__all__ = ["NEXT_KEY", "SUBJECT_KEY", "Enrolment", "Recovered", "read_enrolment", "read_key", "recompute", "recover"]

NEXT_KEY = "state/next.key"
SUBJECT_KEY = "state/subject.key"
_ENROLMENT = re.compile(r"notes/enrolment-(0|[1-9][0-9]*)\.note\Z")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The officer's word about this computer; the newest note counts."""

    notes: tuple[bytes, ...]
    body: dict[str, Any]

    @property
    def officer(self) -> Vkey:
        return Vkey.parse(self.body["officer"])

    @property
    def witness(self) -> Vkey:
        return Vkey.parse(self.body["witness"])

    def recipients(self, month: str) -> list[str]:
        """Return the keys of a month, empty if the enrolment has none."""
        return [key for name, keys in self.body["months"] if name == month for key in keys]


@dataclass(slots=True)
class Recovered:
    """One history: an integrated part under a checkpoint, and frames not yet integrated."""

    origin: str
    enrolment: Enrolment
    history: History
    integrated: int
    integrated_root: bytes
    pending: list[tuple[Frame, Entry]]
    signer: Signer
    """The key of the epoch about to start."""
    subject_key: bytes


def read_enrolment(disk: Disk, origin: str) -> Enrolment:
    """Read the enrolment notes; later ones must be signed by the officer of the first."""
    found = {int(match[1]): path for path in disk.names("notes") if (match := _ENROLMENT.match(path))}
    if not found:
        raise NotEnrolled("no officer has enrolled this computer; run `cordon demo` to try it")
    notes = tuple(disk.read(found[number]) for number in sorted(found))
    try:
        bodies = [parse_statement(Note.parse(note), "enrolment") for note in notes]
        for note, body in zip(notes, bodies, strict=True):
            verify_statement(Note.parse(note), "enrolment", Vkey.parse(bodies[0]["officer"]), origin)
            if body["epoch0"] != bodies[0]["epoch0"]:
                raise MalformedError("another first key")
    except (MalformedError, BadSignatureError):
        raise AuditDamaged("an enrolment note is not genuine") from None
    return Enrolment(notes, bodies[-1])


def recover(disk: Disk) -> Recovered:
    """Do steps 1 to 7; raise `NotEnrolled`, `AuditDamaged` or `AuditFork`."""
    store = Store(disk)
    found = _read_wal(disk)
    origin = found.header.origin
    enrolment = read_enrolment(disk, origin)
    try:
        history = History.of(origin, Vkey.parse(enrolment.body["epoch0"]))
        checkpoint = Note.parse(disk.read(CHECKPOINT)) if disk.exists(CHECKPOINT) else None
        size, leaves, roots = _integrated(store, history, checkpoint, found.header)
        integrated_root = history.tree.root()
        pending = _replay(found, leaves, history, roots)
        _check_signed(store, roots, history.tree.size)
    except (MalformedError, BrokenOrderError, BrokenChainError, ProofError, BadSignatureError, RangeError) as error:
        raise AuditDamaged(f"the stored log is not whole ({type(error).__name__})") from None
    if checkpoint is not None:
        store.keep(checkpoint.encode())
    _finish_orders(store, history, leaves, pending)
    signer = _finish_handover(disk, history)
    return Recovered(origin, enrolment, history, size, integrated_root, pending, signer, _subject_key(disk))


def _subject_key(disk: Disk) -> bytes:
    key = disk.read(SUBJECT_KEY) if disk.exists(SUBJECT_KEY) else b""
    if len(key) != 32:
        raise AuditDamaged("the key of patient pseudonyms is missing")
    return key


def recompute(store: Store, size: int, root: bytes, history: History) -> None:
    """The self-check of a running log: every leaf, every tile, every key up to `size`; raises `AuditDamaged`."""
    hashes = [history.feed(Entry.parse(leaf), leaf) for leaf in store.leaves(size)]
    if history.tree.root() != root:
        raise AuditDamaged("records do not give the signed root")
    _check_tiles(store, hashes)


def _read_wal(disk: Disk) -> Scan:
    try:
        found = scan(disk.read(WAL))
    except FileNotFoundError:
        if disk.exists(CHECKPOINT):
            raise AuditDamaged("the write-ahead log is missing") from None
        raise NotEnrolled("no log here yet; run `cordon audit init`, or `cordon demo` to try it") from None
    except MalformedError:
        raise AuditDamaged("the write-ahead log has no readable header") from None
    if found.damaged:
        raise AuditDamaged("a broken record stands before a whole one; acknowledged records may be lost")
    return found


Roots = dict[int, bytes]


def _integrated(
    store: Store, history: History, checkpoint: Note | None, header: Header
) -> tuple[int, list[bytes], Roots]:
    """Feed the stored leaves; return their number, themselves, and the roots later steps ask for."""
    size = Checkpoint.parse(checkpoint.text).size if checkpoint is not None else 0
    signed = store.signed()
    asked = {header.base_size, *([signed[0]] if signed else [])}
    roots: Roots = {0: history.tree.root()} if 0 in asked else {}
    leaves, hashes = list(store.leaves(size)), []
    for leaf in leaves:
        hashes.append(history.feed(Entry.parse(leaf), leaf))
        if history.tree.size in asked:
            roots[history.tree.size] = history.tree.root()
    _check_tiles(store, hashes)
    if checkpoint is not None:
        history.chain.verify_range(checkpoint)
        if Checkpoint.parse(checkpoint.text).root != history.tree.root():
            raise AuditDamaged("records do not give the signed root")
    if roots.get(header.base_size) != header.base_root:
        raise AuditFork("the write-ahead log continues another history")
    if signed is not None:
        roots.setdefault(signed[0], b"")
    return size, leaves, roots


def _check_tiles(store: Store, hashes: list[bytes]) -> None:
    for name, data in new_tiles(0, hashes, lambda _: b""):
        if store.read_tile(name) != data:
            raise AuditDamaged(f"a tile differs from its records: {name.path()}")


def _replay(found: Scan, leaves: list[bytes], history: History, roots: Roots) -> list[tuple[Frame, Entry]]:
    pending = []
    for frame in found.frames:
        if frame.seq < len(leaves):
            if leaves[frame.seq] != frame.leaf:
                raise AuditFork("a record was acknowledged with another content")
            continue
        entry = Entry.parse(frame.leaf)
        if frame.seq != entry.seq or (entry.body is None) != bool(frame.blob):
            raise AuditDamaged("a frame is not the record it says")
        if frame.blob and sha256(frame.blob).hexdigest() != entry.digest:
            raise AuditDamaged("a frame carries another content than its record")
        history.feed(entry, frame.leaf)
        if history.tree.size in roots:
            roots[history.tree.size] = history.tree.root()
        pending.append((frame, entry))
    return pending


def _check_signed(store: Store, roots: Roots, size: int) -> None:
    signed = store.signed()
    if signed is not None and (signed[0] > size or roots[signed[0]] != signed[1]):
        raise AuditFork("the stored records are not the history that was signed last")


def _finish_orders(store: Store, history: History, leaves: list[bytes], pending: list[tuple[Frame, Entry]]) -> None:
    """Delete what an order covers although a crash kept it."""
    if not history.erased and not history.purged:
        return
    entries = [*map(Entry.parse, leaves), *(entry for _, entry in pending)]
    paths = [blob_path(entry.digest) for entry in entries if entry.body is None and history.covers(entry)]
    paths += [segment_path(epoch.number) for epoch in history.chain.epochs if epoch.month in history.purged]
    store.erase(paths)


def _finish_handover(disk: Disk, history: History) -> Signer:
    """Bring `next.key` in line with the last K, and return the key it holds."""
    fresh = NEXT_KEY + ".new"
    epochs = history.chain.epochs
    number, signer = read_key(disk, NEXT_KEY, history.chain.origin)
    if epochs and number == epochs[-1].number:
        try:
            number, signer = read_key(disk, fresh, history.chain.origin)
        except AuditDamaged:
            raise AuditDamaged("the next signing key is missing") from None
        if signer.vkey != epochs[-1].next:
            raise AuditDamaged("the next signing key is another one")
        disk.rename(fresh, NEXT_KEY)
    else:
        disk.remove(fresh)
    expected = epochs[-1].next if epochs else history.chain.epoch0
    if number != len(epochs) or signer.vkey != expected:
        raise AuditFork("the stored signing key does not continue this log")
    return signer


def read_key(disk: Disk, path: str, origin: str) -> tuple[int, Signer]:
    """Read a stored epoch key and the number of its epoch."""
    try:
        body = loads(disk.read(path))
        shapes.check("files", "next_key", body)
    except (FileNotFoundError, MalformedError):
        raise AuditDamaged("a key file is missing or unreadable") from None
    return body["epoch"], Signer(origin, unb64(body["seed"]))
