"""The facts a locked process reports about itself: its part of the egress evidence.

Law: facts, no judgement; the evidence room decides what they are worth. "Self" facts are worth as much as the process
that reads them. After the lock nothing is opened: what must be read again is read through descriptors of `FactFds`,
which also works in the sealed engine. Values are numbers, digests, names and codes, never text of an exchange.
"""

import hashlib
import os
import resource
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import audit
import filters
import policies
import proxy
from proxy.workers.bpf import filter_digest
from proxy.workers.controls import controls, port_control
from proxy.workers.descriptors import FdFacts, View, inspect_descriptors
from proxy.workers.kernel import call, machine
from proxy.workers.lockstate import Control, FactFds, Locked, LockError, Role

__all__ = [
    "ProcFacts",
    "WritablePath",
    "core_limit",
    "facts",
    "file_digest",
    "is_sealed",
    "loopback_bytes",
    "open_fact_fds",
    "package_digest",
    "package_dirs",
    "status_fields",
    "writable_paths",
]

_PAGE = 1 << 16

# statfs(2), linux/magic.h
_FILE_SYSTEMS: Mapping[int, str] = {
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    0x794C7630: "overlay",
    0xF2F52010: "f2fs",
    0x2FC12FC1: "zfs",
    0x6969: "nfs",
    0x517B: "smb",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x65735546: "fuse",
    0x01021997: "9p",
    0x5346414F: "afs",
    0x6B414653: "kafs",
    0x00C36400: "ceph",
}
_REMOTE = frozenset({"nfs", "smb", "cifs", "smb2", "fuse", "9p", "afs", "kafs", "ceph"})


@dataclass(frozen=True, slots=True)
class ProcFacts:
    """One process, as the evidence record wants it. -1 stands for a number that could not be read."""

    role: str
    pid: int
    start_ticks: int
    exe: str
    code: str
    no_new_privs: int
    seccomp: int
    filters: int
    filter: str
    cap_eff: str
    landlock_abi: int
    netns: int
    ifaces: tuple[str, ...]
    threads: int
    children: int
    fds: FdFacts
    controls: tuple[Control, ...]

    def as_dict(self) -> dict[str, object]:
        """Return plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WritablePath:
    """A place this process may write to, and the kind of file system it is on."""

    path: str
    fstype: str
    remote: int


def package_dirs() -> tuple[str, ...]:
    """Return the directories of our four packages."""
    return tuple(package.__path__[0] for package in (audit, filters, policies, proxy))


def file_digest(path: str) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        while chunk := stream.read(_PAGE):
            digest.update(chunk)
    return digest.hexdigest()


def package_digest(directories: tuple[str, ...]) -> str:
    """Return one SHA-256 over the files below the given directories: names and contents, compiled files left out."""
    digest = hashlib.sha256()
    for directory in directories:
        base = os.path.dirname(directory)
        for path in sorted(_files_below(directory)):
            digest.update(f"{os.path.relpath(path, base)}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def _files_below(directory: str) -> list[str]:
    found = []
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        found += [os.path.join(folder, name) for name in names]
    return found


def open_fact_fds() -> FactFds:
    """Open what must be readable after the lock. Called before it, in the thread that will be the main thread."""
    process = os.getpid()
    return FactFds(
        status=_open("/proc/self/status"),
        stat=_open("/proc/self/stat"),
        net_dev=_open("/proc/self/net/dev"),
        children=_open(f"/proc/self/task/{process}/children", optional=True),
        fds=_open("/proc/self/fd", flags=os.O_DIRECTORY),
    )


def _open(path: str, *, flags: int = 0, optional: bool = False) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    except FileNotFoundError as error:  # a kernel built without CONFIG_PROC_CHILDREN
        if optional:
            return -1
        raise LockError("proc-missing", error.errno or 0) from None


def status_fields(status: int) -> dict[str, str]:
    """Return /proc/self/status as a mapping, read through an open descriptor."""
    lines = os.pread(status, _PAGE, 0).decode("ascii", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def facts(locked: Locked, *, links: Mapping[int, str] | None = None) -> ProcFacts:
    """Run the controls and read every fact of this process, now.

    Args:
        locked: what `lock` returned in this process.
        links: who is at the other end of each link now; without it, as the plan said.
    """
    role, fds = locked.plan.role, locked.fact_fds
    tried = locked.early + controls(role, sealed=is_sealed(locked))
    tried += port_control(locked.plan.connect_ports, locked.landlock_abi)
    status = status_fields(fds.status)
    view = View(locked.plan, fds, locked.kept, dict(locked.plan.links) if links is None else links)
    return ProcFacts(
        role="engine" if role in {Role.ENGINE, Role.ENGINE_HTTP, Role.ENGINE_GPU} else role.value,
        pid=os.getpid(),
        start_ticks=_start_ticks(fds.stat),
        exe=locked.exe,
        code=locked.code,
        no_new_privs=_number(status, "NoNewPrivs"),
        seccomp=_number(status, "Seccomp"),
        filters=_number(status, "Seccomp_filters"),
        filter=filter_digest(role, machine().name),
        cap_eff=status.get("CapEff", ""),
        landlock_abi=locked.landlock_abi,
        netns=_netns(),
        ifaces=_interfaces(fds.net_dev),
        threads=_number(status, "Threads"),
        children=_children(fds.children),
        fds=inspect_descriptors(view),
        controls=tried,
    )


def is_sealed(locked: Locked) -> bool:
    """Say whether the engine's seal is in force: the kernel counts one program more than right after the lock."""
    return _number(status_fields(locked.fact_fds.status), "Seccomp_filters") > locked.filters


def _number(status: Mapping[str, str], name: str) -> int:
    try:
        return int(status[name])
    except (KeyError, ValueError):
        return -1


def _start_ticks(stat: int) -> int:
    """Field 22 of proc_pid_stat(5); the second field is a name in parentheses that may hold anything."""
    fields = os.pread(stat, _PAGE, 0).rpartition(b")")[2].split()
    return int(fields[19])


def _netns() -> int:
    try:
        return int(os.readlink("/proc/self/ns/net").removeprefix("net:[").removesuffix("]"))
    except (OSError, ValueError):
        return -1


def _interfaces(net_dev: int) -> tuple[str, ...]:
    lines = os.pread(net_dev, _PAGE, 0).decode("ascii", "replace").splitlines()[2:]
    return tuple(sorted(line.partition(":")[0].strip() for line in lines))


def loopback_bytes(locked: Locked) -> tuple[int, int]:
    """Bytes received and sent by the loopback device of this process's own namespace (proc_net_dev(5))."""
    for line in os.pread(locked.fact_fds.net_dev, _PAGE, 0).decode("ascii", "replace").splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            columns = numbers.split()
            return int(columns[0]), int(columns[8])
    return -1, -1


def _children(children: int) -> int:
    return -1 if children < 0 else len(os.pread(children, _PAGE, 0).split())


def writable_paths(locked: Locked) -> tuple[WritablePath, ...]:
    """Return the places this process may write to. A path that does not exist was not granted and is left out."""
    found = []
    for path in locked.plan.write:
        answer = bytearray(256)  # struct statfs: f_type is its first word
        if call("statfs", os.fsencode(path) + b"\0", answer) < 0:
            continue
        number = struct.unpack_from("Q", answer)[0] & 0xFFFFFFFF
        name = _FILE_SYSTEMS.get(number, f"{number:#x}")
        found.append(WritablePath(path[:128], name, int(name in _REMOTE)))
    return tuple(found)


def core_limit() -> int:
    """Return the soft limit of a core dump; 1 means that not even a handler is started."""
    return resource.getrlimit(resource.RLIMIT_CORE)[0]
