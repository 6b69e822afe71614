"""Files of the real shape: the size and cache of the real models, bytes that repeat, and no place in the service."""

from __future__ import annotations

import importlib
import io
import struct
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from proxy.models import load_catalogue, shipped_catalogue
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.fit import Pool, kv_bytes
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.headers import is_shape
from tests.kit.engines import answer_role
from tests.kit.loaded import load_role
from tests.kit.tinymodels import GEMMA4_MARKERS, _vocabulary, write_gguf

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    sys.path.insert(0, str(ROOT))
    return importlib.import_module("models.shape.make_shape")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, recipe: ModuleType) -> Path:
    """The source archive with a vocabulary of a few hundred words in place of the real one."""
    folder = tmp_path_factory.mktemp("source")
    vocabulary = folder / "vocabulary.gguf"
    values, _ = _vocabulary("gemma4", GEMMA4_MARKERS)
    write_gguf(vocabulary, {"general.architecture": "gemma4", **values}, {})
    archive = folder / "source.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        raw = vocabulary.read_bytes()
        member = tarfile.TarInfo(recipe._VOCABULARY)
        member.size = len(raw)
        files.addfile(member, io.BytesIO(raw))
    return archive


def header_of(recipe: ModuleType, name: str) -> Header:
    """What the file would say, without its weights."""
    shape = recipe.SHAPES[name]
    values = {f"{shape.arch}.{key}": value for key, value in shape.header().items()}
    plain = {key: getattr(value, "value", getattr(value, "items", value)) for key, value in values.items()}
    return Header({"general.architecture": shape.arch, **plain}, frozenset({2}))


@pytest.mark.parametrize(
    ("name", "cells", "mib", "gigabytes"),
    [
        ("gemma-4-e2b", 16_384, 126, 2.64),
        ("gemma-4-e4b", 16_384, 356, 4.2),
        ("gemma-4-26b-a4b", 16_384, 1_220, 14.3),
        ("gemma-4-31b", 16_384, 4_880, 17.3),
        ("shieldgemma-2b", 4_096, 416, 1.47),
        ("shieldgemma-9b", 4_096, 1_344, 5.2),
    ],
)
def test_size_and_cache_are_those_of_the_real_model(
    recipe: ModuleType, name: str, cells: int, mib: int, gigabytes: float
) -> None:
    guard = name.startswith("shield")
    pool = Pool(cells, 512, 6 if guard else 4, guard)
    assert kv_bytes(header_of(recipe, name), pool) == mib * MIB
    weights = sum(map(recipe._size, recipe.SHAPES[name].tensors()))
    assert weights / 1e9 == pytest.approx(gigabytes, rel=0.05)


def test_the_catalogue_computes_the_same_cache(recipe: ModuleType) -> None:
    for model in load_catalogue([shipped_catalogue()]).model:
        name = model.id.removesuffix("-it")
        if name in recipe.SHAPES:
            guard = model.role == "guard"
            pool = Pool(8_192, 512, 4, guard)
            assert model.kv_bytes(8_192, 4) == kv_bytes(header_of(recipe, name), pool), model.id


def small(recipe: ModuleType, monkeypatch: pytest.MonkeyPatch) -> str:
    """A shape of the same form that is written in a moment."""
    from dataclasses import replace

    _, size = _vocabulary("gemma4", GEMMA4_MARKERS)
    shape = replace(
        recipe.SHAPES["gemma-4-e2b"], layers=5, width=64, ffn=128, heads=2, shared=0, per_layer=32, window=32
    )
    kind = type("Small", (type(shape),), {"vocabulary": size, "head_global": 64, "head_sliding": 32})
    values = {field: getattr(shape, field) for field in shape.__dataclass_fields__}
    monkeypatch.setitem(recipe.SHAPES, "small", kind(**values))
    return "small"


def test_the_same_name_gives_the_same_bytes_and_the_engine_computes_with_them(
    recipe: ModuleType, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    name = small(recipe, monkeypatch)
    first, second = recipe.make(name, tmp_path / "a", source), recipe.make(name, tmp_path / "b", source)
    assert first.read_bytes() == second.read_bytes()
    assert not list(tmp_path.rglob("*.part"))
    with first.open("rb") as file:
        assert is_shape(read_header(file))
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    with pytest.raises(EngineError, match="model_invalid"):
        load_role(answer_role(first, digest, id="gemma-4-e2b-it"))
    loaded = load_role(answer_role(first, digest, id="shape-small"))
    assert loaded.model.n_swa == 32
    loaded.close()


def test_a_judge_s_vocabulary_has_its_own_markers_and_scores(recipe: ModuleType, source: Path) -> None:
    with tarfile.open(source) as files:
        member = files.extractfile(recipe._VOCABULARY)
        assert member is not None
        entries = {entry.key: entry.typed for entry in recipe.gemma2_entries(member.read(), 320)}
    tokens = entries["tokenizer.ggml.tokens"]
    assert struct.unpack_from("<IIQ", tokens) == (9, 8, 320)
    assert b"<start_of_turn>" in tokens
    assert b"<|turn>" not in tokens
    assert struct.unpack_from("<2f", entries["tokenizer.ggml.scores"], 16) == (0.0, -1.0)
