"""Models on the shelf: catalogue entries resolved to files of this computer.

Law: what is loaded has a pinned SHA-256, from the catalogue, from its import or from the site's pin, and a licence that
was accepted where it asks for it; a demonstration model is used only when the settings say so; a missing or unpinned
file is a sentence, not a guess.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from proxy.config import ConfigError, ModelsSettings
from proxy.imports import ImportRecord, file_of, record_of, record_text
from proxy.licences import LICENCES, licence_of
from proxy.models import (
    Catalogue,
    CatalogueAdapter,
    CatalogueError,
    CatalogueModel,
    load_catalogue,
    shipped_catalogue,
)

__all__ = ["Shelved", "ShelvedAdapter", "approval_digest", "bundled_models", "read_catalogue", "resolve",
           "resolve_adapter"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shelved:
    """A model that can be loaded: its entry, its file, the digest the file must have."""

    model: CatalogueModel
    path: Path
    sha256: str
    record: ImportRecord | None = None
    """Its import; None for a demonstration model and for a file that the settings pin."""


@dataclass(frozen=True, slots=True)
class ShelvedAdapter:
    """An adapter that can be loaded onto its model."""

    adapter: CatalogueAdapter
    path: Path
    sha256: str
    record: ImportRecord | None = None


def bundled_models() -> Path:
    """Where the demonstration models lie."""
    return Path(str(resources.files("proxy"))) / "share" / "models"


def read_catalogue(settings: ModelsSettings) -> Catalogue:
    """The site's entries, then the shipped ones. Raises ConfigError."""
    texts = [shipped_catalogue()]
    try:
        if settings.catalogue is not None:
            texts.insert(0, settings.catalogue.read_text(encoding="utf-8"))
        return load_catalogue(texts)
    except (OSError, UnicodeDecodeError):
        raise ConfigError("models.catalogue cannot be read; nothing was started") from None
    except CatalogueError as error:
        raise ConfigError(f"{error}; nothing was started") from None


def resolve(settings: ModelsSettings, catalogue: Catalogue, model_id: str, role: str) -> Shelved:
    """Find the file of a model. Raises ConfigError."""
    model = catalogue.find(model_id)
    if model is None or model.role != role:
        known = ", ".join(m.id for m in catalogue.model if m.role == role)
        raise ConfigError(f"models.{role}: there is no {role} model {model_id}; nothing was started. Known: {known}")
    if model.demo and not settings.demo_models:
        raise ConfigError(
            f"models.{role}: {model_id} is for demonstration only; nothing was started. "
            "Set models.demo_models = true if that is what you want"
        )
    record = None if model.demo else record_of(settings.dir, model_id)
    if record is not None and record.sha256 == (model.sha256 or record.sha256):
        return _imported(role, model, record, file_of(settings.dir, record.sha256))
    path = (bundled_models() if model.demo else settings.dir) / model.file
    sha256 = model.sha256 or settings.pins.get(model_id, "")
    if not sha256:
        raise ConfigError(
            f"models.{role}: the file of {model_id} is not approved yet; nothing was started. "
            f"Import it with `cordon models import FILE --as {model_id}`, or compute `sha256sum {path}`, compare it "
            f'with the publisher\'s and set it under [models.pins] as "{model_id}" = "<digest>"'
        )
    licence = licence_of(model.licence)
    if licence.id in LICENCES and licence.asks and licence.id not in settings.accepted_licences:
        raise ConfigError(
            f"models.{role}: nobody has accepted the licence of {model_id}; nothing was started. Import the file with "
            f'`cordon models import`, or read {licence.full_text} and set models.accepted_licences = ["{licence.id}"]'
        )
    if not path.is_file():
        raise ConfigError(f"models.{role}: {path} is missing; nothing was started. Copy the file there")
    return Shelved(model, path, sha256)


def resolve_adapter(settings: ModelsSettings, catalogue: Catalogue, answer: Shelved | None) -> ShelvedAdapter | None:
    """Find the file of the adapter that the settings name, if any. Raises ConfigError."""
    if not settings.adapter:
        return None
    adapter = catalogue.adapter_of(settings.adapter)
    problem = _adapter_problem(adapter, answer)
    if adapter is None or problem:
        raise ConfigError(f"models.adapter: {problem.format(settings.adapter)}; nothing was started")
    record = record_of(settings.dir, adapter.id)
    sha256 = record.sha256 if record is not None else ""
    path = file_of(settings.dir, sha256)
    if record is None or (adapter.sha256 and adapter.sha256 != sha256) or not path.is_file():
        raise ConfigError(
            f"models.adapter: the file of {adapter.id} is not imported; nothing was started. "
            f"Import it with `cordon models import FILE --as {adapter.id}`"
        )
    return ShelvedAdapter(adapter, path, sha256, record)


def approval_digest(catalogue: Catalogue, *shelved: Shelved | ShelvedAdapter | None) -> str:
    """SHA-256 over the catalogue and the import records of what is loaded: who accepted what, and when, with it."""
    digest = hashlib.sha256(catalogue.digest.encode("ascii"))
    for one in shelved:
        digest.update(b"\0" if one is None or one.record is None else record_text(one.record).encode("utf-8") + b"\0")
    return digest.hexdigest()


def _imported(role: str, model: CatalogueModel, record: ImportRecord, path: Path) -> Shelved:
    if not path.is_file():
        raise ConfigError(f"models.{role}: {path} is missing; nothing was started. Import {model.id} again")
    # what the file's own template does counts, not what the catalogue's writer saw
    known = model.model_copy(update={"empty_thought": record.empty_thought})
    return Shelved(known, path, record.sha256, record)


def _adapter_problem(adapter: CatalogueAdapter | None, answer: Shelved | None) -> str:
    if adapter is None:
        return "there is no adapter {} in the catalogue"
    if answer is None or answer.model.id != adapter.base:
        return f"{{}} is for {adapter.base}, which is not the answering model"
    if answer.sha256 != adapter.base_sha256:
        return f"{{}} was made for another file of {adapter.base}"
    return ""
