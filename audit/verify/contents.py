"""Stage 5: open every record of the range, each in its own place, and hold it against its shape.

Law: one record at a time. Whoever wants to keep a body keeps it; nothing here does.
"""

from collections.abc import Iterator

from audit import shapes
from audit.officer import Keyring
from audit.record import Entry
from audit.seal import Identity, NotOpenedError, Ratchet, age_decrypt, age_stanzas, open_record, record_key, unpad
from audit.shapes import unb64
from audit.strictjson import Json, MalformedError
from audit.verify.coverage import Coverage, blob_path, check_clock, check_present
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["Opened", "check_contents", "subject_keys"]

_STANZAS = ("mlkem768x25519",)
Opened = tuple[Entry, Json | None]
"""A sealed record, and its body where it opens."""


def check_contents(log: Structure, covered: Coverage, keyring: Keyring | None, board: Board) -> Iterator[Opened]:
    """Run V13, and with a keyring V15, V23, V16 and V17; yield the sealed records of the range, in order."""
    if keyring is not None:
        board.run(5)
    number, ratchet = -1, None
    for entry in log.entries(log.first, log.last):
        if entry.epoch is not None and entry.epoch != number and keyring is not None:
            number = entry.epoch
            secret = _segment(log, number, covered, keyring, board)
            ratchet = Ratchet(secret, log.origin, number) if secret is not None else None
        present = check_present(log, entry, covered, board)
        yield entry, _body(log, entry, ratchet, board) if ratchet is not None and present else None


def subject_keys(log: Structure, keyring: Keyring) -> Iterator[bytes]:
    """Yield the pseudonym key of this log as often as a segment file of the package opens: one is enough."""
    for epoch in log.chain.epochs:
        data = log.content(f"seg/{epoch.number:06d}.age")
        try:
            body = shapes.read("files", "segment", _unsealed(data, keyring.identities(epoch.month)))
        except (NotOpenedError, MalformedError):
            continue
        yield unb64(body["subject_key"])


def _segment(log: Structure, number: int, covered: Coverage, keyring: Keyring, board: Board) -> bytes | None:
    """Open a segment file; return its secret."""
    epoch = log.chain.epochs[number]
    data = log.content(f"seg/{number:06d}.age")
    try:
        if data is not None and age_stanzas(data) != _STANZAS:
            board.add("V23", "fail", Finding(a=number))
            return None
        body = shapes.read("files", "segment", _unsealed(data, keyring.identities(epoch.month)))
    except NotOpenedError:
        if epoch.month not in covered.purged:
            board.add("V15", "unknown", Finding(name=epoch.month))
        return None
    except MalformedError:
        board.add("V23", "fail", Finding(a=number))
        return None
    if (body["origin"], body["seg"], body["from_seq"]) != (log.origin, number, epoch.start):
        board.add("V23", "fail", Finding(a=number))
        return None
    return unb64(body["k"])


def _unsealed(data: bytes | None, identities: list[Identity]) -> bytes:
    if data is None:
        raise NotOpenedError("absent")
    return age_decrypt(identities, data)


def _body(log: Structure, entry: Entry, ratchet: Ratchet, board: Board) -> Json | None:
    blob = log.content(blob_path(entry))
    if blob is None:
        return None  # V13 has judged why
    try:
        key = record_key(ratchet, entry.index or 0)
        body = shapes.read("records", entry.kind, unpad(open_record(key, entry, blob)))
    except NotOpenedError:
        board.add("V16", "fail", Finding(seq=entry.seq))
        return None
    except MalformedError:
        board.add("V17", "fail", Finding(seq=entry.seq))
        return None
    check_clock(entry, body["t"], board)
    return body
