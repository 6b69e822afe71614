"""The engine process: models, one inference thread, one link. It sees redacted text only.

    main thread     alone touches the models, from loading on: cancels, deadlines, a guard step, an answer step, again
    reading thread  reads the link and tokenises; a `Cancel` interrupts the batch it belongs to at once

One thread loads, rehearses and serves, because libgomp keeps a team of workers for each thread that ever computed: with
two teams it counts more workers than processors and lets them sleep at every barrier, which cost a third of the speed.

Law: the process is locked before `run`; what is loaded was hashed; after loading nothing can be printed. A model that
may not run is one `Failed(0, code)` and exit status 78. The link's end is the end of the process.

What the main thread sends it sends itself and may block on: credits bound it, and the reader never waits for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy.workers.engine.answerer import Answerer
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.binding import silence
from proxy.workers.engine.clerk import ReadyAnswer, ReadyExam, refusal
from proxy.workers.engine.interrupt import Interrupt
from proxy.workers.engine.judge import Judge, ReadyScore
from proxy.workers.engine.launch import EnginePlan, RolePlan
from proxy.workers.engine.load import Loaded, check_files, load
from proxy.workers.engine.measure import measure
from proxy.workers.engine.rehearsal import ANSWER, rehearsed_score, verify_rehearsal
from proxy.workers.engine.templates import template_digest
from proxy.workers.wire import (
    Cancel,
    Credit,
    Done,
    EndExchange,
    Failed,
    Forget,
    Generate,
    Hello,
    Locked,
    Message,
    ModelInfo,
    Probe,
    Reader,
    Score,
    Scored,
    WireError,
    encode,
)  # fmt: skip

__all__ = ["EXIT_CONFIG", "Hooks", "run"]

EXIT_CONFIG = 78
EXIT_PROTOCOL = 76
EXIT_SOFTWARE = 70
WIRE_VERSION = 1
_CHUNK = 1 << 16
_TICK_MS = 250
"""How late a deadline in the middle of a batch may be seen; between batches it is seen at once."""
_NULL_DEVICE = os.makedev(1, 3)
_STEP_ALONE, _STEP_BESIDE = 1024, 256
"""Tokens of a guard step; the smaller one while answers go on, so that their readers see no gap."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the process around the engine offers it."""

    sealed: Callable[[], None]
    """Called once, when the models are mapped and checked and nothing more will be imported or opened."""
    facts: Callable[[], str]
    """The confinement facts of this process, as JSON."""
    failed: Callable[[str], None]
    """Told the code of a model that may not run."""


def run(link: socket.socket, plan: EnginePlan, hooks: Hooks) -> int:
    """Load, rehearse, seal, say hello, serve until the link closes. Returns the exit status."""
    interrupt = Interrupt(_now_ms)
    silence()
    try:
        models = {c.plan.role: load(c, interrupt.flag) for c in check_files(plan)}
        worker = Worker(models, interrupt, prefix_cache=plan.prefix_cache)
        worker.rehearse()
    except EngineError as error:
        hooks.failed(error.code)
        _send(link, Failed(0, error.code))
        return EXIT_CONFIG
    infos = tuple(_info(model) for model in models.values())
    _mute()
    hooks.sealed()
    _send(link, Locked(hooks.facts()))
    _send(link, Hello(WIRE_VERSION, plan.catalogue, infos))
    ended: list[int] = []
    reading = threading.Thread(target=_read_on, args=(link, worker, interrupt, ended), name="reading")
    reading.start()
    worker.serve(link, hooks.facts)
    reading.join()
    worker.close()
    for model in models.values():
        model.close()
    return ended[0]


def _read_on(link: socket.socket, worker: Worker, interrupt: Interrupt, ended: list[int]) -> None:
    """Read until the link ends, then end the other thread; a fault of ours ends the process, as there."""
    finished = False
    try:
        ended.append(_read(link, worker, interrupt))
        finished = True
    finally:
        if not finished:
            os._exit(EXIT_SOFTWARE)
    worker.inbox.put(None)
    interrupt.stop()


def _read(link: socket.socket, worker: Worker, interrupt: Interrupt) -> int:
    """Hand messages to the main thread until the link ends; between them, look at the clock for it."""
    reader = Reader()
    waiting = select.poll()
    waiting.register(link, select.POLLIN)
    while True:
        try:
            while not waiting.poll(_TICK_MS):
                interrupt.tick()
            data = link.recv(_CHUNK)
            messages = reader.feed(data)
        except OSError:
            return 0
        except WireError:
            return EXIT_PROTOCOL
        if not data:
            return 0
        for message in messages:  # before any of them is tokenised, which may take a while
            if isinstance(message, Cancel):
                interrupt.cancel(message.id)
        for message in _hurried(messages):
            worker.arrive(message)


def _hurried(messages: Sequence[Message]) -> list[Message]:
    """Cancels first, so that none waits for a prompt to be tokenised; but not before the request they end."""
    begun = {message.id for message in messages if isinstance(message, Generate | Score)}
    return sorted(messages, key=lambda message: not (isinstance(message, Cancel) and message.id not in begun))


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a request that cannot be served is answered with."""

    message: Done | Failed


_Arrival = Message | ReadyAnswer | ReadyExam | ReadyScore | _Refused
"""What the reading thread hands over."""


class Worker:
    """The rooms and the loop of the thread that computes."""

    def __init__(self, models: Mapping[str, Loaded], interrupt: Interrupt, *, prefix_cache: bool) -> None:
        self.inbox: queue.SimpleQueue[_Arrival | None] = queue.SimpleQueue()
        self._interrupt = interrupt
        self._say: Callable[[Message], None] = _forget
        self._facts: Callable[[], str] = str
        answer, guard = models.get("answer"), models.get("guard")
        self._answerer = (
            Answerer(answer, prefix_cache=prefix_cache, draw_seed=_draw_seed, now_ms=_now_ms) if answer else None
        )
        self._judge = Judge(guard, now_ms=_now_ms) if guard else None

    def arrive(self, message: Message) -> None:
        """Hand a message to the main thread; requests are tokenised here, on the reading thread."""
        self.inbox.put(self._ready(message))

    def _ready(self, message: Message) -> _Arrival:
        try:
            match message:
                case Generate() if self._answerer:
                    return self._answerer.clerk.answer(message)
                case Score(role="answer") if self._answerer:
                    return self._answerer.clerk.exam(message)
                case Score(role="guard") if self._judge:
                    return self._judge.prepare(message)
                case _:
                    return message
        except EngineError as error:
            return _refused(message, error.code)

    def rehearse(self) -> None:
        """Serve one of each before the seal, after which nothing can be imported or opened.

        Raises:
            EngineError: a model does not do what it is here for.
        """
        ends: list[Message] = []
        self._say = lambda message: ends.append(message) if isinstance(message, Done | Scored | Failed) else None
        scores = [rehearsed_score(self._judge.family)] if self._judge else []
        rehearsal: list[Message] = [*([ANSWER] if self._answerer else []), *scores]
        for message in rehearsal:
            self._tell(self._handle(self._ready(message)))
        while len(ends) < len(rehearsal):
            self._guard_step()
            self._answer_step()
        verify_rehearsal(ends)
        if self._judge:
            self._judge.end_exchange("rehearsal")
        if self._answerer:
            self._answerer.forget()

    def serve(self, link: socket.socket, facts: Callable[[], str]) -> None:
        """Work until the end of the link; a fault of ours ends the process, and the supervisor starts a new one."""
        self._facts, self._say = facts, lambda message: _send(link, message)
        finished = False
        try:
            self._loop()
            finished = True
        finally:
            if not finished:
                os._exit(EXIT_SOFTWARE)  # the reading thread waits in the kernel and cannot be told

    def close(self) -> None:
        """Free what hangs on the models."""
        if self._answerer:
            self._answerer.close()

    def _loop(self) -> None:
        busy = True
        while True:
            for message in self._arrived(busy):
                if message is None:
                    return
                self._tell(self._handle(message))
            self._tell(self._expired())
            busy = self._guard_step()
            busy = self._answer_step() or busy

    def _arrived(self, busy: bool) -> Iterable[_Arrival | None]:
        try:
            yield self.inbox.get(block=not busy, timeout=None if busy else self._wait_s())
            while True:
                yield self.inbox.get_nowait()
        except queue.Empty:
            return

    def _wait_s(self) -> float | None:
        times = [room.next_event_ms() for room in (self._answerer, self._judge) if room]
        first = min((t for t in times if t is not None), default=None)
        return None if first is None else max(0, first - _now_ms()) / 1000

    def _handle(self, message: _Arrival) -> Iterable[Message]:
        match message:
            case ReadyAnswer() | ReadyExam() | ReadyScore() | _Refused():
                return self._begin(message)
            case Generate() | Score():
                return self._begin(self._ready(message)) if self._room_of(message) else (_nobody(message),)
            case Cancel(number):
                self._interrupt.handled(number)
                return (*self._rooms_cancel(number),)
            case Credit(number, tokens) if self._answerer:
                self._answerer.credit(number, tokens)
            case EndExchange(exchange) if self._judge:
                self._judge.end_exchange(exchange)
            case Forget(kid) if self._answerer and kid:
                self._answerer.forget_token(kid)
            case Probe():
                return (Locked(self._facts()),)
            case _:
                pass  # nobody here asked for it, or the room it is for is not in this process
        return ()

    def _begin(self, request: _Arrival) -> Iterable[Message]:
        match request:
            case ReadyAnswer() if self._answerer:
                return self._answerer.begin(request)
            case ReadyExam() if self._answerer:
                return self._answerer.examine(request)
            case ReadyScore() if self._judge:
                return self._judge.begin(request)
            case _Refused(message):
                return (message,)
            case _:
                return ()

    def _room_of(self, request: Generate | Score) -> bool:
        guard = isinstance(request, Score) and request.role == "guard"
        known = isinstance(request, Generate) or request.role in ("guard", "answer")
        return known and (self._judge if guard else self._answerer) is not None

    def _rooms_cancel(self, number: int) -> Iterable[Message]:
        for room in (self._answerer, self._judge):
            if room:
                yield from room.cancel(number)

    def _expired(self) -> Iterable[Message]:
        for room in (self._answerer, self._judge):
            if room:
                yield from room.expire()

    def _guard_step(self) -> bool:
        if self._judge is None:
            return False
        answering = self._answerer is not None and self._answerer.answering
        plan, refused = self._judge.plan(_STEP_BESIDE if answering else _STEP_ALONE)
        self._tell(refused)
        if plan is None or self._judge.current is None:
            return False
        self._interrupt.arm(frozenset({self._judge.current}), self._judge.deadline())
        messages = self._judge.step(plan)
        self._interrupt.disarm()
        self._tell(messages)
        return True

    def _answer_step(self) -> bool:
        plan = self._answerer.plan() if self._answerer else None
        if plan is None or self._answerer is None:
            return False
        self._interrupt.arm(plan.jobs, self._answerer.deadline_of(plan))
        for message in self._answerer.step(plan):
            self._interrupt.disarm()
            self._say(message)
        self._interrupt.disarm()
        return True

    def _tell(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._say(message)


def _send(link: socket.socket, message: Message) -> None:
    with contextlib.suppress(OSError):  # the gateway is gone; the reading thread sees it and ends the process
        link.sendall(encode(message))


def _refused(request: Message, code: str) -> _Refused:
    if isinstance(request, Score):
        return _Refused(Failed(request.id, code))
    return _Refused(refusal(request.id if isinstance(request, Generate) else 0, code))


def _nobody(request: Generate | Score) -> Message:
    if isinstance(request, Generate):
        return refusal(request.id, "engine_unavailable")
    return Failed(request.id, "guard_unavailable")


def _info(model: Loaded) -> ModelInfo:
    plan: RolePlan = model.plan
    speed = measure(model.context, model.vocabulary.controls[model.family.controls[0]], time.monotonic)
    return ModelInfo(
        role=plan.role,
        id=plan.id,
        sha256=plan.sha256,
        arch=model.arch,
        template_digest=template_digest(model.family),
        context=min(plan.request_tokens, plan.context, model.trained_context),
        demo=plan.demo,
        prompt_tokens_per_s=speed.prompt,
        answer_tokens_per_s=speed.answer,
        adapter=plan.adapter.sha256 if plan.adapter else "",
    )


def _mute() -> None:
    """Send standard error nowhere: what a dying library prints may quote a prompt."""
    if os.fstat(2).st_rdev == _NULL_DEVICE:
        return
    try:
        silent = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # the lock refuses it: a pipe that nobody reads does the same
        unread, silent = os.pipe()
        os.close(unread)
    os.dup2(silent, 2)
    os.close(silent)


def _forget(_: Message) -> None:
    """Before the link is served there is nobody to tell."""


def _draw_seed() -> int:
    return secrets.randbits(32)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
