"""Stage 5: open every record of the range, each in its own place, and hold it against its shape."""

from audit import shapes
from audit.officer import Keyring
from audit.record import Entry
from audit.seal import Identity, NotOpenedError, Ratchet, age_decrypt, age_stanzas, open_record, record_key, unpad
from audit.shapes import unb64
from audit.strictjson import Json, MalformedError, loads
from audit.verify.coverage import Coverage, check_clock
from audit.verify.findings import Board, Finding
from audit.verify.structure import Structure

__all__ = ["check_contents"]

_STANZAS = ("mlkem768x25519",)


def check_contents(log: Structure, covered: Coverage, keyring: Keyring, board: Board) -> dict[int, Json]:
    """Run V15, V23, V16 and V17; return the bodies that opened."""
    board.run(5)
    by_epoch: dict[int, list[Entry]] = {}
    for entry in log.entries[log.first : log.last + 1]:
        if entry.epoch is not None:
            by_epoch.setdefault(entry.epoch, []).append(entry)
    opened: dict[int, Json] = {}
    for number, entries in by_epoch.items():
        secret = _segment(log, number, covered, keyring, board)
        if secret is not None:
            _open_epoch(log, Ratchet(secret, log.origin, number), entries, opened, board)
    return opened


def _segment(log: Structure, number: int, covered: Coverage, keyring: Keyring, board: Board) -> bytes | None:
    """Open a segment file; return its secret."""
    epoch = log.chain.epochs[number]
    data = log.content(f"seg/{number:06d}.age")
    try:
        if data is not None and age_stanzas(data) != _STANZAS:
            board.add("V23", "fail", Finding(a=number))
            return None
        body = loads(_unsealed(data, keyring.identities(epoch.month)))
        shapes.check("files", "segment", body)
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


def _open_epoch(log: Structure, ratchet: Ratchet, entries: list[Entry], opened: dict[int, Json], board: Board) -> None:
    for entry in entries:
        blob = log.content(f"blob/{entry.digest[:2]}/{entry.digest[2:4]}/{entry.digest}")
        key = record_key(ratchet, entry.index or 0)
        if blob is None:
            continue  # V13 has judged why
        try:
            body = loads(unpad(open_record(key, entry, blob)))
            shapes.check("records", entry.kind, body)
        except NotOpenedError:
            board.add("V16", "fail", Finding(seq=entry.seq))
        except MalformedError:
            board.add("V17", "fail", Finding(seq=entry.seq))
        else:
            opened[entry.seq] = body
            check_clock(entry, body["t"], board)
