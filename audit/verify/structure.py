"""Stages 2 and 3: whose log is it, is the tree whole, did each key sign only in its time, is there one history?

Nothing here needs a key that opens records. Everything later rests on it, so a failure here ends the examination.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from audit.chain import BrokenChainError, KeyChain, RangeError
from audit.checkpoint import (
    BadSignatureError,
    Checkpoint,
    Note,
    Vkey,
    checkpoint_code,
    cosignature_time,
    parse_statement,
    verify_cosignature,
    verify_statement,
)
from audit.export.bundle import MANIFEST, MANIFEST_NOTE
from audit.officer import Trust
from audit.record import CLEAR_KINDS, SEALED_KINDS, Entry
from audit.shapes import b64
from audit.strictjson import Json, MalformedError
from audit.tree import TileName, root_from_tiles
from audit.verify.findings import Board, Finding
from audit.verify.leaves import Leaves, Progress, bundle_leaves, read_heartbeat, read_leaves
from audit.verify.package import Package

__all__ = ["Anchors", "Fixed", "Structure", "check_identity", "check_structure"]

CHECKPOINT = "log/checkpoint"
_MAX_TAIL = 512
_ENROLMENT = re.compile(r"notes/enrolment-(0|[1-9][0-9]*)\.note\Z")
_PAPER = re.compile(r"(0|[1-9][0-9]{0,15})-([0-9a-f]{4}(?:-[0-9a-f]{4}){4})\Z")


def _quiet(_: str, __: int, ___: int) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the officer kept elsewhere: cosigned checkpoints, and codes written on paper."""

    book: tuple[bytes, ...] = ()
    paper: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fixed:
    """A point of history somebody outside the computer knows. `posix_s` is None for a code on paper."""

    size: int
    posix_s: int | None


@dataclass(slots=True)
class Structure:
    """A log whose outer structure was read."""

    package: Package
    manifest: Json | None
    trust: Trust
    enrolments: list[Json]
    origin: str
    chain: KeyChain
    checkpoint: Checkpoint
    leaves: Leaves = field(default_factory=Leaves)
    fixed: list[Fixed] = field(default_factory=list)
    listed: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """Length and digest of each content as the manifest says, which stage 1 has held the files to."""

    @property
    def first(self) -> int:
        return int(self.manifest["from"]) if self.manifest else 0

    @property
    def last(self) -> int:
        return int(self.manifest["to"]) if self.manifest else self.checkpoint.size - 1

    def content(self, name: str) -> bytes | None:
        """Return a file of the package, or None."""
        try:
            return self.package.read(name) if name in self.package.names else None
        except (MalformedError, OSError):
            return None

    def clear(self) -> Iterator[tuple[Entry, Json]]:
        """Yield every clear record but hand-overs, in order; heartbeats are read again where they lie."""
        kept = self.leaves.clear
        for entry in self.entries(0, self.checkpoint.size - 1, CLEAR_KINDS - {"K"}):
            if entry.seq in kept:
                yield kept[entry.seq]
            elif entry.kind == "H" and (body := _heartbeat(entry)) is not None:
                yield entry, body

    def entries(self, first: int, last: int, kinds: Iterable[str] = SEALED_KINDS) -> Iterator[Entry]:
        """Read the entries of some kinds again; the pass over the leaves has judged their form."""
        wanted = frozenset(ord(kind) for kind in kinds)
        for number in range(first // 256, last // 256 + 1):
            row = self.leaves.kinds[number * 256 : number * 256 + 256]
            places = [place for place, kind in enumerate(row) if kind in wanted]
            leaves = bundle_leaves(self.content, TileName(-1, number, len(row))) if places else []
            for place in places:
                if first <= number * 256 + place <= last:
                    yield Entry.parse(leaves[place])

    def month_of(self, seq: int) -> str:
        """Return the month whose key seals this record."""
        return self.chain.epochs[bisect_right(self.chain.epochs, seq, key=lambda epoch: epoch.start) - 1].month

    def root_at(self, size: int) -> bytes:
        """Return the root the tree had at `size`, from tiles that the pass over the leaves has verified."""
        return root_from_tiles(size, self._hashes)

    def _hashes(self, name: TileName) -> bytes:
        """Return the first hashes of the tile that the package has in this place, wider or not."""
        stored = min(256, self.checkpoint.size // 256**name.level - name.number * 256)
        data = self.content("log/" + TileName(name.level, name.number, stored).path()) or b""
        return data[: name.width * 32]


def _heartbeat(entry: Entry) -> Json | None:
    try:
        return read_heartbeat(entry.body or b"")
    except MalformedError:
        return None  # V17 has said so


def check_identity(package: Package, manifest: Json | None, trust: Trust, board: Board) -> Structure | None:
    """Run V02: every enrolment by the officer the user named, one origin everywhere."""
    board.run(2)
    try:
        note = Note.parse(package.read(CHECKPOINT))
        point = Checkpoint.parse(note.text)
        names = {int(match[1]): name for name in package.names if (match := _ENROLMENT.match(name))}
        bodies = []
        for number in sorted(names):
            enrolment = Note.parse(package.read(names[number]))
            verify_statement(enrolment, "enrolment", trust.officer, point.origin)
            bodies.append(parse_statement(enrolment, "enrolment"))
        if sorted(names) != list(range(len(names))) or not names:
            raise MalformedError("no enrolment, or one is missing")
        _same_officer(bodies, trust)
        if manifest is not None and manifest["origin"] != point.origin:
            raise BadSignatureError("another origin")
        chain = KeyChain(point.origin, Vkey.parse(bodies[0]["epoch0"]))
    except (MalformedError, BadSignatureError, KeyError, OSError):
        board.add("V02", "fail", Finding())
        return None
    rows = manifest["files"] if manifest is not None else ()
    listed = {name: (size, digest) for name, size, digest in rows if name.startswith("blob/")}
    return Structure(package, manifest, trust, bodies, point.origin, chain, point, listed=listed)


def _same_officer(bodies: list[Json], trust: Trust) -> None:
    for body in bodies:
        named = (body["officer"], body["witness"], body["epoch0"])
        if named != (str(trust.officer), str(trust.witness), bodies[0]["epoch0"]):
            raise BadSignatureError("another officer, or another first key")


def check_structure(log: Structure, anchors: Anchors, board: Board, progress: Progress = _quiet) -> None:
    """Run V03 to V09."""
    board.run(3)
    _read_entries(log, board, progress)
    if board.broken():
        return
    _check_chain(log, board)
    if not log.chain.epochs:
        board.add("V03", "fail", Finding())
        return
    _check_seal(log, board)
    points = _checkpoints(log, board)
    _check_closing(log, points, board)
    _check_anchors(log, anchors, board)


def _read_entries(log: Structure, board: Board, progress: Progress) -> None:
    bundles = sum(name.startswith("log/tile/entries/") for name in log.package.names)
    if log.checkpoint.size > bundles * 256:  # a size nobody has verified yet must not decide how long we work
        board.add("V05", "fail", Finding(a=bundles * 256, b=log.checkpoint.size - 1))
        return
    log.leaves = read_leaves(log.checkpoint.size, log.content, board, progress)
    if len(log.leaves.kinds) == log.checkpoint.size and log.leaves.root != log.checkpoint.root:
        board.add("V04", "fail", Finding(name="root"))


def _check_chain(log: Structure, board: Board) -> None:
    for entry in log.leaves.handovers:
        try:
            epoch = log.chain.feed(entry, log.root_at(entry.seq))
        except BrokenChainError:
            board.add("V06", "fail", Finding(seq=entry.seq))
            return
        segment = log.content(f"seg/{epoch.number:06d}.age")
        if segment is not None and sha256(segment).hexdigest() != epoch.seg:
            board.add("V06", "fail", Finding(seq=entry.seq, name="segment"))


def _check_seal(log: Structure, board: Board) -> None:
    """V03: newest checkpoint and manifest by known keys, about the same tree."""
    try:
        log.chain.signer_of(Note.parse(log.content(CHECKPOINT) or b""))
        if log.manifest is not None:
            note = Note.parse(log.content(MANIFEST_NOTE) or b"")
            verify_statement(note, "manifest", log.chain.epochs[-1].key, log.origin)
            named = parse_statement(note, "manifest")
            data = log.content(MANIFEST) or b""
            if (named["sha"], named["size"]) != (sha256(data).hexdigest(), len(data)):
                raise BadSignatureError("another manifest")
            if (log.manifest["size"], log.manifest["root"]) != (log.checkpoint.size, b64(log.checkpoint.root)):
                raise BadSignatureError("another size")
    except (MalformedError, BadSignatureError):
        board.add("V03", "fail", Finding())


def _kept(log: Structure) -> Iterable[tuple[str, bytes]]:
    for name in sorted(log.package.names):
        if name == CHECKPOINT or name.startswith("log/checkpoints/"):
            yield name, log.content(name) or b""
    for seq, note in _anchor_records(log):
        yield f"record {seq}", note


def _checkpoints(log: Structure, board: Board) -> Mapping[int, int]:
    """Run the range rule (V07) and V09 over all checkpoints; return the largest size each epoch signed."""
    largest: dict[int, int] = {}
    for name, data in _kept(log):
        try:
            note = Note.parse(data)
            point = Checkpoint.parse(note.text)
            epoch = log.chain.verify_range(note)
        except RangeError:
            board.add("V07", "fail", Finding(seq=point.size, name=name))
            continue
        except (MalformedError, BadSignatureError):
            board.add("V03", "fail", Finding(name=name))
            continue
        if point.size > log.checkpoint.size or point.root != log.root_at(point.size):
            board.add("V09", "fail", Finding(a=point.size, name=name))
            continue
        largest[epoch.number] = max(point.size, largest.get(epoch.number, 0))
    return largest


def _check_closing(log: Structure, largest: Mapping[int, int], board: Board) -> None:
    """V07, closing rule: a closed epoch is signed to its end by its own key, but for the short tail of a crash."""
    for epoch in log.chain.epochs[:-1]:
        end = log.chain.end_of(epoch.number) or 0
        size = largest.get(epoch.number, epoch.start)
        if size == end:
            continue
        honest = end - size <= _MAX_TAIL and log.leaves.count("H", size, end - 1) <= 1
        board.add("V07", "gap" if honest else "fail", Finding(seq=size, a=size, b=end - 1))


def _check_anchors(log: Structure, anchors: Anchors, board: Board) -> None:
    """V08: whoever looked before must find the same history now."""
    inside = [(f"record {seq}", data) for seq, data in _anchor_records(log)]
    outside = [(f"anchor {number}", data) for number, data in enumerate(anchors.book, 1)]
    for name, data in [*outside, *inside]:
        try:
            note = Note.parse(data)
            verify_cosignature(note, log.trust.witness)
            point = Checkpoint.parse(note.text)
        except (MalformedError, BadSignatureError):
            continue  # a note the trusted witness did not sign fixes nothing
        if point.origin == log.origin:
            _hold(log, point, cosignature_time(note, log.trust.witness), (name, board))
    for code in anchors.paper:
        _hold_paper(log, code, board)


def _anchor_records(log: Structure) -> Iterable[tuple[int, bytes]]:
    for seq, (entry, body) in log.leaves.clear.items():
        if entry.kind == "A":
            yield seq, body["note"].encode()


def _hold(log: Structure, point: Checkpoint, posix_s: int | None, said: tuple[str, Board]) -> None:
    name, board = said
    if point.size > log.checkpoint.size:
        board.add("V08", "fail", Finding(a=log.checkpoint.size - 1, name=name))
    elif log.root_at(point.size) != point.root:
        board.add("V08", "fail", Finding(name=name))
    else:
        log.fixed.append(Fixed(point.size, posix_s))


def _hold_paper(log: Structure, code: str, board: Board) -> None:
    match = _PAPER.match(code.strip().lower())
    if match is None:
        board.add("V08", "unknown", Finding(name="a code that cannot be read"))
        return
    size = int(match[1])
    if size > log.checkpoint.size:
        board.add("V08", "fail", Finding(a=log.checkpoint.size - 1, name="paper"))
    elif checkpoint_code(Checkpoint(log.origin, size, log.root_at(size))) != code.strip().lower():
        board.add("V08", "fail", Finding(name="paper"))
    else:
        log.fixed.append(Fixed(size, None))
