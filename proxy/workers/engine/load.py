"""A model file to a checked model: hash, header, role, memory, vocabulary - in this order, then the weights.

Law: the file is hashed and mapped through one descriptor, so what was approved is what runs; every check refuses.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from proxy.workers.engine.batch import EngineError, StopFlag
from proxy.workers.engine.binding import Adapter, Context, ContextSpec, Model
from proxy.workers.engine.encode import Vocabulary, answer_id, load_vocabulary
from proxy.workers.engine.fit import Pool, need_of, verify_fit
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.headers import SHAPE, is_shape, verify_adapter, verify_model
from proxy.workers.engine.launch import AdapterPlan, EnginePlan, RolePlan
from proxy.workers.engine.score import BASES, BRANCHES
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Family

__all__ = ["Checked", "Loaded", "check_files", "load"]

_JUDGE_WORDS = ("Yes", "No")


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that may be loaded."""

    plan: RolePlan
    descriptor: int
    header: Header
    family: Family
    spec: ContextSpec
    adapter: int | None = None
    """Descriptor of its adapter, checked too."""

    @property
    def file_bytes(self) -> int:
        """Of model and adapter."""
        adapter = os.fstat(self.adapter).st_size if self.adapter is not None else 0
        return os.fstat(self.descriptor).st_size + adapter


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
    adapter: Adapter | None = None

    def close(self) -> None:
        """Free the pool, then the adapter, then the weights."""
        self.context.close()
        if self.adapter:
            self.adapter.close()
        self.model.close()


def check_files(plan: EnginePlan) -> tuple[Checked, ...]:
    """Check every file of a plan before any is loaded.

    Raises:
        EngineError: `model_missing`, `model_hash`, `model_invalid`, `does_not_fit`.
    """
    checked = tuple(_check(role, plan.threads) for role in plan.models)
    needs = [need_of(c.header, c.file_bytes, _pool(c.spec)) for c in checked]
    verify_fit(needs, plan.memory_bytes)
    return checked


def load(checked: Checked, should_stop: Callable[[], bool] | StopFlag) -> Loaded:
    """Map the weights and make the pool."""
    model = Model(checked.descriptor, gpu_layers=checked.plan.gpu_layers)
    family = checked.family
    vocabulary = load_vocabulary(model, family.controls, family.optional)
    if checked.plan.role == "guard" and len({answer_id(model, word) for word in _JUDGE_WORDS}) < len(_JUDGE_WORDS):
        raise EngineError("guard_invalid")
    context = Context(model, checked.spec, should_stop)
    adapter = _adapt(model, context, checked)
    os.close(checked.descriptor)
    trained = checked.header.number("context_length")
    return Loaded(checked.plan, family, checked.header.arch, trained, model, context, vocabulary, adapter)


def _adapt(model: Model, context: Context, checked: Checked) -> Adapter | None:
    if checked.plan.adapter is None or checked.adapter is None:
        return None
    adapter = Adapter(model, checked.adapter, checked.plan.adapter.scale)
    context.adapt(adapter)
    os.close(checked.adapter)
    return adapter


def _check(plan: RolePlan, threads: int) -> Checked:
    if plan.family not in FAMILIES:  # before a large file is read
        raise EngineError("model_invalid")
    descriptor, header = _opened(plan.descriptor, plan.path, plan.sha256)
    family = verify_model(header, plan.family, plan.role)
    if is_shape(header) != plan.id.startswith(SHAPE):
        raise EngineError("model_invalid")
    adapter = _check_adapter(plan.adapter, plan, header.arch) if plan.adapter else None
    return Checked(plan, descriptor, header, family, _spec(plan, threads), adapter)


def _check_adapter(adapter: AdapterPlan, plan: RolePlan, arch: str) -> int:
    if plan.role != "answer" or adapter.base_sha256 != plan.sha256:
        raise EngineError("adapter_invalid")
    descriptor, header = _opened(adapter.descriptor, adapter.path, adapter.sha256)
    verify_adapter(header, frozenset({arch}))
    return descriptor


def _opened(descriptor: int | None, path: str | None, sha256: str) -> tuple[int, Header]:
    """The file that has the digest, and its header."""
    if descriptor is None:
        descriptor = _open(path)
    _verify_hash(descriptor, sha256)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        return descriptor, read_header(stream)


def _open(path: str | None) -> int:
    if path is None:
        raise EngineError("model_missing")
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
