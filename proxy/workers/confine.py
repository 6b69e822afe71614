"""The lock a child process puts itself in, before it imports a library or reads a byte of anybody's text.

Law: in this order, and the first failure ends the process.

1. One thread only (Landlock binds the thread that asks). Descriptors not named in the plan are closed. Without a unit,
   own namespaces.
2. Memory once writable never becomes executable (PR_SET_MDWE, Linux 6.3; older kernels have the filter's own rule). The
   engine sets room for callbacks aside.
3. Open what evidence must read later; hash the program.
4. Not dumpable, no core file.
5. no_new_privs, Landlock, the seccomp program for all threads.
6. Read back what the kernel says is in force.

What is never negotiable: no_new_privs, the seccomp program, not dumpable, no unexpected socket. Missing user namespaces
or a missing Landlock are reasons in the result, and cost the evidence level. Only the standard library's small modules
and our own are imported here: this runs first.

    locked = lock(LockPlan(Role.ANALYST, keep, install_paths(), role_reads(Role.ANALYST), (), own_namespaces=True))
    import presidio_analyzer  # only now
"""

import errno
import os
import resource
import sys

from proxy.workers.bpf import program, seal_program
from proxy.workers.callbacks import is_callback_room, reserve_callbacks
from proxy.workers.controls import controls
from proxy.workers.descriptors import View, inspect_descriptors, read_targets
from proxy.workers.facts import facts, file_digest, open_fact_fds, package_digest, package_dirs, status_fields
from proxy.workers.kernel import call, drop_capabilities, install_filter, machine
from proxy.workers.landlock import restrict
from proxy.workers.lockstate import Control, FactFds, Kept, Locked, LockError, LockPlan, Role
from proxy.workers.namespaces import route_control, take_namespaces

__all__ = [
    "Control",
    "LockError",
    "LockPlan",
    "Locked",
    "Role",
    "controls",
    "facts",
    "install_paths",
    "lock",
    "role_reads",
    "seal",
]

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 3, 4, 38, 65
_PR_MDWE_REFUSE_EXEC_GAIN = 1
_LAST_FD = 0xFFFFFFFF
_CALLBACKS = 32  # the binding and two contexts make five
_WITH_CALLBACKS = frozenset({Role.ENGINE, Role.ENGINE_GPU})

_SYSTEM = ("/usr", "/lib", "/lib64", "/opt/cordon", "/etc/ld.so.cache")
_CPU = ("/sys/devices/system/cpu", "/sys/devices/system/node")
# `import aiohttp.web` opens the first of these that exists (mimetypes.knownfiles), and refuses to start if it cannot.
_MIME = tuple(f"/etc/{folder}mime.types" for folder in ("", "httpd/", "httpd/conf/", "apache/", "apache2/"))
_NETWORK_CONFIG = ("/etc/ssl/openssl.cnf", *_MIME)
_READS = {
    Role.GATEWAY: (
        "/etc/cordon",
        "/etc/localtime",
        "/etc/passwd",
        "/etc/group",
        "/run/cordon",
        "/proc/self",
        "/dev/urandom",  # SQLite seeds itself from it, and from the clock where it cannot
        *_NETWORK_CONFIG,
    ),
    Role.ANALYST: ("/proc/self", "/proc/cpuinfo", "/sys/devices/system/cpu"),  # onnxruntime counts cores
    Role.ENGINE: ("/proc/self", *_CPU),
    Role.ENGINE_HTTP: ("/proc/self", *_NETWORK_CONFIG),
    Role.ENGINE_GPU: ("/proc/self", "/proc/driver/nvidia", *_CPU),
}


def install_paths() -> tuple[str, ...]:
    """Return what a child needs to read and execute: the system's libraries, the interpreter, our packages."""
    candidates = (*_SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *package_dirs())
    existing = (os.path.realpath(path) for path in candidates if os.path.exists(path))
    return tuple(path for path in dict.fromkeys(existing) if path != "/")


def role_reads(role: Role) -> tuple[str, ...]:
    """Return what a child of this role may read beside its installation."""
    return _READS[role]


def lock(plan: LockPlan) -> Locked:
    """Put this process into its lock. It cannot be left.

    Returns:
        What is known now and never again, and the descriptors through which the rest is read.

    Raises:
        LockError: a step failed; the process must end without reading anything.
    """
    if sys.platform != "linux":
        raise LockError("not-linux")
    arch = machine()
    _one_thread()  # 1
    _close_others(plan.keep_fds)
    reasons, early = _own_namespaces(plan)
    drop_capabilities()
    _checked("mdwe", call("prctl", _PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), harmless=errno.EINVAL)  # 2
    if plan.role in _WITH_CALLBACKS:
        reserve_callbacks(_CALLBACKS)
    fds = open_fact_fds()  # 3
    exe, code = file_digest("/proc/self/exe"), package_digest(package_dirs())
    kept = _inventory(plan, fds)
    before = _filters(fds)
    _no_core()  # 4
    _checked("no-new-privs", call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))  # 5
    abi = restrict(plan)
    install_filter(program(plan.role, arch.name))
    _read_back(fds, before + 1)  # 6
    if abi == 0:
        reasons += ("no-landlock",)
    return Locked(plan, exe, code, before + 1, abi, reasons, early, kept, fds)


def seal(locked: Locked) -> None:
    """Close the engine further, once its model is mapped and every module imported: nothing is opened any more.

    Raises:
        LockError: this role has no seal, or the kernel refused it.
    """
    if locked.plan.role is not Role.ENGINE:
        raise LockError("seal-role")
    install_filter(seal_program(machine().name))
    _read_back(locked.fact_fds, locked.filters + 1)


def _one_thread() -> None:
    fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if status_fields(fd).get("Threads") != "1":
            raise LockError("threads")
    finally:
        os.close(fd)


def _close_others(keep: tuple[int, ...]) -> None:
    first = 0
    for fd in sorted({0, 1, 2, *keep}):
        if fd > first:
            _checked("descriptors", call("close_range", first, fd - 1, 0))
        first = fd + 1
    _checked("descriptors", call("close_range", first, _LAST_FD, 0))


def _own_namespaces(plan: LockPlan) -> tuple[tuple[str, ...], tuple[Control, ...]]:
    if not plan.own_namespaces:
        return (), ()
    network = plan.role is not Role.ENGINE_HTTP  # it speaks to a server in the host's namespace
    taken = take_namespaces(network=network)
    if not (network and taken):
        return ("netns-shared",), ()
    return (), (route_control(),)


def _inventory(plan: LockPlan, fds: FactFds) -> tuple[Kept, ...]:
    """Remember what the named descriptors are, and refuse sockets nobody expects."""
    targets = read_targets(fds.fds)
    missing = [fd for fd in plan.keep_fds if fd not in targets]
    if missing:
        raise LockError("fd-missing")
    room = [fd for fd, target in targets.items() if is_callback_room(target)] if plan.role in _WITH_CALLBACKS else []
    kept = tuple(Kept(fd, targets[fd]) for fd in (*plan.keep_fds, *room))
    found = inspect_descriptors(View(plan, fds, kept, dict(plan.links)))
    if any(name.startswith(("tcp ", "udp ", "raw ", "unix", "netlink", "socket")) for name in found.unexpected):
        raise LockError("fd-unexpected")
    return kept


def _no_core() -> None:
    # 1, not 0: with a handler in core_pattern the kernel writes to its pipe under every limit but 1 (core(5)).
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    limit = 0 if hard == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    try:
        fd = os.open("/proc/self/coredump_filter", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # not everywhere, and only one of three walls
        pass
    else:
        os.write(fd, b"0")
        os.close(fd)
    _checked("dumpable", call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0))


def _filters(fds: FactFds) -> int:
    """Return how many programs bind this process; a kernel that does not count them is too old (Linux 5.11)."""
    count = status_fields(fds.status).get("Seccomp_filters")
    if count is None:
        raise LockError("seccomp-count")
    return int(count)


def _read_back(fds: FactFds, filters: int) -> None:
    status = status_fields(fds.status)
    in_force = (status.get("NoNewPrivs"), status.get("Seccomp"), status.get("Seccomp_filters"))
    if in_force != ("1", "2", str(filters)) or call("prctl", _PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise LockError("read-back")


def _checked(code: str, result: int, *, harmless: int = 0) -> None:
    if result < 0 and result != -harmless:
        raise LockError(code, -result)
