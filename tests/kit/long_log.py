"""A log of any length, made in memory by the rules of the format: what a million records cost a verifier.

The contents of the last records are real and open; of the older ones only the structure is there, as in the package of
one month out of a long log.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from audit import officer
from audit.checkpoint import Checkpoint, Signer, sign_checkpoint, sign_statement
from audit.export.bundle import Draft, draft_manifest, write_package
from audit.log.bodies import encode, outcome_body, request_body, start_body
from audit.log.values import Filters, Models, StartFacts
from audit.officer import Keyring, Terms, Trust
from audit.record import Entry, Instant, Position
from audit.seal import Identity, Ratchet, age_encrypt, pad, seal_record
from audit.shapes import b64
from audit.strictjson import dumps
from audit.tree import CompactRange, TileName, leaf_hash, tree_root, write_bundle
from tests.kit.audit_house import BOOT, ORIGIN, SHA, START_MS, begin, counting_random, outcome

_EPOCH_RECORDS = 4096
_STEP_MS = 10_000
_BEAT = 30
"""A heartbeat every thirty records of ten seconds: five minutes."""


@dataclass
class LongLog:
    """`records` in all, of which the last `opened` have contents."""

    records: int
    opened: int
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = counting_random()
        identities = [Identity(self.random(32)) for _ in range(2)]
        ring = officer.new_keyring("hospital.example", [item.recipient() for item in identities], self.random)
        self.months = officer.months_from("202611", 200)[: 2 + self.records // 200_000]
        self.keyring: Keyring = officer.with_months(ring, self.months, self.random)
        self.trust: Trust = self.keyring.trust()
        self.now = Instant(START_MS, 330, BOOT, 60_000)
        self.tree, self.row, self.hashes = CompactRange(), [], []
        self.upper: list[bytes] = []
        self.seq = self.epoch = 0
        self._make()

    # --- the log

    def _make(self) -> None:
        signer = Signer(ORIGIN, self.random(32))
        self._enrol(signer)
        ratchet, following = self._hand_over(signer)
        self._clear("S", start_body(_facts(), 1, sha256(self.files["notes/enrolment-0.note"]).hexdigest(),
                                    {"size": 0, "clean": 1}))  # fmt: skip
        number, of = 0, -1
        while self.seq < self.records - 1:
            if ratchet.index >= _EPOCH_RECORDS:
                self._seal(signer, keep=True)
                signer = following
                self.epoch += 1
                ratchet, following = self._hand_over(signer)
            if number % _BEAT == 0:
                self._clear("H", {"asleep_ms": 0, "open": 0})
            of = self._sealed(ratchet, of)
            number += 1
        self._clear("X", {"why": "stop"})
        self._flush()
        self._seal(signer, keep=False)
        self.signer = signer

    def _enrol(self, signer: Signer) -> None:
        body = {"v": 1, "origin": ORIGIN, "t": self.now.time(), "epoch0": str(signer.vkey)}
        request = sign_statement("enrol-request", body | {"policy": SHA["policy"], "software": SHA["software"]}, signer)
        terms = Terms(self.months, (SHA["policy"],), (SHA["software"],))
        self.files["notes/enrolment-0.note"] = officer.enrol(request, self.keyring, terms, self.now.time())

    def _hand_over(self, signer: Signer) -> tuple[Ratchet, Signer]:
        k_s, following = self.random(32), Signer(ORIGIN, self.random(32))
        month = self.now.month()
        payload = {"v": 1, "origin": ORIGIN, "seg": self.epoch, "from_seq": self.seq, "share": "whole"}
        recipients = [item.recipient() for item in self.keyring.identities(month)]
        sealed = age_encrypt(recipients, dumps(payload | {"k": b64(k_s), "subject_key": b64(bytes(32))}), self.random)
        self.files[f"seg/{self.epoch:06d}.age"] = sealed
        body = {
            "v": 1, "origin": ORIGIN, "t": self.now.time(), "epoch": self.epoch, "next": str(following.vkey),
            "size": self.seq, "root": b64(self.tree.root()), "boot": BOOT, "month": month,
            "seg": sha256(sealed).hexdigest(),
        }  # fmt: skip
        self._append(Entry.clear(self.seq, "K", sign_statement("handover", body, signer), hour=self.now.hour()))
        return Ratchet(k_s, ORIGIN, self.epoch), following

    def _clear(self, kind: str, fields: dict[str, Any]) -> None:
        self._append(Entry.clear(self.seq, kind, encode(kind, fields, self.now), hour=self.now.hour()))

    def _sealed(self, ratchet: Ratchet, of: int) -> int:
        """Requests and outcomes in turn; return the open request, or -1."""
        self.now = Instant(self.now.utc_ms + _STEP_MS, 330, BOOT, self.now.boot_ms + _STEP_MS)
        place = Position(self.seq, "R" if of < 0 else "Z", self.epoch, ratchet.index)
        key = ratchet.advance()
        if self.seq < self.records - self.opened:
            digest = sha256(key).hexdigest()
            entry = Entry(place.seq, place.kind, place.epoch, place.index, 1352, digest, self.now.hour(), None)
        else:
            fields = request_body(begin(self.seq), bytes(32), 1) if of < 0 else outcome_body(outcome(), of, 1)
            blob = seal_record(key, place, pad(encode(place.kind, fields, self.now)))
            entry = Entry.sealed(place, blob, hour=self.now.hour())
            self.files[f"blob/{entry.digest[:2]}/{entry.digest[2:4]}/{entry.digest}"] = blob
        self._append(entry)
        return place.seq if of < 0 else -1

    # --- the tree

    def _append(self, entry: Entry) -> None:
        leaf = entry.leaf()
        hashed = leaf_hash(leaf)
        self.tree.append(hashed)
        self.row.append(leaf)
        self.hashes.append(hashed)
        self.seq += 1
        if len(self.row) == 256:
            self._flush()

    def _flush(self) -> None:
        if not self.row:
            return
        number, width = (self.seq - 1) // 256, len(self.row)
        self.files["log/" + TileName(-1, number, width).path()] = write_bundle(self.row)
        self.files["log/" + TileName(0, number, width).path()] = b"".join(self.hashes)
        if width == 256:
            self.upper.append(tree_root(self.hashes))
        self.row, self.hashes = [], []

    def _seal(self, signer: Signer, *, keep: bool) -> None:
        point = Checkpoint(ORIGIN, self.seq, self.tree.root())
        note = sign_checkpoint(point, signer)
        if keep:
            self.files[f"log/checkpoints/{self.seq:012d}"] = note
            return
        self.files["log/checkpoint"], self.checkpoint = note, point
        row, level = self.upper, 1
        while row:
            above = []
            for start in range(0, len(row), 256):
                piece = row[start : start + 256]
                self.files["log/" + TileName(level, start // 256, len(piece)).path()] = b"".join(piece)
                if len(piece) == 256:
                    above.append(tree_root(piece))
            row, level = above, level + 1

    # --- a source of packages

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def read(self, name: str) -> bytes:
        return self.files[name]

    def days(self) -> Iterator[str]:
        """The UTC days whose contents are there; a day of which only a part is there is left out."""
        first = Instant(self.now.utc_ms - self.opened * _STEP_MS + 86_400_000, 0, BOOT, 0)
        yield min(self.now.hour()[:10], first.time()[:10])
        yield self.now.hour()[:10]

    def package(self) -> bytes:
        first, last = self.days()
        draft: Draft = draft_manifest(self, (first, last), self.now.time())
        body = {"v": 1, "origin": ORIGIN, "t": self.now.time(), "sha": draft.sha, "size": draft.size}
        out = io.BytesIO()
        write_package(out, self, draft, sign_statement("manifest", body, self.signer))
        return out.getvalue()


def _facts() -> StartFacts:
    return StartFacts(
        version="0.1.0", software=SHA["software"], catalogue=SHA["other"], config=SHA["other"], policy=SHA["policy"],
        calibration=SHA["other"], models=Models(SHA["other"], SHA["other"]), engine="embedded",
        filters=Filters(SHA["gateway"], SHA["analyst"], SHA["engine"]),
    )  # fmt: skip
