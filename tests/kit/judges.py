"""A guard room over a real engine process: the real questions, the real llama.cpp, no gateway.

with real_guard() as room: asyncio.run(room.judge(EXCHANGE, units))        the bundled guard, its own calibration
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filters.verdicts import Basis, VerdictCache
from policies.load import load_policy
from policies.model import Policy
from proxy.errors import CordonError
from proxy.exchange import Caller, CallerKind, Exchange
from proxy.judging import Guard, guard_of
from proxy.workers.wire import EndExchange, Failed, Message, Score, Scored
from tests.kit.engines import EngineProcess, engine_plan, guard_role
from tests.kit.policies import files

__all__ = ["DEMO_GUARD", "EXCHANGE", "JudgeClient", "demo_policy", "real_guard", "room_over"]

DEMO_GUARD = Path(__file__).parents[2] / "proxy" / "share" / "models" / "demo-guard.gguf"
EXCHANGE = Exchange("x1", Caller(1000, CallerKind.UID, "", "t", frozenset()), "openai", True, 60_000, 0)


@dataclass
class JudgeClient:
    """The part of the engine's client that judging uses, over a plain socket."""

    process: EngineProcess
    number: int = 1_000

    async def score(self, make: Callable[[int], Score], limit_s: float) -> Scored:
        del limit_s
        self.number += 1
        try:
            self.process.send(make(self.number))
            answer: Message = self.process.next()
            while not isinstance(answer, Scored | Failed):
                answer = self.process.next()
        except (EOFError, OSError):
            raise CordonError("guard_unavailable") from None
        if isinstance(answer, Failed):
            raise CordonError(answer.code)
        return answer

    def guard_speed(self) -> float:
        return 0.0

    def end(self, exchange: Exchange) -> None:
        self.process.send(EndExchange(exchange.id))


def demo_policy(name: str = "hospital", **library: bytes) -> Policy:
    """A policy with the calibration of the bundled guard."""
    sha256 = hashlib.sha256(DEMO_GUARD.read_bytes()).hexdigest()
    return load_policy(
        name, library=files("library") | library, guidelines=files("guidelines"),
        calibration=files("calibration")[sha256[:16]], guard_sha256=sha256,
    )  # fmt: skip


def room_over(process: EngineProcess, policy: Policy) -> Guard:
    """The guard room of a policy, its cache empty."""
    basis = Basis(policy.digest, policy.calibration_digest, "g")
    client = JudgeClient(process)
    return Guard(client, guard_of(policy), policy, basis, VerdictCache(bytes(32)), now_s=lambda: 0.0)  # type: ignore[arg-type]


@contextmanager
def real_guard(policy: Policy | None = None) -> Iterator[Guard]:
    """The bundled guard in a process of its own."""
    sha256 = hashlib.sha256(DEMO_GUARD.read_bytes()).hexdigest()
    role = guard_role(DEMO_GUARD, sha256, id="demo-guard", context=4096)
    with EngineProcess(engine_plan(role)) as process:
        process.hello()
        yield room_over(process, policy or demo_policy())
