"""The order of records and the chain of signing keys: what must hold between one leaf and the next. Pure.

Each epoch's key is endorsed by the one before it, in its K record, and signs only checkpoints of its own stretch
(the range rule; without it old records can be sealed again with newer keys, CVE-2023-31439). The log feeds this while
it writes, the verifier while it reads; both therefore mean the same by "whole".
"""

from dataclasses import dataclass, field

from audit.checkpoint import BadSignatureError, Checkpoint, Note, Vkey, parse_statement, verify_checkpoint, verify_note
from audit.record import SEALED_KINDS, Entry, Place
from audit.shapes import unb64
from audit.strictjson import MalformedError

__all__ = ["BrokenChainError", "BrokenOrderError", "Epoch", "KeyChain", "Order", "RangeError"]


class BrokenOrderError(ValueError):
    """A record is missing, doubled or out of place."""


class BrokenChainError(ValueError):
    """A hand-over is not what the key before it endorsed."""


class RangeError(ValueError):
    """A checkpoint was signed by a key whose time it is not."""


class Order:
    """Counts what must be contiguous: seq over all, index within an epoch."""

    def __init__(self) -> None:
        self.seq = 0
        self.epoch = -1
        self.index = 0

    def feed(self, entry: Entry) -> None:
        """Accept the next entry or raise."""
        self.take((entry.seq, entry.kind, entry.epoch or 0, entry.index or 0))

    def take(self, place: Place) -> None:
        """Accept the next place or raise; after an error go on with `skip`."""
        seq, kind, epoch, index = place
        if seq != self.seq:
            raise BrokenOrderError("seq")
        if self.epoch < 0 and kind != "K":
            raise BrokenOrderError("no epoch yet")
        if kind in SEALED_KINDS:
            if epoch != self.epoch or index != self.index:
                raise BrokenOrderError("epoch or index")
            self.index += 1
        elif kind == "K":
            self.epoch, self.index = self.epoch + 1, 0
        self.seq += 1

    def skip(self, place: Place) -> None:
        """Take a place out of order as the new one to count from."""
        seq, kind, epoch, index = place
        self.seq = seq + 1
        if kind in SEALED_KINDS:
            self.epoch, self.index = epoch, index + 1


@dataclass(frozen=True, slots=True)
class Epoch:
    """One signing key and one segment, from its K record on."""

    number: int
    start: int
    key: Vkey
    next: Vkey
    month: str
    seg: str


@dataclass(slots=True)
class KeyChain:
    """The epochs so far, each verified by the one before, the first by the key in the enrolment."""

    origin: str
    epoch0: Vkey
    epochs: list[Epoch] = field(default_factory=list)

    def feed(self, entry: Entry, root: bytes) -> Epoch:
        """Accept the next K; `root` is the root of the tree at its own place."""
        key = self.epochs[-1].next if self.epochs else self.epoch0
        try:
            note = Note.parse(entry.body or b"")
            verify_note(note, [key])
            body = parse_statement(note, "handover")
            following = Vkey.parse(body["next"])
        except (MalformedError, BadSignatureError):
            raise BrokenChainError("hand-over") from None
        wanted = (self.origin, len(self.epochs), entry.seq, root, self.origin)
        if (body["origin"], body["epoch"], body["size"], unb64(body["root"]), following.name) != wanted:
            raise BrokenChainError("hand-over in another place")
        epoch = Epoch(len(self.epochs), entry.seq, key, following, body["month"], body["seg"])
        self.epochs.append(epoch)
        return epoch

    def keys(self) -> list[Vkey]:
        return [epoch.key for epoch in self.epochs]

    def end_of(self, number: int) -> int | None:
        """Return the seq of the next epoch's K, or None for the newest."""
        return self.epochs[number + 1].start if number + 1 < len(self.epochs) else None

    def signer_of(self, note: Note) -> Epoch:
        """Return the epoch whose key signed a checkpoint; raise if none did."""
        for epoch in self.epochs:
            if any((name, key_id) == (epoch.key.name, epoch.key.id()) for name, key_id, _ in note.signatures):
                verify_checkpoint(note, [epoch.key], self.origin)
                return epoch
        raise BadSignatureError("no epoch key signed")

    def verify_range(self, note: Note) -> Epoch:
        """Raise `RangeError` unless the signer's epoch covers the size."""
        epoch = self.signer_of(note)
        size, end = Checkpoint.parse(note.text).size, self.end_of(epoch.number)
        if size < epoch.start + 1 or (end is not None and size > end):
            raise RangeError("a key signed outside its epoch")
        return epoch
