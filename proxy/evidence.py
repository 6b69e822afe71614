"""Collect what the processes say about their confinement and hand it to the evidence room.

Law: facts, no judgement; `audit.evidence` computes the level. A worker that does not answer within ten seconds leaves a
gap, and its absence lowers the level by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from audit.evidence import Counter, Facts, Gap, Host, Mount, Paths, Window, record
from audit.log import SelfCheck
from audit.record import Instant
from proxy.build import House
from proxy.errors import CordonError
from proxy.workers.lockdown import Lockdown

__all__ = ["Why", "Witness"]

Why = Literal["start", "tick", "change", "stop"]
_PROBE_S = 10.0
_NOT_THE_LOCK = frozenset({"child-missing", "self-check"})
"""Reasons that have a remedy of their own: a silent worker is replaced, a damaged log refuses by itself."""


class Witness:
    """Makes the body of each E record; remembers the first since the start, against which changed code is seen."""

    def __init__(self, house: House, locked: Lockdown) -> None:
        self._house, self._locked = house, locked
        self._first: Mapping[str, Any] | None = None
        self._since: Instant | None = None
        self._asleep_ms = house.clock.asleep_ms()
        self.level, self.reasons = "E0", ("not_ready",)
        self.silent: tuple[str, ...] = ()
        """Workers that did not answer the last time."""

    async def body(self, why: Why, at: Instant, self_check: SelfCheck) -> Mapping[str, Any]:
        """Ask every process and return the record's body."""
        own = json.loads(self._locked.facts())
        told, gaps, silent = [own], [], []
        since = self._since or at
        for role, link in sorted(self._house.links.items()):
            try:
                told.append(json.loads(await link.probe(_PROBE_S)))
            except (CordonError, TimeoutError):
                gaps.append(Gap(since.time(), at.time(), f"{role}-silent"))
                silent.append(role)
        body = record(
            self._facts(why, at, self_check, (told, tuple(gaps))), self._house.plan.filters, first=self._first
        )
        self._since, self._asleep_ms = at, self._house.clock.asleep_ms()
        if not gaps:
            self._first = self._first or body
        self.level, self.reasons, self.silent = str(body["level"]), tuple(body["reasons"]), tuple(silent)
        return body

    def broken(self) -> tuple[str, ...]:
        """The reasons of the last record that say the lock itself does not hold: no second try makes them good."""
        return tuple(reason for reason in self.reasons if reason not in _NOT_THE_LOCK)

    def _facts(
        self, why: Why, at: Instant, self_check: SelfCheck, told: tuple[list[dict[str, Any]], tuple[Gap, ...]]
    ) -> Facts:
        plan, since = self._house.plan, self._since or at
        answers, gaps = told
        asleep = self._house.clock.asleep_ms()
        mounts = tuple(Mount(p["path"], p["fstype"], bool(p["remote"])) for p in answers[0]["writable"])
        loopback = self._house.loopback()
        return Facts(
            window=Window(since.time(), at.time(), since.boot_ms, at.boot_ms, max(0, asleep - self._asleep_ms)),
            why=why,
            host=Host(plan.host.kernel, plan.host.lsm, plan.host.tcp_fastopen, plan.host.netns),
            unit=plan.unit,
            engine=plan.settings.engine.kind,
            procs=tuple(answer["proc"] for answer in answers),
            paths=Paths(mounts, plan.swap_max, answers[0]["core"]),
            loopback=loopback,
            self_check=self_check.body(),
            counters=(*_own_counters(answers[0]), *(_counted(plan.counters) if why == "start" else ())),
            gaps=gaps,
            engine_addr=_address(plan.settings.engine.base_url),
        )


def _own_counters(gateway: Mapping[str, Any]) -> tuple[Counter, ...]:
    """Bytes on the loopback device of the gateway's own namespace: callers come through sockets of the host's."""
    received, sent = gateway.get("lo", (-1, -1))
    if received < 0:
        return ()
    return (
        Counter("own:lo:rx_bytes", received, includes_loopback=True),
        Counter("own:lo:tx_bytes", sent, includes_loopback=True),
    )


def _counted(counters: Mapping[str, int]) -> tuple[Counter, ...]:
    return tuple(Counter(src, value, includes_loopback=".socket:" in src) for src, value in sorted(counters.items()))


def _address(base_url: str) -> str | None:
    return base_url.removeprefix("http://").partition("/")[0][:64] or None
