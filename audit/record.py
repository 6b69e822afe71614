"""What a record is: kinds, the entry line (which is the Merkle leaf), and the values the corridor hands over.

Laws: no clock, no files, no randomness; numbers, digests, enums and names from our own catalogue only. No text of an
exchange has a place in these types, and a patient identifier (`Begin.subject`) is turned into a pseudonym before it
reaches a record.

    entry = Entry.sealed(Position(seq=1, kind="R", epoch=0, index=0), blob, hour="2026-11-20T03Z")
    leaf_hash(entry.leaf())
"""

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Literal, Self

from audit.strictjson import MAX_INT, Json, MalformedError

__all__ = [
    "CLEAR_KINDS",
    "MAX_LEAF",
    "SEALED_KINDS",
    "SEALED_LINE",
    "Caller",
    "Entry",
    "InText",
    "Instant",
    "ModelRef",
    "OutText",
    "Place",
    "Position",
    "Redaction",
    "Restored",
    "Safety",
    "SafetyUnit",
    "hour_of",
    "minutes_of",
    "parse_time",
    "read_place",
]

SEALED_KINDS = frozenset("RZBE")
"""Their body lies encrypted in a blob; only its length and digest are in the leaf."""
CLEAR_KINDS = frozenset("KSXHCOATPV")
"""Their body follows the entry line inside the leaf. `D` is reserved, every other letter is refused."""
MAX_LEAF = 60_000
"""tlog-tiles counts leaf bytes with a u16; the rest is reserve."""

Verdict = Literal["permit", "flag", "refuse"]
_ENTRY = re.compile(
    rb"cordon1 (0|[1-9][0-9]{0,15}) ([A-Z]) (-|0|[1-9][0-9]{0,15}) (-|0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15})"
    rb" ([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}Z)\n"
)
SEALED_LINE = re.compile(
    rb"cordon1 (0|[1-9][0-9]{0,14}) ([BERZ]) (0|[1-9][0-9]{0,14}) (0|[1-9][0-9]{0,14}) (?:0|[1-9][0-9]{0,14})"
    rb" [0-9a-f]{64} ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}Z)\n\Z"
)
"""The line of a sealed kind with numbers that are small for sure: nearly every line, in one match."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d)\.(\d{3})([+-])(\d\d):(\d\d)\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {kind.encode(): kind for kind in sorted(SEALED_KINDS | CLEAR_KINDS)}
Place = tuple[int, str, int, int]
"""Seq, kind, epoch, index; the last two are 0 for clear kinds."""
_LAST_MS = 253_402_300_799_999  # the end of year 9999


@dataclass(frozen=True, slots=True)
class Instant:
    """One reading of the clocks, taken by the corridor and passed in."""

    utc_ms: int
    offset_min: int
    boot_id: str
    boot_ms: int
    """CLOCK_BOOTTIME: it never goes back while the computer runs, the wall clock may."""

    def time(self) -> str:
        """RFC 3339 with milliseconds and a numeric offset."""
        zone = timezone(timedelta(minutes=self.offset_min))
        moment = (_EPOCH + timedelta(milliseconds=self.utc_ms)).astimezone(zone)
        return moment.isoformat(timespec="milliseconds")

    def hour(self) -> str:
        """The UTC hour, the only time that is visible without a key."""
        return hour_of(self.utc_ms)

    def month(self) -> str:
        """The UTC month as yyyymm: it chooses the retention key."""
        return (_EPOCH + timedelta(milliseconds=self.utc_ms)).strftime("%Y%m")

    def clock(self) -> Json:
        """The three fields every body carries."""
        return {"t": self.time(), "boot": self.boot_id, "boot_ms": self.boot_ms}


def hour_of(utc_ms: int) -> str:
    """Write a UTC hour as entry lines have it."""
    return _hour_text(utc_ms // 3_600_000)


@functools.lru_cache(maxsize=4096)
def _hour_text(hours: int) -> str:
    return (_EPOCH + timedelta(hours=hours)).strftime("%Y-%m-%dT%HZ")


def minutes_of(ms: int) -> int:
    """Round milliseconds to minutes, halves up: whole numbers only, so that every reader gets the same."""
    return (ms + 30_000) // 60_000


@functools.lru_cache(maxsize=1024)
def parse_time(text: str) -> int:
    """Return UTC milliseconds of a time written by `Instant.time`; raise `MalformedError` for any other spelling."""
    match = _TIME.match(text)
    if match is None:
        raise MalformedError("not a time")
    base, millis, sign, hours, minutes = match.groups()
    offset = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or offset > 18 * 60 or (sign == "-" and offset == 0):
        raise MalformedError("not a time offset")
    try:
        moment = datetime.fromisoformat(base).replace(tzinfo=UTC)
    except ValueError:
        raise MalformedError("not a time") from None
    local_ms = (moment - _EPOCH) // timedelta(milliseconds=1) + int(millis)
    utc_ms = local_ms - (offset if sign == "+" else -offset) * 60_000
    if not 0 <= utc_ms <= _LAST_MS:
        raise MalformedError("time out of range")
    return utc_ms


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked: an account, a token or the paired extension; never a name of a person."""

    id: str
    kind: Literal["uid", "token", "extension"]
    role: str | None = None

    def body(self) -> Json:
        return _present({"id": self.id, "kind": self.kind, "role": self.role})


@dataclass(frozen=True, slots=True)
class InText:
    """The redacted prompt as counts and a salted commitment."""

    chars: int
    parts: int
    salt: str
    commit: str
    lang: str | None = None

    def body(self) -> Json:
        fields = {"chars": self.chars, "parts": self.parts, "lang": self.lang, "salt": self.salt, "commit": self.commit}
        return _present(fields)


@dataclass(frozen=True, slots=True)
class OutText:
    """The answer before restoring, as counts and a salted commitment."""

    chars: int
    segments: int
    released: int
    salt: str
    commit: str

    def body(self) -> Json:
        return {
            "chars": self.chars,
            "segments": self.segments,
            "released": self.released,
            "salt": self.salt,
            "commit": self.commit,
        }


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was replaced: counts by type, and the result of the last look."""

    engine: str
    counts: tuple[tuple[str, int], ...]
    leaks: Literal["pass"] = "pass"

    def body(self) -> Json:
        return {"engine": self.engine, "counts": dict(self.counts), "leaks": self.leaks}


@dataclass(frozen=True, slots=True)
class SafetyUnit:
    """One judged piece; scores are round(p x 10 000)."""

    kind: str
    windows: int
    scores: tuple[tuple[str, int], ...]
    acts: tuple[tuple[str, Verdict], ...]
    seg: int | None = None
    lang: str | None = None

    def body(self) -> Json:
        fields = {
            "kind": self.kind,
            "seg": self.seg,
            "windows": self.windows,
            "lang": self.lang,
            "scores": dict(self.scores),
            "acts": dict(self.acts),
        }
        return _present(fields)


@dataclass(frozen=True, slots=True)
class Safety:
    """The guard's verdict and what it rests on."""

    guard: str
    template: str
    calibration: str
    basis: str
    verdict: Verdict
    max: tuple[tuple[str, int], ...]
    ms: int
    units: tuple[SafetyUnit, ...]
    """At most 100, highest first; `more` counts the rest."""
    more: int = 0
    rule: str | None = None

    def body(self) -> Json:
        fields = {
            "guard": self.guard,
            "template": self.template,
            "calibration": self.calibration,
            "basis": self.basis,
            "verdict": self.verdict,
            "rule": self.rule,
            "max": dict(self.max),
            "ms": self.ms,
            "more": self.more,
            "units": [unit.body() for unit in self.units],
        }
        return _present(fields)


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which model answers, by digest."""

    id: str
    sha: str
    template: str
    params: str
    seed: int | None = None

    def body(self) -> Json:
        fields = {"id": self.id, "sha": self.sha, "template": self.template, "params": self.params, "seed": self.seed}
        return _present(fields)


@dataclass(frozen=True, slots=True)
class Restored:
    """How many placeholders were put back, and how many stayed."""

    restored: int
    unresolved: int

    def body(self) -> Json:
        return {"restored": self.restored, "unresolved": self.unresolved}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a sealed record stands; the blob is bound to it."""

    seq: int
    kind: str
    epoch: int
    index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `epoch` and `index` are None for clear kinds, `body` is None for sealed ones."""

    seq: int
    kind: str
    epoch: int | None
    index: int | None
    length: int
    digest: str
    hour: str
    body: bytes | None

    @classmethod
    def sealed(cls, at: Position, blob: bytes, *, hour: str) -> Self:
        """Name a blob: its length and digest go into the leaf, its bytes stay outside."""
        if at.kind not in SEALED_KINDS:
            raise MalformedError("not a sealed kind")
        return cls(at.seq, at.kind, at.epoch, at.index, len(blob), sha256(blob).hexdigest(), hour, None)

    @classmethod
    def clear(cls, seq: int, kind: str, body: bytes, *, hour: str) -> Self:
        """Carry the body inline, readable without a key."""
        if kind not in CLEAR_KINDS:
            raise MalformedError("not a clear kind")
        return cls(seq, kind, None, None, len(body), sha256(body).hexdigest(), hour, body)

    @classmethod
    def parse(cls, leaf: bytes) -> Self:
        """Read a leaf; every deviation from the grammar raises `MalformedError`."""
        (seq, kind, epoch, index), length, digest, hour, body = _split(leaf)
        sealed = body is None
        return cls(
            seq,
            kind,
            epoch if sealed else None,
            index if sealed else None,
            length,
            digest.decode(),
            hour.decode(),
            body,
        )

    def leaf(self) -> bytes:
        """The exact bytes that are hashed, stored and tiled."""
        epoch = "-" if self.epoch is None else str(self.epoch)
        index = "-" if self.index is None else str(self.index)
        line = f"cordon1 {self.seq} {self.kind} {epoch} {index} {self.length} {self.digest} {self.hour}\n"
        return line.encode("ascii") + (self.body or b"")


def read_place(leaf: bytes) -> Place:
    """Return the place of a leaf and nothing else, under the whole grammar: what a reader of millions needs."""
    match = SEALED_LINE.match(leaf)
    if match is None:
        return _split(leaf)[0]
    seq, kind, epoch, index, hour = match.groups()
    _check_hour(hour)
    return int(seq), _KINDS[kind], int(epoch), int(index)


def _split(leaf: bytes) -> tuple[Place, int, bytes, bytes, bytes | None]:
    """Read the line: place, length, digest, hour, inline body; raise `MalformedError` for any other form."""
    match = _ENTRY.match(leaf)
    if match is None or len(leaf) > MAX_LEAF:
        raise MalformedError("entry line")
    seq, letter, epoch, index, length, digest, hour = match.groups()
    kind, place = _KINDS.get(letter), match.end()
    body = None
    if kind is None:
        raise MalformedError("unknown kind")
    if kind in SEALED_KINDS:
        if epoch == b"-" or index == b"-":
            raise MalformedError("epoch and index do not fit the kind")
        if len(leaf) != place:
            raise MalformedError("a sealed kind has no inline body")
    else:
        if epoch != b"-" or index != b"-":
            raise MalformedError("epoch and index do not fit the kind")
        epoch, index, body = b"0", b"0", leaf[place:]
        if len(body) != int(length) or sha256(body).hexdigest().encode() != digest:
            raise MalformedError("inline body does not match its line")
    _check_hour(hour)
    numbers = int(seq), int(epoch), int(index), int(length)
    if max(numbers) > MAX_INT:
        raise MalformedError("number too large")
    return (numbers[0], kind, numbers[1], numbers[2]), numbers[3], digest, hour, body


@functools.lru_cache(maxsize=4096)
def _check_hour(hour: bytes) -> None:
    try:
        datetime.strptime(hour.decode(), "%Y-%m-%dT%HZ").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedError("not an hour") from None


def _present(fields: Json) -> Json:
    """Leave out what is absent: the shapes know optional keys, not nulls."""
    return {key: value for key, value in fields.items() if value is not None}
