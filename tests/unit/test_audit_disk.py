"""The file system shell: replacements are whole, folders are synced, one writer, errors have codes."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from audit.log.disk import Disk, translate
from audit.log.values import AuditError

T = TypeVar("T")


class Recording(Disk):
    """Remembers what was asked of the system, in order."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.calls: list[str] = []

    def syscall(self, name: str, path: str, action: Callable[[], T]) -> T:
        self.calls.append(f"{name} {path}")
        return action()


@pytest.fixture
def disk(tmp_path):
    return Recording(tmp_path / "log")


def test_a_file_is_replaced_durably(disk):
    disk.write("a/b/file", b"one")
    assert set(disk.calls) >= {"fsync .", "fsync a", "fsync a/b", "fsync a/b/file.new"}
    order = [disk.calls.index(call) for call in ("write a/b/file.new", "fsync a/b/file.new", "rename a/b/file")]
    assert order == sorted(order)
    assert disk.calls[-1] == "fsync a/b"
    assert disk.read("a/b/file") == b"one"
    disk.write("a/b/file", b"two")
    assert disk.read("a/b/file") == b"two"


def test_modes_are_private(disk):
    disk.write("a/file", b"x")
    assert (disk.root / "a").stat().st_mode & 0o777 == 0o700
    assert (disk.root / "a/file").stat().st_mode & 0o777 == 0o600


def test_some_files_never_change(disk):
    assert disk.write_once("file", b"one")
    assert disk.write_once("file", b"one")
    assert not disk.write_once("file", b"two")
    assert disk.read("file") == b"one"


def test_a_batch_syncs_each_folder_once(disk):
    files = {f"x/{n % 3}/{n}": bytes([n]) for n in range(9)}
    assert disk.write_batch(files)
    for folder in ("x/0", "x/1", "x/2"):
        assert disk.calls.count(f"fsync {folder}") == 1
    last_rename = max(n for n, call in enumerate(disk.calls) if call.startswith("rename"))
    first_rename = min(n for n, call in enumerate(disk.calls) if call.startswith("rename"))
    assert all(call != f"fsync x/{n}/{n}.new" for n in range(9) for call in disk.calls[first_rename:])
    assert "fsync x/2" in disk.calls[last_rename:]
    assert disk.write_batch(files)
    assert not disk.write_batch({"x/0/0": b"other"})


def test_names_leave_out_what_is_unfinished(disk):
    disk.write("a/one", b"1")
    disk.write_new("a/two.new", b"2")
    assert list(disk.names("a")) == ["a/one"]
    assert list(disk.names("nowhere")) == []


def test_one_writer(disk):
    disk.lock()
    with pytest.raises(AuditError) as caught:
        Disk(disk.root).lock()
    assert caught.value.code == "audit_unavailable"
    disk.unlock()
    disk.unlock()
    other = Disk(disk.root)
    other.lock()
    other.unlock()


def test_removal(disk):
    disk.write("a/file", b"x")
    disk.remove("a/file")
    disk.remove("a/file")
    assert not disk.exists("a/file")


def test_a_wal_is_preallocated_and_appends(disk):
    disk.make_folder("state")
    wal = disk.create_wal("state/wal", b"header", 4096)
    assert wal.left() == 4096 - 6
    wal.append(b"frame")
    wal.close()
    wal.close()
    data = disk.read("state/wal")
    assert len(data) == 4096
    assert data.startswith(b"headerframe\x00")
    assert disk.calls[-2:] == ["fdatasync state/wal", "read state/wal"]


def test_a_failed_append_does_not_move_the_end(disk):
    disk.make_folder("state")
    wal = disk.create_wal("state/wal", b"", 4096)
    disk.syscall = lambda name, path, action: (_ for _ in ()).throw(OSError(errno.EIO, name))  # type: ignore[method-assign]
    with pytest.raises(OSError, match="write"):
        wal.append(b"frame")
    assert wal.end == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "audit_full"),
        (errno.EDQUOT, "audit_full"),
        (errno.EIO, "audit_unavailable"),
        (errno.EROFS, "audit_unavailable"),
        (errno.EACCES, "audit_unavailable"),
    ],
)
def test_errors_have_codes(number, code):
    error = translate(OSError(number, "text of the system", "/secret/path"), "doing")
    assert error.code == code
    assert "secret" not in str(error)
    assert errno.errorcode[number] in error.detail


def test_the_file_system_is_known(disk, tmp_path):
    assert Disk(tmp_path).file_system() != ""
    assert not Disk(tmp_path).is_remote()


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "cifs", "9p", ""])
def test_remote_file_systems_are_refused(tmp_path, kind):
    class Elsewhere(Disk):
        def file_system(self) -> str:
            return kind

    assert Elsewhere(tmp_path).is_remote()
