"""A model file to a checked model: hash, header, role, memory, vocabulary - in this order, then the weights.

Law: the file is hashed and mapped through one descriptor, so what was approved is what runs; every check refuses.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.binding import Context, ContextSpec, Model
from proxy.workers.engine.encode import Vocabulary, answer_id, load_vocabulary
from proxy.workers.engine.fit import Pool, need_of, verify_fit
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.launch import EnginePlan, RolePlan
from proxy.workers.engine.score import BASES, BRANCHES
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Family

__all__ = ["Checked", "Loaded", "check_files", "load"]

_ROLES = {"answer": frozenset({"gemma4", "gemma3"}), "guard": frozenset({"gemma2"})}
_COARSE_KINDS = frozenset({10, 11, 16, 17, 18, 19, 21, 22, 29})
"""ggml types of two and three bits and below: a judge's scores do not survive them."""
_JUDGE_WORDS = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that may be loaded."""

    plan: RolePlan
    descriptor: int
    header: Header
    family: Family
    spec: ContextSpec


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, its pool and its vocabulary."""

    plan: RolePlan
    family: Family
    arch: str
    trained_context: int
    model: Model
    context: Context
    vocabulary: Vocabulary

    def close(self) -> None:
        """Free the pool, then the weights."""
        self.context.close()
        self.model.close()


def check_files(plan: EnginePlan) -> tuple[Checked, ...]:
    """Check every file of a plan before any is loaded.

    Raises:
        EngineError: `model_missing`, `model_hash`, `model_invalid`, `does_not_fit`.
    """
    checked = tuple(_check(role, plan.threads) for role in plan.models)
    needs = [need_of(c.header, os.fstat(c.descriptor).st_size, _pool(c.spec)) for c in checked]
    verify_fit(needs, plan.memory_bytes)
    return checked


def load(checked: Checked, should_stop: Callable[[], bool]) -> Loaded:
    """Map the weights and make the pool."""
    model = Model(checked.descriptor, gpu_layers=checked.plan.gpu_layers)
    family = checked.family
    vocabulary = load_vocabulary(model, family.controls, family.optional)
    if checked.plan.role == "guard" and len({answer_id(model, word) for word in _JUDGE_WORDS}) < len(_JUDGE_WORDS):
        raise EngineError("guard_invalid")
    context = Context(model, checked.spec, should_stop)
    os.close(checked.descriptor)
    trained = checked.header.number("context_length")
    return Loaded(checked.plan, family, checked.header.arch, trained, model, context, vocabulary)


def _check(plan: RolePlan, threads: int) -> Checked:
    family = FAMILIES.get(plan.family)
    if family is None or plan.family not in _ROLES.get(plan.role, ()):
        raise EngineError("model_invalid")
    descriptor = _open(plan)
    _verify_hash(descriptor, plan.sha256)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        header = read_header(stream)
    if header.arch not in family.archs:
        raise EngineError("model_invalid")
    if plan.role == "guard" and not _COARSE_KINDS.isdisjoint(header.tensor_kinds):
        raise EngineError("guard_invalid")
    return Checked(plan, descriptor, header, family, _spec(plan, threads))


def _open(plan: RolePlan) -> int:
    if plan.descriptor is not None:
        return plan.descriptor
    if plan.path is None:
        raise EngineError("model_missing")
    try:
        return os.open(plan.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise EngineError("model_missing") from None


def _verify_hash(descriptor: int, expected: str) -> None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb", buffering=0) as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise EngineError("model_hash")


def _spec(plan: RolePlan, threads: int) -> ContextSpec:
    guard = plan.role == "guard"
    return ContextSpec(
        n_ctx=plan.context,
        n_batch=1024 if guard else 2048,
        n_ubatch=512,
        n_seq_max=BASES + BRANCHES if guard else plan.slots,
        swa_full=guard,  # a judge shares its prefix between sequences, which needs every cell
        threads=threads,
    )


def _pool(spec: ContextSpec) -> Pool:
    return Pool(spec.n_ctx, spec.n_ubatch, spec.n_seq_max, spec.swa_full)
