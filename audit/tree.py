"""The Merkle tree of RFC 9162 over the leaves of the log, its tiles (C2SP tlog-tiles) and its proofs. Pure.

Leaf `H(0x00 || leaf)`, node `H(0x01 || left || right)`, empty tree `H("")`. A compact range keeps one root for each
perfect subtree, so appending needs no history. A tile of level L holds 256 hashes, each the root of 256^L leaves.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

__all__ = [
    "EMPTY_ROOT",
    "CompactRange",
    "ProofError",
    "TileName",
    "TilePass",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "new_tiles",
    "node_hash",
    "read_bundle",
    "root_from_tiles",
    "tile_names",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
    "write_bundle",
]

EMPTY_ROOT = sha256(b"").digest()
_WIDTH = 256


class ProofError(ValueError):
    """A proof does not show what it should."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The roots of the perfect subtrees of a growing tree, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self._stack: list[bytes] = []

    def append(self, hashed: bytes) -> None:
        """Add one leaf hash; equal subtrees merge, as carries do in binary addition."""
        carries = self.size
        while carries & 1:
            hashed = node_hash(self._stack.pop(), hashed)
            carries >>= 1
        self._stack.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """Return the root at the present size."""
        return _fold(self._stack)

    def copy(self) -> "CompactRange":
        other = CompactRange()
        other.size, other._stack = self.size, list(self._stack)
        return other


def tree_root(hashes: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    compact = CompactRange()
    for hashed in hashes:
        compact.append(hashed)
    return compact.root()


def _fold(stack: Sequence[bytes]) -> bytes:
    if not stack:
        return EMPTY_ROOT
    root = stack[-1]
    for left in reversed(stack[:-1]):
        root = node_hash(left, root)
    return root


class TilePass:
    """Hashes leaves a bundle at a time and says what each tile of the tree must be; it keeps one row a level."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = [[]]
        self._done = [0]

    def feed(self, hashes: Sequence[bytes]) -> Iterator[tuple["TileName", bytes]]:
        """Take the leaf hashes of the next bundle (256, fewer only in the last); yield the tiles it completes."""
        self._rows[0] = list(hashes)
        self.size += len(hashes)
        level = 0
        while len(self._rows[level]) == _WIDTH:
            data = b"".join(self._rows[level])
            yield TileName(level, self._done[level], _WIDTH), data
            self._rows[level] = []
            self._done[level] += 1
            level += 1
            if level == len(self._rows):
                self._rows.append([])
                self._done.append(0)
            self._rows[level].append(_perfect_root(data))

    def finish(self) -> Iterator[tuple["TileName", bytes]]:
        """Yield the partial tiles of the edge."""
        for level, row in enumerate(self._rows):
            if row:
                yield TileName(level, self._done[level], len(row)), b"".join(row)

    def root(self) -> bytes:
        """Return the root over everything fed."""
        return _fold([root for row in reversed(self._rows) for root in _subtrees(row)])


def _perfect_root(data: bytes) -> bytes:
    """Return the root over a full row of hashes, joined."""
    while len(data) > 32:
        data = b"".join([sha256(b"\x01" + data[at : at + 64]).digest() for at in range(0, len(data), 64)])
    return data


# --- tiles


@dataclass(frozen=True, slots=True, order=True)
class TileName:
    """One tile; `level` -1 is a bundle of entries. `width` 256 is a full one."""

    level: int
    number: int
    width: int

    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, N in groups of three digits, all but the last prefixed with x."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        name = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level < 0 else str(self.level)
        partial = "" if self.width == _WIDTH else f".p/{self.width}"
        return f"tile/{level}/{name}{partial}"


def tile_names(size: int) -> Iterator[TileName]:
    """Yield every tile and bundle of a tree of `size` leaves."""
    if size == 0:
        return
    for number, width in _level_tiles(size):
        yield TileName(-1, number, width)
    level, hashes = 0, size
    while hashes > 0:
        for number, width in _level_tiles(hashes):
            yield TileName(level, number, width)
        level, hashes = level + 1, hashes // _WIDTH


def _level_tiles(count: int) -> Iterator[tuple[int, int]]:
    full, rest = divmod(count, _WIDTH)
    for number in range(full):
        yield number, _WIDTH
    if rest:
        yield full, rest


def new_tiles(
    old_size: int, hashes: Sequence[bytes], partial: Callable[[TileName], bytes]
) -> Iterator[tuple[TileName, bytes]]:
    """Yield the hash tiles that appear when `hashes` are appended to a tree of `old_size`.

    `partial` gives the bytes of a partial tile of the old tree.
    """
    level, start, fresh = 0, old_size, list(hashes)
    while fresh:
        number, width = divmod(start, _WIDTH)
        held = _split(partial(TileName(level, number, width))) if width else []
        row, parents = held + fresh, []
        for offset in range(0, len(row), _WIDTH):
            piece = row[offset : offset + _WIDTH]
            yield TileName(level, number + offset // _WIDTH, len(piece)), b"".join(piece)
            if len(piece) == _WIDTH:
                parents.append(tree_root(piece))
        level, start, fresh = level + 1, start // _WIDTH, parents


def root_from_tiles(size: int, read: Callable[[TileName], bytes]) -> bytes:
    """Recompute the root from the right edge of the tiles.

    Sizes of the subtrees fall from level to level, so their roots form one compact range.
    """
    levels = 0
    while size >= _WIDTH ** (levels + 1):
        levels += 1
    stack: list[bytes] = []
    for level in range(levels, -1, -1):
        number, width = divmod(size // _WIDTH**level, _WIDTH)
        if width:
            stack.extend(_subtrees(_split(read(TileName(level, number, width)))))
    return _fold(stack)


def _subtrees(hashes: Sequence[bytes]) -> list[bytes]:
    compact = CompactRange()
    for hashed in hashes:
        compact.append(hashed)
    return list(compact._stack)


def _split(data: bytes) -> list[bytes]:
    if len(data) % 32:
        raise ProofError("tile length")
    return [data[start : start + 32] for start in range(0, len(data), 32)]


def write_bundle(leaves: Iterable[bytes]) -> bytes:
    """Join leaves, each after its u16 length."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def read_bundle(data: bytes) -> list[bytes]:
    """Split a bundle; left-over bytes are refused."""
    leaves, place, end = [], 0, len(data)
    while place + 1 < end:
        start = place + 2
        place = start + (data[place] << 8 | data[place + 1])
        leaves.append(data[start:place])
    if place != end:
        raise ProofError("bundle")
    return leaves


# --- proofs (RFC 9162, section 2.1)


def inclusion_proof(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree over `hashes`."""
    if not 0 <= index < len(hashes):
        raise ProofError("index")
    if len(hashes) == 1:
        return []
    split = _split_point(len(hashes))
    if index < split:
        return [*inclusion_proof(index, hashes[:split]), tree_root(hashes[split:])]
    return [*inclusion_proof(index - split, hashes[split:]), tree_root(hashes[:split])]


def consistency_proof(old_size: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree of `old_size` is a beginning of the tree over `hashes`."""
    if not 0 < old_size <= len(hashes):
        raise ProofError("size")
    return _subproof(old_size, hashes, whole=True)


def _subproof(old_size: int, hashes: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if old_size == len(hashes):
        return [] if whole else [tree_root(hashes)]
    split = _split_point(len(hashes))
    if old_size <= split:
        return [*_subproof(old_size, hashes[:split], whole=whole), tree_root(hashes[split:])]
    return [*_subproof(old_size - split, hashes[split:], whole=False), tree_root(hashes[:split])]


def _split_point(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(index: int, size: int, hashed: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `ProofError` unless `hashed` is leaf `index` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError("index")
    first, last = index, size - 1
    for sibling in proof:
        if last == 0:
            raise ProofError("proof too long")
        if first & 1 or first == last:
            hashed = node_hash(sibling, hashed)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        first, last = first >> 1, last >> 1
    if last != 0 or hashed != root:
        raise ProofError("not included")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Raise `ProofError` unless the old tree is a beginning of the new one (RFC 9162, 2.1.4.2)."""
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 < old_size <= new_size:
        raise ProofError("size")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError("same size, another root")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path or _both_roots(old_size - 1, new_size - 1, path) != (old_root, new_root):
        raise ProofError("not consistent")


def _both_roots(first: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    while first & 1:
        first, last = first >> 1, last >> 1
    left = right = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("proof too long")
        if first & 1 or first == last:
            left, right = node_hash(sibling, left), node_hash(sibling, right)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            right = node_hash(right, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise ProofError("proof too short")
    return left, right
