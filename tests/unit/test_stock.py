"""A model is used only when it is the right kind, wanted, approved and there; each refusal says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import ConfigError, ModelsSettings
from proxy.models import load_catalogue, shipped_catalogue
from proxy.stock import bundled_models, read_catalogue, resolve

PIN = "ab" * 32
CATALOGUE = load_catalogue([shipped_catalogue()])
GUARD = CATALOGUE.find("shieldgemma-2b")


def on_shelf(folder: Path) -> ModelsSettings:
    (folder / GUARD.file).write_bytes(b"weights")
    return ModelsSettings(dir=folder, pins={GUARD.id: PIN})


def test_a_pinned_file_that_is_there(tmp_path: Path) -> None:
    found = resolve(on_shelf(tmp_path), CATALOGUE, GUARD.id, "guard")
    assert (found.path, found.sha256, found.model) == (tmp_path / GUARD.file, PIN, GUARD)


def test_the_bundled_models_lie_in_the_package_and_must_be_wanted() -> None:
    found = resolve(ModelsSettings(demo_models=True), CATALOGUE, "demo-guard", "guard")
    assert found.path.parent == bundled_models()
    assert found.sha256 == CATALOGUE.find("demo-guard").sha256
    with pytest.raises(ConfigError, match=r"models\.guard: demo-guard is for demonstration only; nothing was started"):
        resolve(ModelsSettings(), CATALOGUE, "demo-guard", "guard")


def test_a_pin_never_replaces_a_digest_of_the_catalogue() -> None:
    found = resolve(ModelsSettings(demo_models=True, pins={"demo-guard": PIN}), CATALOGUE, "demo-guard", "guard")
    assert found.sha256 != PIN


@pytest.mark.parametrize(
    ("name", "role"), [("no-such-model", "guard"), ("shieldgemma-2b", "answer"), ("demo-guard", "answer")]
)
def test_another_kind_of_model_is_refused_with_the_known_ones(tmp_path: Path, name: str, role: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no {role} model {name}; nothing was started. Known: ") as caught:
        resolve(on_shelf(tmp_path), CATALOGUE, name, role)
    assert all(model.id in str(caught.value) for model in CATALOGUE.model if model.role == role)


def test_an_unapproved_file_is_refused_with_the_next_step(tmp_path: Path) -> None:
    (tmp_path / GUARD.file).write_bytes(b"weights")
    with pytest.raises(ConfigError, match="not approved yet; nothing was started") as caught:
        resolve(ModelsSettings(dir=tmp_path), CATALOGUE, GUARD.id, "guard")
    assert "[models.pins]" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is missing; nothing was started"):
        resolve(ModelsSettings(dir=tmp_path, pins={GUARD.id: PIN}), CATALOGUE, GUARD.id, "guard")


def test_a_sites_entry_hides_the_shipped_one(tmp_path: Path) -> None:
    text = shipped_catalogue()
    start = text.index('[[model]]\nid = "shieldgemma-2b"')
    own = text[start : text.index("[[model]]", start + 1)].replace('sha256 = ""', f'sha256 = "{PIN}"')
    (tmp_path / "site.toml").write_text(own)
    catalogue = read_catalogue(ModelsSettings(catalogue=tmp_path / "site.toml"))
    assert catalogue.find("shieldgemma-2b").sha256 == PIN
    assert {model.id for model in catalogue.model} == {model.id for model in CATALOGUE.model}


@pytest.mark.parametrize("content", [None, b"\xff", b"nonsense =", b"[[model]]\nid = 1\n"])
def test_a_catalogue_that_is_none_is_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "site.toml").write_bytes(content)
    with pytest.raises(ConfigError):
        read_catalogue(ModelsSettings(catalogue=tmp_path / "site.toml"))
