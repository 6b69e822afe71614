"""Identifier kinds, one a file: `RECOGNIZER` and `EXAMPLES`.

Law: a file here is enabled by being here. `catalogue()` finds all of them; nothing registers itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

from filters.recognizers.base import Examples, Recognizer

__all__ = ["Entry", "catalogue"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A recognizer, its examples and what its file says about it."""

    recognizer: Recognizer
    examples: Examples
    about: str


def catalogue() -> tuple[Entry, ...]:
    """Return every recognizer of this folder, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "base")
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    return tuple(Entry(m.RECOGNIZER, m.EXAMPLES, (m.__doc__ or "").strip().split("\n")[0]) for m in modules)
