"""The house of a demonstration: its folder, its settings, its own log and officer, and the service as a child process.

Law: everything lies under one folder of the user, replaced at each demonstration; the keys that check the log are
made on the same computer, and every page that shows it says so.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from audit.log.setup import Grant, create_demo
from policies.model import Policy
from proxy.clients import Clients, NewClient
from proxy.clock import Clock, read_boot_id
from proxy.config import AccessSettings, AuditSettings, ModelsSettings, PolicySettings, Settings, settings_to_toml
from proxy.launch import prepare
from proxy.policy_files import shipped_policies
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["DemoFailed", "DemoHouse", "Reply", "build_house"]

_READY_S = 120
POLICY = "hospital-demo"
ANSWER, GUARD = "demo-chat", "demo-guard"


class DemoFailed(Exception):  # noqa: N818 - a sentence for a person
    """The demonstration cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the service."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoHouse:
    """A demonstration's folder and how to reach its service."""

    folder: Path
    port: int
    token: str
    policy: Policy
    settings: Settings

    @property
    def journal(self) -> Path:
        """Where the service's journal goes."""
        return self.folder / "journal.jsonl"

    @contextmanager
    def serving(self, progress: Callable[[dict[str, str]], None], seconds: float = _READY_S) -> Iterator[None]:
        """Run the service; `progress` gets the parts of /readyz while it starts. Raises DemoFailed."""
        with self.journal.open("wb") as journal:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and settings file
                [sys.executable, "-I", "-B", "-m", "proxy", "serve", "--config", str(self.folder / "cordon.toml")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=journal,
            )
        try:
            self._wait(process, progress, seconds)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(
        self, process: subprocess.Popen[bytes], progress: Callable[[dict[str, str]], None], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DemoFailed(f"the service ended at start (status {process.returncode}); see {self.journal}")
            try:
                reply = self.get("/readyz")
            except (OSError, HTTPException):
                time.sleep(0.1)
                continue
            progress(reply.body.get("parts", {}))
            if reply.status == 200:
                return
            time.sleep(0.1)
        raise DemoFailed(f"the service was not ready after {seconds:.0f} s; see {self.journal}")

    def get(self, path: str) -> Reply:
        """GET without a token."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        """POST JSON with the demonstration's token."""
        connection, response = self._post(path, body)
        try:
            return Reply(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """POST and yield the events of the stream as they come; a refusal is one object with `error`."""
        connection, response = self._post(path, {**body, "stream": True})
        try:
            if response.status != 200:
                yield json.loads(response.read())
                return
            while line := response.readline():
                data = line.decode().removeprefix("data: ").strip()
                if data and data != "[DONE]":
                    yield json.loads(data)
        finally:
            connection.close()

    def _post(self, path: str, body: dict[str, Any]) -> tuple[HTTPConnection, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body).encode(), headers)
        return connection, connection.getresponse()


def build_house(data_home: Path) -> DemoHouse:
    """Make the folder, the settings, the token, the log and its officer. Raises DemoFailed."""
    folder = data_home / "cordon" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise DemoFailed(
            f"{folder} cannot be made ({error.strerror}); set XDG_DATA_HOME to a folder of yours"
        ) from None
    settings = _settings(folder, _free_port())
    _write_policy(settings.policy.dir)
    (folder / "cordon.toml").write_text(settings_to_toml(settings), encoding="utf-8")
    policy = prepare(settings).policy
    grant = Grant(policy=policy.digest, software=package_digest(package_dirs()))
    now = Clock(read_boot_id()).instant()
    create_demo(folder, uuid=str(uuid.uuid4()), grant=grant, at=now, random=secrets.token_bytes)
    settings.access.dir.mkdir(mode=0o700)
    clients = Clients(settings.access.dir / "clients.json")
    token = clients.add(NewClient("demonstration", os.getuid(), days=1), now_s=time.time())
    return DemoHouse(folder, settings.access.port, token, policy, settings)


def _settings(folder: Path, port: int) -> Settings:
    return Settings(
        access=AccessSettings(port=port, dir=folder / "access", socket=folder / "run" / "api.sock"),
        models=ModelsSettings(dir=folder, answer=ANSWER, guard=GUARD, demo_models=True),
        policy=PolicySettings(name=POLICY, dir=folder / "policies", calibration_dir=folder / "policies"),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )


def _write_policy(folder: Path) -> None:
    """The hospital policy, but willing to run where the kernel cannot confine it fully; the log tells which."""
    text = shipped_policies()["hospital"].decode()
    text = text.replace('name = "hospital"', f'name = "{POLICY}"')
    text = text.replace('evidence_min = "E1"', 'evidence_min = "E0"')
    folder.mkdir()
    (folder / f"{POLICY}.toml").write_text(text, encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
