"""What was found in messages seen before, so that a conversation costs what is new in it.

Law: offsets and keyed hashes of words and numbers, no text and no plain hash of one. A message is named by an HMAC,
with a key of this process, over caller, catalogue, form and text, so nobody can learn from the time of an answer what
somebody else sent. Bounded in number, size and age; the clock and the key are handed in.
"""

from __future__ import annotations

import hashlib
import hmac
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from filters.local import Local
from filters.parts import Form
from filters.propagate import searchable

__all__ = ["Memory"]

_MOST = 4_096
_BYTES = 32 * 1024 * 1024
_IDLE_S = 30 * 60
_ENTRY_BYTES = 512
_PLACE_BYTES = 640
"""A place, and what is noted of it (`local.Settled`)."""


@dataclass(slots=True)
class _Entry:
    local: Local
    size_bytes: int
    used_s: float


class Memory:
    """Local findings by message, least recently used out first."""

    __slots__ = ("_bytes", "_clock", "_entries", "_key")

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        if len(key) != 32:
            raise ValueError("the key has 32 bytes")
        self._key = key
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Memory({len(self._entries)})"

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def local(self, caller: str, digest: str, form: Form, text: str, find: Callable[[], Local]) -> Local:
        """Return what `find` returns, asking it only for a message this caller has not sent before."""
        now = self._clock()
        self._forget_idle(now)
        name = self._name(caller, digest, form, text)
        entry = self._entries.get(name)
        if entry is None:
            local = find()
            size_bytes = _ENTRY_BYTES + _PLACE_BYTES * len(local.found) + len(local.sketch or b"")
            self._put(name, _Entry(local, size_bytes, now))
            return local
        entry.used_s = now
        self._entries.move_to_end(name)
        return entry.local

    def sketch(self, texts: Iterable[str]) -> bytes | None:
        """Return the hashes of what may be looked for in some texts; None where that is too much to keep."""
        found: set[str] = set()
        for text in texts:
            words = searchable(text)
            if words is None:
                return None
            found |= words
        return array("Q", sorted(map(self.hashed, found))).tobytes()

    def hashed(self, word: str) -> int:
        """Return the keyed 64-bit hash of a word."""
        raw = word.encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(raw, digest_size=8, key=self._key).digest(), "little")

    def _name(self, caller: str, digest: str, form: Form, text: str) -> bytes:
        mac = hmac.new(self._key, digestmod=hashlib.sha256)
        for field in (caller, digest, form.value, text):
            raw = field.encode("utf-8", "surrogatepass")
            mac.update(len(raw).to_bytes(8, "big") + raw)
        return mac.digest()

    def _put(self, name: bytes, entry: _Entry) -> None:
        self._entries[name] = entry
        self._bytes += entry.size_bytes
        while len(self._entries) > _MOST or self._bytes > _BYTES:
            self._drop_oldest()

    def _forget_idle(self, now: float) -> None:
        while self._entries and next(iter(self._entries.values())).used_s <= now - _IDLE_S:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, entry = self._entries.popitem(last=False)
        self._bytes -= entry.size_bytes
