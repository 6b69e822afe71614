"""The machine under the log: one writer, one write-ahead file, one integration at a time.

Two locks. `writing` guards the order of records and is held for one record at a time; `integrating` is taken first by
whoever moves records into tiles, so that signing and syncing of files does not delay a request.

Two kinds of failure. A record that could not be made durable poisons the log until the process restarts: what the disk
holds is unknown, and a failed fsync is never tried again. A failed integration only holds back new requests, because
every record is still in the write-ahead file, so exchanges already begun can be closed.
"""

import contextlib
import threading
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, Signer, sign_checkpoint
from audit.log.disk import Disk, WalFile, translate
from audit.log.epoch import LiveEpoch, Place, hand_over, prepare
from audit.log.recovery import NEXT_KEY, Recovered, read_key
from audit.log.store import WAL, Store
from audit.log.values import AuditDamaged, AuditError
from audit.record import MAX_LEAF, SEALED_KINDS, Entry, Instant, Position
from audit.seal import Random, blob_length, pad, seal_record
from audit.strictjson import MalformedError
from audit.tree import ProofError
from audit.wal import FILE_BYTES, Frame, Header, encode_frame, encode_header

__all__ = ["RESERVE_BASE", "RESERVE_EACH", "Core"]

RESERVE_BASE = 1024 * 1024
RESERVE_EACH = 8 * 1024
"""Kept free in the write-ahead file so that every begun exchange, and the end of the process, can be recorded."""
_ROTATE_AT = 8 * 1024 * 1024
_OVERDUE_MS = 180_000
"""An integration is due after a minute and refused requests begin two minutes later: crash tails stay short."""
_FRAME_OVERHEAD = 512


@dataclass(frozen=True, slots=True)
class _Pending:
    frame: Frame
    entry: Entry
    since_ms: int


class Core:
    """State shared by all public operations. `found` comes from recovery; the disk is locked."""

    def __init__(self, disk: Disk, found: Recovered, at: Instant, random: Random) -> None:
        self.writing = threading.RLock()
        self.integrating = threading.RLock()
        self.store = Store(disk)
        self.history = found.history
        self.enrolment = found.enrolment
        self.origin = found.origin
        self.epoch: LiveEpoch | None = None
        self.checkpoint = b""
        self.integrated = found.integrated
        self.fault: AuditError | None = None
        self.hold: AuditError | None = None
        self._hold_lasts = False
        self._disk, self._random = disk, random
        self._integrated_root = found.integrated_root
        self._pending = [_Pending(frame, entry, at.boot_ms) for frame, entry in found.pending]
        self._subject_key = found.subject_key
        self._wal: WalFile = self._fresh_wal()

    # --- one record

    def write(self, kind: str, body: bytes, at: Instant, *, reserve: int) -> int:
        """Seal, frame and sync one record; the caller holds `writing`. Return its seq: from now on it is durable."""
        self.raise_fault()
        seq, padded = self.history.order.seq, pad(body) if kind in SEALED_KINDS else b""
        expected = (blob_length(len(padded)) if padded else len(body)) + _FRAME_OVERHEAD
        if self._wal.left() - expected < reserve:
            raise AuditError("audit_full", "the write-ahead log is full")
        entry, blob = self._entry(kind, body, padded, at)
        leaf = entry.leaf()
        if len(leaf) > MAX_LEAF:
            raise MalformedError("leaf too large")
        frame = Frame(seq, leaf, blob)
        try:
            self._wal.append(encode_frame(frame))
        except OSError as error:
            raise self.poison(error, "writing a record") from None
        self.history.feed(entry, leaf)
        self._pending.append(_Pending(frame, entry, at.boot_ms))
        return seq

    def _entry(self, kind: str, body: bytes, padded: bytes, at: Instant) -> tuple[Entry, bytes]:
        seq = self.history.order.seq
        if not padded:
            return Entry.clear(seq, kind, body, hour=at.hour()), b""
        if self.epoch is None:
            raise AuditError("audit_unavailable", "the log is closed")
        ratchet = self.epoch.ratchet
        place = Position(seq, kind, self.epoch.number, ratchet.index)
        blob = seal_record(ratchet.advance(), place, padded)
        return Entry.sealed(place, blob, hour=at.hour()), blob

    def poison(self, error: OSError, doing: str) -> AuditError:
        """Stop all writing until a restart; return the error to raise."""
        self.fault = AuditError("audit_unavailable", translate(error, doing).detail)
        return self.fault

    def raise_fault(self) -> None:
        """Raise a fresh error if the log was poisoned or closed."""
        if self.fault is not None:
            raise AuditError(self.fault.code, self.fault.detail)

    def is_overdue(self, at: Instant) -> bool:
        """Tell whether the oldest unsigned record waits longer than it may."""
        return bool(self._pending) and at.boot_ms - self._pending[0].since_ms > _OVERDUE_MS

    def waiting(self, at: Instant) -> tuple[int, int]:
        """Return how many records are unsigned, and for how long the oldest has been."""
        with self.writing:
            return len(self._pending), at.boot_ms - self._pending[0].since_ms if self._pending else 0

    # --- integration

    def integrate(self, *, rotate: bool = False) -> None:
        """Move what is durable into blobs and tiles, and sign it. Raises `AuditError`, then `hold` is set."""
        with self.integrating:
            with self.writing:
                self.raise_fault()
                if self.hold is not None and self._hold_lasts:
                    raise AuditError(self.hold.code, self.hold.detail)
                batch, size, root = list(self._pending), self.history.tree.size, self.history.tree.root()
                signer = self.epoch.signer if self.epoch is not None else None
                settled = not batch and not rotate and self.checkpoint and self.hold is None
            if signer is None or not size or settled:
                return
            before = self.integrated
            note = self._put(batch, Checkpoint(self.origin, size, root), signer)
            with self.writing:
                del self._pending[: len(batch)]
                self.integrated, self._integrated_root, self.checkpoint, self.hold = size, root, note, None
                if rotate or self._wal.end > _ROTATE_AT:
                    self.rotate()
            with contextlib.suppress(OSError):  # a left-over partial tile is of no consequence
                self.store.prune(before, size)

    def _put(self, batch: list[_Pending], checkpoint: Checkpoint, signer: Signer) -> bytes:
        size, root = checkpoint.size, checkpoint.root
        note = sign_checkpoint(checkpoint, signer)
        try:
            # 1 blobs, 2 bundles and tiles, 3 the root from disk, 4 what is about to be signed, 5 the checkpoint
            if batch:
                self.store.put_blobs([item.frame for item in batch], [item.entry.digest for item in batch])
                self.store.put_tiles(size - len(batch), [item.frame.leaf for item in batch])
            self.store.verify_root(size, root)
            self.store.put_signed(size, root)
            self.store.put_checkpoint(note)
        except OSError as error:
            raise self._hold_back(translate(error, "signing the log")) from None
        except (MalformedError, ProofError):
            raise self._hold_back(AuditDamaged("what lies on disk cannot be read back")) from None
        except AuditError as error:
            raise self._hold_back(error) from None
        return note

    def keep_checkpoint(self) -> None:
        """Keep the newest checkpoint for good."""
        try:
            self.store.keep(self.checkpoint)
        except OSError as error:
            raise self._hold_back(translate(error, "keeping a checkpoint")) from None

    def _hold_back(self, error: AuditError) -> AuditError:
        """Refuse new requests: until space is found, or for good if the disk failed otherwise."""
        self.hold, self._hold_lasts = error, error.code != "audit_full"
        return error

    def rotate(self) -> None:
        """Begin a fresh write-ahead file that holds only what is not integrated; the caller holds `writing`."""
        old = self._wal
        try:
            self._wal = self._fresh_wal()
        except AuditError as error:
            raise self._hold_back(error) from None
        old.close()

    def _fresh_wal(self) -> WalFile:
        header = encode_header(Header(self.origin, self.integrated, self._integrated_root))
        content = header + b"".join(encode_frame(item.frame) for item in self._pending)
        try:
            fresh = self._disk.create_wal(WAL + ".new", content, FILE_BYTES)
        except OSError as error:
            raise translate(error, "making a write-ahead log") from None
        try:
            self._disk.rename(WAL + ".new", WAL)
        except OSError as error:
            fresh.close()
            raise self.poison(error, "replacing the write-ahead log") from None
        return fresh

    # --- epochs

    def start_epoch(self, at: Instant) -> None:
        """Hand over to the next key; the caller holds both locks. Until K is durable the old epoch goes on."""
        epochs = self.history.chain.epochs
        month = epochs[-1].month if epochs else ""
        place = Place(len(epochs), self.history.order.seq, self.history.tree.root(), month)
        try:
            _, signer = read_key(self._disk, NEXT_KEY, self.origin)
            keys = (signer, self._subject_key, self.enrolment)
            prepared = prepare(self._disk, place, keys, at, self._random)
        except OSError as error:
            raise self._hold_back(translate(error, "starting an epoch")) from None
        self.write("K", prepared.body, at, reserve=0)
        try:
            hand_over(self._disk)
        except OSError as error:
            raise self.poison(error, "storing the next key") from None
        self.drop_keys()
        self.epoch = prepared.live

    def roll(self, at: Instant) -> None:
        """End the epoch with a checkpoint of exactly its size, and start the next."""
        self.integrate()
        with self.integrating, self.writing:
            self.integrate(rotate=True)
            self.keep_checkpoint()
            self.start_epoch(at)
        self.integrate()

    def drop_keys(self) -> None:
        """Forget what signs and seals."""
        if self.epoch is not None:
            self.epoch.ratchet.forget()
            self.epoch = None

    def subject_key(self) -> bytes:
        return self._subject_key

    def history_root(self) -> bytes:
        """Return the root of the integrated part."""
        return self._integrated_root

    def close(self) -> None:
        """Let the directory go; no record can be written any more."""
        self.fault = self.fault or AuditError("audit_unavailable", "the log is closed")
        self.drop_keys()
        self._wal.close()
        self._disk.unlock()
