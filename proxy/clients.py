"""The registry of tokens: add, match, revoke, expire; one file, replaced whole.

    access/clients.json   0600 in a 0700 directory; holds SHA-256 of tokens, never a token

Law: a token is shown once, by `add`. `match` compares with every stored hash and never stops early, so the time of a
check says nothing. A registry that cannot be read stops the start; it is never treated as empty.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from proxy.access import METRICS, USE, Client
from proxy.exchange import CallerKind

__all__ = [
    "DAY_S", "PANEL_DAYS", "REMEMBERED_DAYS", "ClientEntry", "Clients", "NewClient", "RegistryError", "proof_key_of",
]  # fmt: skip

DAY_S = 86_400
MAX_DAYS = 365
PANEL_DAYS, REMEMBERED_DAYS = 0.5, 30
"""How long a panel's token lives: until the end of a shift, or as long as the user asked to be remembered."""
_MAX_PER_UID = 64
_KEEP_DEAD_S = 30 * DAY_S
"""Revoked and expired entries stay this long without their hash, so that a panel can be told which of both it is."""
_SCOPES = frozenset({USE, METRICS})
_VERSION = 1


class RegistryError(Exception):
    """The registry cannot be read or a change is not possible; the message is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One entry of the file. `state` is `ok`, `revoked` or `expired`; a dead entry has no hash."""

    kid: str
    sha256: str
    proof_key: str
    uid: int
    kind: str
    origin: str
    scopes: tuple[str, ...]
    label: str
    made: int
    expires: int
    remembered: bool
    state: str = "ok"

    @property
    def client(self) -> Client:
        """The entry as `admit` sees it."""
        return Client(
            self.kid, self.uid, CallerKind(self.kind), self.origin, frozenset(self.scopes), self.label, self.expires
        )


@dataclass(frozen=True, slots=True)
class NewClient:
    """What a new token is for. An extension's token is bound to its Origin."""

    label: str
    uid: int
    days: float
    kind: CallerKind = CallerKind.TOKEN
    scopes: frozenset[str] = frozenset({USE})
    origin: str = ""
    remembered: bool = False


class Clients:
    """The registry in memory and on disk. `on_change` receives the digest of the file after each change."""

    def __init__(self, path: Path, *, on_change: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._on_change = on_change
        self._entries: tuple[ClientEntry, ...] = _load(path)

    @property
    def entries(self) -> tuple[ClientEntry, ...]:
        """All entries, the dead ones too."""
        return self._entries

    @property
    def digest(self) -> str:
        """SHA-256 of the file's content."""
        return hashlib.sha256(_encode(self._entries)).hexdigest()

    def has_uid(self, uid: int) -> bool:
        """Whether this user has a live token."""
        return any(e.uid == uid and e.state == "ok" for e in self._entries)

    def of_kid(self, kid: str) -> ClientEntry | None:
        """The live entry of an id."""
        return next((e for e in self._entries if e.kid == kid and e.state == "ok"), None)

    def knows_origin(self, uid: int, origin: str, *, pairing: bool) -> bool:
        """Whether a token of this user, also one that ended, is bound to this Origin; nobody is pairing here."""
        del pairing
        return any(e.uid == uid and e.origin == origin and e.kind == CallerKind.EXTENSION for e in self._entries)

    def match(self, presented: str) -> Client | None:
        """Find the live entry of a token; every stored hash is compared."""
        digest = hashlib.sha256(presented.encode("utf-8", "surrogateescape")).hexdigest()
        found: ClientEntry | None = None
        for entry in self._entries:
            if hmac.compare_digest(entry.sha256, digest):
                found = entry
        return found.client if found is not None else None

    def add(self, new: NewClient, *, now_s: float) -> str:
        """Make a token, store its hash, return the token. Raises RegistryError."""
        if not new.scopes or not new.scopes <= _SCOPES:
            raise RegistryError("unknown scope; `use` and `metrics` exist")
        if not 0 < new.days <= MAX_DAYS:
            raise RegistryError(f"a token lives for more than 0 and at most {MAX_DAYS} days")
        if not new.label or len(new.label) > 60 or not new.label.isprintable():
            raise RegistryError("a name has 1 to 60 printable characters")
        live = [e for e in self._entries if e.uid == new.uid and e.state == "ok"]
        if len(live) >= _MAX_PER_UID:
            raise RegistryError(f"a user has at most {_MAX_PER_UID} tokens; revoke one first")
        token = "cordon_" + urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self._store((*self._entries, _entry(token, new, int(now_s))))
        return token

    def revoke(self, kid: str, *, uid: int | None) -> int:
        """End the token `kid`, or every token for `all`, of `uid` (None: of anybody). Returns how many ended."""
        ended = {
            e.kid for e in self._entries if e.state == "ok" and kid in (e.kid, "all") and uid in (e.uid, None)
        }  # fmt: skip
        if ended:
            self._store(tuple(_dead(e, "revoked") if e.kid in ended else e for e in self._entries))
        return len(ended)

    def expire(self, *, now_s: float) -> int:
        """Strip what has expired and drop what has been dead for long. Returns how many entries changed."""
        kept = tuple(e for e in self._entries if e.expires + _KEEP_DEAD_S > now_s)
        aged = tuple(_dead(e, "expired") if e.state == "ok" and e.expires <= now_s else e for e in kept)
        changed = len(self._entries) - len(kept) + sum(a is not e for a, e in zip(aged, kept, strict=True))
        if changed:
            self._store(aged)
        return changed

    def _store(self, entries: tuple[ClientEntry, ...]) -> None:
        """Replace the file, then the memory: a change that is not on disk did not happen."""
        _write(self._path, _encode(entries))
        self._entries = entries
        if self._on_change is not None:
            self._on_change(self.digest)


def proof_key_of(token: str) -> bytes:
    """The key by which the service proves itself to the holder: HKDF-SHA-256 (RFC 5869) of the token."""
    extracted = hmac.digest(bytes(32), token.encode("ascii"), "sha256")
    return hmac.digest(extracted, b"cordon server proof v1\x01", "sha256")  # one block is the whole output


def _entry(token: str, new: NewClient, now_s: int) -> ClientEntry:
    digest = hashlib.sha256(token.encode("ascii")).hexdigest()
    return ClientEntry(
        kid=digest[:16], sha256=digest, proof_key=proof_key_of(token).hex(), uid=new.uid, kind=new.kind.value,
        origin=new.origin, scopes=tuple(sorted(new.scopes)), label=new.label, made=now_s,
        expires=now_s + int(new.days * DAY_S), remembered=new.remembered,
    )  # fmt: skip


def _dead(entry: ClientEntry, state: str) -> ClientEntry:
    return replace(entry, sha256="", label="", scopes=(), state=state)


def _encode(entries: tuple[ClientEntry, ...]) -> bytes:
    body = {"version": _VERSION, "clients": [asdict(e) for e in entries]}
    return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode()


def _load(path: Path) -> tuple[ClientEntry, ...]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RegistryError(f"the token registry cannot be read ({error.strerror}); check its owner and mode") from None
    try:
        body = json.loads(raw)
        if set(body) != {"version", "clients"} or body["version"] != _VERSION:
            raise ValueError
        return tuple(_checked(item) for item in body["clients"])
    except (ValueError, TypeError, KeyError):
        sentence = "the token registry is damaged; remove the file and make new tokens with `cordon token create`"
        raise RegistryError(sentence) from None


def _checked(item: dict[str, object]) -> ClientEntry:
    entry = ClientEntry(**{**item, "scopes": tuple(item["scopes"])})  # type: ignore[arg-type] # checked right below
    kinds = {"int": int, "str": str, "bool": bool, "tuple[str, ...]": tuple}
    if any(type(getattr(entry, f.name)) is not kinds[str(f.type)] for f in fields(entry)):
        raise TypeError
    CallerKind(entry.kind)
    return entry


def _write(path: Path, content: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the directory: after a crash the old or the new file is there, whole."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise RegistryError(f"the token registry cannot be written ({error.strerror})") from None
