"""What a file's header must say before the file may play a part: asked at import, and again before it is loaded.

Law: pure over a header; every doubt refuses.
"""

from __future__ import annotations

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.gguf import Header
from proxy.workers.engine.templates import FAMILIES
from proxy.workers.engine.templates.chat import Family

__all__ = ["SHAPE", "is_shape", "verify_adapter", "verify_model"]

_ROLES = {"answer": frozenset({"gemma4", "gemma3"}), "guard": frozenset({"gemma2", "granite"})}
_COARSE_KINDS = frozenset({10, 11, 16, 17, 18, 19, 21, 22, 29})
"""ggml types of two and three bits and below: a judge's scores do not survive them."""
SHAPE = "shape-"
"""Files of a real shape without meaning begin so: they are measured and never served."""


def is_shape(header: Header) -> bool:
    """Whether a file has the shape of a model and no meaning."""
    return header.text("general.name").startswith(SHAPE)


def verify_model(header: Header, family_name: str, role: str) -> Family:
    """Return the family of a file that may play `role`.

    Raises:
        EngineError: `model_invalid`, `guard_invalid`.
    """
    family = FAMILIES.get(family_name)
    if family is None or family_name not in _ROLES.get(role, ()) or header.arch not in family.archs:
        raise EngineError("model_invalid")
    if role == "guard" and not _COARSE_KINDS.isdisjoint(header.tensor_kinds):
        raise EngineError("guard_invalid")
    return family


def verify_adapter(header: Header, archs: frozenset[str] | None = None) -> None:
    """Raise `adapter_invalid` unless a file is a LoRA adapter that llama.cpp applies whole.

    It would skip trained norms in silence, and an adapter that is half applied is another adapter.
    """
    right_kind = header.text("general.type") == "adapter" and header.text("adapter.type") == "lora"
    skipped = any(not name.endswith((".lora_a", ".lora_b")) for name in header.tensor_names)
    wrong_arch = archs is not None and header.arch not in archs
    if not right_kind or wrong_arch or skipped or not header.tensor_names:
        raise EngineError("adapter_invalid")
