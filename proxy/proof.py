"""How the service proves itself to a panel before the panel sends it a token or a word.

    proof = HMAC-SHA-256(proof_key, "cordon hello v1" 00 nonce 00 host 00 origin 00 state)

Law: the key comes from the token (`clients.proof_key_of`), which a program that took the port does not have. A token
that is unknown, or asked about by another user or Origin, gets a proof under a key nobody has, by the same work: a
stranger can neither fetch a proof here for use elsewhere nor learn which tokens exist.
"""

from __future__ import annotations

import binascii
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

from proxy.clients import ClientEntry
from proxy.errors import CordonError
from proxy.exchange import CallerKind

__all__ = ["Hello", "Proof", "Prover", "proof_of", "read_nonce"]

_LABEL = b"cordon hello v1"
_NONCE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Hello:
    """One question: which token, by whom, and what the server read of the request."""

    kid: str
    nonce: bytes
    uid: int
    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer. `state` is `ok`, `revoked` or `expired`; only the holder of the token can tell that it is true."""

    proof: str
    state: str


@dataclass(frozen=True, slots=True)
class Prover:
    """Answers hello."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def answer(self, hello: Hello, entries: tuple[ClientEntry, ...], *, now_s: float) -> Proof:
        """Prove, or look as if."""
        key, state = hmac.digest(self.secret, hello.kid.encode(), "sha256"), "ok"
        for entry in entries:  # all of them, so that the time says nothing
            same = hmac.compare_digest(entry.kid.encode(), hello.kid.encode())
            theirs = entry.uid == hello.uid and entry.origin == hello.origin
            if same and theirs and entry.kind == CallerKind.EXTENSION:
                key = bytes.fromhex(entry.proof_key)
                state = "expired" if entry.state == "ok" and entry.expires <= now_s else entry.state
        return Proof(proof_of(key, hello, state), state)


def proof_of(key: bytes, hello: Hello, state: str) -> str:
    """The proof as it travels: base64url without padding (RFC 4648 section 5)."""
    said = b"\0".join((_LABEL, hello.nonce, hello.host.encode(), hello.origin.encode(), state.encode()))
    return urlsafe_b64encode(hmac.digest(key, said, "sha256")).decode().rstrip("=")


def read_nonce(text: str) -> bytes:
    """Take exactly 32 bytes of base64url without padding. Raises CordonError `bad_request`."""
    try:
        nonce = urlsafe_b64decode(text.encode("ascii") + b"=")
    except (ValueError, binascii.Error):
        raise CordonError("bad_request") from None
    if len(nonce) != _NONCE_BYTES or urlsafe_b64encode(nonce).rstrip(b"=") != text.encode():
        raise CordonError("bad_request")
    return nonce
