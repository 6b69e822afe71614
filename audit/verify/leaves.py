"""One pass over the leaves: form, order, tree. What stays of a record without a key is one byte, its kind. Pure.

A log of a million records must not need a million objects to be checked. Leaves are read a bundle at a time, hashed,
held against the tiles of the package and let go; whoever needs an entry again reads its bundle again.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from audit import shapes
from audit.chain import BrokenOrderError, Order
from audit.record import SEALED_KINDS, SEALED_LINE, Entry, parse_time, read_place
from audit.strictjson import Json, MalformedError
from audit.tree import ProofError, TileName, TilePass, leaf_hash, read_bundle, tile_names
from audit.verify.findings import Board, Finding

__all__ = ["Leaves", "Progress", "Reader", "bundle_leaves", "read_heartbeat", "read_leaves"]

Reader = Callable[[str], bytes | None]
"""Gives a file of the package, or None."""
Progress = Callable[[str, int, int], None]
"""Told now and then: what is being done, how much of it, of how much."""
_WIDTH = 256
_NUMBER = rb"(0|[1-9][0-9]{0,14})"
_BEAT = re.compile(
    rb'\{"v":1,"t":"([0-9T:.+-]{29})","boot":"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})","boot_ms":'
    + _NUMBER + rb',"asleep_ms":' + _NUMBER + rb',"open":' + _NUMBER + rb"\}\Z"
)  # fmt: skip
"""A heartbeat as Cordon writes it: its shape (audit/shapes.json) and its one spelling at once."""
_TOLD_EVERY = 64


@dataclass(slots=True)
class Leaves:
    """What the pass keeps. Heartbeats are counted, not kept: there is one every five minutes for years."""

    kinds: bytearray = field(default_factory=bytearray)
    """The kind of each record, as its letter; 0 where a line could not be read."""
    handovers: list[Entry] = field(default_factory=list)
    clear: dict[int, tuple[Entry, Json]] = field(default_factory=dict)
    """Clear records but hand-overs and heartbeats."""
    newest_t: str = ""
    """When the newest clear record was written."""
    root: bytes = b""

    def kind(self, seq: int) -> str:
        return chr(self.kinds[seq])

    def count(self, kind: str, first: int, last: int) -> int:
        return self.kinds.count(ord(kind), first, last + 1)

    def newest(self, kind: str, first: int, last: int) -> int:
        """Return the newest record of a kind in a range, or -1."""
        return self.kinds.rfind(ord(kind), first, last + 1)


def read_leaves(size: int, read: Reader, board: Board, progress: Progress) -> Leaves:
    """Run V05 and V04 over a log that claims this size."""
    found, order, tree = Leaves(), Order(), TilePass()
    wrong: list[tuple[TileName, Finding]] = []
    for name in _bundles(size):
        leaves = bundle_leaves(read, name)
        if len(leaves) != name.width:
            end = name.number * _WIDTH + name.width - 1
            board.add("V05", "fail", Finding(a=len(found.kinds) + len(leaves), b=end))
        leaves = leaves[: name.width]
        _read(leaves, found, order, board)
        if tree.size == name.number * _WIDTH:
            _hold(tree.feed([leaf_hash(leaf) for leaf in leaves]), read, wrong)
        if name.number % _TOLD_EVERY == 0:
            progress("records", len(found.kinds), size)
    if len(found.kinds) != size:
        if not board.broken():
            board.add("V05", "fail", Finding(a=len(found.kinds), b=size - 1))
        return found
    _hold(tree.finish(), read, wrong)
    for _, finding in sorted(wrong, key=lambda item: item[0]):
        board.add("V04", "fail", finding)
    found.root = tree.root()
    return found


def bundle_leaves(read: Reader, name: TileName) -> list[bytes]:
    """Return the leaves of a bundle, none if it is not one."""
    try:
        return read_bundle(read("log/" + name.path()) or b"")
    except ProofError:
        return []


def _bundles(size: int) -> Iterator[TileName]:
    for name in tile_names(size):
        if name.level >= 0:
            return  # bundles come first
        yield name


def _read(leaves: Sequence[bytes], found: Leaves, order: Order, board: Board) -> None:
    """Take the leaves of a bundle. The next record in order, of a sealed kind, is all there is to see of most."""
    hour = b""
    for leaf in leaves:
        match = SEALED_LINE.match(leaf)
        if match is not None:
            seq, kind, epoch, index, now = match.groups()
            if now == hour and (int(seq), int(epoch), int(index)) == (order.seq, order.epoch, order.index):
                order.seq += 1
                order.index += 1
                found.kinds.append(kind[0])
                continue
            hour = now
        _read_leaf(leaf, found, order, board)


def _read_leaf(leaf: bytes, found: Leaves, order: Order, board: Board) -> None:
    seq = len(found.kinds)
    try:
        place = read_place(leaf)
    except MalformedError:
        found.kinds.append(0)
        board.add("V05", "fail", Finding(seq=seq, a=seq, b=seq))
        return
    found.kinds.append(ord(place[1]))
    try:
        order.take(place)
    except BrokenOrderError:
        board.add("V05", "fail", Finding(seq=seq, a=order.seq, b=place[0]))
        order.skip(place)
    if place[1] == "K":
        found.handovers.append(Entry.parse(leaf))
    elif place[1] not in SEALED_KINDS:
        _read_clear(leaf, seq, found, board)


def _read_clear(leaf: bytes, seq: int, found: Leaves, board: Board) -> None:
    kind, data = chr(found.kinds[seq]), leaf[leaf.index(b"\n") + 1 :]
    try:
        body = read_heartbeat(data) if kind == "H" else shapes.read("records", kind, data)
    except MalformedError:
        board.add("V17", "fail", Finding(seq=seq))
        return
    found.newest_t = body["t"]
    if kind != "H":
        found.clear[seq] = Entry.parse(leaf), body


def read_heartbeat(data: bytes) -> Json:
    """Read the body of an H: in one match as Cordon writes it, else as every body is read."""
    match = _BEAT.match(data)
    if match is None:
        return shapes.read("records", "H", data)
    t, boot, boot_ms, asleep_ms, open_ = match.groups()
    parse_time(t.decode())
    return {
        "v": 1,
        "t": t.decode(),
        "boot": boot.decode(),
        "boot_ms": int(boot_ms),
        "asleep_ms": int(asleep_ms),
        "open": int(open_),
    }


def _hold(computed: Iterator[tuple[TileName, bytes]], read: Reader, wrong: list[tuple[TileName, Finding]]) -> None:
    """V04: each tile of the package is the one that the leaves give."""
    for name, data in computed:
        stored = read("log/" + name.path())
        if stored != data:
            seq = _difference(stored, data, name.number * _WIDTH, name.level)
            wrong.append((name, Finding(seq=seq)))


def _difference(stored: bytes | None, computed: bytes, first: int, level: int) -> int:
    """Return the number of the first record below the first hash that differs."""
    place = 0
    while stored is not None and stored[place * 32 :][:32] == computed[place * 32 :][:32] != b"":
        place += 1
    return int((first + place) * _WIDTH**level)
