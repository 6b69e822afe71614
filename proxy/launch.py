"""From settings to running processes: what the supervisor opens, whom it starts, with what on their command lines.

    1 models resolved and opened   2 policy loads with the guard's calibration   3 sockets bound   4 children planned

Law: everything that can be refused is refused here, in one sentence, before anything is started. The supervisor reads
no text and no key; files are handed over as descriptors.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import sys
from dataclasses import dataclass
from importlib.metadata import version

from policies.model import Policy, PolicyError
from proxy.clock import read_boot_id
from proxy.config import Environment, Settings, check_loopback_url
from proxy.detectors import order_descriptor, site_of
from proxy.hostfacts import expected_filters, read_host_facts
from proxy.journal import JsonJournal, open_journal
from proxy.listeners import ListenerRefused, bind_api, bind_loopback
from proxy.models import Catalogue
from proxy.peer import open_diag
from proxy.plan import GatewayPlan, LockOrder, PlannedModel
from proxy.policy_files import read_policy
from proxy.stock import Shelved, read_catalogue, resolve
from proxy.workers.engine.hardware import memory_available, physical_cores
from proxy.workers.engine.launch import EnginePlan, RolePlan, plan_to_json
from proxy.workers.facts import package_digest, package_dirs
from proxy.workers.supervisor import ChildSpec, Supervisor

__all__ = ["LaunchError", "Prepared", "engine_spec", "launch", "prepare"]

_GUARD_CONTEXT = 4_096
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


def prepare(settings: Settings) -> Prepared:
    """Resolve models and policy. Raises LaunchError or ConfigError."""
    catalogue = read_catalogue(settings.models)
    embedded = settings.engine.kind == "embedded"
    answer = resolve(settings.models, catalogue, settings.models.answer, "answer") if embedded else None
    guard = resolve(settings.models, catalogue, settings.models.guard, "guard") if settings.models.guard else None
    try:
        policy = read_policy(settings.policy, guard.sha256 if guard is not None else "")
        site_of(policy)
    except PolicyError as error:
        code = error.code if guard is not None else _NO_GUARD.get(error.code, error.code)
        raise LaunchError(f"{_POLICY_SENTENCES.get(code, _POLICY)}: {error}") from None
    return Prepared(settings, catalogue, policy, answer, guard if policy.judges else None)


_POLICY = "the policy cannot be used; nothing was started. Look at it with `cordon policy check`"
_NO_GUARD = {"guard_uncalibrated": "no_guard"}
"""Without a guard nothing can be calibrated: the setting is what is missing."""
_POLICY_SENTENCES = {
    "guard_uncalibrated": "the guard has no calibration that fits its file; nothing was started. "
    "Make one with `cordon policy calibrate`",
    "no_guard": "models.guard is empty, but the policy judges; nothing was started. Name a guard",
}


def launch(settings: Settings, env: Environment) -> int:
    """Start everything and serve until told to stop. Returns the exit status."""
    settings = _named_users(settings)
    prepared = prepare(settings)
    journal = open_journal(sys.stderr)
    _warn(prepared, journal)
    for folder in (settings.audit.dir, settings.access.dir):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        listeners = {f"listen.{i}": s for i, s in enumerate(bind_loopback(settings.access.port))}
        listeners["listen.api"] = bind_api(settings.access.socket)
    except ListenerRefused as error:
        raise LaunchError(f"{error}; nothing was started") from None
    diag = open_diag()
    named = {name: sock.fileno() for name, sock in listeners.items()} | {"diag": diag.fileno()}
    workers = _workers(prepared)
    supervisor = Supervisor(_gateway(prepared, named), workers, report=journal.say, lines=_pass_on)
    del env
    try:
        return supervisor.run()
    finally:
        for sock in (*listeners.values(), diag):
            sock.close()
        settings.access.socket.unlink(missing_ok=True)


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


def _gateway(prepared: Prepared, named: dict[str, int]) -> ChildSpec:
    settings = prepared.settings
    answering = prepared.answer
    plan = GatewayPlan(
        settings=settings,
        answer=_planned(answering),
        guard=_planned(prepared.guard),
        boot_id=read_boot_id(),
        uid=os.getuid(),
        version=version("cordon-proxy"),
        software=package_digest(package_dirs()),
        config=hashlib.sha256(settings.model_dump_json().encode()).hexdigest(),
        catalogue=prepared.catalogue.digest,
        created=int(answering.path.stat().st_mtime) if answering is not None else 0,
        host=read_host_facts(),
        filters=expected_filters(),
    )
    reads = [str(p) for p in (settings.policy.dir, settings.policy.calibration_dir) if p.exists()]
    order = LockOrder(
        own_namespaces=True,
        read=(*reads, "/etc/localtime"),
        write=(str(settings.audit.dir), str(settings.access.dir)),
    )
    return ChildSpec("gateway", "proxy.gateway", _words(order, plan.model_dump_json()), named)


def _workers(prepared: Prepared) -> tuple[ChildSpec, ...]:
    order = LockOrder(own_namespaces=True)
    plugins = prepared.settings.detectors.plugins
    readable = order.model_copy(update={"read": tuple(map(str, plugins))})
    added = {"detectors": order_descriptor(prepared.policy.pii.site, plugins)}
    workers = [ChildSpec("analyst", "proxy.workers.analyst", _words(readable, "{}"), added)]
    if prepared.answer is not None or prepared.guard is not None:
        workers.append(engine_spec(prepared))
    engine = prepared.settings.engine
    if engine.kind == "http":
        _, port, _ = check_loopback_url(engine.base_url)
        outside = LockOrder(own_namespaces=True, ports=(port,))
        told = json.dumps({"base_url": engine.base_url, "model": engine.model})
        workers.append(ChildSpec("http", "proxy.workers.http_service", _words(outside, told)))
    return tuple(workers)


def engine_spec(prepared: Prepared) -> ChildSpec:
    """How to start the engine; its descriptors are open and the caller's to close."""
    descriptors: dict[str, int] = {}
    roles = []
    for role, shelved in (("answer", prepared.answer), ("guard", prepared.guard)):
        if shelved is not None:
            descriptors[f"model.{role}"] = os.open(shelved.path, os.O_RDONLY | os.O_CLOEXEC)
            roles.append(_role(role, shelved, descriptors[f"model.{role}"], prepared.settings))
    plan = EnginePlan(
        catalogue=prepared.catalogue.digest,
        threads=prepared.settings.engine.threads or physical_cores(),
        memory_bytes=memory_available(),
        prefix_cache=True,
        models=tuple(roles),
    )
    order = LockOrder(own_namespaces=True)
    return ChildSpec("engine", "proxy.workers.engine", _words(order, plan_to_json(plan)), descriptors)


def _role(role: str, shelved: Shelved, descriptor: int, settings: Settings) -> RolePlan:
    model, engine = shelved.model, settings.engine
    pool = engine.context if role == "answer" else _GUARD_CONTEXT
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
        max_tokens=engine.max_tokens,
        temperature=model.sampling.temperature,
        top_p=model.sampling.top_p,
        top_k=model.sampling.top_k,
        min_p=model.sampling.min_p,
        empty_thought=model.empty_thought,
        placeholder_hint=True,
    )


def _planned(shelved: Shelved | None) -> PlannedModel | None:
    if shelved is None:
        return None
    model = shelved.model
    return PlannedModel(id=model.id, file=shelved.path, sha256=shelved.sha256, family=model.family, demo=model.demo)


def _words(order: LockOrder, plan: str) -> tuple[str, ...]:
    return ("--lock", order.model_dump_json(), "--plan", plan)
