"""The tree against the definition of RFC 9162, an independent library, and the tile arithmetic of the format."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from pymerkle import InmemoryTree

from audit.tree import (
    EMPTY_ROOT,
    CompactRange,
    ProofError,
    TileName,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    new_tiles,
    node_hash,
    read_bundle,
    root_from_tiles,
    tile_names,
    tree_root,
    verify_consistency,
    verify_inclusion,
    write_bundle,
)

VECTORS = json.loads((Path(__file__).parents[1] / "golden/audit/vectors.json").read_text())


def leaves(count: int) -> list[bytes]:
    return [f"cordon1/leaf/{number}".encode() for number in range(count)]


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in leaves(count)]


def recursive_root(items: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word by word."""
    if not items:
        return hashlib.sha256(b"").digest()
    if len(items) == 1:
        return hashlib.sha256(b"\x00" + items[0]).digest()
    split = 1
    while split * 2 < len(items):
        split *= 2
    return node_hash(recursive_root(items[:split]), recursive_root(items[split:]))


@pytest.mark.parametrize("size", ["3", "7"])
def test_check_values(size):
    assert tree_root(hashes(int(size))) == base64.b64decode(VECTORS["roots"][size])


def test_leaf_check_value():
    assert leaf_hash((VECTORS["entry"] + "\n").encode()).hex() == VECTORS["leaf"]


def test_compact_range_equals_the_definition_at_every_size():
    compact = CompactRange()
    assert compact.root() == EMPTY_ROOT
    for size in range(1, 130):
        compact.append(hashes(size)[-1])
        assert compact.root() == recursive_root(leaves(size))
        assert compact.size == size


def test_a_copy_goes_its_own_way():
    compact = CompactRange()
    compact.append(bytes(32))
    other = compact.copy()
    other.append(bytes(32))
    assert (compact.size, other.size) == (1, 2)
    assert compact.root() == bytes(32)


def test_roots_agree_with_pymerkle():
    oracle = InmemoryTree(algorithm="sha256")
    for size, leaf in enumerate(leaves(70), 1):
        oracle.append_entry(leaf)
        assert oracle.get_root() == tree_root(hashes(size))


def test_inclusion_for_all_pairs():
    for size in range(1, 65):
        row = hashes(size)
        root = tree_root(row)
        for index in range(size):
            proof = inclusion_proof(index, row)
            verify_inclusion(index, size, row[index], proof, root)
            with pytest.raises(ProofError):
                verify_inclusion(index, size, bytes(32), proof, root)
            with pytest.raises(ProofError):
                verify_inclusion(index, size, row[index], [*proof, bytes(32)], root)


def test_inclusion_refuses_wrong_places():
    row = hashes(7)
    for index in (-1, 7):
        with pytest.raises(ProofError):
            inclusion_proof(index, row)
        with pytest.raises(ProofError):
            verify_inclusion(index, 7, row[0], [], tree_root(row))
    with pytest.raises(ProofError):
        verify_inclusion(3, 7, row[3], inclusion_proof(3, row)[:-1], tree_root(row))


def test_consistency_for_all_pairs():
    for size in range(1, 65):
        row = hashes(size)
        new = (size, tree_root(row))
        for old_size in range(1, size + 1):
            old = (old_size, tree_root(row[:old_size]))
            proof = consistency_proof(old_size, row)
            verify_consistency(old, new, proof)
            with pytest.raises(ProofError):
                verify_consistency((old_size, bytes(32)), new, proof)
            with pytest.raises(ProofError):
                verify_consistency(old, (size, bytes(32)), proof)
            with pytest.raises(ProofError):
                verify_consistency(old, new, [*proof, bytes(32)])
            if proof:
                with pytest.raises(ProofError):
                    verify_consistency(old, new, proof[:-1])


def test_consistency_refuses_impossible_sizes():
    row = hashes(4)
    for old_size in (0, 5):
        with pytest.raises(ProofError):
            consistency_proof(old_size, row)
        with pytest.raises(ProofError):
            verify_consistency((old_size, bytes(32)), (4, tree_root(row)), [])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0, 256), "tile/0/000"),
        (TileName(0, 273, 112), "tile/0/273.p/112"),
        (TileName(1, 1234067, 256), "tile/1/x001/x234/067"),
        (TileName(-1, 1000, 3), "tile/entries/x001/000.p/3"),
    ],
)
def test_tile_paths(name, path):
    assert name.path() == path


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_tile_names_follow_the_width_rule(size):
    names = set(tile_names(size))
    partial = {name.level: name.width for name in names if name.width < 256}
    level = 0
    while size >= 256**level:
        width = size // 256**level % 256
        assert partial.pop(level, 0) == width
        assert sum(1 for name in names if name.level == level and name.width == 256) == size // 256 ** (level + 1)
        level += 1
    assert partial.pop(-1, 0) == size % 256
    assert not partial


def test_tiles_of_70_000():
    names = set(tile_names(70_000))
    assert {TileName(0, 273, 112), TileName(1, 0, 256), TileName(1, 1, 17), TileName(2, 0, 1)} <= names


@pytest.mark.parametrize("steps", [[1] * 600, [255, 1, 1, 255, 300, 7], [65_535, 1, 1, 4463]])
def test_growing_tiles_always_give_the_root(steps):
    store: dict[TileName, bytes] = {}
    compact, size = CompactRange(), 0
    row = [hashlib.sha256(str(number).encode()).digest() for number in range(sum(steps))]
    for step in steps:
        fresh = row[size : size + step]
        store.update(new_tiles(size, fresh, store.__getitem__))
        for hashed in fresh:
            compact.append(hashed)
        size += step
        wanted = {name for name in tile_names(size) if name.level >= 0}
        assert wanted <= set(store)
        assert root_from_tiles(size, store.__getitem__) == compact.root()


def test_root_from_tiles_of_an_empty_tree():
    assert root_from_tiles(0, {}.__getitem__) == EMPTY_ROOT


def test_a_tile_of_odd_length_is_refused():
    with pytest.raises(ProofError):
        root_from_tiles(1, lambda _: b"x" * 33)


def test_bundles_round_trip_and_refuse_rests():
    data = write_bundle([b"a", b"", b"c" * 60_000])
    assert read_bundle(data) == [b"a", b"", b"c" * 60_000]
    for broken in (data[:-1], data + b"\x00", data + b"\x00\x05ab"):
        with pytest.raises(ProofError):
            read_bundle(broken)
