"""The file system as the log uses it: every call that can fail passes one point.

A file is replaced by temporary name, fsync, rename and fsync of the directories above it, because a rename is durable
only after its directory is. A failed fsync is never tried again on the same file: the kernel may have dropped the pages
and would report success.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from audit.log.values import AuditError, Code

__all__ = ["Disk", "WalFile", "translate"]

T = TypeVar("T")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse", "fuseblk", "virtiofs", "ncpfs"}
)
_NEW = ".new"
_TOGETHER = 64
"""Files that are written before the first of them is synced: a bound on open descriptors."""


def translate(error: OSError, doing: str) -> AuditError:
    """Map a system error to a stable code; the name of the error is kept, nothing else."""
    code: Code = "audit_full" if error.errno in _FULL else "audit_unavailable"
    return AuditError(code, f"{doing}: {errno.errorcode.get(error.errno or 0, 'unknown error')}")


class Disk:
    """A directory of ours. Tests derive from it and fail or stop at any `syscall`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._base = str(root)
        self._lock_fd = -1

    def syscall(self, name: str, path: str, action: Callable[[], T]) -> T:
        """Do one thing to one file; `name` and `path` are for those who watch."""
        del name, path
        return action()

    # --- reading

    def read(self, path: str) -> bytes:
        return self.syscall("read", path, lambda: _read_file(f"{self._base}/{path}"))

    def exists(self, path: str) -> bool:
        return (self.root / path).is_file()

    def names(self, folder: str) -> Iterator[str]:
        """Yield every file below a folder, sorted, relative to the root; unfinished ones are left out."""
        for path in sorted((self.root / folder).rglob("*")):
            if path.is_file() and not path.name.endswith(_NEW):
                yield path.relative_to(self.root).as_posix()

    def free_bytes(self) -> int:
        facts = self.syscall("statvfs", ".", lambda: os.statvfs(self.root))
        return facts.f_bavail * facts.f_frsize

    def file_system(self) -> str:
        """Return the type of the mount the directory lies on."""
        target, best, found = self.root.resolve().as_posix() + "/", -1, ""
        for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
            fields = line.split(" ")
            mount = fields[4].replace("\\040", " ").rstrip("/") + "/"
            if target.startswith(mount) and len(mount) >= best:
                best, found = len(mount), fields[fields.index("-") + 1]
        return found

    def is_remote(self) -> bool:
        """Tell whether the mount is one whose locks and syncs cannot be relied on; an unknown one counts."""
        kind = self.file_system()
        return not kind or kind in _REMOTE or kind.startswith("fuse.")

    # --- writing

    def lock(self) -> None:
        """Become the one writer, or raise."""
        self.make_folder("state")
        path = self.root / "state/lock"
        fd = self.syscall("open", "state/lock", lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise AuditError("audit_unavailable", "another process writes this log") from None
        self._lock_fd = fd

    def unlock(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def make_folder(self, folder: str) -> None:
        """Make a folder and its parents; a new one is durable only when its parent was synced."""
        for parent in dict.fromkeys(self._make_missing(folder)):
            self.sync_folder(parent)

    def _make_missing(self, folder: str) -> list[str]:
        """Make what is missing, and return the folders that got a new name in them."""
        missing, place = [], Path(folder)
        while not (self.root / place).is_dir():
            missing.append(place)
            if place == Path():
                break
            place = place.parent
        for part in reversed(missing):
            self._mkdir(part)
        return [part.parent.as_posix() for part in reversed(missing)]

    def _mkdir(self, part: Path) -> None:
        make = os.makedirs if part == Path() else os.mkdir
        self.syscall("mkdir", part.as_posix(), lambda: make(self.root / part, 0o700))

    def write_batch(self, files: Mapping[str, bytes]) -> bool:
        """Write many files that may never change, syncing each folder once; False if one differs from what is there."""
        fresh = {path: data for path, data in files.items() if not self.exists(path)}
        same = all(self.read(path) == data for path, data in files.items() if path not in fresh)
        folders: dict[str, None] = {}
        paths = list(fresh)
        for path in paths:
            folders |= dict.fromkeys(self._make_missing(Path(path).parent.as_posix()))
        for start in range(0, len(paths), _TOGETHER):
            self._write_together({path + _NEW: fresh[path] for path in paths[start : start + _TOGETHER]})
        for path in fresh:
            self._rename(path + _NEW, path)
            folders[Path(path).parent.as_posix()] = None
        for folder in folders:
            self.sync_folder(folder)
        return same

    def _write_together(self, files: Mapping[str, bytes]) -> None:
        """Write some files, then sync each: the first sync commits what the file system holds of all of them.

        One sync after each file would be one commit for each, and the record that a request waits for would stand
        in line behind hundreds of them. The descriptors stay open, so that no error of a write is lost.
        """
        open_: dict[str, int] = {}
        try:
            for path, data in files.items():
                open_[path] = self._open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                self._fill(open_[path], path, data)
            for path, fd in open_.items():
                self.syscall("fsync", path, partial(os.fsync, fd))
        finally:
            for fd in open_.values():
                os.close(fd)

    def _fill(self, fd: int, path: str, data: bytes) -> None:
        _write_all(lambda piece, offset: self.syscall("write", path, lambda: os.pwrite(fd, piece, offset)), data)

    def write(self, path: str, data: bytes) -> None:
        """Replace a file durably: afterwards it holds the old bytes or the new ones, never a mixture."""
        temporary = path + _NEW
        self.write_new(temporary, data)
        self.rename(temporary, path)

    def write_new(self, path: str, data: bytes) -> None:
        """Write and fsync a file that nobody refers to yet."""
        self.make_folder(Path(path).parent.as_posix())
        fd = self._open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            self._fill(fd, path, data)
            self.syscall("fsync", path, lambda: os.fsync(fd))
        finally:
            os.close(fd)

    def write_once(self, path: str, data: bytes) -> bool:
        """Write a file whose content may never change; False if other bytes are already there."""
        if self.exists(path):
            return self.read(path) == data
        self.write(path, data)
        return True

    def _rename(self, old: str, new: str) -> None:
        self.syscall("rename", new, lambda: os.rename(self.root / old, self.root / new))

    def rename(self, old: str, new: str) -> None:
        self._rename(old, new)
        self.sync_folder(Path(new).parent.as_posix())

    def remove(self, path: str) -> None:
        """Remove a file if it is there; call `sync_folder` for the removal to last."""
        self.syscall("unlink", path, lambda: (self.root / path).unlink(missing_ok=True))

    def sync_folder(self, folder: str) -> None:
        fd = self._open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.syscall("fsync", folder, lambda: os.fsync(fd))
        finally:
            os.close(fd)

    def create_wal(self, path: str, content: bytes, size: int) -> "WalFile":
        """Make a preallocated file of `size` bytes that starts with `content`; not yet under its name."""
        fd = self._open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            self.syscall("fallocate", path, lambda: os.posix_fallocate(fd, 0, size))
            _write_all(lambda piece, offset: self.syscall("write", path, lambda: os.pwrite(fd, piece, offset)), content)
            self.syscall("fsync", path, lambda: os.fsync(fd))
        except OSError:
            os.close(fd)
            raise
        return WalFile(self, fd, len(content), size)

    def _open(self, path: str, flags: int) -> int:
        return self.syscall("open", path, lambda: os.open(self.root / path, flags | os.O_CLOEXEC, 0o600))


class WalFile:
    """An open write-ahead log: append and sync, nothing else."""

    def __init__(self, disk: Disk, fd: int, end: int, size: int) -> None:
        self._disk, self._fd, self._size = disk, fd, size
        self.end = end

    def left(self) -> int:
        """Bytes that can still be appended."""
        return self._size - self.end

    def append(self, frame: bytes) -> None:
        """Write one frame and make it durable; an error leaves the file in an unknown state."""
        start = self.end
        _write_all(
            lambda piece, offset: self._disk.syscall(
                "write", "state/wal", lambda: os.pwrite(self._fd, piece, start + offset)
            ),
            frame,
        )
        self._disk.syscall("fdatasync", "state/wal", lambda: os.fdatasync(self._fd))
        self.end = start + len(frame)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _read_file(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _write_all(write: Callable[[bytes, int], int], data: bytes) -> None:
    done = 0
    while done < len(data):
        done += write(data[done:] if done else data, done)
