"""The model files of this computer held against what was approved: present, and with which SHA-256.

Law: a file counts only by its digest. Reading a large one takes a while, so progress is shown on a terminal.
"""

from __future__ import annotations

import enum
import hashlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.progress import Progress

from proxy.cli.command import err
from proxy.config import DEFAULT_PATH, ModelsSettings, Settings, load_settings
from proxy.imports import file_of, record_of
from proxy.models import CatalogueModel
from proxy.stock import bundled_models

__all__ = ["FileState", "OnShelf", "inspect", "settings_or_defaults", "weigh"]

_CHUNK = 1 << 22


class FileState(enum.StrEnum):
    """What is known about a model's file."""

    HOLDS = "holds"
    """It is the approved file."""
    DIFFERS = "differs"
    """It is another file than the approved one."""
    UNAPPROVED = "not approved"
    """Nobody has said yet which file it must be."""
    PRESENT = "present"
    """It is there; its digest was not computed."""
    ABSENT = "not here"


@dataclass(frozen=True, slots=True)
class OnShelf:
    """One model and its file."""

    id: str
    role: str
    family: str
    licence: str
    demo: bool
    path: Path
    state: FileState
    approved: str
    """The SHA-256 it must have; empty when nobody has said."""
    found: str = ""
    """The SHA-256 it has; empty when not computed."""

    def body(self) -> dict[str, object]:
        """For machines."""
        return asdict(self) | {"path": str(self.path), "state": self.state.value}


def settings_or_defaults(path: Path | None) -> Settings:
    """The settings named, those of the computer, or the defaults where it has none. Raises ConfigError."""
    return load_settings(path) if path is not None or DEFAULT_PATH.exists() else Settings()


def inspect(settings: ModelsSettings, model: CatalogueModel) -> OnShelf:
    """Look whether a model's file is there."""
    record = None if model.demo else record_of(settings.dir, model.id)
    path = (bundled_models() if model.demo else settings.dir) / model.file
    approved = model.sha256 or settings.pins.get(model.id, "")
    if record is not None and record.sha256 == (model.sha256 or record.sha256):
        path, approved = file_of(settings.dir, record.sha256), record.sha256
    there = FileState.PRESENT if approved else FileState.UNAPPROVED
    state = there if path.is_file() else FileState.ABSENT
    return OnShelf(model.id, model.role, model.family, model.licence, model.demo, path, state, approved)


def weigh(settings: ModelsSettings, model: CatalogueModel) -> OnShelf:
    """Look at a model's file and compute its digest. Raises OSError."""
    seen = inspect(settings, model)
    if seen.state is FileState.ABSENT:
        return seen
    found = _digest(seen.path)
    state = FileState.HOLDS if found == seen.approved else FileState.DIFFERS
    return OnShelf(
        seen.id, seen.role, seen.family, seen.licence, seen.demo, seen.path,
        state if seen.approved else FileState.UNAPPROVED, seen.approved, found,
    )  # fmt: skip


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file, Progress(console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"Reading {path.name}", total=path.stat().st_size)
        while chunk := file.read(_CHUNK):
            whole.update(chunk)
            progress.advance(task, len(chunk))
    return whole.hexdigest()
