"""A gateway's house with its workers in the same loop: real links, real wire, real log; no Presidio, no llama.cpp.

    async with housed(tmp_path) as yard: ...        a plan, an enrolled log, two workers that answer

A worker finds nothing, scores `HARM` and the canaries as unsafe, answers `well.`, and tells whatever facts it is given.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.log import Grant, create_demo
from audit.log.setup import read_officer
from audit.log.snapshot import read_directory
from audit.reader import open_records
from audit.record import Instant
from audit.verify import from_directory
from filters.parts import RedactedText
from filters.tokens import Text
from policies.calibrate import canaries
from proxy.build import House
from proxy.config import AccessSettings, AuditSettings, EngineSettings, PolicySettings, Settings
from proxy.evidence import Witness
from proxy.journal import open_journal
from proxy.ledger import Ledger
from proxy.plan import GatewayPlan, HostFacts, PlannedModel
from proxy.workers import wire
from proxy.workers.wire import (
    Delta,
    Done,
    Find,
    FoundParts,
    Generate,
    Hello,
    Locked,
    Look,
    Looked,
    ModelInfo,
    Probe,
    Score,
    Scored,
)
from tests.kit.audit_house import BOOT, SHA, START_MS, counting_random, proc
from tests.kit.policies import GUARD, calibration, policy_of

__all__ = ["HandClock", "OwnLock", "Worker", "Yard", "facts_of", "housed", "plan_of"]

ANSWERING = ModelInfo("answer", "demo-clinic", "ab" * 32, "fake", "cd" * 32, 4096, demo=True, answer_tokens_per_s=10.0)
GUARDING = ModelInfo("guard", "demo-guard", GUARD, "fake", "cd" * 32, 4096, demo=True, prompt_tokens_per_s=1000.0)


@dataclass
class HandClock:
    """`proxy.clock.Clock`, moved by hand."""

    utc_ms: int = START_MS
    boot: int = 60_000
    slept: int = 7_000
    readings: int = 0
    """How often it was asked for the sleep."""

    def instant(self) -> Instant:
        return Instant(self.utc_ms, 330, BOOT, self.boot)

    def boot_ms(self) -> int:
        return self.boot

    def mono_s(self) -> float:
        return (self.boot - self.slept) / 1000

    def asleep_ms(self) -> int:
        self.readings += 1
        return self.slept

    def pass_ms(self, ms: int) -> None:
        self.utc_ms += ms
        self.boot += ms

    def sleep_ms(self, ms: int) -> None:
        self.pass_ms(ms)
        self.slept += ms


def facts_of(role: str) -> str:
    """What a process that is locked as it should be says of itself."""
    writable = [{"path": "/var/lib/cordon/audit", "fstype": "ext4", "remote": 0}] if role == "gateway" else []
    return json.dumps(
        {"proc": proc("engine" if role == "http" else role), "reasons": [], "writable": writable, "core": 1}
    )


@dataclass
class OwnLock:
    """The gateway's own `Lockdown`."""

    role: str = "gateway"

    def facts(self) -> str:
        return facts_of(self.role)


@dataclass
class Worker:
    """The other end of one link. `silent` answers no probe; `drift` moves every score."""

    role: str
    unsafe: tuple[str, ...] = ()
    drift: float = 0.0
    silent: bool = False
    told: str = ""
    scored: int = 0
    got: list[wire.Message] = field(default_factory=list)
    writer: asyncio.StreamWriter | None = None

    async def run(self, sock: socket.socket) -> None:
        reader, self.writer = await asyncio.open_connection(sock=sock)
        frames = wire.Reader()
        models = (ANSWERING, GUARDING) if self.role == "engine" else ()
        self.say(Locked("{}"), Hello(1, "digest", models))
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                for message in frames.feed(data):
                    self.got.append(message)
                    self.say(*self.answer(message))

    def say(self, *messages: wire.Message) -> None:
        assert self.writer is not None
        self.writer.write(b"".join(wire.encode(m) for m in messages))

    def die(self) -> None:
        assert self.writer is not None
        self.writer.transport.abort()

    def answer(self, message: wire.Message) -> tuple[wire.Message, ...]:
        if isinstance(message, Probe):
            return () if self.silent else (Locked(self.told or facts_of(self.role)),)
        if isinstance(message, Find):
            return (FoundParts(message.id, tuple(() for _ in message.parts), tuple(() for _ in message.parts), ()),)
        if isinstance(message, Look):
            return (Looked(message.id, ()),)
        if isinstance(message, Score):
            return (self.score(message),)
        if isinstance(message, Generate):
            return Delta(message.id, "content", RedactedText("well."), 2), Done(message.id, "stop", "", 9, 2, 0, 1, 1)
        return ()

    def score(self, message: Score) -> Scored:
        self.scored += 1
        text = "".join(piece.text for piece in message.prefix if isinstance(piece, Text))
        bad = any(word in text for word in ("HARM", *self.unsafe))
        half = math.log(99) / 2 * (1 if bad else -1) + self.drift
        return Scored(message.id, tuple((half, -half) for _ in message.suffixes), 10, 0, 1)


def plan_of(folder: Path, *, policy: str = "hospital", engine: str = "embedded") -> GatewayPlan:
    """A plan as the supervisor writes it, everything below one folder."""
    outside = EngineSettings(kind="http", base_url="http://127.0.0.1:8081/v1") if engine == "http" else EngineSettings()
    settings = Settings(
        access=AccessSettings(dir=folder / "access", socket=folder / "api.sock"),
        engine=outside,
        policy=PolicySettings(name=policy, dir=folder, calibration_dir=folder / "calibration"),
        audit=AuditSettings(dir=folder / "audit", site="demo.invalid"),
    )
    judges = policy != "unsafe-allow-all"
    return GatewayPlan(
        settings=settings,
        answer=None if engine == "http" else _model("demo-clinic", "ab" * 32),
        guard=_model("demo-guard", GUARD) if judges else None,
        boot_id=BOOT,
        uid=1000,
        version="0.1.0",
        software=SHA["software"],
        config=SHA["other"],
        catalogue=SHA["other"],
        created=1_700_000_000,
        host=HostFacts(kernel="6.18.5", lsm=("landlock",), tcp_fastopen=1, netns=4026531840),
        filters={role: SHA[role] for role in ("gateway", "analyst", "engine")},
    )


def _model(name: str, sha256: str) -> PlannedModel:
    return PlannedModel(id=name, file=Path(f"/models/{name}.gguf"), sha256=sha256, family="gemma2", demo=True)


@dataclass
class Yard:
    """The house, who works in it, and where its journal went."""

    folder: Path
    house: House
    clock: HandClock
    workers: dict[str, Worker]
    witness: Witness
    ledger: Ledger
    said: io.StringIO
    tasks: asyncio.TaskGroup
    killed: list[str]
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def journal(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.getvalue().splitlines()]

    async def attach(self, role: str) -> None:
        """Connect the worker of a link, as the supervisor would."""
        ours, theirs = socket.socketpair()
        self.running.append(self.tasks.create_task(self.house.links[role].serve(ours)))
        self.running.append(self.tasks.create_task(self.workers[role].run(theirs)))
        await self.house.links[role].wait_up()

    async def lose(self, role: str) -> None:
        """Let a worker die, and wait until the house knows."""
        self.workers[role].die()
        while self.house.links[role].up:  # noqa: ASYNC110 - one loop, nothing signals it
            await asyncio.sleep(0)

    def records(self, *kinds: str) -> list[dict[str, Any]]:
        """Bodies of the log's records, in order, of these kinds; read as an officer reads them."""
        trust, keyring = read_officer(self.folder / "officer")
        opened = open_records(from_directory(read_directory(self.folder / "audit")), trust, keyring)
        return [body for _, (kind, body) in sorted(opened.items()) if kind in kinds]

    def kinds(self) -> str:
        """The kinds of all records, in order."""
        trust, keyring = read_officer(self.folder / "officer")
        opened = open_records(from_directory(read_directory(self.folder / "audit")), trust, keyring)
        return "".join(kind for _, (kind, _) in sorted(opened.items()))


def prepare_folder(folder: Path) -> None:
    """An enrolled log, an empty registry's folder, and a calibration for the guard."""
    clock = HandClock()
    grant = Grant(policy=policy_of().digest, software=SHA["software"])
    create_demo(
        folder, uuid="0f0e0d0c-0b0a-4908-8706-050403020100", grant=grant, at=clock.instant(), random=counting_random()
    )
    (folder / "access").mkdir(mode=0o700)
    (folder / "calibration").mkdir()
    (folder / "calibration" / f"{GUARD[:16]}.toml").write_bytes(calibration())


@asynccontextmanager
async def housed(folder: Path, *, policy: str = "hospital", engine: str = "embedded") -> AsyncGenerator[Yard]:
    """A house whose workers are up; its log is not open yet."""
    prepare_folder(folder)
    clock, killed, said = HandClock(), [], io.StringIO()
    house = House(plan_of(folder, policy=policy, engine=engine), clock, lambda: killed.append("analyst"))  # type: ignore[arg-type]
    unsafe = tuple(bad for _, bad, _ in canaries(house.policy))
    workers = {role: Worker(role, unsafe) for role in house.links}
    witness = Witness(house, OwnLock())  # type: ignore[arg-type]
    journal = open_journal(said)
    async with asyncio.TaskGroup() as tasks:
        yard = Yard(
            folder, house, clock, workers, witness, Ledger(house, witness, journal), said, tasks, killed
        )  # fmt: skip
        for role in house.links:
            await yard.attach(role)
        try:
            yield yard
        finally:
            for task in yard.running:
                task.cancel()
