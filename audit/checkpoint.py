"""Signed notes (C2SP signed-note), statements, checkpoints (tlog-checkpoint) and anchors (tlog-cosignature). Pure.

Three things must never be taken for one another, so each has its own first line: a checkpoint starts with the origin, a
statement with `cordon1/<type>`, a cosigned message with `cosignature/v1`. Verification functions return nothing and
raise: a known key that fails spoils the whole note, a note no known key signed is worth nothing, unknown keys are
ignored.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit import shapes
from audit.shapes import b64, unb64
from audit.strictjson import MAX_INT, Json, MalformedError, dumps, loads

__all__ = [
    "NOTE",
    "WITNESS",
    "BadSignatureError",
    "Checkpoint",
    "Note",
    "Signer",
    "Vkey",
    "checkpoint_code",
    "cosign",
    "cosignature_time",
    "parse_statement",
    "short_code",
    "sign_checkpoint",
    "sign_statement",
    "statement_type",
    "verify_checkpoint",
    "verify_cosignature",
    "verify_note",
    "verify_statement",
]

NOTE, WITNESS = 0x01, 0x04
"""Signature types: a note by Ed25519, and a timestamped cosignature of a checkpoint."""
_MAX_TEXT = 128 * 1024
_MAX_SIGNATURES = 16
_LAST_S = 253_402_300_799  # the end of year 9999
_LINE = re.compile(r"— ([^+ \x00-\x20]+) ([A-Za-z0-9+/]+={0,2})\Z")
_CHECKPOINT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n\Z")
_STATEMENT = re.compile(r"cordon1/([a-z-]{1,32})\n(\{[^\n]*\})\n\Z")


class BadSignatureError(ValueError):
    """A signature by a known key is wrong, or no known key signed."""


@dataclass(frozen=True, slots=True)
class Vkey:
    """A public key with its name and purpose: `name+hex(keyid)+base64(type || key)`."""

    name: str
    type: int
    key: bytes

    @classmethod
    def parse(cls, text: str) -> "Vkey":
        """Read the text form; the key id in it must be the right one."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise MalformedError("vkey")
        raw = unb64(parts[2])
        if len(raw) != 33 or raw[0] not in (NOTE, WITNESS):
            raise MalformedError("vkey")
        vkey = cls(parts[0], raw[0], raw[1:])
        if str(vkey) != text:
            raise MalformedError("vkey")
        return vkey

    def __str__(self) -> str:
        return f"{self.name}+{self.id().hex()}+{b64(bytes([self.type]) + self.key)}"

    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.key).digest()[:4]

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise `BadSignatureError` unless this key signed exactly these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadSignatureError(self.name) from None


class Signer:
    """A private Ed25519 key under a name. Its `repr` shows no key."""

    def __init__(self, name: str, seed: bytes, type_: int = NOTE) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.vkey = Vkey(name, type_, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.vkey.name}, 32 bytes)"

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def line(self, signature: bytes) -> str:
        """Format a signature line of a note."""
        return f"— {self.vkey.name} {b64(self.vkey.id() + signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """Text and its signature lines, not yet verified."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """Name, key id, signature bytes."""

    @classmethod
    def parse(cls, data: bytes) -> "Note":
        """Split a note; form only, no signature is checked here."""
        try:
            full = data.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedError("note") from None
        text, found, lines = full.rpartition("\n\n")
        if not found or not lines.endswith("\n") or len(data) > _MAX_TEXT:
            raise MalformedError("note")
        if any(character < " " and character != "\n" for character in full):
            raise MalformedError("control character in a note")
        rows = lines[:-1].split("\n")
        if len(rows) > _MAX_SIGNATURES:
            raise MalformedError("too many signatures")
        return cls(text + "\n", tuple(_signature(row) for row in rows))

    def encode(self) -> bytes:
        lines = "".join(f"— {name} {b64(key_id + signature)}\n" for name, key_id, signature in self.signatures)
        return f"{self.text}\n{lines}".encode()


def _signature(row: str) -> tuple[str, bytes, bytes]:
    match = _LINE.match(row)
    raw = unb64(match[2]) if match else b""
    if match is None or len(raw) < 5:
        raise MalformedError("signature line")
    return match[1], raw[:4], raw[4:]


def verify_note(note: Note, keys: Sequence[Vkey]) -> None:
    """Raise unless at least one of `keys` signed the text and none of them failed."""
    known = {(key.name, key.id()): key for key in keys if key.type == NOTE}
    verified = False
    for name, key_id, signature in note.signatures:
        key = known.get((name, key_id))
        if key is not None:
            key.verify(note.text.encode(), signature)
            verified = True
    if not verified:
        raise BadSignatureError("no known key signed")


# --- statements


def sign_statement(kind: str, body: Json, signer: Signer) -> bytes:
    """Write a statement: two lines, typed, of a checked shape."""
    shapes.check("statements", kind, body)
    text = f"cordon1/{kind}\n{dumps(body).decode('ascii')}\n"
    return f"{text}\n{signer.line(signer.sign(text.encode()))}".encode()


def statement_type(note: Note) -> str | None:
    """Return the type a note claims, or None if it is no statement."""
    match = _STATEMENT.match(note.text)
    return match[1] if match else None


def parse_statement(note: Note, kind: str) -> Json:
    """Return the object of a statement of this type; the signature is `verify_statement`'s business."""
    match = _STATEMENT.match(note.text)
    if match is None or match[1] != kind:
        raise MalformedError("not a statement of this type")
    body = loads(match[2].encode())
    shapes.check("statements", kind, body)
    return body


def verify_statement(note: Note, kind: str, key: Vkey, origin: str) -> None:
    """Raise unless `key` made this statement about this origin."""
    verify_note(note, [key])
    if parse_statement(note, kind)["origin"] != origin:
        raise BadSignatureError("another origin")


# --- checkpoints and anchors


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A size and the root at that size."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the three lines; extension lines are refused."""
        match = _CHECKPOINT.match(text)
        if match is None or int(match[2]) > MAX_INT:
            raise MalformedError("checkpoint")
        return cls(match[1], int(match[2]), unb64(match[3]))

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    text = checkpoint.text()
    return f"{text}\n{signer.line(signer.sign(text.encode()))}".encode()


def verify_checkpoint(note: Note, keys: Sequence[Vkey], origin: str) -> None:
    """Raise unless the note is a checkpoint of this origin by one of these keys."""
    verify_note(note, keys)
    if Checkpoint.parse(note.text).origin != origin:
        raise BadSignatureError("another origin")


def cosign(note: Note, signer: Signer, posix_s: int) -> bytes:
    """Add a witness line: the note itself plus `u64 time || signature` over the cosigned message."""
    if signer.vkey.type != WITNESS:
        raise MalformedError("not a witness key")
    stamp = posix_s.to_bytes(8, "big")
    signature = stamp + signer.sign(_cosigned(posix_s, note.text))
    return note.encode() + signer.line(signature).encode()


def verify_cosignature(note: Note, key: Vkey) -> None:
    """Raise unless the witness `key` cosigned this checkpoint; every line of that key must be right."""
    verified = False
    for name, key_id, signature in note.signatures:
        if (name, key_id) != (key.name, key.id()):
            continue
        if key.type != WITNESS or len(signature) != 72 or int.from_bytes(signature[:8], "big") > _LAST_S:
            raise BadSignatureError("cosignature")
        key.verify(_cosigned(int.from_bytes(signature[:8], "big"), note.text), signature[8:])
        verified = True
    if not verified:
        raise BadSignatureError("not cosigned by this witness")


def cosignature_time(note: Note, key: Vkey) -> int:
    """Return the witness's POSIX time; call `verify_cosignature` first."""
    for name, key_id, signature in note.signatures:
        if (name, key_id) == (key.name, key.id()):
            return int.from_bytes(signature[:8], "big")
    raise BadSignatureError("not cosigned by this witness")


def _cosigned(posix_s: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {posix_s}\n{text}".encode()


def short_code(digest: bytes) -> str:
    """Return ten bytes of a hash as five groups of four hex digits, to be read aloud."""
    text = digest[:10].hex()
    return "-".join(text[start : start + 4] for start in range(0, 20, 4))


def checkpoint_code(checkpoint: Checkpoint) -> str:
    """Return the anchor one can write on paper."""
    return f"{checkpoint.size}-{short_code(checkpoint.root)}"
