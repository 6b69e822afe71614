"""What an engine process is told to run, and its JSON form. Unknown or missing keys are refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["AdapterPlan", "EnginePlan", "RolePlan", "plan_from_json", "plan_to_json"]


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """A LoRA adapter for one model: a property of the model, not of a request."""

    id: str
    sha256: str
    base_sha256: str
    """The file it was made for."""
    descriptor: int | None
    """The open file; else `path`."""
    path: str | None
    scale: float


@dataclass(frozen=True, slots=True)
class RolePlan:
    """One model to load."""

    role: str
    """`answer` or `guard`."""
    id: str
    family: str
    """`gemma4`, `gemma3` or `gemma2`."""
    sha256: str
    descriptor: int | None
    """The open file; else `path`."""
    path: str | None
    demo: bool
    context: int
    """Cells of the pool, shared by all sequences."""
    slots: int
    """Answers at once; of no meaning to a guard."""
    gpu_layers: int
    request_tokens: int
    """Limit of prompt and answer of one request."""
    max_tokens: int
    """Answer length when a request names none."""
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    empty_thought: bool
    placeholder_hint: bool
    adapter: AdapterPlan | None = None


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """One engine process."""

    catalogue: str
    """Digest of the catalogue, repeated in `Hello`."""
    threads: int
    """Physical cores."""
    memory_bytes: int
    """Free memory as measured before the process was locked."""
    prefix_cache: bool
    models: tuple[RolePlan, ...]


def plan_to_json(plan: EnginePlan) -> str:
    """Return the plan as one line of JSON."""
    return json.dumps(asdict(plan), separators=(",", ":"))


def plan_from_json(text: str) -> EnginePlan:
    """Read a plan; raise ValueError if it is not exactly one."""
    raw = _exact(EnginePlan, json.loads(text))
    raw["models"] = tuple(_role(model) for model in raw["models"])
    return EnginePlan(**raw)


def _role(raw: Any) -> RolePlan:
    values = _exact(RolePlan, raw)
    if values["adapter"] is not None:
        values["adapter"] = AdapterPlan(**_exact(AdapterPlan, values["adapter"]))
    return RolePlan(**values)


def _exact(kind: type, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or set(raw) != {field.name for field in fields(kind)}:
        raise ValueError("not an engine plan")
    return raw
