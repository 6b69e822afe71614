"""An officer's note on its way into the log: untrusted until proved hers, about this log, of a known type. Pure."""

from dataclasses import dataclass
from hashlib import sha256

from audit.chain import RangeError
from audit.checkpoint import (
    BadSignatureError,
    Checkpoint,
    Note,
    Vkey,
    parse_statement,
    statement_type,
    verify_cosignature,
    verify_statement,
)
from audit.history import History
from audit.log.recovery import Enrolment
from audit.log.values import Refused
from audit.strictjson import Json, MalformedError

__all__ = ["Accepted", "Order", "read_order"]

_MAX_NOTE = 1024 * 1024
_KINDS = {"tombstone": "T", "purge": "P", "review": "V", "approval": "C", "enrolment": "C"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a note: the record that carries it."""

    kind: str
    seq: int


@dataclass(frozen=True, slots=True)
class Order:
    """A genuine note and the record it asks for."""

    kind: str
    type: str
    note: bytes
    fields: Json
    body: Json
    """What the note itself says; empty for an anchor."""


def read_order(data: bytes, enrolment: Enrolment, history: History) -> Order:
    """Judge a note; raise `Refused` with a reason a person can act on."""
    if len(data) > _MAX_NOTE:
        raise Refused("the file is too large for a note")
    try:
        note = Note.parse(data)
        kind = statement_type(note)
        if kind is None:
            return _anchor(note, enrolment.witness, history)
        if kind not in _KINDS:
            raise Refused("not a note an officer sends")
        verify_statement(note, kind, enrolment.officer, history.chain.origin)
        return _statement(kind, note, enrolment, history)
    except MalformedError:
        raise Refused("the note is not of the expected form") from None
    except (BadSignatureError, RangeError):
        raise Refused("the note was not signed by the enrolled officer for this computer") from None


def _statement(kind: str, note: Note, enrolment: Enrolment, history: History) -> Order:
    body, data = parse_statement(note, kind), note.encode()
    fields: Json = {"note": data.decode("utf-8")}
    if kind == "enrolment":
        if body["epoch0"] != enrolment.body["epoch0"] or body["officer"] != enrolment.body["officer"]:
            raise Refused("the enrolment is for another log or by another officer")
        fields = {"what": "enrolment", "old": history.digests.get("enrolment", ""), "new": sha256(data).hexdigest()}
    elif kind == "approval":
        fields = {
            "what": body["what"],
            "old": history.digests.get(body["what"], ""),
            "new": body["new"],
            "approval": data.decode("utf-8"),
        }
    elif kind == "tombstone" and any(seq >= history.tree.size for seq in body["seqs"]):
        raise Refused("the order names records that do not exist")
    return Order(_KINDS[kind], kind, data, fields, body)


def _anchor(note: Note, witness: Vkey, history: History) -> Order:
    verify_cosignature(note, witness)
    epoch = history.chain.verify_range(note)
    if Checkpoint.parse(note.text).size > history.tree.size or epoch.number >= len(history.chain.epochs):
        raise Refused("the anchor is about records this log does not have")
    data = note.encode()
    return Order("A", "anchor", data, {"note": data.decode("utf-8")}, {})
