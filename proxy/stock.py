"""Models on the shelf: catalogue entries resolved to files of this computer.

Law: what is loaded has a pinned SHA-256, from the catalogue or from the site's pin; a demonstration model is used
only when the settings say so; a missing or unpinned file is a sentence, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from proxy.config import ConfigError, ModelsSettings
from proxy.models import Catalogue, CatalogueError, CatalogueModel, load_catalogue, shipped_catalogue

__all__ = ["Shelved", "bundled_models", "read_catalogue", "resolve"]


@dataclass(frozen=True, slots=True)
class Shelved:
    """A model that can be loaded: its entry, its file, the digest the file must have."""

    model: CatalogueModel
    path: Path
    sha256: str


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
    path = (bundled_models() if model.demo else settings.dir) / model.file
    sha256 = model.sha256 or settings.pins.get(model_id, "")
    if not sha256:
        raise ConfigError(
            f"models.{role}: the file of {model_id} is not approved yet; nothing was started. "
            f'Check it with `sha256sum {path}` and set it under [models.pins] as "{model_id}" = "<digest>"'
        )
    if not path.is_file():
        raise ConfigError(f"models.{role}: {path} is missing; nothing was started. Copy the file there")
    return Shelved(model, path, sha256)
