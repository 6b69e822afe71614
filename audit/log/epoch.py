"""The start of an epoch: a fresh segment, a fresh successor key, the hand-over that names both.

After the hand-over is durable the epoch's own key lives in memory only; its successor is already endorsed and stored,
so a crash loses a key that nobody needs again.
"""

from dataclasses import dataclass
from hashlib import sha256

from audit.checkpoint import Signer, sign_statement
from audit.log.disk import Disk
from audit.log.recovery import NEXT_KEY, Enrolment
from audit.log.store import segment_path
from audit.log.values import KeysExpired
from audit.record import Instant
from audit.seal import Random, Ratchet, age_encrypt
from audit.shapes import b64
from audit.strictjson import dumps

__all__ = ["EPOCH_MS", "EPOCH_RECORDS", "LiveEpoch", "Place", "Prepared", "hand_over", "prepare"]

EPOCH_MS = 24 * 3600 * 1000
EPOCH_RECORDS = 4096


@dataclass(slots=True)
class LiveEpoch:
    """What signs and seals now. Nothing in it reaches the disk."""

    number: int
    signer: Signer
    ratchet: Ratchet
    month: str
    since_ms: int

    def __repr__(self) -> str:
        return f"LiveEpoch({self.number}, {self.ratchet!r})"

    def is_over(self, at: Instant) -> bool:
        """A day, a month change forward, or 4096 sealed records; a clock set back starts nothing."""
        return at.boot_ms - self.since_ms >= EPOCH_MS or at.month() > self.month or self.ratchet.index >= EPOCH_RECORDS


@dataclass(frozen=True, slots=True)
class Place:
    """Where the epoch begins: its number, the seq of its K, the root at that size."""

    number: int
    seq: int
    root: bytes
    oldest_month: str
    """The month of the epoch before: with a clock set back, sealing goes on in that month."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A hand-over written down but not yet in the log."""

    live: LiveEpoch
    body: bytes


def prepare(disk: Disk, place: Place, keys: tuple[Signer, bytes, Enrolment], at: Instant, random: Random) -> Prepared:
    """Write the segment file and the successor's key; nothing refers to them before `K` is durable."""
    signer, subject_key, enrolment = keys
    month = max(at.month(), place.oldest_month)
    recipients = enrolment.recipients(month)
    if not recipients:
        raise KeysExpired("the enrolment has no key for this month; ask the officer for a new one")
    origin = signer.vkey.name
    k_s = random(32)
    payload = {"v": 1, "origin": origin, "seg": place.number, "from_seq": place.seq, "share": "whole"}
    segment = age_encrypt(recipients, dumps(payload | {"k": b64(k_s), "subject_key": b64(subject_key)}), random)
    disk.write(segment_path(place.number), segment)
    seed = random(32)
    successor = Signer(origin, seed)
    disk.write_new(NEXT_KEY + ".new", dumps({"v": 1, "epoch": place.number + 1, "seed": b64(seed)}))
    body = {
        "v": 1,
        "origin": origin,
        "t": at.time(),
        "epoch": place.number,
        "next": str(successor.vkey),
        "size": place.seq,
        "root": b64(place.root),
        "boot": at.boot_id,
        "month": month,
        "seg": sha256(segment).hexdigest(),
    }
    ratchet = Ratchet(k_s, origin, place.number)
    live = LiveEpoch(place.number, signer, ratchet, month, at.boot_ms)
    return Prepared(live, sign_statement("handover", body, signer))


def hand_over(disk: Disk) -> None:
    """Make the successor's key the stored one: from here on this epoch's key is in memory only."""
    disk.rename(NEXT_KEY + ".new", NEXT_KEY)
