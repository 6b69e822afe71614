"""Which model for this computer and this use: a catalogue and a machine in, a ranked answer with reasons out. Pure.

Law: nothing is recommended that does not fit beside its guard into nine tenths of the memory, or is expected to say
less than three tokens a second; whatever is left out is left out with its reason. A speed comes from memory bandwidth
and the bytes a token reads, until it was measured on the machine: then it is what was measured.

    advice = advise(catalogue, machine, Use.DOCUMENTS)
    advice.picks[0].model.id, advice.picks[0].reasons, advice.ruled_out
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from proxy.models import Catalogue, CatalogueModel, ModelFile

__all__ = ["Advice", "Gpu", "Machine", "Pick", "RuledOut", "Use", "advise"]

_SHARE = 0.9
_MIB = 1 << 20
_GB = 1e9
_COMPUTE_SMALL, _COMPUTE_LARGE, _LARGE_FILE = 300 * _MIB, 600 * _MIB, 9 << 30
_OVERHEAD = 300 * _MIB
_READ_SHARE = 0.8
"""Of the bandwidth, what llama.cpp reaches when it reads weights."""
_TOKEN_S, _GPU_TOKEN_S = 0.001, 0.004
"""What a token takes beside reading: on a processor, and to start the kernels of a GPU."""
_SLOWEST = 3.0
"""Tokens a second: about two words, at which a reader stops waiting."""
_NEEDED_FLAGS = ("avx2", "f16c", "fma")
_POOLS = ((16_384, 4), (8_192, 2), (4_096, 1))
"""Pools to try, largest first: tokens and answers at once."""
_LONG_POOLS = ((32_768, 4), (32_768, 2), (32_768, 1))
_GUARD_CELLS = 4_096
_RARE_LANGUAGES = "languages with little text on the web"
"""As `not_good_at` of the catalogue says it."""


class Use(enum.StrEnum):
    """What it is for."""

    DOCUMENTS = "documents"
    """Letters, notes and summaries in which privacy comes first."""
    MEDICAL = "medical"
    """Questions about medicine."""
    LONG_CONTEXT = "long-context"
    """Whole patient files at once."""
    TOOLS = "tools"
    """Programs that let the model call functions."""
    LANGUAGES = "languages"
    """Languages with little text on the web."""
    SMALLEST = "smallest"
    """As little memory as possible."""
    QUALITY = "quality"
    """The best answer, whatever it takes."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device with a memory of its own."""

    name: str
    memory_bytes: int
    free_bytes: int
    bandwidth: float
    """Bytes a second."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer as seen from a model."""

    memory_bytes: int
    available_bytes: int
    cores: int
    bandwidth: float
    """Bytes a second that all cores together read from memory."""
    flags: frozenset[str] | None = None
    """Instruction sets; None on a processor that is not x86."""
    gpus: tuple[Gpu, ...] = ()
    disk_bytes: int | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    """Model id -> answer tokens a second that `cordon models bench` found here."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A model that can be used here."""

    model: CatalogueModel
    file: ModelFile
    guard: CatalogueModel
    guard_file: ModelFile
    context: int
    parallel: int
    need_bytes: int
    """Memory of the computer: with the guard, and with the model where it is not on a GPU."""
    gpu: Gpu | None
    gpu_bytes: int
    tokens_per_s: float
    measured: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuledOut:
    """A model that is not recommended here, and why."""

    model: CatalogueModel
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer: best first."""

    use: Use
    picks: tuple[Pick, ...]
    ruled_out: tuple[RuledOut, ...]


def advise(catalogue: Catalogue, machine: Machine, use: Use) -> Advice:
    """Rank the answering models of a catalogue."""
    picks: list[Pick] = []
    out: list[RuledOut] = []
    models = [model for model in catalogue.model if model.role == "answer" and not model.demo]
    guards = [model for model in catalogue.model if model.role == "guard" and use.value in model.scenarios]
    for model in models:
        found = _judge(model, guards, machine, use)
        if isinstance(found, Pick):
            picks.append(found)
        else:
            out.append(RuledOut(model, found))
    return Advice(use, tuple(sorted(picks, key=lambda pick: _order(pick, use))), tuple(out))


def _judge(model: CatalogueModel, guards: list[CatalogueModel], machine: Machine, use: Use) -> Pick | str:
    objection = next(_objections(model, machine, use), None)
    if objection is not None:
        return objection
    if not guards:
        return "the catalogue has no guard to put beside it"
    return _best(_placements(model, guards, machine, use), model, machine)


def _objections(model: CatalogueModel, machine: Machine, use: Use) -> Iterator[str]:
    """What no amount of memory changes."""
    missing = [flag for flag in _NEEDED_FLAGS if machine.flags is not None and flag not in machine.flags]
    if missing:
        yield f"the processor lacks {', '.join(missing)}, for which this build is made"
    if use is Use.TOOLS and not model.tools:
        yield "it calls tools too unreliably to be recommended for it"
    if use is Use.MEDICAL and "MedQA" not in model.published:
        yield "no medical score is published for it"
    if use is Use.LANGUAGES and _RARE_LANGUAGES in model.not_good_at:
        yield f"it is not good at {_RARE_LANGUAGES}"
    smallest = min(file.bytes for file in model.files)
    if machine.disk_bytes is not None and machine.disk_bytes < smallest:
        yield f"its file takes {_gb(smallest)}, and the disk has {_gb(machine.disk_bytes)} free"


def _best(placed: Iterator[Pick], model: CatalogueModel, machine: Machine) -> Pick | str:
    """The first placement that is quick enough; else the reason why there is none."""
    slow: Pick | None = None
    for pick in placed:
        if not pick.measured and not model.scenarios and pick.gpu is None:
            need = _need(pick.file.bytes, model.kv_bytes(*_POOLS[-1]))
            return (
                f"no GPU here holds the whole file ({_gb(need)} with its cache), and without one published speeds "
                "disagree by a factor of ten: measure it here first (cordon models bench)"
            )
        if pick.tokens_per_s >= _SLOWEST:
            return pick
        slow = slow or pick
    if slow is not None:
        word = "measured" if slow.measured else "expected"
        return f"{word} at {slow.tokens_per_s:.1f} tokens a second, which nobody waits for"
    return _too_large(model, machine)


def _too_large(model: CatalogueModel, machine: Machine) -> str:
    smallest = min(model.files, key=lambda file: file.bytes)
    need = _need(smallest.bytes, model.kv_bytes(*_POOLS[-1]))
    room = _SHARE * max([machine.available_bytes, *(gpu.free_bytes for gpu in machine.gpus)])
    if need > room:
        return f"it takes {_gb(need)} of memory, and {_gb(int(room))} can be used"
    return f"it fits alone ({_gb(need)} of {_gb(int(room))}), but not beside its guard"


def _placements(model: CatalogueModel, guards: list[CatalogueModel], machine: Machine, use: Use) -> Iterator[Pick]:
    """Every way to place it, the best first: on a GPU, then in memory; a larger pool, then a smaller one.

    This build computes on the processor, so a GPU means a server outside the cordon. Where privacy comes first, that is
    the last resort.
    """
    pools = _LONG_POOLS if use is Use.LONG_CONTEXT else _POOLS
    judges = [(guard, file) for guard in guards for file in guard.files]
    places = [*sorted(machine.gpus, key=lambda gpu: -gpu.free_bytes), None]
    for gpu in reversed(places) if use in (Use.DOCUMENTS, Use.SMALLEST) else places:
        for file, judge, pool in product(_files(model, use), judges, pools):
            pick = _place(model, _Choice(file, judge, pool), gpu, machine)
            if pick is not None:
                yield pick


@dataclass(frozen=True, slots=True)
class _Choice:
    """A file, a judge with its file, and a pool: tokens and answers at once."""

    file: ModelFile
    judge: tuple[CatalogueModel, ModelFile]
    pool: tuple[int, int]


def _files(model: CatalogueModel, use: Use) -> list[ModelFile]:
    """The recommended file, and smaller ones only where a small computer is what is asked for."""
    if use is Use.SMALLEST:
        return sorted(model.files, key=lambda file: file.bytes)
    return [file for file in model.files if file.bytes <= model.bytes]


def _place(model: CatalogueModel, choice: _Choice, gpu: Gpu | None, machine: Machine) -> Pick | None:
    file, judge = choice.file, choice.judge
    own = _need(file.bytes, model.kv_bytes(*choice.pool))
    beside = _need(judge[1].bytes, judge[0].kv_bytes(_GUARD_CELLS, 1))
    if gpu is not None and own > _SHARE * gpu.free_bytes:
        return None
    need = beside if gpu is not None else own + beside
    if need > _SHARE * machine.available_bytes:
        return None
    measured = machine.measured.get(model.id)
    bandwidth, own_s = (gpu.bandwidth, _GPU_TOKEN_S) if gpu is not None else (machine.bandwidth, _TOKEN_S)
    predicted = 1 / (file.bytes * model.active_share / (_READ_SHARE * max(bandwidth, 1.0)) + own_s)
    speed = round(predicted if measured is None else measured, 1)
    on_gpu = own if gpu is not None else 0
    pick = Pick(model, file, *judge, *choice.pool, need, gpu, on_gpu, speed, measured is not None, ())
    return replace(pick, reasons=tuple(_reasons(pick)))


def _reasons(pick: Pick) -> Iterator[str]:
    if pick.model.good_at:
        yield f"good at {', '.join(pick.model.good_at)}"
    for test, score in pick.model.published.items():
        yield f"{test} {score:g} (published)"
    if pick.gpu is not None:
        yield (
            f"the whole model is on {pick.gpu.name} ({_gb(pick.gpu_bytes)}), served by your own llama-server "
            "(engine.kind = http, evidence E0); the guard stays in Cordon"
        )
    if pick.context < _POOLS[0][0]:
        yield f"with a pool of {pick.context:,} tokens for {pick.parallel} at once, to fit"
    if pick.file.file != pick.model.file:
        yield f"as {pick.file.quant}{f': {pick.file.remark}' if pick.file.remark else ''}"
    if pick.guard_file.file != pick.guard.file:
        yield f"with the smaller guard file ({pick.guard_file.quant}), to fit"
    if not pick.model.scenarios and not pick.measured:
        yield "measure it before you rely on it: published speeds disagree by a factor of ten"
    if pick.model.not_good_at:
        yield f"not good at {', '.join(pick.model.not_good_at)}"


def _order(pick: Pick, use: Use) -> tuple[object, ...]:
    """What the use recommends by name, then the larger model; a medical one is for medicine."""
    model = pick.model
    if use is Use.SMALLEST:
        return (pick.need_bytes + pick.gpu_bytes, model.id)
    if use is Use.MEDICAL:
        return (-model.published["MedQA"], model.id)
    return (use.value not in model.scenarios, model.family != "gemma4", -model.bytes, model.id)


def _need(file_bytes: int, kv_bytes: int) -> int:
    compute = _COMPUTE_LARGE if file_bytes > _LARGE_FILE else _COMPUTE_SMALL
    return file_bytes + kv_bytes + compute + _OVERHEAD


def _gb(count: int) -> str:
    return f"{count / _GB:.1f} GB"
