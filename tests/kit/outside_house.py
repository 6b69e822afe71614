"""The real service over an engine of the outside world: every process, the real analyst, a real log, no model of ours.

What the conformance tools need: they are the client and the upstream at once.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from audit.log.setup import Grant, create_demo
from proxy.clients import Clients, NewClient
from proxy.clock import Clock, read_boot_id
from proxy.config import load_settings
from proxy.launch import prepare
from proxy.workers.facts import package_digest, package_dirs
from tests.kit.gateway import free_port

__all__ = ["MODEL", "OutsideHouse", "outside_house"]

MODEL = "conformance-model"
_READY_S = 90

_SETTINGS = """\
[access]
port = {port}
dir = "{folder}/access"
socket = "{folder}/run/api.sock"
[engine]
kind = "http"
base_url = "http://127.0.0.1:{upstream}/v1"
model = "{model}"
[models]
dir = "{folder}"
answer = ""
guard = ""
[policy]
name = "unsafe-allow-all"
dir = "{folder}/policies"
calibration_dir = "{folder}/policies"
[audit]
dir = "{folder}/audit"
site = "conformance.invalid"
"""


@dataclass(frozen=True, slots=True)
class OutsideHouse:
    """A running service. `upstream` is the port at which it expects its model server."""

    folder: Path
    port: int
    upstream: int
    token: str

    @property
    def base_url(self) -> str:
        """What a client is told."""
        return f"http://127.0.0.1:{self.port}/v1"

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Everything that the service and its log wrote."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()


@contextmanager
def outside_house(folder: Path) -> Iterator[OutsideHouse]:
    """Start the service in a new folder; stop it at the end."""
    folder.mkdir(mode=0o700)
    house = OutsideHouse(folder, free_port(), free_port(), _furnish(folder))
    text = _SETTINGS.format(folder=folder, port=house.port, upstream=house.upstream, model=MODEL)
    (folder / "cordon.toml").write_text(text)
    policy = prepare(load_settings(folder / "cordon.toml")).policy
    grant = Grant(policy=policy.digest, software=package_digest(package_dirs()))
    create_demo(
        folder, uuid=str(uuid.uuid4()), grant=grant, at=Clock(read_boot_id()).instant(), random=secrets.token_bytes
    )
    words = [sys.executable, "-I", "-B", "-m", "proxy", "serve", "--config", str(folder / "cordon.toml")]
    with (folder / "journal.jsonl").open("wb") as journal:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=journal)
        try:
            _wait(house, process)
            yield house
        finally:
            process.terminate()
            process.wait(30)


def _furnish(folder: Path) -> str:
    """Folders and a token."""
    (folder / "policies").mkdir()
    (folder / "access").mkdir(mode=0o700)
    return Clients(folder / "access" / "clients.json").add(NewClient("tools", os.getuid(), 1), now_s=time.time())


def _wait(house: OutsideHouse, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError((house.folder / "journal.jsonl").read_text()[-2000:])
        try:
            connection = HTTPConnection("127.0.0.1", house.port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass  # not listening yet
        time.sleep(0.2)
    raise RuntimeError((house.folder / "journal.jsonl").read_text()[-2000:])
