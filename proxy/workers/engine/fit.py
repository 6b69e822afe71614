"""Memory arithmetic: does a set of models fit, and which would.

Law: pure. Through a memory map a file larger than memory still "works" at the speed of the disk, so no fit is a
refusal, not a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.gguf import Header

__all__ = ["Need", "Pool", "kv_bytes", "need_of", "verify_fit"]

_MIB = 1 << 20
_SHARE = 0.9
_OVERHEAD = 300 * _MIB
_COMPUTE_SMALL, _COMPUTE_LARGE = 300 * _MIB, 600 * _MIB
_LARGE_FILE = 9 * (1 << 30)
"""Above a 12B model at four bits."""
_F16 = 2
_GEMMA2_WINDOW = 4096
_GEMMA_PERIOD = {"gemma2": 2, "gemma3": 6}
"""Every n-th layer is global where the file carries no pattern."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The numbers of a context that decide its memory."""

    n_ctx: int
    n_ubatch: int
    n_seq_max: int
    swa_full: bool


@dataclass(frozen=True, slots=True)
class Need:
    """What one model takes, in bytes."""

    file: int
    kv: int
    compute: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.file + self.kv + self.compute + _OVERHEAD


def _pad256(value: int) -> int:
    return -(-value // 256) * 256


def _sliding(header: Header) -> tuple[bool, ...]:
    layers = header.number("block_count")
    pattern = header.values.get(f"{header.arch}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        if len(pattern) != layers:
            raise EngineError("model_invalid")
        return tuple(bool(p) for p in pattern)
    period = pattern if isinstance(pattern, int) else _GEMMA_PERIOD.get(header.arch, 0)
    return tuple(bool(period) and (i + 1) % period != 0 for i in range(layers))


def kv_bytes(header: Header, pool: Pool) -> int:
    """Bytes of the key-value cache, F16, unified.

    Layers that share the cache of an earlier one have none of their own; sliding layers keep only their window.
    """
    heads = header.per_layer("attention.head_count_kv", header.number("attention.head_count"))
    width = header.number("embedding_length") // header.number("attention.head_count")
    full = (header.number("attention.key_length", width), header.number("attention.value_length", width))
    swa = (
        header.number("attention.key_length_swa", full[0]),
        header.number("attention.value_length_swa", full[1]),
    )
    window = header.number("attention.sliding_window", _GEMMA2_WINDOW if header.arch == "gemma2" else 0)
    own = len(heads) - header.number("attention.shared_kv_layers", 0)
    all_cells = _pad256(pool.n_ctx)
    few = _pad256(min(all_cells, window * pool.n_seq_max + pool.n_ubatch))
    total = 0
    for i, sliding in enumerate(_sliding(header)[:own]):
        cells = few if sliding and window and not pool.swa_full else all_cells
        total += heads[i] * sum(swa if sliding else full) * _F16 * cells
    return total


def need_of(header: Header, file_bytes: int, pool: Pool) -> Need:
    """Return what a model of this header takes."""
    compute = _COMPUTE_LARGE if file_bytes > _LARGE_FILE else _COMPUTE_SMALL
    return Need(file_bytes, kv_bytes(header, pool), compute)


def verify_fit(needs: Sequence[Need], memory_bytes: int) -> None:
    """Raise `does_not_fit` unless all models together stay under nine tenths of the free memory."""
    if sum(need.total for need in needs) > _SHARE * memory_bytes:
        raise EngineError("does_not_fit")
