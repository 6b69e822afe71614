"""Who takes part in a benchmark: a server on loopback, how it is started and ended, asked with a stopwatch, weighed.

Each party is a process of its own (Cordon is several), started here, found by its number and ended by it. A peer that
is not Cordon lives in `.venv-bench/NAME`, installed by pip under the version that the table names.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from proxy.cli.demo_house import DemoHouse

__all__ = [
    "Asked",
    "Command",
    "Missing",
    "Party",
    "Process",
    "Refused",
    "cordon",
    "free_port",
    "peer_python",
    "processes",
    "server",
]  # fmt: skip

_ROOT = Path(__file__).resolve().parents[1]
_START_S = 90
_INSTALL_S = 900


class Refused(Exception):  # noqa: N818 - not a fault: a proxy may say no
    """A request that was not answered; the message is the status and the code."""


class Missing(Exception):  # noqa: N818 - a sentence for the table
    """A peer that cannot take part; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One streamed answer: when its first text and its end came, and what it was."""

    first_s: float
    whole_s: float
    text: str
    tokens: int
    prompt_tokens: int
    finish: str


@dataclass(frozen=True, slots=True)
class Process:
    """What the kernel says of a process."""

    pid: int
    role: str
    resident_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Party:
    """A server that answers on loopback."""

    name: str
    port: int
    pid: int
    start_s: float
    model: str
    token: str = ""
    house: DemoHouse | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def ask(self, text: str, max_tokens: int = 96) -> Asked:
        """Ask once, streamed. Raises Refused."""
        body = {
            "model": self.model, "messages": [{"role": "user", "content": text}], "temperature": 0,
            "max_tokens": max_tokens, "stream": True, **self.more,
        }  # fmt: skip
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            if response.status != 200:
                raise Refused(f"{response.status} {_code(response.read())}")
            return _read(response, began)
        finally:
            connection.close()


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return "without a code"


def _read(lines: Any, began: float) -> Asked:
    first, pieces, usage, finish = 0.0, [], {}, ""
    for line in lines:
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        usage = event.get("usage") or usage
        for choice in event.get("choices") or ():
            finish = choice.get("finish_reason") or finish
            if text := choice["delta"].get("content"):
                first = first or time.perf_counter() - began
                pieces.append(text)
    whole = time.perf_counter() - began
    tokens = usage.get("completion_tokens", len(pieces))
    return Asked(first or whole, whole, "".join(pieces), tokens, usage.get("prompt_tokens", 0), finish)


@contextmanager
def cordon(name: str, house: DemoHouse) -> Iterator[Party]:
    """The service of a house, from its start to its end."""
    began = time.perf_counter()
    with house.serving(lambda _: None):
        took = time.perf_counter() - began
        pid = next(p for p, parent, words in _table() if parent == os.getpid() and _names(house, words))
        model = house.settings.engine.model or house.settings.models.answer
        usage = {"stream_options": {"include_usage": True}}
        yield Party(name, house.port, pid, took, model, token=house.token, house=house, more=usage)


def _names(house: DemoHouse, words: Sequence[str]) -> bool:
    return any(word.startswith(str(house.folder)) for word in words)


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a foreign server: `port` stands in its words as {port}."""

    words: tuple[str, ...]
    ready: str
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def server(name: str, command: Command, model: str, token: str = "") -> Iterator[Party]:
    """A foreign server, from its start to its end. Raises Missing."""
    port = free_port()
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **command.environment}
    with tempfile.TemporaryDirectory(prefix="cordon-peer-") as folder:
        said = Path(folder, "said.log")
        began = time.perf_counter()
        with said.open("wb") as log:
            process = subprocess.Popen(
                [word.format(port=port) for word in command.words],
                cwd=folder, env={**environment, "HOME": folder}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            _wait(lambda: _answers(port, command.ready), process, said)
            yield Party(name, port, process.pid, time.perf_counter() - began, model, token=token)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            last = said.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise Missing(f"did not start; it said: {last[0][:100]}")
        time.sleep(0.05)


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def peer_python(name: str, requirement: str) -> Path:
    """The interpreter of a peer, installed now unless it is there already. Raises Missing."""
    folder = _ROOT / ".venv-bench" / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists() and stamp.read_text() == requirement:
        return python
    environment = {**os.environ, "CMAKE_ARGS": os.environ.get("CMAKE_ARGS", "-DLLAVA_BUILD=OFF")}
    print(f"installing {requirement} into {folder.relative_to(_ROOT)}", file=sys.stderr, flush=True)
    for words in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install", requirement],
    ):
        try:
            subprocess.run(words, check=True, timeout=_INSTALL_S, env=environment, capture_output=True)
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["nothing"]
            raise Missing(f"cannot be installed; pip said: {last[0][:100]}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Missing(f"cannot be installed ({type(error).__name__})") from None
    stamp.write_text(requirement)
    return python


def processes(pid: int) -> tuple[Process, ...]:
    """A process and all below it, with the resident size now and its peak (VmHWM)."""
    table = list(_table())
    family, grown = [pid], 0
    while grown != len(family):
        grown = len(family)
        family += [p for p, parent, _ in table if parent in family and p not in family]
    words = {p: line for p, _, line in table}
    return tuple(_weigh(p, words[p]) for p in family if p in words)


def _weigh(pid: int, words: Sequence[str]) -> Process:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    sizes = {
        k: int(v.split()[0]) * 1024 for k, _, v in (x.partition(":") for x in status.splitlines()) if k[:2] == "Vm"
    }
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    role = "supervisor" if module == "proxy" else module.rpartition(".")[2]
    return Process(pid, role, sizes.get("VmRSS", 0), sizes.get("VmHWM", 0))


def _table() -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Every process: its number, its parent, its words."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            yield int(folder.name), parent, tuple(line)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
