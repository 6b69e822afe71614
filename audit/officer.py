"""The officer's side: her keys, the enrolment of a computer, orders, anchors. Pure; runs anywhere.

Two layers keep her keys: identities under passphrases, and one keyring sealed to at least two identities, because a
lost stick must not lose the log. The signing key gives orders, the witness key only fixes history; they are different
keys so that a stolen anchor key cannot erase.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from audit import shapes
from audit.checkpoint import (
    WITNESS,
    Checkpoint,
    Note,
    Signer,
    Vkey,
    cosign,
    parse_statement,
    short_code,
    sign_statement,
    verify_statement,
)
from audit.seal import Identity, Random, age_decrypt, age_encrypt
from audit.shapes import b64, unb64
from audit.strictjson import Json, MalformedError, dumps, loads

__all__ = [
    "Keyring",
    "Terms",
    "Trust",
    "anchor",
    "approve",
    "enrol",
    "erase",
    "months_from",
    "new_keyring",
    "new_passphrase",
    "open_keyring",
    "purge",
    "request_code",
    "retire_month",
    "review",
    "seal_keyring",
    "with_months",
]

Custody = Literal["separate", "same-machine"]
_LEAST_RECIPIENTS = 2


@dataclass(frozen=True, slots=True)
class Trust:
    """The public half of a keyring: all a reader needs to know whom to believe."""

    site: str
    officer: Vkey
    witness: Vkey

    def encode(self) -> bytes:
        body = {"v": 1, "site": self.site, "officer": str(self.officer), "witness": str(self.witness)}
        return dumps(body) + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> "Trust":
        body = loads(data.rstrip(b"\n"))
        shapes.check("files", "trust", body)
        return cls(body["site"], Vkey.parse(body["officer"]), Vkey.parse(body["witness"]))


@dataclass(frozen=True, slots=True)
class Keyring:
    """Everything an officer holds. Its `repr` shows no key."""

    site: str
    sign_seed: bytes = field(repr=False)
    witness_seed: bytes = field(repr=False)
    recipients: tuple[str, ...] = field(repr=False)
    months: tuple[tuple[str, str], ...] = field(repr=False)
    """yyyymm and the month's private key."""

    def signer(self) -> Signer:
        return Signer(f"{self.site}/officer", self.sign_seed)

    def witness(self) -> Signer:
        return Signer(f"{self.site}/officer-witness", self.witness_seed, WITNESS)

    def trust(self) -> Trust:
        return Trust(self.site, self.signer().vkey, self.witness().vkey)

    def identities(self, month: str) -> list[Identity]:
        return [Identity.parse(secret) for name, secret in self.months if name == month]

    def body(self) -> Json:
        return {
            "v": 1,
            "site": self.site,
            "sign": {"name": f"{self.site}/officer", "seed": b64(self.sign_seed)},
            "witness": {"name": f"{self.site}/officer-witness", "seed": b64(self.witness_seed)},
            "recipients": list(self.recipients),
            "months": [list(month) for month in self.months],
        }


@dataclass(frozen=True, slots=True)
class Terms:
    """What the officer grants with an enrolment."""

    months: tuple[str, ...]
    policy: tuple[str, ...]
    software: tuple[str, ...]
    custody: Custody = "separate"
    retention_months: int = 72


def new_passphrase(random: Random) -> str:
    """Return 20 base32 characters in groups of five: 100 bits, readable aloud."""
    text = base64.b32encode(random(13)).decode("ascii").lower()[:20]
    return "-".join(text[start : start + 5] for start in range(0, 20, 5))


def new_keyring(site: str, recipients: Sequence[str], random: Random) -> Keyring:
    """Make an officer's keys; months are added at enrolment."""
    return Keyring(site, random(32), random(32), tuple(recipients), ())


def months_from(month: str, count: int) -> tuple[str, ...]:
    """Return `count` months from yyyymm on."""
    first = int(month[:4]) * 12 + int(month[4:]) - 1
    return tuple(f"{number // 12:04d}{number % 12 + 1:02d}" for number in range(first, first + count))


def with_months(keyring: Keyring, months: Sequence[str], random: Random) -> Keyring:
    """Add a key for each month that has none."""
    have = {name for name, _ in keyring.months}
    fresh = [(month, Identity(random(32)).secret()) for month in months if month not in have]
    return replace(keyring, months=(*keyring.months, *fresh))


def retire_month(keyring: Keyring, month: str) -> Keyring:
    """Return the keyring without this month's keys; older copies of the file still hold them."""
    return replace(keyring, months=tuple(item for item in keyring.months if item[0] != month))


def seal_keyring(keyring: Keyring, random: Random, custody: Custody = "separate") -> bytes:
    """Write `keyring.age`. Fewer than two recipients are refused; a demonstration alone may have one."""
    least = 1 if custody == "same-machine" else _LEAST_RECIPIENTS
    if len(keyring.recipients) < least:
        raise MalformedError("a keyring needs a second recipient: a lost key would lose the log")
    body = keyring.body()
    shapes.check("files", "keyring", body)
    return age_encrypt(keyring.recipients, dumps(body), random)


def open_keyring(data: bytes, identities: Sequence[Identity]) -> Keyring:
    """Read `keyring.age`."""
    body = loads(age_decrypt(identities, data))
    shapes.check("files", "keyring", body)
    months = tuple((month, secret) for month, secret in body["months"])
    seeds = unb64(body["sign"]["seed"]), unb64(body["witness"]["seed"])
    return Keyring(body["site"], *seeds, tuple(body["recipients"]), months)


# --- notes


def request_code(request: bytes) -> str:
    """Return what officer and administrator compare by voice before an enrolment."""
    body = parse_statement(Note.parse(request), "enrol-request")
    return short_code(Vkey.parse(body["epoch0"]).key)


def enrol(request: bytes, keyring: Keyring, terms: Terms, t: str) -> bytes:
    """Answer a computer's request; every month must have a key in the keyring."""
    note = Note.parse(request)
    asked = parse_statement(note, "enrol-request")
    verify_statement(note, "enrol-request", Vkey.parse(asked["epoch0"]), asked["origin"])
    trust = keyring.trust()
    months = []
    for month in terms.months:
        keys = [identity.recipient() for identity in keyring.identities(month)]
        if not keys:
            raise MalformedError("a month without a key")
        months.append([month, keys])
    fields = {
        "site": keyring.site,
        "epoch0": asked["epoch0"],
        "officer": str(trust.officer),
        "witness": str(trust.witness),
        "months": months,
        "custody": terms.custody,
        "policy": list(terms.policy),
        "software": list(terms.software),
        "retention_months": terms.retention_months,
    }
    if terms.retention_months < 6:
        raise MalformedError("logs of such systems are kept for at least six months")
    return _state("enrolment", fields, (keyring, asked["origin"], t))


Seal = tuple[Keyring, str, str]
"""Who signs, about which origin, when."""


def erase(seal: Seal, seqs: Sequence[int], why: str, ref: str) -> bytes:
    """Order the deletion of single records; a request together with its outcome."""
    return _state("tombstone", {"seqs": sorted(set(seqs)), "why": why, "ref": ref}, seal)


def purge(seal: Seal, month: str, key: Literal["destroyed", "kept"], ref: str) -> bytes:
    """Order the end of a month: its contents are deleted."""
    return _state("purge", {"month": month, "key": key, "blobs": "delete", "ref": ref}, seal)


def approve(seal: Seal, what: str, new: str, ref: str) -> bytes:
    """Approve a change by the digest of what is new."""
    return _state("approval", {"what": what, "new": new, "ref": ref}, seal)


def review(seal: Seal, span: tuple[int, int], result: Literal["no-finding", "finding"], ref: str) -> bytes:
    """Say that records were looked at."""
    return _state("review", {"from": span[0], "to": span[1], "result": result, "ref": ref}, seal)


def anchor(checkpoint: bytes, keyring: Keyring, posix_s: int) -> bytes:
    """Cosign a checkpoint. Only after it was verified, and only when the result was stored first."""
    note = Note.parse(checkpoint)
    Checkpoint.parse(note.text)
    return cosign(note, keyring.witness(), posix_s)


def _state(kind: str, fields: dict[str, Any], seal: Seal) -> bytes:
    keyring, origin, t = seal
    return sign_statement(kind, {"v": 1, "origin": origin, "t": t, **fields}, keyring.signer())
