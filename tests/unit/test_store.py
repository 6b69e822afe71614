"""The integrated part of a log: what is written may be written again, what contradicts is refused."""

import pytest

from audit.checkpoint import Checkpoint, Signer, sign_checkpoint
from audit.log.disk import Disk
from audit.log.store import CHECKPOINT, Store, blob_path, kept_path, segment_path
from audit.log.values import AuditDamaged, AuditFork
from audit.strictjson import MalformedError
from audit.tree import TileName, leaf_hash, tree_root
from audit.wal import Frame
from tests.kit.audit_house import quick_folder

folder = pytest.fixture(quick_folder)
LEAVES = [f"leaf {number}\n".encode() for number in range(700)]


def root(size: int) -> bytes:
    return tree_root(map(leaf_hash, LEAVES[:size]))


@pytest.fixture
def store(folder):
    return Store(Disk(folder))


@pytest.mark.parametrize("steps", [[700], [1, 254, 1, 1, 255, 188], [256, 256, 188], [300, 400]])
def test_growing_step_by_step(store, steps):
    size = 0
    for step in steps:
        store.put_tiles(size, LEAVES[size : size + step])
        store.verify_root(size + step, root(size + step))
        store.prune(size, size + step)
        size += step
    assert list(store.leaves(size)) == LEAVES
    assert [store.leaf(seq, size) for seq in (0, 255, 256, 699)] == [LEAVES[seq] for seq in (0, 255, 256, 699)]
    partial = [name for name in store.disk.names("log") if ".p/" in name]
    assert sorted(partial) == ["log/tile/0/002.p/188", "log/tile/1/000.p/2", "log/tile/entries/002.p/188"]


def test_an_integration_may_be_repeated(store):
    for _ in range(2):
        store.put_tiles(0, LEAVES[:300])
    with pytest.raises(AuditDamaged):
        store.put_tiles(0, [b"other", *LEAVES[1:300]])


def test_blobs_may_be_repeated_but_not_changed(store):
    frames = [Frame(0, b"leaf", b"blob"), Frame(1, b"clear", b"")]
    store.put_blobs(frames, ["ab" * 32, "cd" * 32])
    store.put_blobs(frames, ["ab" * 32, "cd" * 32])
    assert list(store.disk.names("blob")) == [blob_path("ab" * 32)]
    with pytest.raises(AuditDamaged):
        store.put_blobs([Frame(0, b"leaf", b"other")], ["ab" * 32])


def test_another_root_on_disk_is_damage(store):
    store.put_tiles(0, LEAVES[:300])
    with pytest.raises(AuditDamaged):
        store.verify_root(300, root(299))


def test_a_missing_tile_is_damage(store):
    store.put_tiles(0, LEAVES[:300])
    store.disk.remove("log/" + TileName(-1, 0, 256).path())
    with pytest.raises(AuditDamaged):
        list(store.leaves(300))


def test_a_bundle_of_another_size_is_damage(store):
    store.put_tiles(0, LEAVES[:10])
    store.disk.write("log/tile/entries/000.p/11", store.disk.read("log/tile/entries/000.p/10"))
    with pytest.raises(AuditDamaged):
        list(store.leaves(11))


def test_never_sign_less_or_another_root(store):
    assert store.signed() is None
    store.put_signed(5, root(5))
    store.put_signed(5, root(5))
    store.put_signed(9, root(9))
    assert store.signed() == (9, root(9))
    for size, digest in ((8, root(8)), (9, root(8)), (0, root(0))):
        with pytest.raises(AuditFork):
            store.put_signed(size, digest)
    store.disk.write("state/signed", b'{"v":1,"size":3}')
    with pytest.raises(MalformedError):
        store.signed()


def test_checkpoints_are_replaced_and_kept(store):
    notes = [sign_checkpoint(Checkpoint("a.b/c", size, root(size)), Signer("a.b/c", bytes(32))) for size in (5, 9)]
    for note in notes:
        store.put_checkpoint(note)
        store.keep(note)
    assert store.disk.read(CHECKPOINT) == notes[1]
    assert list(store.disk.names("log/checkpoints")) == [kept_path(5), kept_path(9)]


def test_erasing_leaves_nothing_behind_and_minds_nothing_missing(store):
    store.put_blobs([Frame(0, b"leaf", b"blob")], ["ab" * 32])
    store.erase([blob_path("ab" * 32), blob_path("cd" * 32), segment_path(4)])
    assert list(store.disk.names("blob")) == []


def test_paths():
    assert blob_path("abcd" + "0" * 60) == "blob/ab/cd/abcd" + "0" * 60
    assert kept_path(42) == "log/checkpoints/000000000042"
    assert segment_path(7) == "seg/000007.age"
