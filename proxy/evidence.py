"""Collect what the processes say about their confinement and hand it to the evidence room.

Law: facts, no judgement; `audit.evidence` computes the level. A worker that does not answer within ten seconds leaves a
gap, and its absence lowers the level by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from audit.evidence import Facts, Gap, Host, Mount, Paths, Window, record
from audit.log import SelfCheck
from audit.record import Instant
from proxy.build import House
from proxy.errors import CordonError
from proxy.workers.lockdown import Lockdown

__all__ = ["Why", "Witness"]

Why = Literal["start", "tick", "change", "stop"]
_PROBE_S = 10.0
_UNKNOWN_SWAP = -1


class Witness:
    """Makes the body of each E record; remembers the first since the start, against which changed code is seen."""

    def __init__(self, house: House, locked: Lockdown) -> None:
        self._house, self._locked = house, locked
        self._first: Mapping[str, Any] | None = None
        self._since: Instant | None = None
        self._asleep_ms = house.clock.asleep_ms()
        self.level, self.reasons = "E0", ("not_ready",)

    async def body(self, why: Why, at: Instant, self_check: SelfCheck) -> Mapping[str, Any]:
        """Ask every process and return the record's body."""
        own = json.loads(self._locked.facts())
        told, gaps = [own], []
        since = self._since or at
        for role, link in sorted(self._house.links.items()):
            try:
                told.append(json.loads(await link.probe(_PROBE_S)))
            except (CordonError, TimeoutError):
                gaps.append(Gap(since.time(), at.time(), f"{role}-silent"))
        body = record(
            self._facts(why, at, self_check, (told, tuple(gaps))), self._house.plan.filters, first=self._first
        )
        self._since, self._asleep_ms = at, self._house.clock.asleep_ms()
        if not gaps:
            self._first = self._first or body
        self.level, self.reasons = str(body["level"]), tuple(body["reasons"])
        return body

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
            paths=Paths(mounts, _UNKNOWN_SWAP, answers[0]["core"]),
            loopback=loopback,
            self_check=self_check.body(),
            gaps=gaps,
            engine_addr=_address(plan.settings.engine.base_url),
        )


def _address(base_url: str) -> str | None:
    return base_url.removeprefix("http://").partition("/")[0][:64] or None
