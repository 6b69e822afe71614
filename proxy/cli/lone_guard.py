"""A guard on its own: the engine process with nothing but the guard, for as long as a command runs.

    outcome = asyncio.run(with_guard(prepared, judge_all))

Law: it is the process of the service, locked and started in the same way, with the same policy, calibration and
canaries; only the gateway around it is missing. A guard that does not come up, or has drifted, judges nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from filters.safety import GuardInvalidError
from filters.verdicts import Basis, VerdictCache
from policies.calibrate import check_canaries
from policies.model import PolicyError
from proxy.cli.lone_engine import engine_process
from proxy.config import ConfigError, Settings
from proxy.errors import CordonError
from proxy.exchange import Caller, CallerKind, Exchange
from proxy.judging import Guard, guard_of
from proxy.launch import LaunchError, Prepared, engine_spec
from proxy.policy_files import read_policy
from proxy.stock import read_catalogue, resolve
from proxy.workers.admission import FairQueue
from proxy.workers.client import EngineClient, Link

__all__ = ["GuardFailed", "envelope", "prepare_guard", "with_guard", "with_unproved_guard"]

_T = TypeVar("_T")


class GuardFailed(Exception):  # noqa: N818 - a sentence for a person
    """The guard did not come up; the message names the code."""


def prepare_guard(settings: Settings) -> Prepared:
    """Resolve guard and policy, and no model that answers. Raises ConfigError or LaunchError."""
    catalogue = read_catalogue(settings.models)
    if not settings.models.guard:
        raise ConfigError("models.guard is empty; nothing was judged. Name a guard")
    guard = resolve(settings.models, catalogue, settings.models.guard, "guard")
    try:
        policy = read_policy(settings.policy, guard.sha256)
    except PolicyError as error:
        raise LaunchError(f"the policy {settings.policy.name} cannot be used: {error}; nothing was judged") from None
    if not policy.judges:
        raise ConfigError(f"the policy {policy.name} judges nothing; choose another with --policy")
    return Prepared(settings, catalogue, policy, None, guard)


def envelope(name: str) -> Exchange:
    """The envelope of one piece of work; the engine keeps a prefix for it until `Guard.forget`."""
    return Exchange(name, Caller(os.getuid(), CallerKind.UID, "", "judge", frozenset()), "judge", False, 60_000, 0)


async def with_guard(prepared: Prepared, work: Callable[[Guard], Awaitable[_T]]) -> _T:
    """Start the guard, prove it by its canaries, do the work, stop it. Raises GuardFailed; `work` never raises."""

    async def proved(guard: Guard) -> _T | GuardFailed:
        try:
            check_canaries(prepared.policy.canary_scores, await guard.canaries(envelope("canary")))
        except (CordonError, PolicyError) as error:
            return GuardFailed(_sentence(error.code))
        return await work(guard)

    return await with_unproved_guard(prepared, proved)


async def with_unproved_guard(prepared: Prepared, work: Callable[[Guard], Awaitable[_T | GuardFailed]]) -> _T:
    """The same, of a guard whose canaries nobody has scored yet: only to calibrate it. Raises GuardFailed."""
    spec = engine_spec(prepared)
    with engine_process(spec.arguments, spec.descriptors) as engine:
        link = Link("guard_unavailable", "guard_unavailable")
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(link.serve(engine.link))
            rising = tasks.create_task(link.wait_up())
            await asyncio.wait((serving, rising), return_when=asyncio.FIRST_COMPLETED)
            rising.cancel()
            outcome = await _work(prepared, link, work) if link.up else GuardFailed(_sentence(engine.code()))
            link.close()
    if isinstance(outcome, GuardFailed):  # raised here, because a task group would wrap it
        raise outcome
    return outcome


async def _work(
    prepared: Prepared, link: Link, work: Callable[[Guard], Awaitable[_T | GuardFailed]]
) -> _T | GuardFailed:
    policy = prepared.policy
    sha256 = prepared.guard.sha256 if prepared.guard is not None else ""
    client = EngineClient(link, link, FairQueue(parallel=1), now_s=time.monotonic)
    basis = Basis(policy.digest, policy.calibration_digest, sha256)
    cache = VerdictCache(secrets.token_bytes(32))
    try:
        guard = Guard(client, guard_of(policy), policy, basis, cache, now_s=time.monotonic)
    except GuardInvalidError:
        return GuardFailed(_sentence("guard_invalid"))
    return await work(guard)


def _sentence(code: str) -> str:
    return f"the guard did not start ({code}); nothing was judged. See: cordon check"
