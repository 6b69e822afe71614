"""The computer as `cordon models recommend` sees it: looked at, or read from a description.

    memory_gb = 16          cores = 8               [[gpu]]
    available_gb = 13.5     bandwidth_gb_s = 40     name = "an accelerator of 24 GB"
    flags = ["avx2", "f16c", "fma"]                 memory_gb = 24    bandwidth_gb_s = 900

Law: looking changes nothing and asks nobody but the kernel and, for a card of NVIDIA, its own tool; what cannot be
found out counts as not there. A description with an unknown key is refused.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.advice import Gpu, Machine
from proxy.config import ConfigError
from proxy.workers.engine.hardware import cpu_flags, memory_available, memory_total, physical_cores

__all__ = ["body", "described", "look", "nvidia_gpus"]

_GB = 10**9
_MIB = 1 << 20
_PROBE_BYTES = 128 * _MIB
"""Larger than any cache a core has, small enough for a computer of 8 GB."""
_SHARE_FREE = 0.85
"""Of the memory, where a description does not say what is free."""
_GPU_BANDWIDTH = 300.0
"""GB a second, where nobody says: that of a card of the middle."""
_QUERY = ("--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Gpu(_Frozen):
    name: str = "GPU"
    memory_gb: Annotated[float, Field(gt=0)]
    free_gb: Annotated[float, Field(ge=0)] | None = None
    bandwidth_gb_s: Annotated[float, Field(gt=0)] = _GPU_BANDWIDTH


class _Description(_Frozen):
    memory_gb: Annotated[float, Field(gt=0)]
    available_gb: Annotated[float, Field(gt=0)] | None = None
    cores: Annotated[int, Field(ge=1)]
    bandwidth_gb_s: Annotated[float, Field(gt=0)]
    flags: tuple[str, ...] | None = None
    gpu: tuple[_Gpu, ...] = ()
    disk_gb: Annotated[float, Field(ge=0)] | None = None
    measured: dict[str, float] = {}


def described(path: Path) -> Machine:
    """Read a description. Raises ConfigError."""
    try:
        raw = _Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__}); nothing was recommended") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path}: {place}: {first['msg']}; nothing was recommended. Correct that line") from None
    available = raw.available_gb if raw.available_gb is not None else raw.memory_gb * _SHARE_FREE
    return Machine(
        memory_bytes=_bytes(raw.memory_gb),
        available_bytes=_bytes(available),
        cores=raw.cores,
        bandwidth=raw.bandwidth_gb_s * _GB,
        flags=None if raw.flags is None else frozenset(raw.flags),
        gpus=tuple(_described_gpu(gpu) for gpu in raw.gpu),
        disk_bytes=None if raw.disk_gb is None else _bytes(raw.disk_gb),
        measured=dict(raw.measured),
    )


def look(models_dir: Path, measured: dict[str, float]) -> Machine:
    """Look at this computer; reads some memory for a second to see how quickly it can."""
    cores = physical_cores()
    return Machine(
        memory_bytes=memory_total(),
        available_bytes=memory_available(),
        cores=cores,
        bandwidth=_bandwidth(cores),
        flags=cpu_flags(),
        gpus=(*_nvidia(), *_amd(Path("/sys/class/drm"))),
        disk_bytes=_free(models_dir),
        measured=measured,
    )


def body(machine: Machine) -> dict[str, object]:
    """The machine as a description has it, for machines."""
    return {
        "memory_gb": round(machine.memory_bytes / _GB, 1), "available_gb": round(machine.available_bytes / _GB, 1),
        "cores": machine.cores, "bandwidth_gb_s": round(machine.bandwidth / _GB, 1),
        "flags": None if machine.flags is None else sorted(machine.flags & {"avx2", "f16c", "fma", "avx512f"}),
        "gpu": [
            {
                "name": gpu.name, "memory_gb": round(gpu.memory_bytes / _GB, 1),
                "free_gb": round(gpu.free_bytes / _GB, 1), "bandwidth_gb_s": round(gpu.bandwidth / _GB, 1),
            }
            for gpu in machine.gpus
        ],
        "disk_gb": None if machine.disk_bytes is None else round(machine.disk_bytes / _GB, 1),
        "measured": dict(machine.measured),
    }  # fmt: skip


def _described_gpu(gpu: _Gpu) -> Gpu:
    free = gpu.memory_gb if gpu.free_gb is None else gpu.free_gb
    return Gpu(gpu.name, _bytes(gpu.memory_gb), _bytes(free), gpu.bandwidth_gb_s * _GB)


def _bytes(gb: float) -> int:
    return int(gb * _GB)


def _bandwidth(cores: int) -> float:
    """Bytes a second that all cores read together: the best of three rounds."""
    blocks = [np.ones(_PROBE_BYTES // 8, np.float64) for _ in range(max(1, min(cores, 16)))]
    best = 0.0
    with ThreadPoolExecutor(len(blocks)) as pool:
        for _ in range(3):
            began = time.perf_counter()
            list(pool.map(np.max, blocks))  # releases the lock, and adds nothing to reading
            best = max(best, len(blocks) * _PROBE_BYTES / (time.perf_counter() - began))
    return best


def _free(folder: Path) -> int | None:
    """Bytes free where the models lie, or would."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _nvidia() -> tuple[Gpu, ...]:
    tool = shutil.which("nvidia-smi", path="/usr/bin:/usr/local/bin")
    if tool is None:
        return ()
    try:
        ran = subprocess.run([tool, *_QUERY], capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - a fixed tool
    except (OSError, subprocess.SubprocessError):
        return ()
    return nvidia_gpus(ran.stdout)


def nvidia_gpus(lines: str) -> tuple[Gpu, ...]:
    """Read `name, MiB in all, MiB free` lines."""
    gpus = []
    for line in lines.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) == 3 and words[1].isdecimal() and words[2].isdecimal():
            gpus.append(Gpu(words[0], int(words[1]) * _MIB, int(words[2]) * _MIB, _GPU_BANDWIDTH * _GB))
    return tuple(gpus)


def _amd(drm: Path) -> tuple[Gpu, ...]:
    """Cards whose driver says how much memory they have of their own."""
    gpus = []
    for card in sorted(drm.glob("card[0-9]*/device/mem_info_vram_total")):
        try:
            total = int(card.read_text(encoding="ascii"))
            used = int(card.with_name("mem_info_vram_used").read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        name = f"{card.parent.parent.name} ({os.fsdecode(card.parent.resolve().name)})"
        gpus.append(Gpu(name, total, total - used, _GPU_BANDWIDTH * _GB))
    return tuple(gpus)
