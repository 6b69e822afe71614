"""The model catalogue: `models.toml` as frozen values. Unknown keys, wrong types and doubled ids are refused.

Law: an entry says what a file must be; only `sha256` says which file it is, and an empty one must be pinned at import.
Ids that begin with `demo-` are demonstration models, never recommended.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

__all__ = ["Catalogue", "CatalogueError", "CatalogueModel", "ModelSampling", "load_catalogue", "shipped_catalogue"]

_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]
_DEMO = "demo-"
_FAMILIES = {"answer": ("gemma4", "gemma3"), "guard": ("gemma2",)}


class CatalogueError(ValueError):
    """The catalogue is not in its form. Carries where, and no secrets: a catalogue holds none."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelSampling(_Frozen):
    """What the publisher recommends; temperature 0 is greedy, `top_k` 0 is off."""

    temperature: Annotated[float, Field(ge=0, le=2)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    top_k: Annotated[int, Field(ge=0, le=1_000_000)]
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0


class CatalogueModel(_Frozen):
    """One model."""

    id: _Id
    role: Literal["answer", "guard"]
    family: Literal["gemma4", "gemma3", "gemma2"]
    hf_id: str
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$")]
    bytes: Annotated[int, Field(gt=0)]
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    licence: str
    context: Annotated[int, Field(ge=256)]
    modalities: tuple[Literal["text", "image", "audio"], ...]
    kv_mib: Annotated[int, Field(ge=0)]
    sampling: ModelSampling
    empty_thought: bool
    scenarios: tuple[str, ...]

    @property
    def demo(self) -> bool:
        """Whether it is a demonstration model."""
        return self.id.startswith(_DEMO)

    @model_validator(mode="after")
    def _consistent(self) -> CatalogueModel:
        if self.family not in _FAMILIES[self.role]:
            raise ValueError(f"a model of family {self.family} cannot be {self.role}")
        if self.demo and (self.scenarios or not self.sha256):
            raise ValueError("a demonstration model has a pinned file and is never recommended")
        return self


class Catalogue(_Frozen):
    """All models of a catalogue file."""

    model: tuple[CatalogueModel, ...]

    @model_validator(mode="after")
    def _unique(self) -> Catalogue:
        ids = [model.id for model in self.model]
        if len(set(ids)) != len(ids):
            raise ValueError("two models have one id")
        return self

    def find(self, model_id: str) -> CatalogueModel | None:
        """The model of an id."""
        return next((model for model in self.model if model.id == model_id), None)

    @property
    def digest(self) -> str:
        """SHA-256 over the entries."""
        return hashlib.sha256(self.model_dump_json().encode("utf-8")).hexdigest()


def load_catalogue(texts: Sequence[str]) -> Catalogue:
    """Read catalogue files into one; a model of an earlier file hides one of the same id in a later.

    Raises:
        CatalogueError: says which entry and field, and that nothing was loaded.
    """
    models: dict[str, CatalogueModel] = {}
    for text in texts:
        for model in _parse(text).model:
            models.setdefault(model.id, model)
    return Catalogue(model=tuple(models.values()))


def shipped_catalogue() -> str:
    """The text of the catalogue in this distribution."""
    return resources.files("proxy").joinpath("models.toml").read_text(encoding="utf-8")


def _parse(text: str) -> Catalogue:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"the model catalogue is not TOML: {error}; no model was loaded") from None
    try:
        # as JSON, where an array may be a tuple and nothing else is converted
        return Catalogue.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise CatalogueError(f"the model catalogue is wrong at {place}: {first['msg']}; no model was loaded") from None
