"""From settings to running processes: what the supervisor opens, whom it starts, with what on their command lines.

    1 sockets bound, or taken over from the service manager and checked   2 what root wrote down before the start
    3 models resolved and opened, the policy loads with the guard's calibration   4 children planned and started

Law: everything that can be refused is refused here, in one sentence, before anything is started. The supervisor reads
no text and no key; files are handed over as descriptors. Under a unit nothing is opened that it did not hand over,
and a unit that is weaker than the shipped one, or whose protections were ignored without a word, is refused unless the
policy asks for no evidence.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import sys
import uuid
from dataclasses import dataclass, replace
from importlib.metadata import version

from policies.model import Policy, PolicyError
from proxy.activation import Inherited, inherit, verify_no_strangers
from proxy.clock import read_boot_id
from proxy.config import ConfigError, Environment, Settings, check_loopback_url
from proxy.detectors import order_descriptor, site_of
from proxy.errors import ERRORS
from proxy.fitting import GUARD_CELLS, misfit
from proxy.hostfacts import expected_filters, read_host_facts
from proxy.journal import JsonJournal, open_journal
from proxy.listeners import ListenerRefused, bind_api, bind_loopback
from proxy.models import Catalogue
from proxy.notify import Notifier
from proxy.peer import open_diag
from proxy.plan import GatewayPlan, LockOrder, PlannedModel
from proxy.policy_files import read_policy
from proxy.post import PostBox
from proxy.preflight import Preflight, PreflightRefused, read_preflight, unit_weaknesses
from proxy.stock import Shelved, ShelvedAdapter, approval_digest, read_catalogue, resolve, resolve_adapter
from proxy.workers.engine.hardware import memory_available, physical_cores
from proxy.workers.engine.launch import AdapterPlan, EnginePlan, RolePlan, plan_to_json
from proxy.workers.facts import package_digest, package_dirs
from proxy.workers.kernel import call
from proxy.workers.supervisor import ChildSpec, Hooks, Supervisor

__all__ = ["Ground", "LaunchError", "Prepared", "engine_spec", "launch", "prepare"]

_PR_SET_DUMPABLE = 4
_GRACE_S = 60.0
_BOOT = re.compile(r"[0-9a-f]{32}")
_REQUEST_TOKENS = 8_192


class LaunchError(Exception):
    """The service cannot start; the message is a sentence for the administrator. Exit status 78."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What would run: everything that could be checked without opening a socket."""

    settings: Settings
    catalogue: Catalogue
    policy: Policy
    answer: Shelved | None
    guard: Shelved | None
    adapter: ShelvedAdapter | None = None
    """Onto the answering model."""

    @property
    def approval(self) -> str:
        """Digest of the catalogue and of who imported what, and accepted which licence: what the log names."""
        return approval_digest(self.catalogue, self.answer, self.guard, self.adapter)


def prepare(settings: Settings) -> Prepared:
    """Resolve models and policy. Raises LaunchError or ConfigError."""
    catalogue = read_catalogue(settings.models)
    embedded = settings.engine.kind == "embedded"
    answer = resolve(settings.models, catalogue, settings.models.answer, "answer") if embedded else None
    guard = resolve(settings.models, catalogue, settings.models.guard, "guard") if settings.models.guard else None
    adapter = resolve_adapter(settings.models, catalogue, answer) if embedded else None
    try:
        policy = read_policy(settings.policy, guard.sha256 if guard is not None else "")
        site_of(policy)
    except PolicyError as error:
        code = error.code if guard is not None else _NO_GUARD.get(error.code, error.code)
        raise LaunchError(f"{_POLICY_SENTENCES.get(code, _POLICY)}: {error}") from None
    _verify_demands(settings, policy)
    return Prepared(settings, catalogue, policy, answer, guard if policy.judges else None, adapter)


def _verify_demands(settings: Settings, policy: Policy) -> None:
    """What a policy demands of the installation. Raises LaunchError."""
    if policy.engine == "embedded" and settings.engine.kind != "embedded":
        raise LaunchError(
            f"the policy {policy.name} demands the embedded engine, but engine.kind is {settings.engine.kind}; nothing "
            "was started. Choose the other engine or another policy"
        )
    least, most = policy.retention.log_months_least, policy.retention.log_months_most
    if not least <= settings.audit.retention_months <= most:
        raise LaunchError(
            f"the policy {policy.name} demands that the log is kept {least} to {most} months, but "
            f"audit.retention_months is {settings.audit.retention_months}; nothing was started"
        )


_POLICY = "the policy cannot be used; nothing was started. Look at it with `cordon policy check`"
_NO_GUARD = {"guard_uncalibrated": "no_guard"}
"""Without a guard nothing can be calibrated: the setting is what is missing."""
_POLICY_SENTENCES = {
    "guard_uncalibrated": "the guard has no calibration that fits its file; nothing was started. "
    "Make one with `cordon policy calibrate`",
    "no_guard": "models.guard is empty, but the policy judges; nothing was started. Name a guard",
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What the service stands on: sockets, and under a unit the facts that root wrote down."""

    sockets: Inherited
    preflight: Preflight | None
    boot_id: str


def launch(settings: Settings, env: Environment) -> int:
    """Start everything and serve until told to stop. Returns the exit status."""
    notifier = Notifier(env.notify_socket)
    try:
        return _launch(settings, env, notifier)
    except (LaunchError, ConfigError) as error:
        notifier.failed(str(error))
        raise
    finally:
        notifier.close()


def _launch(settings: Settings, env: Environment, notifier: Notifier) -> int:
    _be_private()
    journal = open_journal(sys.stderr)
    settings = _named_users(settings)
    try:
        inherited = inherit(env, settings.access)
        if inherited is not None:
            known = {*inherited.descriptors().values(), notifier.descriptor}
            verify_no_strangers({fd for fd in known if fd is not None})
        prepared = prepare(settings)
        preflight = _stand_on(prepared.policy, journal) if inherited is not None else None
        _verify_fit(prepared, memory_available() if preflight is None else preflight.memory_bytes)
        for folder in (settings.audit.dir, settings.access.dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        PostBox.beside(settings.audit.dir).tidy()
        ground = Ground(inherited or _bound(settings), preflight, _boot_id(env))
    except ListenerRefused as error:
        raise LaunchError(f"{error}; nothing was started") from None
    _warn(prepared, journal)
    hooks = Hooks(
        ready=notifier.ready,
        failed=lambda code: notifier.failed(_sentence(code)),
        alive=notifier.alive,
        stopping=notifier.stopping,
        ping_s=int(env.watchdog_usec) / 3_000_000 if env.watchdog_usec.isdigit() else None,
        grace_s=_GRACE_S,
    )
    supervisor = Supervisor(
        _gateway(prepared, ground), _workers(prepared, ground), report=journal.say, lines=_pass_on, hooks=hooks
    )
    try:
        return supervisor.run()
    finally:
        if inherited is None:
            _let_go(ground.sockets, settings)


def _verify_fit(prepared: Prepared, memory_bytes: int) -> None:
    """Refuse models that would run from the disk, and say what would fit. Raises LaunchError."""
    engine, catalogue = prepared.settings.engine, prepared.catalogue
    sentence = misfit(engine, catalogue, prepared.answer, prepared.guard, memory_bytes)
    if sentence is not None:
        raise LaunchError(sentence)


def _be_private() -> None:
    """No debugger of the same user, and no core file: the supervisor holds the sockets."""
    call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def _boot_id(env: Environment) -> str:
    """The identifier of this boot; a unit that hides it passes it on without the dashes."""
    return str(uuid.UUID(env.boot)) if _BOOT.fullmatch(env.boot) else read_boot_id()


def _bound(settings: Settings) -> Inherited:
    """Without a unit: our own sockets."""
    listeners = {f"listen.http.{i}": sock for i, sock in enumerate(bind_loopback(settings.access.port))}
    return Inherited({**listeners, "listen.api": bind_api(settings.access.socket)}, open_diag())


def _let_go(sockets: Inherited, settings: Settings) -> None:
    for sock in (*sockets.listeners.values(), sockets.diag):
        if sock is not None:
            sock.close()
    settings.access.socket.unlink(missing_ok=True)


def _stand_on(policy: Policy, journal: JsonJournal) -> Preflight:
    """Read what root wrote down, and refuse a unit that protects less than the policy asks for. Raises LaunchError."""
    try:
        preflight = read_preflight()
    except PreflightRefused as error:
        raise LaunchError(str(error)) from None
    if preflight.port6_taken:
        raise LaunchError("another program holds [::1] port 8642 (listener_refused); nothing was started. Stop it")
    if preflight.reload_needed:
        raise LaunchError("the unit files changed on disk; nothing was started. Run `systemctl daemon-reload` first")
    found = (*(() if preflight.egress_bytes is not None else ("ip-accounting-missing",)), *unit_weaknesses(preflight))
    for name in found:
        journal.say("unit_weakened", code=name)
    if found and policy.evidence_min != "E0":
        raise LaunchError(
            f"the unit protects less than the shipped one ({', '.join(found)}) and the policy asks for evidence "
            f"{policy.evidence_min}; nothing was started. Look for drop-ins with `systemctl cat cordon`"
        )
    return preflight


def _sentence(code: str) -> str:
    """What an administrator reads in `systemctl status`."""
    entry = ERRORS.get(code.partition(" ")[0])  # reasons may follow
    if entry is None:
        return f"{code}; nothing is answered. See: journalctl --namespace=cordon"
    return f"{code}: {entry.message} {entry.next}"


def _named_users(settings: Settings) -> Settings:
    """Turn names of users into numbers; inside the lock nobody can."""
    numbers = []
    for user in settings.access.allow_keyless_local_user:
        try:
            numbers.append(user if isinstance(user, int) else pwd.getpwnam(user).pw_uid)
        except KeyError:
            raise LaunchError("access.allow_keyless_local_user names an unknown user; nothing was started") from None
    access = settings.access.model_copy(update={"allow_keyless_local_user": tuple(numbers)})
    return settings.model_copy(update={"access": access})


def _pass_on(line: str) -> None:
    """A line that the gateway's journal already made."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _warn(prepared: Prepared, journal: JsonJournal) -> None:
    if prepared.policy.unsafe:
        journal.say("unsafe_policy", policy=prepared.policy.name)
    if prepared.policy.calibration_basis not in ("measured", "off"):
        journal.say("thresholds_not_measured", basis=prepared.policy.calibration_basis)
    if prepared.settings.engine.kind == "http":
        journal.say("engine_outside_the_cordon", evidence="E0")


def _gateway(prepared: Prepared, ground: Ground) -> ChildSpec:
    settings, preflight = prepared.settings, ground.preflight
    answering = prepared.answer
    plan = GatewayPlan(
        settings=settings,
        answer=_planned(answering),
        guard=_planned(prepared.guard),
        boot_id=ground.boot_id,
        uid=os.getuid(),
        version=version("cordon-proxy"),
        software=package_digest(package_dirs()),
        config=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
        catalogue=prepared.approval,
        created=int(answering.path.stat().st_mtime) if answering is not None else 0,
        host=read_host_facts(preflight),
        filters=expected_filters(),
        unit="none" if preflight is None else preflight.unit,
        counters=_counters(preflight),
        swap_max=-1 if preflight is None else preflight.swap_max,
    )
    reads = [str(p) for p in (settings.policy.dir, settings.policy.calibration_dir) if p.exists()]
    order = LockOrder(
        own_namespaces=preflight is None,
        read=(*reads, "/etc/localtime"),
        write=(str(settings.audit.dir), str(settings.access.dir), *_post_folders(settings)),
    )
    return ChildSpec("gateway", "proxy.gateway", _words(order, plan.model_dump_json()), ground.sockets.descriptors())


def _post_folders(settings: Settings) -> tuple[str, ...]:
    """The inbox and outbox of the log, where they exist."""
    post = PostBox.beside(settings.audit.dir)
    return tuple(str(folder) for folder in (post.inbox, post.outbox) if folder.is_dir())


def _counters(preflight: Preflight | None) -> dict[str, int]:
    """What the service manager counts: nothing for the service, the callers' bytes for the socket."""
    if preflight is None:
        return {}
    counted = {
        "systemd:cordon.service:IPEgressBytes": preflight.egress_bytes,
        "systemd:cordon.socket:IPEgressBytes": preflight.socket_egress_bytes,
    }
    return {src: value for src, value in counted.items() if value is not None}


def _workers(prepared: Prepared, ground: Ground) -> tuple[ChildSpec, ...]:
    order = LockOrder(own_namespaces=ground.preflight is None)
    plugins = prepared.settings.detectors.plugins
    readable = order.model_copy(update={"read": tuple(map(str, plugins))})
    added = {"detectors": order_descriptor(prepared.policy.pii.site, plugins)}
    workers = [ChildSpec("analyst", "proxy.workers.analyst", _words(readable, "{}"), added)]
    if prepared.answer is not None or prepared.guard is not None:
        memory = None if ground.preflight is None else ground.preflight.memory_bytes
        workers.append(engine_spec(prepared, memory_bytes=memory, own_namespaces=order.own_namespaces))
    engine = prepared.settings.engine
    if engine.kind == "http":
        _, port, _ = check_loopback_url(engine.base_url)
        outside = LockOrder(own_namespaces=order.own_namespaces, ports=(port,))
        told = json.dumps({"base_url": engine.base_url, "model": engine.model})
        workers.append(ChildSpec("http", "proxy.workers.http_service", _words(outside, told)))
    return tuple(workers)


def engine_spec(prepared: Prepared, *, memory_bytes: int | None = None, own_namespaces: bool = True) -> ChildSpec:
    """How to start the engine; its descriptors are open and the caller's to close.

    `memory_bytes` is what may be used where /proc/meminfo is hidden.
    """
    descriptors: dict[str, int] = {}
    roles = []
    for role, shelved in (("answer", prepared.answer), ("guard", prepared.guard)):
        if shelved is not None:
            descriptors[f"model.{role}"] = os.open(shelved.path, os.O_RDONLY | os.O_CLOEXEC)
            limit = prepared.policy.limits.answer_tokens
            roles.append(_role(role, shelved, descriptors[f"model.{role}"], prepared.settings, limit))
    if prepared.adapter is not None:
        descriptors["model.adapter"] = os.open(prepared.adapter.path, os.O_RDONLY | os.O_CLOEXEC)
        roles[0] = replace(roles[0], adapter=_adapter(prepared.adapter, descriptors["model.adapter"]))
    plan = EnginePlan(
        catalogue=prepared.approval,
        threads=prepared.settings.engine.threads or physical_cores(),
        memory_bytes=memory_available() if memory_bytes is None else memory_bytes,
        prefix_cache=True,
        models=tuple(roles),
    )
    order = LockOrder(own_namespaces=own_namespaces)
    return ChildSpec("engine", "proxy.workers.engine", _words(order, plan_to_json(plan)), descriptors)


def _role(role: str, shelved: Shelved, descriptor: int, settings: Settings, limit: int) -> RolePlan:
    model, engine = shelved.model, settings.engine
    pool = engine.context if role == "answer" else GUARD_CELLS
    return RolePlan(
        role=role,
        id=model.id,
        family=model.family,
        sha256=shelved.sha256,
        descriptor=descriptor,
        path=None,
        demo=model.demo,
        context=pool,
        slots=engine.parallel,
        gpu_layers=0,
        request_tokens=min(model.context, _REQUEST_TOKENS, pool),
        max_tokens=min(engine.max_tokens, limit),
        temperature=model.sampling.temperature,
        top_p=model.sampling.top_p,
        top_k=model.sampling.top_k,
        min_p=model.sampling.min_p,
        empty_thought=model.empty_thought,
        placeholder_hint=True,
    )


def _adapter(shelved: ShelvedAdapter, descriptor: int) -> AdapterPlan:
    adapter = shelved.adapter
    return AdapterPlan(adapter.id, shelved.sha256, adapter.base_sha256, descriptor, None, adapter.scale)


def _planned(shelved: Shelved | None) -> PlannedModel | None:
    if shelved is None:
        return None
    model = shelved.model
    return PlannedModel(id=model.id, file=shelved.path, sha256=shelved.sha256, family=model.family, demo=model.demo)


def _words(order: LockOrder, plan: str) -> tuple[str, ...]:
    return ("--lock", order.model_dump_json(), "--plan", plan)
