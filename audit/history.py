"""What the clear records say up to here: epochs, starts, digests in force, orders. Pure.

The log feeds it while it writes and again at recovery, so that a restart knows exactly what the process before it knew.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from audit import shapes
from audit.chain import KeyChain, Order
from audit.checkpoint import Note, Vkey, parse_statement
from audit.record import SEALED_KINDS, Entry
from audit.strictjson import Json, loads
from audit.tree import CompactRange, leaf_hash

__all__ = ["ACCESS", "DIGESTS", "History", "body_of", "digests_of"]

DIGESTS = ("policy", "calibration", "model", "software", "config", "engine", "enrolment")
"""What a C record can name and a start repeats, in the order of `shapes.json`."""
ACCESS = "access"
"""The list of who may ask. Each change of it is a C record; it is not the officer's to approve (docs/adr/0009)."""


def body_of(entry: Entry) -> Json:
    """Parse and check the inline body of a clear record other than K."""
    body = loads(entry.body or b"")
    shapes.check("records", entry.kind, body)
    return body


def digests_of(start: Json) -> dict[str, str]:
    """Return the digests of an S body under the names a C uses; models and engine are folded into one digest each."""
    models = start["models"]
    return {
        "policy": start["policy"],
        "calibration": start["calibration"],
        "model": _digest(models["answer"] + models["guard"]),
        "software": start["software"]["sha"],
        "config": start["config"],
        "engine": _digest(start["engine"]),
        "enrolment": start["enrolment"],
    }


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class History:
    """The state of a log as its own records tell it."""

    chain: KeyChain
    order: Order = field(default_factory=Order)
    tree: CompactRange = field(default_factory=CompactRange)
    digests: dict[str, str] = field(default_factory=dict)
    starts: int = 0
    clean: bool = True
    """The newest process record is a clean end."""
    erased: set[int] = field(default_factory=set)
    purged: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, origin: str, epoch0: Vkey) -> "History":
        return cls(KeyChain(origin, epoch0))

    def feed(self, entry: Entry, leaf: bytes) -> bytes:
        """Take the next record; return its leaf hash. Raises what `Order`, `KeyChain` and the shapes raise."""
        self.order.feed(entry)
        if entry.kind == "K":
            self.chain.feed(entry, self.tree.root())
        elif entry.kind not in SEALED_KINDS:
            self._clear(entry.kind, body_of(entry))
        hashed = leaf_hash(leaf)
        self.tree.append(hashed)
        return hashed

    def month_of(self, epoch: int) -> str:
        return self.chain.epochs[epoch].month

    def covers(self, entry: Entry) -> bool:
        """Tell whether an order says that this record's content is gone."""
        return entry.epoch is not None and (entry.seq in self.erased or self.month_of(entry.epoch) in self.purged)

    def _clear(self, kind: str, body: dict[str, Any]) -> None:
        match kind:
            case "S":
                self.starts, self.clean = body["start"], False
                self.digests = self.digests or digests_of(body)
            case "X":
                self.clean = True
            case "C":
                if "approval" not in body:  # an approval says yes to a digest, it puts none in force
                    self.digests[body["what"]] = body["new"]
            case "T":
                self.erased.update(parse_statement(Note.parse(body["note"].encode()), "tombstone")["seqs"])
            case "P":
                order = parse_statement(Note.parse(body["note"].encode()), "purge")
                if order["blobs"] == "delete":
                    self.purged.add(order["month"])
            case _:
                pass
