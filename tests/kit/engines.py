"""A real engine process on the other end of a socket pair, spoken to in wire messages."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

from filters.parts import RedactedText
from proxy.workers.engine.launch import EnginePlan, RolePlan, plan_to_json
from proxy.workers.wire import Delta, Done, Generate, Hello, Message, Reader, Turn, encode

__all__ = ["EngineProcess", "answer_role", "engine_plan", "generate", "guard_role", "said"]

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = Path(__file__).with_name("engine_child.py")
_M = TypeVar("_M", bound=Message)


def answer_role(path: Path, sha256: str, **changes: object) -> RolePlan:
    """A generator of the gemma4 family; `changes` replace fields."""
    role = RolePlan(
        role="answer", id="tiny-chat", family="gemma4", sha256=sha256, descriptor=None, path=str(path), demo=True,
        context=2048, slots=4, gpu_layers=0, request_tokens=1024, max_tokens=64, temperature=0.0, top_p=1.0, top_k=0,
        min_p=0.0, empty_thought=True, placeholder_hint=False,
    )  # fmt: skip
    return replace(role, **changes)  # type: ignore[arg-type]  # fields by name


def guard_role(path: Path, sha256: str, **changes: object) -> RolePlan:
    """A judge of the gemma2 family."""
    role = answer_role(path, sha256, role="guard", id="tiny-guard", family="gemma2", context=1024)
    return replace(role, **changes)  # type: ignore[arg-type]  # fields by name


def engine_plan(*models: RolePlan, **changes: object) -> EnginePlan:
    """A plan of one thread and plenty of memory."""
    plan = EnginePlan("catalogue", threads=1, memory_bytes=1 << 34, prefix_cache=True, models=models)
    return replace(plan, **changes)  # type: ignore[arg-type]  # fields by name


def generate(number: int, text: str, **changes: object) -> Generate:
    """A greedy request of one user message."""
    request = Generate(
        id=number, exchange=f"x{number}", caller="uid:1", messages=(Turn("user", RedactedText(text)),), tools=(),
        tool_choice="auto", stop=(), schema=None, json_mode=False, max_tokens=16, temperature=0.0, top_p=None,
        top_k=None, min_p=None, seed=1, presence_penalty=None, frequency_penalty=None, deadline_ms=60_000,
        credits=1_000,
    )  # fmt: skip
    return replace(request, **changes)  # type: ignore[arg-type]  # fields by name


def said(messages: Sequence[Message]) -> str:
    """The text of an answer."""
    return "".join(message.text.reveal() for message in messages if isinstance(message, Delta))


class EngineProcess:
    """Start it, talk to it, close it; every wait ends after twenty seconds."""

    def __init__(self, plan: EnginePlan, *, stderr: int | None = None, pass_fds: tuple[int, ...] = ()) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "GGML_NO_BACKTRACE": "1"}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-B", str(_CHILD), str(theirs.fileno()), plan_to_json(plan)],
                pass_fds=(theirs.fileno(), *pass_fds), env=environment, stderr=stderr,
            )  # fmt: skip
        self.link = ours
        self.link.settimeout(20)
        self._reader = Reader()
        self._ready: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()
        self.process.wait(20)

    def hello(self) -> Hello:
        """Wait until it is ready."""
        return self.until(Hello)[-1]

    def send(self, *messages: Message) -> None:
        """Send messages in one write."""
        self.link.sendall(b"".join(encode(message) for message in messages))

    def next(self) -> Message:
        """The next message; raises EOFError at the end of the link."""
        while not self._ready:
            data = self.link.recv(1 << 16)
            if not data:
                raise EOFError
            self._ready.extend(self._reader.feed(data))
        return self._ready.pop(0)

    def until(self, kind: type[_M], which: Callable[[_M], bool] = lambda _: True) -> list[_M]:
        """Messages up to the first of a kind; that one is last."""
        seen: list[Message] = []
        while not (seen and isinstance(seen[-1], kind) and which(seen[-1])):
            seen.append(self.next())
        return seen  # type: ignore[return-value]  # the last one is what the caller reads

    def drain(self) -> None:
        """Read to the end of the link."""
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                self.next()

    def ask(self, request: Generate) -> list[Message]:
        """One answer, from request to `Done`."""
        self.send(request)
        return list(self.until(Done, lambda done: done.id == request.id))
