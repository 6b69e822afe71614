"""Sealing: the ratchet, record blobs, age files to X-Wing keys, the passphrase layer, commitments.

Laws: random bytes come in as arguments (HPKE and Cobblestone draw inside the library, the one exception); a blob opens
only under its own place in its own log; key material has a `repr` that shows a length.

A record key is used once and the chain that made it is overwritten, so whoever takes the process cannot open what was
written before in this epoch. Python keeps copies we cannot reach: nothing more is claimed.
"""

import base64
import hmac
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256, shake_256

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from audit import bech32
from audit.record import Entry, Position
from audit.strictjson import MalformedError

__all__ = [
    "Identity",
    "NotOpenedError",
    "Random",
    "Ratchet",
    "age_decrypt",
    "age_decrypt_passphrase",
    "age_encrypt",
    "age_encrypt_passphrase",
    "age_stanzas",
    "blob_context",
    "blob_length",
    "commitment",
    "open_record",
    "pad",
    "record_key",
    "seal_record",
    "subject_ref",
    "unpad",
]

Random = Callable[[int], bytes]
MAX_PLAIN = 65_536
_BLOCK = 256
_CHUNK = 16_384
_AGE_CHUNK = 65_536
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_INFO = b"age-encryption.org/mlkem768x25519"
_ENC, _CT = 1120, 32
_VERSION = b"age-encryption.org/v1\n"
_WORK_FACTOR = 18
_MAX_WORK_FACTOR = 20
_STANZA = re.compile(rb"-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63}\n)")


class NotOpenedError(ValueError):
    """A key, a context or a byte is wrong."""


# --- commitments and pseudonyms


def commitment(salt: bytes, parts: Sequence[str]) -> str:
    """Commit to redacted text: a bare hash of clinical text could be guessed."""
    mac = hmac.new(salt, digestmod=sha256)
    for part in parts:
        data = part.encode("utf-8")
        mac.update(len(data).to_bytes(4, "big") + data)
    return "hmac-sha256:" + mac.hexdigest()


def subject_ref(subject_key: bytes, identifier: str) -> str:
    """Return the pseudonym of a patient identifier: the same person finds the same value, nobody reads it back."""
    return "hmac-sha256:" + hmac.digest(subject_key, b"cordon1/subject\x00" + identifier.encode(), "sha256").hex()


# --- records


class Ratchet:
    """The sealing chain of one epoch: each record key once, forward only."""

    def __init__(self, k_s: bytes, origin: str, epoch: int) -> None:
        info = b"cordon1/seg" + epoch.to_bytes(8, "big")
        derived = HKDF(algorithm=SHA256(), length=32, salt=origin.encode("ascii"), info=info).derive(k_s)
        self._chain = bytearray(derived)
        self.index = 0

    def __repr__(self) -> str:
        return f"Ratchet(index={self.index}, {len(self._chain)} bytes)"

    def advance(self) -> bytes:
        """Return the key of record `index`, then step: the old chain value is overwritten."""
        key = hmac.digest(self._chain, b"cordon1/rec", "sha256")
        self._chain[:] = hmac.digest(self._chain, b"cordon1/next", "sha256")
        self.index += 1
        return key

    def forget(self) -> None:
        """Overwrite the chain at the end of the epoch."""
        self._chain[:] = bytes(len(self._chain))


def record_key(ratchet: Ratchet, index: int) -> bytes:
    """Advance a reader's ratchet to `index`; records are opened in order."""
    while ratchet.index < index:
        ratchet.advance()
    if ratchet.index != index:
        raise NotOpenedError("the chain only moves forward")
    return ratchet.advance()


def pad(data: bytes) -> bytes:
    """Fill with spaces to the next multiple of 256, so that a size tells little."""
    padded = data.ljust(-(-len(data) // _BLOCK) * _BLOCK)
    if len(padded) > MAX_PLAIN:
        raise MalformedError("record too large")
    return padded


def unpad(data: bytes) -> bytes:
    """Undo `pad`; anything but the exact padding is refused."""
    stripped = data.rstrip(b" ")
    if not stripped or pad(stripped) != data:
        raise MalformedError("padding")
    return stripped


def blob_length(plain: int) -> int:
    """Bytes of a blob holding `plain` bytes: salt, commitment, and one tag per chunk."""
    return 56 + plain + 16 * (plain // _CHUNK + 1)


def blob_context(at: Position, length: int) -> bytes:
    """Bind a blob to the first six fields of its entry."""
    return b"cordon1/blob\x00" + f"cordon1 {at.seq} {at.kind} {at.epoch} {at.index} {length}".encode("ascii")


def seal_record(key: bytes, at: Position, plaintext: bytes) -> bytes:
    """Encrypt padded plaintext; Cobblestone commits to the key, so one blob cannot open to two plaintexts."""
    sealer = Cobblestone256Encryptor(key, blob_context(at, blob_length(len(plaintext))))
    return sealer.update(plaintext) + sealer.finalize()


def open_record(key: bytes, entry: Entry, blob: bytes) -> bytes:
    """Open a blob as the record its entry says it is; return the padded plaintext."""
    if entry.epoch is None or entry.index is None:
        raise NotOpenedError("not a sealed kind")
    context = blob_context(Position(entry.seq, entry.kind, entry.epoch, entry.index), len(blob))
    opener = Cobblestone256Decryptor(key, context)
    try:
        return opener.update(blob) + opener.finalize()
    except (InvalidTag, ValueError):
        raise NotOpenedError("the record does not open in this place") from None


# --- X-Wing keys and age files


@dataclass(frozen=True, slots=True)
class Identity:
    """A private X-Wing key, from 32 bytes; `AGE-SECRET-KEY-PQ-1...` in text."""

    seed: bytes

    def __repr__(self) -> str:
        return f"Identity({len(self.seed)} bytes)"

    @classmethod
    def parse(cls, text: str) -> "Identity":
        """Read the text form."""
        seed = bech32.decode("age-secret-key-pq-", text)
        if len(seed) != 32 or text != text.upper():
            raise MalformedError("identity")
        return cls(seed)

    def secret(self) -> str:
        """Write the text form; it is the key itself."""
        return bech32.encode("age-secret-key-pq-", self.seed).upper()

    def recipient(self) -> str:
        """Return the public part, `age1pq...`: ML-KEM-768 key, then X25519 key."""
        kem, curve = self._parts()
        public = kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return bech32.encode("age1pq", public)

    def open(self, sealed: bytes) -> bytes:
        """Open one HPKE ciphertext."""
        try:
            return _SUITE.decrypt(sealed, MLKEM768X25519PrivateKey(*self._parts()), info=_INFO)
        except (InvalidTag, ValueError):
            raise NotOpenedError("another recipient's file") from None

    def _parts(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        expanded = shake_256(self.seed).digest(96)
        return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def age_encrypt(recipients: Sequence[str], payload: bytes, random: Random) -> bytes:
    """Write an age v1 file to X-Wing recipients only; an empty list fails, nothing is encrypted to nobody."""
    if not recipients:
        raise MalformedError("no recipients")
    file_key = random(16)
    stanzas = []
    for recipient in recipients:
        sealed = _SUITE.encrypt(file_key, _public(recipient), info=_INFO)
        stanzas.append(_stanza([b"mlkem768x25519", _b64(sealed[:_ENC])], sealed[_ENC:]))
    return _finish(b"".join(stanzas), file_key, payload, random)


def age_decrypt(identities: Sequence[Identity], data: bytes) -> bytes:
    """Open an age file with the first identity that fits."""
    stanzas, rest = _parse(data)
    for args, body in stanzas:
        if len(args) != 2 or args[0] != b"mlkem768x25519":
            raise MalformedError("age: recipient type")
        enc = _unb64(args[1])
        if len(enc) != _ENC or len(body) != _CT:
            raise MalformedError("age: stanza length")
    for args, body in stanzas:
        for identity in identities:
            try:
                file_key = identity.open(_unb64(args[1]) + body)
            except NotOpenedError:
                continue
            return _open_payload(file_key, data, rest)
    raise NotOpenedError("no identity fits")


def age_stanzas(data: bytes) -> tuple[str, ...]:
    """List the recipient types in the header: how many there are shows, who they are does not."""
    return tuple(args[0].decode("ascii") for args, _ in _parse(data)[0])


def age_encrypt_passphrase(passphrase: str, payload: bytes, random: Random) -> bytes:
    """Write an age v1 file under a passphrase; age allows no other stanza beside it."""
    file_key, salt = random(16), random(16)
    wrapped = ChaCha20Poly1305(_stretch(passphrase, salt, _WORK_FACTOR)).encrypt(bytes(12), file_key, None)
    stanza = _stanza([b"scrypt", _b64(salt), str(_WORK_FACTOR).encode()], wrapped)
    return _finish(stanza, file_key, payload, random)


def age_decrypt_passphrase(passphrase: str, data: bytes) -> bytes:
    """Open a passphrase file; a work factor beyond our own is refused before it can stall us."""
    stanzas, rest = _parse(data)
    if len(stanzas) != 1 or len(stanzas[0][0]) != 3 or stanzas[0][0][0] != b"scrypt":
        raise MalformedError("age: not a passphrase file")
    (_, salt, factor), body = stanzas[0]
    if not re.fullmatch(rb"[1-9][0-9]?", factor) or int(factor) > _MAX_WORK_FACTOR or len(body) != 32:
        raise MalformedError("age: work factor")
    if len(_unb64(salt)) != 16:
        raise MalformedError("age: salt")
    try:
        cipher = ChaCha20Poly1305(_stretch(passphrase, _unb64(salt), int(factor)))
        file_key = cipher.decrypt(bytes(12), body, None)
    except InvalidTag:
        raise NotOpenedError("wrong passphrase") from None
    return _open_payload(file_key, data, rest)


def _stretch(passphrase: str, salt: bytes, factor: int) -> bytes:
    normal = unicodedata.normalize("NFC", passphrase).encode()
    return Scrypt(salt=b"age-encryption.org/v1/scrypt" + salt, length=32, n=2**factor, r=8, p=1).derive(normal)


def _public(recipient: str) -> MLKEM768X25519PublicKey:
    raw = bech32.decode("age1pq", recipient)
    if len(raw) != 1216 or recipient != recipient.lower():
        raise MalformedError("recipient")
    try:
        kem, curve = MLKEM768PublicKey.from_public_bytes(raw[:1184]), X25519PublicKey.from_public_bytes(raw[1184:])
    except ValueError:
        raise MalformedError("recipient") from None
    return MLKEM768X25519PublicKey(kem, curve)


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _unb64(text: bytes) -> bytes:
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise MalformedError("age: base64") from None
    if _b64(data) != text:
        raise MalformedError("age: base64")
    return data


def _stanza(args: list[bytes], body: bytes) -> bytes:
    text = _b64(body)
    lines = [text[start : start + 64] for start in range(0, len(text) + 1, 64)]
    return b"-> " + b" ".join(args) + b"\n" + b"\n".join(lines) + b"\n"


def _finish(stanzas: bytes, file_key: bytes, payload: bytes, random: Random) -> bytes:
    header = _VERSION + stanzas + b"---"
    nonce = random(16)
    cipher = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload"))
    pieces = []
    for number, start in enumerate(range(0, max(len(payload), 1), _AGE_CHUNK)):
        last = start + _AGE_CHUNK >= len(payload)
        pieces.append(cipher.encrypt(_nonce(number, last=last), payload[start : start + _AGE_CHUNK], None))
    return header + b" " + _b64(_mac(file_key, header)) + b"\n" + nonce + b"".join(pieces)


def _parse(data: bytes) -> tuple[list[tuple[list[bytes], bytes]], int]:
    """Return the stanzas and the offset of the `---` line."""
    if not data.startswith(_VERSION):
        raise MalformedError("age: version")
    place, stanzas = len(_VERSION), []
    while match := _STANZA.match(data, place):
        stanzas.append((match[1].split(b" "), _unb64(match[2].replace(b"\n", b""))))
        place = match.end()
    if not stanzas or len(stanzas) > 16 or not re.compile(rb"--- [A-Za-z0-9+/]{43}\n").match(data, place):
        raise MalformedError("age: header")
    return stanzas, place


def _open_payload(file_key: bytes, data: bytes, place: int) -> bytes:
    mac, body = data[place + 4 : place + 47], data[place + 48 :]
    if len(file_key) != 16 or not hmac.compare_digest(_unb64(mac), _mac(file_key, data[: place + 3])):
        raise NotOpenedError("age: header")
    cipher, sealed = ChaCha20Poly1305(_hkdf(file_key, body[:16], b"payload")), body[16:]
    size = _AGE_CHUNK + 16
    plain = []
    for number, start in enumerate(range(0, max(len(sealed), 1), size)):
        last = start + size >= len(sealed)
        try:
            plain.append(cipher.decrypt(_nonce(number, last=last), sealed[start : start + size], None))
        except InvalidTag:
            raise NotOpenedError("age: payload") from None
    if len(plain) > 1 and not plain[-1]:
        raise NotOpenedError("age: empty last chunk")
    return b"".join(plain)


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def _mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_hkdf(file_key, b"", b"header"), header, "sha256")


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
