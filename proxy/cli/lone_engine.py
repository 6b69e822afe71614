"""An engine on its own, for commands that measure or ask a model: the process of the service, without a gateway.

    with lone_engine(plan, descriptors) as engine:
        hello = engine.hello()
        engine.send(generate); done = engine.until(Done)

Law: it is started and locked as the service's own; it sees what the command gives it and nothing else. A process that
does not come up, or dies, is an `EngineGone` with its code.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from proxy.plan import LockOrder
from proxy.workers.engine.launch import EnginePlan, plan_to_json
from proxy.workers.supervisor import CHILD_ENVIRONMENT
from proxy.workers.wire import Hello, Message, Reader, encode

__all__ = ["EngineGone", "LoneEngine", "LoneProcess", "engine_process", "lone_engine"]

_M = TypeVar("_M", bound=Message)
_CHUNK = 1 << 16
_STOP_S = 20
_MESSAGE_BYTES = 4096


class EngineGone(Exception):  # noqa: N818 - a state, not a mistake
    """The engine did not start, or is gone. `code` is a key of the error table, or an exit status in words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class LoneProcess:
    """The running process, and both ends that are ours."""

    process: subprocess.Popen[bytes]
    link: socket.socket
    control: socket.socket

    def code(self) -> str:
        """Why it ended, in its own word."""
        status = self.process.wait(_STOP_S)
        try:
            message = json.loads(self.control.recv(_MESSAGE_BYTES, socket.MSG_DONTWAIT) or b"{}")
        except (OSError, ValueError):
            message = {}
        return str(message.get("failed", f"status {status}"))[:64]


class LoneEngine:
    """The running process, spoken to in wire messages by one thread."""

    def __init__(self, process: LoneProcess) -> None:
        self._process = process
        self._reader = Reader()
        self._ready: list[Message] = []

    def hello(self) -> Hello:
        """Wait until the models are loaded. Raises EngineGone."""
        return self.until(Hello)

    def send(self, *messages: Message) -> None:
        """Send messages. Raises EngineGone."""
        try:
            self._process.link.sendall(b"".join(map(encode, messages)))
        except OSError:
            raise EngineGone(self._process.code()) from None

    def next(self) -> Message:
        """The next message. Raises EngineGone."""
        while not self._ready:
            data = self._process.link.recv(_CHUNK)
            if not data:
                raise EngineGone(self._process.code())
            self._ready.extend(self._reader.feed(data))
        return self._ready.pop(0)

    def until(self, kind: type[_M]) -> _M:
        """The next message of a kind; others before it are dropped. Raises EngineGone."""
        while True:
            message = self.next()
            if isinstance(message, kind):
                return message

    def peak_bytes(self) -> int:
        """The most memory it ever had."""
        lines = Path(f"/proc/{self._process.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


@contextmanager
def lone_engine(plan: EnginePlan, descriptors: Mapping[str, int]) -> Iterator[LoneEngine]:
    """Start it with open files, see it end. The files are closed here."""
    lock = LockOrder(own_namespaces=True).model_dump_json()
    with engine_process(("--lock", lock, "--plan", plan_to_json(plan)), descriptors) as process:
        yield LoneEngine(process)


@contextmanager
def engine_process(arguments: Sequence[str], descriptors: Mapping[str, int]) -> Iterator[LoneProcess]:
    """The bare process, for who speaks over its link in a way of his own. The files are closed here."""
    link, its_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    named = {"control": its_control.fileno(), "link": its_link.fileno(), **descriptors}
    argv = [sys.executable, "-I", "-B", "-m", "proxy.workers.engine"]
    for name, number in named.items():
        argv += ["--fd", f"{name}={number}"]
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, module and descriptors
            [*argv, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=CHILD_ENVIRONMENT, pass_fds=tuple(named.values()), start_new_session=True,
        )  # fmt: skip
    finally:
        its_link.close()
        its_control.close()
        for number in descriptors.values():
            os.close(number)
    try:
        yield LoneProcess(process, link, control)
    finally:
        link.close()
        control.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
