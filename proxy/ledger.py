"""The gateway's dealings with the log beside single exchanges: open, evidence, ticks, tallies, stop.

Law: the log is synchronous, so every call runs in a thread; nothing is answered before the start and evidence records
are durable; a log that fails puts its code into /readyz and every prompt is refused with it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Literal, TypeVar

from audit.history import ACCESS
from audit.log import AuditError, Filters, Log, Models, StartFacts
from policies.calibrate import check_canaries
from policies.model import PolicyError
from proxy.build import NO_DIGEST, House
from proxy.errors import CordonError
from proxy.evidence import Why, Witness
from proxy.exchange import Caller as Asker
from proxy.exchange import CallerKind, Exchange
from proxy.journal import JsonJournal
from proxy.judging import Guard
from proxy.policy_files import policy_texts
from proxy.post import PostBox

__all__ = ["Ledger"]

_R = TypeVar("_R")
_TALLY_TICKS = 30
_POST_S = 5
_RECHECK_TICKS = 24 * 3600
EVIDENCE_ORDER = ("E0", "E1")


class Ledger:
    """Keeps the log of one gateway."""

    def __init__(self, house: House, witness: Witness, journal: JsonJournal) -> None:
        self._house, self._witness, self._journal = house, witness, journal
        self._log: Log | None = None
        self._asleep_ms = house.clock.asleep_ms()
        self._witnessing = asyncio.Lock()
        """Windows of evidence follow one another, and a worker answers one probe at a time."""
        self.lost: tuple[str, ...] = ()
        """Why the lock does not hold; once not empty, the log ends with a fault."""

    async def open(self) -> None:
        """Open the log, prove guard and confinement, and open the rooms. Raises CordonError."""
        house = self._house
        if self._log is None:
            self._log = await self._open_log()
        log = self._log
        await self._write_access(log)
        rooms = house.open_rooms(log)
        house.down["log"] = "ok"
        await self._witness_now("start")
        await self._verify_guard()
        house.rooms = rooms

    async def _open_log(self) -> Log:
        folder, at, start = self._house.plan.settings.audit.dir, self._house.clock.instant(), self._start_facts()
        log = await self._do(lambda: Log.open(folder, start=start, at=at, random=secrets.token_bytes))
        for text in policy_texts(self._house.plan.settings.policy):
            await self._do(partial(log.keep_policy, text))
        return log

    async def _verify_guard(self) -> None:
        """The guard must score its own examples as recorded when it was calibrated."""
        guard = self._house.guard()
        if isinstance(guard, Guard):
            try:
                check_canaries(self._house.policy.canary_scores, await guard.canaries(_nobody()))
            except PolicyError:
                self._house.down["guard"] = "guard_drift"
                raise CordonError("guard_drift") from None
        self._house.down["guard"] = "ok"

    async def _witness_now(self, why: Why) -> None:
        """Write an E record; a level below what the policy asks for refuses everything."""
        log, house = self._log, self._house
        assert log is not None
        async with self._witnessing:
            at = house.clock.instant()
            body = await self._witness.body(why, at, log.self_check)
            if why == "start" and body["gaps"]:
                raise CordonError("not_ready")  # the first record is what changed code is seen against: it is complete
            enough = EVIDENCE_ORDER.index(self._witness.level) >= EVIDENCE_ORDER.index(house.policy.evidence_min)
            house.down["confinement"] = "ok" if enough else "confinement_failed"
            house.evidence = (self._witness.level, self._witness.reasons)
            broken = () if enough else self._witness.broken()
            if broken:
                await house.shut("confinement_failed")  # before the record: nothing is released any more
            await self._do(lambda: log.append("E", body, at=at))
        self._journal.say("evidence", evidence=self._witness.level, count=len(self._witness.reasons))
        for role in self._witness.silent:
            house.replace(role)
        if broken:
            self._lose(broken)

    def _lose(self, reasons: tuple[str, ...]) -> None:
        """The lock does not hold and the policy asks for it: this process ends and is not started again by itself."""
        for reason in reasons:
            self._journal.say("confinement_failed", code=reason)
        self.lost = reasons
        raise CordonError("confinement_failed")

    async def replaced(self, role: str) -> None:
        """A worker was replaced: once it is up, what it says about itself is recorded."""
        await self._house.links[role].wait_up()
        if self._log is not None and self._house.rooms is not None:
            await self._guarded(self._witness_now("change"))

    async def keep(self, every_s: float = 1) -> None:
        """Tick once a second until cancelled, and collect the post beside it: a large package takes its time."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_post(every_s * _POST_S))
            await self._keep_ticking(every_s)

    async def _keep_post(self, every_s: float) -> None:
        post = PostBox.beside(self._house.plan.settings.audit.dir)
        await asyncio.to_thread(post.tidy)
        while True:
            await asyncio.sleep(every_s)
            await self._guarded(self._collect(post))

    async def _collect(self, post: PostBox) -> None:
        """Do what the files of the inbox ask for; what each became is said beside it and in the journal."""
        log = self._log
        if log is None or self._house.down["log"] != "ok":
            return
        now = self._house.clock.instant
        for handled in await self._do(lambda: list(post.handle(log, now))):
            self._journal.say("post", code="done" if handled.done else "refused")

    async def _keep_ticking(self, every_s: float) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(every_s)
            ticks += 1
            await self._guarded(self._tick())
            if ticks % _TALLY_TICKS == 0:
                self._house.clients.expire(now_s=self._house.clock.instant().utc_ms / 1000)
                await self._guarded(self._write_tally())
            if ticks % _RECHECK_TICKS == 0:
                await self._guarded(self._recheck())

    async def _recheck(self) -> None:
        """Recompute the whole log once a day; the result stands in the next evidence record."""
        log = self._log
        assert log is not None
        check = await self._do(lambda: log.recheck(at=self._house.clock.instant()))
        self._journal.say("log_rechecked", code=check.result)

    async def _tick(self) -> None:
        log = self._log
        assert log is not None
        asleep = self._house.clock.asleep_ms()
        slept, self._asleep_ms = max(0, asleep - self._asleep_ms), asleep
        due = await self._do(lambda: log.tick(at=self._house.clock.instant(), asleep_ms=slept))
        self._house.down["log"] = "ok"
        await self._write_change()
        if due.evidence:
            await self._witness_now("tick")

    async def _write_change(self) -> None:
        if self._log is not None and self._house.changed:
            await self._write_access(self._log)
            self._house.changed = False

    async def _write_access(self, log: Log) -> None:
        """Who may ask is on record: a changed token registry is, also one that changed while nothing ran."""
        clients = self._house.clients
        known, now = log.in_force(ACCESS), clients.digest
        if known != now and (known or clients.entries):
            await self._do(lambda: log.append("C", {"what": ACCESS, "new": now}, at=self._house.clock.instant()))

    async def _write_tally(self) -> None:
        recorder = self._house.recorder
        if recorder is None:
            return
        unwritten = list(self._house.tally.take())
        try:
            while unwritten:
                await recorder.refuse_early(unwritten[0])
                del unwritten[0]
        finally:
            self._house.tally.put_back(unwritten)

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        """Run a duty; a log that fails is a state of the service, not the end of it."""
        try:
            await work
        except CordonError as error:
            if error.code == "confinement_failed":
                self._house.fault(error.code)
                return
            if self._house.down["log"] != error.code:
                self._journal.say("log_failed", code=error.code)
            self._house.down["log"] = error.code

    async def close(self) -> None:
        """The last records."""
        log, self._log = self._log, None
        if log is None:
            return
        self._log = log
        if self._house.rooms is not None:
            await self._guarded(self._write_tally())
            if not self.lost:
                await self._guarded(self._witness_now("stop"))
        self._log = None
        why: Literal["stop", "fault"] = "fault" if self.lost else "stop"
        code = "confinement_failed" if self.lost else None
        try:
            await self._do(lambda: log.stop(why, at=self._house.clock.instant(), code=code))
        except CordonError as error:
            self._journal.say("log_failed", code=error.code)

    async def _do(self, work: Callable[[], _R]) -> _R:
        try:
            return await asyncio.to_thread(work)
        except AuditError as error:
            raise CordonError(error.code) from None

    def _start_facts(self) -> StartFacts:
        house, plan = self._house, self._house.plan
        answering = house.answering()
        return StartFacts(
            version=plan.version,
            software=plan.software,
            catalogue=plan.catalogue,
            config=plan.config,
            policy=house.policy.digest,
            calibration=house.policy.calibration_digest or NO_DIGEST,
            models=Models(
                answer=answering.sha256 if answering and answering.sha256 else NO_DIGEST,
                guard=plan.guard.sha256 if plan.guard else NO_DIGEST,
            ),
            engine=plan.settings.engine.kind,
            filters=Filters(**plan.filters),
        )


def _nobody() -> Exchange:
    """The envelope of work the service does for itself."""
    return Exchange("canary", Asker(0, CallerKind.UID, "", "self", frozenset()), "self", False, 60_000, 0)
