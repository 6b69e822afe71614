"""The composition root of the gateway: the only place where concrete classes meet.

Law: everything here is wiring. A `House` owns the links, the rules and, once the log is open, the rooms; the server
asks it, the pipeline is given its rooms, nothing else knows it. Until the rooms exist every prompt is refused with a
code.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing

from audit.evidence import Loopback
from audit.log import Log
from audit.words import say
from filters.output import OutActions
from filters.segment import Bounds, window_chars
from filters.switches import Switches
from filters.vault import Actions
from filters.verdicts import Basis, VerdictCache
from policies.model import Regime
from proxy.access import OWN_EXTENSION, AccessRules
from proxy.clients import Clients
from proxy.clock import Clock
from proxy.dialects import ModelCard
from proxy.dialects.panel import PanelStatus, Preview
from proxy.errors import CordonError
from proxy.exchange import Caller, Event, Exchange, Prompt, Refused
from proxy.health import Metrics
from proxy.judging import Guard, OpenGuard, guard_of
from proxy.meter import Meter
from proxy.pipeline import journey, preview
from proxy.plan import GatewayPlan
from proxy.policy_files import read_policy
from proxy.recording import GuardRef, Recorder
from proxy.rooms import GuardRoom, Rooms, Rules
from proxy.tally import Tally
from proxy.workers.admission import FairQueue
from proxy.workers.client import AnalystClient, EngineClient, Link
from proxy.workers.wire import ModelInfo

__all__ = ["House", "rules_of", "switches_of"]

_SUFFIX_TOKENS = 460
"""The four guideline suffixes together, in tokens of a ShieldGemma."""
MAX_CHARS = 500_000
"""Characters of one request, over all its texts: the analyst refuses more (`text_too_long`)."""
NO_DIGEST = "0" * 64


class House:
    """One gateway process put together."""

    def __init__(self, plan: GatewayPlan, clock: Clock, kill_analyst: Callable[[], None]) -> None:
        settings = plan.settings
        self.plan, self.clock = plan, clock
        self.policy = read_policy(settings.policy, plan.guard.sha256 if plan.guard else "")
        self.metrics, self.tally = Metrics(), Tally()
        self.changed = False
        """Whether the token registry was changed and the log does not know yet."""
        self.clients = Clients(settings.access.dir / "clients.json", on_change=self._registry_changed)
        self._live = self._live_tokens()
        self.rules = AccessRules(
            port=settings.access.port,
            extension_ids=frozenset({OWN_EXTENSION, *settings.access.extension_ids}),
            keyless_uids=frozenset(u for u in settings.access.allow_keyless_local_user if isinstance(u, int)),
            own_uid=plan.uid,
        )
        self.links = {"analyst": Link("analyst_unavailable", "analyst_unavailable")}
        self.links |= {role: Link("engine_lost", "engine_unavailable") for role in _engines(plan)}
        self.recorder: Recorder | None = None
        self.rooms: Rooms | None = None
        self.down = {"log": "not_ready", "confinement": "not_ready", "guard": "not_ready"}
        self.evidence: tuple[str, tuple[str, ...]] = ("E0", ("not_ready",))
        self.loopback: Callable[[], Loopback] = lambda: Loopback(accepted=0)
        """Callers since the last evidence record; the service sets the counter of its doors."""
        self.shut: Callable[[str], Awaitable[None]] = _nothing_to_shut
        """Accept nothing more and end every open exchange with a code; the service sets it, once its doors are open."""
        self.fault: Callable[[str], None] = lambda _: None
        """End this process for good; the service sets it."""
        self.replace: Callable[[str], None] = lambda _: None
        """Ask for another worker in place of one that does not answer; the service sets it."""
        self._kill_analyst = kill_analyst
        queue = FairQueue(parallel=settings.engine.parallel)
        answering = self.links["http" if settings.engine.kind == "http" else "engine"]
        self.engine = EngineClient(answering, self.links.get("engine", answering), queue, now_s=clock.mono_s)

    # ---- what the server asks -------------------------------------------------------------------------------

    async def run(self, exchange: Exchange, prompt: Prompt) -> AsyncGenerator[Event, None]:
        """Take a prompt through the house, or refuse while a part is missing."""
        if self.rooms is None or self._missing():
            code = self._missing() or "not_ready"
            self.tally.add(exchange.caller.id, exchange.caller.kind.value, "engine", code)
            yield Refused(code, retry_after_s=2)
            return
        async with aclosing(journey(exchange, prompt, self.rooms)) as events:
            async for event in events:
                yield event

    async def preview(self, caller: Caller, prompt: Prompt) -> Preview:
        """What a model would see of a prompt. Raises CordonError."""
        if self.rooms is None or self._missing():
            raise CordonError(self._missing() or "not_ready", retry_after_s=2)
        return await preview(Exchange("preview", caller, "panel", False, 60_000, self._now_ms()), prompt, self.rooms)

    def status(self) -> PanelStatus:
        """How the service stands, for the panel."""
        info, level = self.answering(), self.evidence[0]
        return PanelStatus(
            version=self.plan.version,
            policy=self.policy.name,
            policy_digest=self.policy.digest,
            model="" if info is None else info.id,
            demo=info is not None and info.demo,
            guard_basis=self.policy.calibration_basis or "none",
            chars=MAX_CHARS,
            level=level,
            sentence=say(f"status_{level}"),
            unsafe_policy=not self.policy.judges,
        )

    def _registry_changed(self, digest: str) -> None:
        del digest
        self.changed = True
        before, self._live = self._live, self._live_tokens()
        for kid in before - self._live:
            self.engine.forget(kid)

    def _live_tokens(self) -> frozenset[str]:
        return frozenset(entry.kid for entry in self.clients.entries if entry.state == "ok")

    def refuse_access(self, caller_id: str, code: str) -> None:
        """Count a caller who was not let in; written to the log once a minute."""
        self.tally.add(caller_id, "uid", "access", code)

    def refuse_parse(self, caller: Caller, code: str) -> None:
        """Count a request that could not be read; written to the log once a minute."""
        self.tally.add(caller.id, caller.kind.value, "parse", code)

    def models(self) -> tuple[ModelCard, ...]:
        """The model that answers."""
        info = self.answering()
        if info is None:
            return ()
        return (ModelCard(info.id, self.plan.created, info.demo, info.sha256, info.arch, info.context),)

    def readiness(self) -> Mapping[str, str]:
        """Part -> ok or a code."""
        up = {role: "ok" if link.up else f"{role}_unavailable" for role, link in self.links.items()}
        engine = up.get("http", up.get("engine", "ok"))
        parts = {"listeners": "ok", "policy": "ok", "analyst": up["analyst"]}
        parts["engine"] = "engine_unavailable" if engine != "ok" else "ok"
        return parts | {name: self.down.get(name, "ok") for name in ("guard", "log", "confinement", "peer")}

    def marks(self) -> tuple[str, ...]:
        """What the health answer says beside it: a policy that gives a protection up, thresholds nobody measured."""
        basis = self.policy.calibration_basis
        unmeasured = (f"thresholds-{basis}",) if basis in ("provisional", "demo") else ()
        return ((self.policy.name,) if self.policy.unsafe else ()) + unmeasured

    def answering(self) -> ModelInfo | None:
        """The loaded chat model, or None while the engine is down."""
        try:
            return self.engine.model()
        except CordonError:
            return None

    def _now_ms(self) -> int:
        return int(self.clock.mono_s() * 1000)

    def _missing(self) -> str:
        return next((code for part, code in self.down.items() if code != "ok" and part != "peer"), "")

    # ---- putting together -----------------------------------------------------------------------------------

    def open_rooms(self, log: Log) -> Rooms:
        """Make the rooms, once the workers are up and the log is open."""
        guard_sha = self.plan.guard.sha256 if self.plan.guard else NO_DIGEST
        asked, thresholds = self.policy.template_digest or NO_DIGEST, self.policy.calibration_digest or NO_DIGEST
        ref = GuardRef(guard_sha, asked, thresholds, self.policy.calibration_basis)
        self.recorder = Recorder(log, self.policy, ref, clock=self.clock, model=self.engine.model)
        info = self.answering()
        speed = info.answer_tokens_per_s if info is not None else 0.0
        limits = self.policy.window
        window = window_chars(
            prompt_tokens_per_s=self.engine.guard_speed(), answer_tokens_per_s=speed, suffix_tokens=_SUFFIX_TOKENS,
            bounds=Bounds(limits.least_tokens, limits.most_tokens, limits.guard_percent / 100),
        )  # fmt: skip
        year = int(self.clock.instant().time()[:4])
        rules = rules_of(self.policy, window, this_year=year)
        analyst = AnalystClient(self.links["analyst"], rules.switches, self._kill_analyst)
        watch = Meter(self.metrics, self.clock.mono_s)
        return Rooms(analyst, self.guard(), self.engine, self.recorder, rules, watch, now_ms=self._now_ms)

    def guard(self) -> GuardRoom:
        """The room that judges; under an unsafe policy the open one."""
        if not self.policy.judges:
            return OpenGuard(self.policy)
        guard_sha = self.plan.guard.sha256 if self.plan.guard else NO_DIGEST
        basis = Basis(self.policy.digest, self.policy.calibration_digest, guard_sha)
        cache = VerdictCache(secrets.token_bytes(32))
        return Guard(self.engine, guard_of(self.policy), self.policy, basis, cache, now_s=self.clock.mono_s)


async def _nothing_to_shut(code: str) -> None:
    del code


def _engines(plan: GatewayPlan) -> tuple[str, ...]:
    roles = ("http",) if plan.settings.engine.kind == "http" else ()
    return (*roles, "engine") if plan.answer is not None or plan.guard is not None else roles


def rules_of(policy: Regime, window_chars: int | None, *, this_year: int) -> Rules:
    """Translate a policy into what the rooms take."""
    pii = policy.pii
    return Rules(
        policy=policy,
        switches=switches_of(policy, this_year).to_json(),
        actions=Actions.named(pii.in_types, pii.in_kinds),
        out_actions=OutActions.named(pii.out_types),
        restore_calls=pii.tool_arguments == "restore",
        window_chars=window_chars,
    )


def switches_of(policy: Regime, this_year: int) -> Switches:
    """The analyst's switches of a policy."""
    pii = policy.pii
    kept = [name for name, action in (*pii.in_types, *pii.in_kinds) if action == "keep"]
    return Switches(
        point=pii.point,
        bare_year=pii.bare_year,
        durations=pii.durations,
        relative_dates=pii.relative_dates,
        ages_from=pii.ages_from,
        facility_names=pii.facility_names,
        uncovered_script=pii.uncovered_script,
        countries=pii.countries,
        drop=tuple(kept),
        this_year=this_year,
    )
