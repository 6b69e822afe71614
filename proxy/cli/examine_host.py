"""The parts of an installation, looked at one by one: models, policy, log, ports, confinement.

Law: each part is a function from settings to sentences; none raises, none changes anything.
"""

from __future__ import annotations

import contextlib
import enum
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from audit.log import AuditError
from policies.model import Policy, PolicyError, Regime
from proxy.cli.api import evidence_now
from proxy.cli.audit_offline import state_of
from proxy.cli.shelf import FileState, OnShelf, inspect, weigh
from proxy.clock import Clock, read_boot_id
from proxy.config import ConfigError, Settings
from proxy.fitting import misfit
from proxy.health import ALIVE
from proxy.launch import LaunchError, prepare
from proxy.listeners import ListenerRefused, bind_loopback
from proxy.models import Catalogue
from proxy.peer import SockDiag, open_diag
from proxy.policy_files import read_policy, read_rules
from proxy.preflight import PREFLIGHT, PreflightRefused, read_preflight, unit_weaknesses
from proxy.stock import read_catalogue
from proxy.workers.engine.hardware import memory_available
from proxy.workers.kernel import machine
from proxy.workers.landlock import landlock_abi
from proxy.workers.lockstate import LockError
from proxy.workers.namespaces import take_namespaces

__all__ = ["Level", "Point", "points_of"]

_WARN_MONTHS = 2


class Level(enum.IntEnum):
    """How much a finding matters, least first."""

    GOOD = 0
    REMARK = 1
    SILENT = 2
    """The service would start, but refuse every question."""
    STOPS = 3
    """The service would not start."""

    @property
    def word(self) -> str:
        """In a table."""
        return ("ok", "note", "refuses", "stops")[self]


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that was found."""

    part: str
    level: Level
    says: str


def points_of(settings: Settings) -> tuple[Point, ...]:
    """Look at every part."""
    models, guard = _models(settings)
    points = [*models, *_policy(settings, guard)]
    if all(point.level < Level.STOPS for point in points):
        points += _whole(settings)
    return (*points, *_log(settings), *_port(settings), *_unit(settings), *_confinement(settings))


# ---- models ----------------------------------------------------------------------------------------------------


def _models(settings: Settings) -> tuple[list[Point], str]:
    """The two models of the settings, and the approved digest of the guard."""
    try:
        catalogue = read_catalogue(settings.models)
    except ConfigError as error:
        return [Point("models", Level.STOPS, str(error))], ""
    answer, guard = settings.models.answer, settings.models.guard
    if settings.engine.kind == "http":
        says = f"answers come from {settings.engine.base_url}, outside the cordon: evidence E0"
        points = [Point("engine", Level.REMARK, says)]
    else:
        points = [_model("answer", answer, catalogue, settings)]
    if guard:
        points.append(_model("guard", guard, catalogue, settings))
    judge = catalogue.find(guard)
    return points, inspect(settings.models, judge).approved if judge is not None else ""


def _model(role: str, name: str, catalogue: Catalogue, settings: Settings) -> Point:
    model = catalogue.find(name)
    if model is None or model.role != role:
        return Point(role, Level.STOPS, f"there is no {role} model {name}. See: cordon models list")
    try:
        return _file_point(role, weigh(settings.models, model), settings)
    except OSError as error:
        return Point(role, Level.STOPS, f"the file of {name} cannot be read ({error.strerror})")


def _file_point(role: str, seen: OnShelf, settings: Settings) -> Point:
    if seen.demo and not settings.models.demo_models:
        return Point(role, Level.STOPS, f"{seen.id} is for demonstration only, and models.demo_models is false")
    match seen.state:
        case FileState.HOLDS | FileState.PRESENT:
            level, kind = (Level.REMARK, ", for demonstration only") if seen.demo else (Level.GOOD, "")
            return Point(role, level, f"{seen.id}{kind}: the approved file, sha256 {seen.approved[:16]}...")
        case FileState.ABSENT:
            return Point(role, Level.STOPS, f"{seen.id}: {seen.path} is missing. Copy the file there")
        case FileState.DIFFERS:
            return Point(role, Level.STOPS, f"{seen.id}: {seen.path} is another file than the approved one")
        case FileState.UNAPPROVED:
            return Point(role, Level.STOPS, f"{seen.id}: not approved yet. See: cordon models verify {seen.id}")


# ---- policy and calibration ------------------------------------------------------------------------------------


def _policy(settings: Settings, guard: str) -> Iterator[Point]:
    name = settings.policy.name
    try:
        policy = read_policy(settings.policy, guard)
    except PolicyError as error:
        if error.code == "guard_uncalibrated":
            says = "the guard has no calibration that fits its file. Make one with `cordon policy calibrate`"
            yield Point("calibration", Level.STOPS, says)
        else:
            yield Point("policy", Level.STOPS, f"{name} does not load: {error}")
        return
    says = f"{name}, digest {policy.digest[:16]}..., purpose {policy.purpose}, least evidence {policy.evidence_min}"
    yield Point("policy", Level.REMARK if policy.unsafe else Level.GOOD, says)
    yield _basis(policy)


def _basis(policy: Policy) -> Point:
    match policy.calibration_basis:
        case "measured":
            return Point("calibration", Level.GOOD, "thresholds were measured")
        case "off":
            return Point("calibration", Level.REMARK, "nothing is judged under this policy")
        case basis:
            says = f"thresholds not measured (basis {basis}{_accepted(policy)}); every reply and record says so"
            return Point("calibration", Level.REMARK, says)


def _accepted(policy: Policy) -> str:
    act = policy.act
    return f", accepted by {act.by} at {act.at}: {act.reason}" if act is not None else ""


def _whole(settings: Settings) -> Iterator[Point]:
    """What the service itself would say first, in case a part above missed it."""
    try:
        prepared = prepare(settings)
    except (ConfigError, LaunchError) as error:
        yield Point("start", Level.STOPS, str(error))
        return
    sentence = misfit(settings.engine, prepared.catalogue, prepared.answer, prepared.guard, memory_available())
    if sentence is not None:
        yield Point("memory", Level.STOPS, sentence)


# ---- log -------------------------------------------------------------------------------------------------------


def _log(settings: Settings) -> Iterator[Point]:
    folder = settings.audit.dir
    try:
        state = state_of(folder)
    except (AuditError, OSError) as error:
        yield Point("log", Level.SILENT, f"{folder} cannot be read: {error}")
        return
    if not state.exists:
        yield Point("log", Level.SILENT, f"there is no log in {folder}. Make it with `cordon audit init`")
        return
    if not state.enrolled:
        yield Point("log", Level.SILENT, "no officer has enrolled this computer. See: cordon audit accept")
        return
    level, until = Level.GOOD, f"{state.last_month[:4]}-{state.last_month[4:]}"
    left = _months_left(state.last_month)
    if left < _WARN_MONTHS:
        level = Level.SILENT if left < 0 else Level.REMARK
    if not os.access(folder, os.W_OK):
        yield Point("log", Level.SILENT, f"{folder} cannot be written by this user")
    if state.writing and (evidence := evidence_now(settings.access.socket)) is not None:
        good = evidence["level"] >= _wanted(settings)
        yield Point("evidence", Level.GOOD if good else Level.SILENT, f"{evidence['level']}. {evidence['sentence']}")
    yield Point("log", level, f"enrolled by {state.site}, {state.size} signed records, keys until {until}")


def _months_left(last: str) -> int:
    now = Clock(read_boot_id()).instant().month()
    return (int(last[:4]) - int(now[:4])) * 12 + int(last[4:]) - int(now[4:]) if last else -1


# ---- port ------------------------------------------------------------------------------------------------------


def _port(settings: Settings) -> Iterator[Point]:
    port = settings.access.port
    try:
        sockets = bind_loopback(port)
    except ListenerRefused as error:
        if _held_for_us(settings):
            # Asking over it would start the service.
            yield Point("port", Level.GOOD, f"{port} and api.sock are held by systemd for the service")
        elif _is_cordon(port):
            yield Point("port", Level.REMARK, f"a Cordon is already running on port {port}")
        else:
            yield Point("port", Level.STOPS, str(error))
        return
    for sock in sockets:
        sock.close()
    both = "127.0.0.1 and ::1" if len(sockets) > 1 else "127.0.0.1 (this computer has no ::1)"
    yield Point("port", Level.GOOD, f"{port} is free on {both}")


def _held_for_us(settings: Settings) -> bool:
    """Whether systemd holds the sockets: api.sock lies in root's own folder, and root has the port."""
    try:
        api = settings.access.socket.parent.stat()
        with contextlib.closing(open_diag()) as diag:
            owner = SockDiag(diag).listener_uid(socket.AF_INET, settings.access.port)
    except OSError:
        return False
    return PREFLIGHT.parent == settings.access.socket.parent and (api.st_uid, owner) == (0, 0)


def _is_cordon(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().read(64) == ALIVE
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


# ---- confinement -----------------------------------------------------------------------------------------------


def _unit(settings: Settings) -> Iterator[Point]:
    """What systemd held at the last start of the packaged service, as root wrote it down then."""
    if not PREFLIGHT.exists():
        return
    try:
        preflight = read_preflight()
    except PreflightRefused as error:
        yield Point("unit", Level.STOPS, str(error))
        return
    short = Level.STOPS if _wanted(settings) == "E1" else Level.REMARK
    missing = unit_weaknesses(preflight)
    if missing:
        yield Point("unit", short, f"{preflight.unit}: weaker than the shipped one in {', '.join(missing)}")
    else:
        yield Point("unit", Level.GOOD, f"{preflight.unit}: every protection of the shipped unit was in force")
    if preflight.egress_bytes is None:
        yield Point("bytes", short, "systemd does not count the service's bytes: control groups v2 and BPF are needed")
    else:
        says = f"systemd counts them: {preflight.egress_bytes} bytes left the service before its last start"
        yield Point("bytes", Level.GOOD, says)


def _confinement(settings: Settings) -> Iterator[Point]:
    """What the kernel offers. What it really gave is measured by the service and recorded as evidence."""
    wanted = _wanted(settings)
    short = Level.SILENT if wanted == "E1" else Level.REMARK
    yield from _system_calls()
    if PREFLIGHT.exists():
        yield Point("namespaces", Level.GOOD, "the unit gives the service a network of its own, without an interface")
    elif _forked(lambda: take_namespaces(network=True)):
        yield Point("namespaces", Level.GOOD, "each process can have a network of its own, without an interface")
    else:
        says = "this user may not make namespaces: the processes would share the host's network. Use the systemd unit"
        yield Point("namespaces", short, says)
    abi = landlock_abi()
    if abi >= 1:
        yield Point("landlock", Level.GOOD, f"files can be walled off (version {abi})")
    else:
        yield Point("landlock", short, "the kernel has no Landlock: files are protected by permissions alone")


def _wanted(settings: Settings) -> str:
    try:
        regime: Regime = read_rules(settings.policy)
    except PolicyError:
        return "E1"
    return regime.evidence_min


def _system_calls() -> Iterator[Point]:
    try:
        arch = machine().name
    except LockError:
        yield Point("seccomp", Level.STOPS, f"there is no system call filter for {os.uname().machine}")
        return
    try:
        counted = "Seccomp_filters:" in Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        counted = False
    if counted:
        yield Point("seccomp", Level.GOOD, f"system calls can be filtered ({arch})")
    else:
        yield Point("seccomp", Level.STOPS, "the kernel does not count system call filters: Linux 5.11 is needed")


def _forked(attempt: Callable[[], bool]) -> bool:
    """Try something that cannot be undone in a child that ends at once."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if attempt() else 1)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
