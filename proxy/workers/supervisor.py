"""`cordon serve`: the process that opens sockets and starts the others. It sees no text and no keys.

    supervisor --control--> gateway      listeners, diag, one link per worker
               --control--> analyst      link
               --control--> engine       link, model files
               --control--> http         link          (only with engine.kind = "http")

Law: a worker that dies is started again with a fresh link, whose other end goes to the gateway over its control socket;
three deaths within a minute leave it down. A dead gateway ends all and all start again. The supervisor closes both
ends of a worker link as soon as they are handed over, so it cannot read them. A child that ends with 78 ends the
service: a lock that did not hold is not tried a second time. With a watchdog, the sign of life is given only after the
gateway's own loop answered. Where a child crashed is passed on as places in programs, never as it was written.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.workers.crash import CrashPipe

__all__ = ["CHILD_ENVIRONMENT", "Child", "ChildSpec", "Hooks", "Supervisor"]

CHILD_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "GGML_NO_BACKTRACE": "1",
    "HF_HUB_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_WAIT_POLICY": "passive",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
EXIT_CONFIG = 78
_DEATHS, _DEATH_WINDOW_S = 3, 60.0
_STOP_S = 8.0
_BACKOFF_S = (0.1, 0.5, 2.0)
_CONTROL_BYTES = 4096
_REASONS = re.compile(r"[a-z0-9:,-]{1,400}")
"""What a child may say beside its code: the reason codes of the evidence, and nothing else."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start one child.

    Attributes:
        role: gateway, analyst, engine or http.
        module: run with `python -I -B -m`.
        arguments: after the descriptors.
        descriptors: name -> open descriptor, given to the child in addition to control and links.
    """

    role: str
    module: str
    arguments: tuple[str, ...] = ()
    descriptors: Mapping[str, int] = field(default_factory=dict)


def _nothing() -> None:
    """For hooks that nobody set."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom the supervisor tells how the service stands.

    Attributes:
        ready: the gateway answers, for the first time or again.
        failed: a child said the code of what it cannot do.
        alive: the gateway's loop answered a ping.
        stopping: the end has begun.
        ping_s: how often to ping the gateway; None for never.
        grace_s: how long a gateway that was just started may take until its first answer.
    """

    ready: Callable[[], object] = _nothing
    failed: Callable[[str], object] = len  # nobody listens
    alive: Callable[[], object] = _nothing
    stopping: Callable[[], object] = _nothing
    ping_s: float | None = None
    grace_s: float = 0.0


@dataclass(slots=True)
class Child:
    """A running child: its process, our ends of control and crash, and when its kind died lately."""

    spec: ChildSpec
    process: subprocess.Popen[bytes] | None = None
    control: socket.socket | None = None
    crash: CrashPipe | None = None
    pidfd: int = -1
    deaths: deque[float] = field(default_factory=deque)
    down: bool = False
    retry_at: float = 0.0


class Supervisor:
    """Start the children and keep them running until told to stop.

    `report` writes a journal line of the supervisor's own; `lines` passes on a line that the gateway's journal made.
    """

    def __init__(
        self,
        gateway: ChildSpec,
        workers: tuple[ChildSpec, ...],
        *,
        report: Callable[..., None],
        lines: Callable[[str], object],
        hooks: Hooks = Hooks(),
    ) -> None:
        self._gateway = Child(gateway)
        self._workers = {spec.role: Child(spec) for spec in workers}
        self._report, self._lines = report, lines
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._exit = 0
        self._hooks = hooks
        self._was_ready = False
        self._pings, self._ping_at, self._grace_until = 0, time.monotonic(), 0.0

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status."""
        wake_r, wake_w = socket.socketpair()
        wake_w.setblocking(False)
        signal.set_wakeup_fd(wake_w.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(wake_r, selectors.EVENT_READ, lambda: wake_r.recv(64))
        try:
            self._start_all()
            while not self._stopping:
                for key, _ in self._selector.select(timeout=self._next_wake_s()):
                    key.data()
                self._retry()
                self._ping()
        finally:
            self._hooks.stopping()
            self._stop_all()
            signal.set_wakeup_fd(-1)
            wake_r.close()
            wake_w.close()
            self._selector.close()
        return self._exit

    def _on_signal(self, number: int, frame: object) -> None:
        del number, frame
        self._stopping = True

    # ---- starting -------------------------------------------------------------------------------------------

    def _start_all(self) -> None:
        ends: dict[str, socket.socket] = {}
        for role, child in self._workers.items():
            ends[role] = self._start_worker(child)
        links = {f"link.{role}": end.fileno() for role, end in ends.items()}
        self._spawn(self._gateway, links)
        self._grace_until = time.monotonic() + self._hooks.grace_s
        for end in ends.values():
            end.close()

    def _start_worker(self, child: Child) -> socket.socket:
        """Spawn a worker; returns the gateway's end of its link."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._spawn(child, {"link": theirs.fileno()})
        return ours

    def _spawn(self, child: Child, links: Mapping[str, int]) -> None:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        crash = CrashPipe()
        named = {"control": theirs.fileno(), "crash": crash.theirs, **links, **child.spec.descriptors}
        argv = [sys.executable, "-I", "-B", "-m", child.spec.module]
        for name, number in named.items():
            argv += ["--fd", f"{name}={number}"]
        with theirs:
            child.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*argv, *child.spec.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=CHILD_ENVIRONMENT,
                pass_fds=tuple(named.values()),
                start_new_session=True,
            )
        crash.give()
        child.control, child.crash, child.pidfd = control, crash, os.pidfd_open(child.process.pid)
        control.setblocking(False)
        self._selector.register(control, selectors.EVENT_READ, lambda: self._on_control(child))
        self._selector.register(crash.ours, selectors.EVENT_READ, lambda: self._on_crash(crash))
        self._selector.register(child.pidfd, selectors.EVENT_READ, lambda: self._on_exit(child))
        self._report("child_started", role=child.spec.role)

    # ---- events ---------------------------------------------------------------------------------------------

    def _on_control(self, child: Child) -> None:
        if child.control is None:
            return
        try:
            data = child.control.recv(_CONTROL_BYTES)
            message = json.loads(data) if data else {}
        except (OSError, ValueError):
            message = {}
        if not message:
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.control)
            return
        if line := message.get("line"):
            self._lines(str(line))
        if code := message.get("failed"):
            self._report("child_failed", role=child.spec.role, code=str(code)[:64])
            reasons = str(message.get("reasons", ""))
            self._hooks.failed(str(code)[:64] + (f" ({reasons})" if _REASONS.fullmatch(reasons) else ""))
        if child is self._gateway and message.get("pong") == str(self._pings):
            self._grace_until = 0.0
            self._hooks.alive()
        victim = self._workers.get(str(message.get("kill")))
        if child is self._gateway and victim is not None and victim.process is not None:
            self._report("child_killed", role=victim.spec.role)
            victim.process.kill()
        if message.get("ready"):
            self._report("ready", role=child.spec.role)
            self._was_ready = True
            self._hooks.ready()

    def _on_crash(self, crash: CrashPipe) -> None:
        if not crash.read():
            self._selector.unregister(crash.ours)

    def _on_exit(self, child: Child) -> None:
        status = self._reap(child)
        self._report("child_exited", role=child.spec.role, status=status)
        if self._stopping:
            return
        if status == EXIT_CONFIG:
            self._exit, self._stopping = EXIT_CONFIG, True
            return
        now = time.monotonic()
        child.deaths.append(now)
        while child.deaths and child.deaths[0] < now - _DEATH_WINDOW_S:
            child.deaths.popleft()
        if len(child.deaths) >= _DEATHS:
            self._give_up(child)
        else:
            child.retry_at = now + _BACKOFF_S[len(child.deaths) - 1]

    def _give_up(self, child: Child) -> None:
        child.down = True
        self._report("child_left_down", role=child.spec.role)
        if child is self._gateway or not self._was_ready:  # nothing was answered yet, so nobody is left waiting
            self._hooks.failed(f"{child.spec.role}_failing")
            self._exit, self._stopping = 1, True
        else:
            self._tell_gateway({"down": child.spec.role}, ())

    def _next_wake_s(self) -> float | None:
        due = [c.retry_at for c in (self._gateway, *self._workers.values()) if c.process is None and not c.down]
        if self._hooks.ping_s is not None:
            due.append(self._ping_at)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _ping(self) -> None:
        """Ask the gateway's loop for a sign of life; an answer to an older question does not count."""
        now = time.monotonic()
        if self._hooks.ping_s is not None and now >= self._ping_at:
            self._pings, self._ping_at = self._pings + 1, now + self._hooks.ping_s
            self._tell_gateway({"ping": str(self._pings)}, ())
            if now < self._grace_until:
                self._hooks.alive()

    def _retry(self) -> None:
        now = time.monotonic()
        if self._gateway.process is None and not self._stopping and now >= self._gateway.retry_at:
            for child in self._workers.values():  # a new gateway gets new workers: nothing of old exchanges survives
                self._end(child)
            self._start_all()
            return
        for child in self._workers.values():
            if child.process is None and not child.down and now >= child.retry_at and not self._stopping:
                with self._start_worker(child) as end:
                    self._tell_gateway({"attach": child.spec.role}, (end.fileno(),))

    def _tell_gateway(self, message: dict[str, str], descriptors: tuple[int, ...]) -> None:
        if self._gateway.control is not None:
            with contextlib.suppress(OSError):
                socket.send_fds(self._gateway.control, [json.dumps(message).encode()], list(descriptors))

    # ---- stopping -------------------------------------------------------------------------------------------

    def _reap(self, child: Child) -> int:
        assert child.process is not None
        status = child.process.wait()
        self._selector.unregister(child.pidfd)
        os.close(child.pidfd)
        if child.control is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.control)
            child.control.close()
        self._close_crash(child)
        child.process, child.control, child.pidfd = None, None, -1
        return status

    def _close_crash(self, child: Child) -> None:
        """Say where the child died, if it could say so itself."""
        crash, child.crash = child.crash, None
        if crash is None:
            return
        with contextlib.suppress(KeyError):
            self._selector.unregister(crash.ours)
        places, others = crash.close()
        for place in places:
            self._report("crashed_at", role=child.spec.role, place=place)
        if places or others:
            self._report("crashed", role=child.spec.role, count=others)

    def _end(self, child: Child) -> None:
        if child.process is not None:
            child.process.kill()
            self._reap(child)

    def _stop_all(self) -> None:
        """The gateway first: it closes its exchanges and the log; then the workers."""
        process = self._gateway.process
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._report("child_killed", role="gateway")
        for child in (self._gateway, *self._workers.values()):
            self._end(child)
