"""Do the models fit into this computer, and if not, what would: said before anything is started.

Law: the engine checks the same again from the same headers before it loads a byte; this is the sentence for a person. A
header that cannot be read is not a matter of memory, and is left to the engine's own refusal.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxy.config import EngineSettings
from proxy.models import Catalogue, CatalogueModel
from proxy.stock import Shelved
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.fit import Pool, need_of
from proxy.workers.engine.gguf import read_header

__all__ = ["GUARD_CELLS", "misfit"]

GUARD_CELLS = 4_096
"""Cells of the judge's pool."""
_SHARE = 0.9
_GUARD_SEQUENCES, _BATCH = 6, 512
_POOLS = (16_384, 8_192, 4_096, 2_048)
_ROUGH_COMPUTE = 900 << 20
"""Buffers and overhead of a model whose header is not here to ask."""
_GB = 1e9


def misfit(
    engine: EngineSettings, catalogue: Catalogue, answer: Shelved | None, guard: Shelved | None, memory_bytes: int
) -> str | None:
    """Return a sentence when the models do not fit, with what would; None when they do, or it cannot be told."""
    room = int(_SHARE * memory_bytes)
    try:
        beside = _need(guard, GUARD_CELLS, _GUARD_SEQUENCES) if guard is not None else 0
        own = _need(answer, engine.context, engine.parallel) if answer is not None else 0
        if own + beside <= room or not memory_bytes:
            return None
        smaller = next(_smaller(engine, answer, room - beside), 0)
    except (EngineError, OSError):
        return None
    numbers = f"the models take {_gb(own + beside)} of memory, and {_gb(room)} of {_gb(memory_bytes)} can be used"
    if smaller:
        return f"{numbers}; nothing was started. It fits with engine.context = {smaller}"
    other = _other(catalogue, answer, room - beside)
    if other is not None:
        return f"{numbers}; nothing was started. The largest model that fits is {other.id}: cordon models recommend"
    return f"{numbers}; nothing was started. No model of the catalogue fits: cordon models recommend"


def _smaller(engine: EngineSettings, answer: Shelved | None, room: int) -> Iterator[int]:
    """Smaller pools of the same model that fit, the largest first."""
    for cells in _POOLS:
        if answer is not None and cells < engine.context and _need(answer, cells, engine.parallel) <= room:
            yield cells


def _other(catalogue: Catalogue, answer: Shelved | None, room: int) -> CatalogueModel | None:
    """The largest other model whose file and default cache would fit."""
    wanted = answer.model.id if answer is not None else ""
    fitting = [
        model
        for model in catalogue.model
        if model.role == "answer" and not model.demo and model.id != wanted
        and model.bytes + model.kv_bytes(8_192, 2) + _ROUGH_COMPUTE <= room
    ]  # fmt: skip
    return max(fitting, key=lambda model: model.bytes, default=None)


def _need(shelved: Shelved, cells: int, sequences: int) -> int:
    with shelved.path.open("rb") as file:
        header = read_header(file)
    pool = Pool(cells, _BATCH, sequences, shelved.model.role == "guard")
    return need_of(header, shelved.path.stat().st_size, pool).total


def _gb(count: int) -> str:
    return f"{count / _GB:.1f} GB"
