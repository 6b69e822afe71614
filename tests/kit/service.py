"""The real service, started as a user would: its processes, its log, its demonstration models; for integration tests.

`Running` has the demonstration's house, and helpers to ask, to find a child process, and to read the log afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.log.setup import Grant, create_demo, read_officer
from audit.log.snapshot import read_directory
from audit.reader import open_records
from audit.verify import Verification, examine, from_directory
from proxy.cli.demo_house import DemoHouse, build_house
from proxy.clients import Clients, NewClient
from proxy.clock import Clock, read_boot_id
from proxy.config import (
    AccessSettings,
    AuditSettings,
    EngineSettings,
    ModelsSettings,
    PolicySettings,
    Settings,
    settings_to_toml,
)
from proxy.launch import prepare
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["Running", "demo_service", "enrolled_house", "examined", "http_house", "records", "scripted_service"]


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers."""

    house: DemoHouse

    def chat(self, text: str, **more: Any) -> dict[str, Any]:
        """Ask once, not streamed."""
        return self.house.post("/v1/chat/completions", self.body(text, **more)).body

    def body(self, text: str, **more: Any) -> dict[str, Any]:
        return {
            "model": self.house.settings.models.answer,
            "messages": [{"role": "user", "content": text}],
            "temperature": 0,
            "max_tokens": 120,
            **more,
        }

    def kill(self, module: str) -> None:
        os.kill(self.child(module), signal.SIGKILL)

    def child(self, module: str) -> int:
        """The pid of our own child: same supervisor, that is the parent of our gateway."""
        parents = {pid: parent for pid, parent, _ in _processes()}
        ours = next(
            parents[pid] for pid, _, words in _processes()
            if b"proxy.gateway" in words and any(str(self.house.folder).encode() in w for w in words)
        )  # fmt: skip
        return next(pid for pid, parent, words in _processes() if parent == ours and module.encode() in words)

    def wait_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.house.get("/readyz").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError(self.house.journal.read_text())

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.house.journal.read_text().splitlines() if line.startswith("{")]


def _processes() -> Iterator[tuple[int, int, list[bytes]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            yield int(folder.name), parent, words


def _quiet(parts: dict[str, str]) -> None:
    del parts


@contextmanager
def demo_service(folder: Path) -> Iterator[Running]:
    """The service on the bundled models."""
    house = build_house(folder)
    with house.serving(_quiet):
        yield Running(house)


def examined(house: DemoHouse) -> Verification:
    """What the officer's check says of the log, after the service stopped."""
    trust, keyring = read_officer(house.folder / "officer")
    return examine(from_directory(read_directory(house.settings.audit.dir)), trust, keyring)


def records(house: DemoHouse) -> list[tuple[int, str, dict[str, Any]]]:
    """Every record that opens, in order."""
    trust, keyring = read_officer(house.folder / "officer")
    opened = open_records(from_directory(read_directory(house.settings.audit.dir)), trust, keyring)
    return [(seq, kind, body) for seq, (kind, body) in sorted(opened.items())]


_ENTRY = """
[[model]]
id = "scripted"
role = "answer"
family = "gemma4"
hf_id = ""
file = "scripted.gguf"
bytes = 1
sha256 = "%s"
licence = "Apache-2.0"
context = 4096
modalities = ["text"]
kv_mib = 1
sampling = { temperature = 0.0, top_p = 1.0, top_k = 0 }
empty_thought = true
scenarios = []
"""


@contextmanager
def scripted_service(folder: Path, write: Callable[[Path], str], policy: str) -> Iterator[DemoHouse]:
    """The service with one of `tests.kit.scripted`'s models, the bundled guard, and a policy `ward` of its own."""
    policies, catalogue = folder / "policies", folder / "own.toml"
    policies.mkdir()
    (policies / "ward.toml").write_text(policy)
    catalogue.write_text(_ENTRY % write(folder / "scripted.gguf"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    models = ModelsSettings(dir=folder, answer="scripted", guard="demo-guard", demo_models=True, catalogue=catalogue)
    settings = Settings(
        access=AccessSettings(port=port, dir=folder / "access", socket=folder / "run" / "api.sock"),
        models=models,
        policy=PolicySettings(name="ward", dir=policies, calibration_dir=policies),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )
    house = enrolled_house(folder, settings)
    with house.serving(_quiet):
        yield house


def http_house(folder: Path, port: int, base_url: str) -> DemoHouse:
    """A house whose answers come from a loopback server, under the policy for conformance runs."""
    settings = Settings(
        access=AccessSettings(port=port, dir=folder / "access", socket=folder / "run" / "api.sock"),
        engine=EngineSettings(kind="http", base_url=base_url, model="conformance"),
        models=ModelsSettings(dir=folder, guard="", answer="conformance"),
        policy=PolicySettings(name="unsafe-allow-all", dir=folder, calibration_dir=folder),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )
    return enrolled_house(folder, settings)


def enrolled_house(folder: Path, settings: Settings) -> DemoHouse:
    """A house of these settings in a folder that has none: a log with its officer, and a client with a token."""
    (folder / "cordon.toml").write_text(settings_to_toml(settings), encoding="utf-8")
    policy = prepare(settings).policy
    grant = Grant(policy=policy.digest, software=package_digest(package_dirs()))
    now = Clock(read_boot_id()).instant()
    create_demo(folder, uuid=str(uuid.uuid4()), grant=grant, at=now, random=secrets.token_bytes)
    settings.access.dir.mkdir(mode=0o700)
    clients = Clients(settings.access.dir / "clients.json")
    token = clients.add(NewClient("conformance", os.getuid(), days=1), now_s=time.time())
    return DemoHouse(folder, settings.access.port, token, policy, settings)
