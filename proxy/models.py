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

__all__ = [
    "SHAPE", "Cache", "Catalogue", "CatalogueAdapter", "CatalogueError", "CatalogueModel", "ModelFile", "ModelSampling",
    "load_catalogue", "shipped_catalogue",
]  # fmt: skip

_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")]
_File = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.gguf$")]
_Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
_DEMO = "demo-"
SHAPE = "shape-"
"""Ids and names of files with the shape of a model and no meaning; they are measured and never served."""
_FAMILIES = {"answer": ("gemma4", "gemma3"), "guard": ("gemma2", "granite")}


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


class Cache(_Frozen):
    """What the key-value cache takes: bytes a token, F16, over all layers that have one of their own.

    Global layers keep every token of the pool, sliding ones a window of each answer.
    """

    full: Annotated[int, Field(ge=0)]
    sliding: Annotated[int, Field(ge=0)] = 0
    window: Annotated[int, Field(ge=0)] = 0

    def bytes_for(self, cells: int, slots: int, batch: int = 512) -> int:
        """Of a pool shared by `slots` answers; the library pads to 256 cells."""
        few = _padded(min(cells, self.window * slots + batch))
        return self.full * _padded(cells) + self.sliding * few


class ModelFile(_Frozen):
    """Another file of the same model."""

    quant: str
    file: _File
    bytes: Annotated[int, Field(gt=0)]
    remark: str = ""


class CatalogueAdapter(_Frozen):
    """A LoRA adapter of a site, in one table: it changes one model, and only the file it was made for."""

    id: _Id
    base: _Id
    """The model it is for."""
    base_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    file: _File
    sha256: _Sha256
    licence: str
    scale: Annotated[float, Field(gt=0, le=4)] = 1.0
    remark: str = ""


class CatalogueModel(_Frozen):
    """One model."""

    id: _Id
    role: Literal["answer", "guard"]
    family: Literal["gemma4", "gemma3", "gemma2", "granite"]
    hf_id: str
    """Who publishes the weights, and under which name."""
    file: _File
    bytes: Annotated[int, Field(gt=0)]
    sha256: _Sha256
    licence: str
    context: Annotated[int, Field(ge=256)]
    modalities: tuple[Literal["text", "image", "audio"], ...]
    kv_mib: Annotated[int, Field(ge=0)]
    sampling: ModelSampling
    empty_thought: bool
    scenarios: tuple[str, ...]
    quant: str = ""
    files_from: str = ""
    """Where the publisher keeps the file itself; empty where there is only a conversion to make or to trust."""
    other_files: tuple[ModelFile, ...] = ()
    cache: Cache | None = None
    active_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Part of the file that is read for one token: a mixture of experts reads few, a table of embeddings one row."""
    tools: bool = False
    """Whether it calls tools well enough to be recommended for it."""
    published: dict[str, float] = {}
    """Scores its publisher names."""
    good_at: tuple[str, ...] = ()
    not_good_at: tuple[str, ...] = ()

    @property
    def demo(self) -> bool:
        """Whether it is a demonstration model."""
        return self.id.startswith(_DEMO)

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """All its files, the recommended one first."""
        return (ModelFile(quant=self.quant, file=self.file, bytes=self.bytes), *self.other_files)

    def kv_bytes(self, cells: int, slots: int) -> int:
        """Cache of a pool; a judge shares prefixes, so it keeps every token in every layer."""
        if self.cache is None:
            return self.kv_mib << 20
        if self.role == "guard":
            return (self.cache.full + self.cache.sliding) * _padded(cells)
        return self.cache.bytes_for(cells, slots)

    @model_validator(mode="after")
    def _consistent(self) -> CatalogueModel:
        if self.family not in _FAMILIES[self.role]:
            raise ValueError(f"a model of family {self.family} cannot be {self.role}")
        if self.demo and (self.scenarios or not self.sha256):
            raise ValueError("a demonstration model has a pinned file and is never recommended")
        if self.id.startswith(SHAPE):
            raise ValueError("a file without meaning cannot be served")
        return self


class Catalogue(_Frozen):
    """All models of a catalogue file."""

    model: tuple[CatalogueModel, ...] = ()
    adapter: tuple[CatalogueAdapter, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Catalogue:
        ids = [*(model.id for model in self.model), *(adapter.id for adapter in self.adapter)]
        if len(set(ids)) != len(ids):
            raise ValueError("two models have one id")
        return self

    def find(self, model_id: str) -> CatalogueModel | None:
        """The model of an id."""
        return next((model for model in self.model if model.id == model_id), None)

    def adapter_of(self, adapter_id: str) -> CatalogueAdapter | None:
        """The adapter of an id."""
        return next((adapter for adapter in self.adapter if adapter.id == adapter_id), None)

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
    adapters: dict[str, CatalogueAdapter] = {}
    for text in texts:
        read = _parse(text)
        for model in read.model:
            models.setdefault(model.id, model)
        for adapter in read.adapter:
            adapters.setdefault(adapter.id, adapter)
    if twice := sorted(models.keys() & adapters.keys()):
        raise CatalogueError(f"{twice[0]} is a model and an adapter; no model was loaded")
    return Catalogue(model=tuple(models.values()), adapter=tuple(adapters.values()))


def shipped_catalogue() -> str:
    """The text of the catalogue in this distribution."""
    return resources.files("proxy").joinpath("models.toml").read_text(encoding="utf-8")


def _padded(cells: int) -> int:
    return -(-cells // 256) * 256


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
