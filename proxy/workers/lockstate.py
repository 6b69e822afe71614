"""The values of the lock: who is locked (`Role`), with what (`LockPlan`), and what came of it (`Locked`, `Control`).

Law: values only. Nothing here calls the kernel. No field holds text of an exchange; paths are those of the
installation and of the data directory.
"""

import enum
from dataclasses import dataclass

__all__ = ["Control", "FactFds", "Kept", "LockError", "LockPlan", "Locked", "Role"]


class Role(enum.Enum):
    """What a child process is for; each role has its own program and therefore its own digest."""

    GATEWAY = "gateway"
    ANALYST = "analyst"
    ENGINE = "engine"
    ENGINE_HTTP = "engine-http"
    ENGINE_GPU = "engine-gpu"


class LockError(Exception):
    """The lock could not be put in force; the process must end before it reads anything."""

    def __init__(self, code: str, errno: int = 0) -> None:
        """Keep the code of the step that failed and the kernel's error number, 0 where it gave none."""
        super().__init__(f"{code} (errno {errno})" if errno else code)
        self.code = code
        self.errno = errno


@dataclass(frozen=True, slots=True)
class LockPlan:
    """What one child may keep and touch."""

    role: Role
    keep_fds: tuple[int, ...]
    """Descriptors to keep; 0, 1 and 2 stay too, but count as expected only if named here or if they are /dev/null."""
    read_exec: tuple[str, ...]
    read: tuple[str, ...]
    write: tuple[str, ...]
    own_namespaces: bool
    """Developer mode: no unit gave this process a network namespace, so it takes its own."""
    links: tuple[tuple[int, str], ...] = ()
    """Who is at the other end of a kept Unix socket: supervisor, gateway, analyst, engine."""
    connect_ports: tuple[int, ...] = ()
    """Role `engine-http` only: the TCP ports it may connect to."""


@dataclass(frozen=True, slots=True)
class Control:
    """One way out that was tried, what it must give and what it gave: `ok`, an errno name, `fail`, `not-run`."""

    name: str
    expect: str
    got: str


@dataclass(frozen=True, slots=True)
class FactFds:
    """Descriptors opened before the lock, through which facts are read after it. -1: the kernel does not have it."""

    status: int
    stat: int
    net_dev: int
    children: int
    fds: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A descriptor that was there when the lock closed, by number and by what the kernel says it is."""

    fd: int
    target: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A process in its lock: what was known at lock time, and the descriptors for what must be read again."""

    plan: LockPlan
    exe: str
    code: str
    filters: int
    """Seccomp_filters of /proc/self/status right after the lock; the seal adds one."""
    landlock_abi: int
    reasons: tuple[str, ...]
    """What the kernel could not give, as reason codes of the evidence: `netns-shared`, `no-landlock`."""
    early: tuple[Control, ...]
    """Controls that can only run before the lock."""
    kept: tuple[Kept, ...]
    fact_fds: FactFds
