"""A model is used only when it is the right kind, wanted, approved and there; each refusal says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import ConfigError, ModelsSettings
from proxy.imports import ImportRecord, file_of, write_record
from proxy.models import load_catalogue, shipped_catalogue
from proxy.stock import ShelvedAdapter, approval_digest, bundled_models, read_catalogue, resolve, resolve_adapter

PIN = "ab" * 32
CATALOGUE = load_catalogue([shipped_catalogue()])
GUARD = CATALOGUE.find("shieldgemma-2b")


def on_shelf(folder: Path) -> ModelsSettings:
    (folder / GUARD.file).write_bytes(b"weights")
    return ModelsSettings(dir=folder, pins={GUARD.id: PIN}, accepted_licences=("Gemma",))


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
        resolve(
            ModelsSettings(dir=tmp_path, pins={GUARD.id: PIN}, accepted_licences=("Gemma",)),
            CATALOGUE,
            GUARD.id,
            "guard",
        )


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


# ---- imports ------------------------------------------------------------------------------------------------------


def imported(folder: Path, model_id: str, sha256: str, **changes: object) -> ImportRecord:
    values: dict[str, object] = {
        "id": model_id, "kind": "model", "sha256": sha256, "bytes": 7, "source": "x.gguf", "arch": "gemma2",
        "empty_thought": False, "imported": "2026-03-01T10:00:00Z", "imported_by": "root (0)", "licence": "Gemma",
        "licence_sha256": "0" * 64, "accepted_by": "root (0)", "accepted": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    record = ImportRecord.model_validate(values | changes)
    write_record(folder, record)
    file_of(folder, sha256).write_bytes(b"weights")
    return record


def test_an_imported_file_needs_no_pin_and_brings_its_template_flag(tmp_path: Path) -> None:
    record = imported(tmp_path, "gemma-4-e4b-it", "a" * 64, empty_thought=True)
    found = resolve(ModelsSettings(dir=tmp_path), CATALOGUE, "gemma-4-e4b-it", "answer")
    assert (found.path, found.sha256, found.record) == (tmp_path / f"{'a' * 64}.gguf", "a" * 64, record)
    assert found.model.empty_thought
    assert not CATALOGUE.find("gemma-4-e4b-it").empty_thought


def test_the_last_import_is_in_force_and_a_lost_file_is_said(tmp_path: Path) -> None:
    imported(tmp_path, GUARD.id, "b" * 64, imported="2026-03-02T10:00:00Z")
    imported(tmp_path, GUARD.id, "a" * 64)
    found = resolve(ModelsSettings(dir=tmp_path), CATALOGUE, GUARD.id, "guard")
    assert found.sha256 == "b" * 64
    found.path.unlink()
    with pytest.raises(ConfigError, match="is missing; nothing was started"):
        resolve(ModelsSettings(dir=tmp_path), CATALOGUE, GUARD.id, "guard")


def test_a_pinned_file_whose_licence_nobody_accepted_is_refused(tmp_path: Path) -> None:
    settings = on_shelf(tmp_path).model_copy(update={"accepted_licences": ("Apache-2.0",)})
    with pytest.raises(ConfigError, match="nobody has accepted the licence") as caught:
        resolve(settings, CATALOGUE, GUARD.id, "guard")
    assert 'models.accepted_licences = ["Gemma"]' in str(caught.value)


ADAPTER = f"""
[[adapter]]
id = "ward-letters"
base = "gemma-4-e4b-it"
base_sha256 = "{"a" * 64}"
file = "ward.gguf"
sha256 = ""
licence = "ours"
"""
OWN = load_catalogue([ADAPTER, shipped_catalogue()])


def test_an_adapter_is_used_with_its_own_model_file_alone(tmp_path: Path) -> None:
    imported(tmp_path, "gemma-4-e4b-it", "a" * 64)
    imported(tmp_path, "ward-letters", "c" * 64, kind="adapter")
    settings = ModelsSettings(dir=tmp_path, adapter="ward-letters")
    answer = resolve(settings, OWN, "gemma-4-e4b-it", "answer")
    found = resolve_adapter(settings, OWN, answer)
    assert isinstance(found, ShelvedAdapter)
    assert (found.sha256, found.path) == ("c" * 64, tmp_path / f"{'c' * 64}.gguf")
    assert resolve_adapter(ModelsSettings(dir=tmp_path), OWN, answer) is None


@pytest.mark.parametrize(
    ("name", "base", "words"),
    [
        ("no-such", "a" * 64, "there is no adapter no-such"),
        ("ward-letters", "b" * 64, "made for another file"),
        ("ward-letters", "", "is for gemma-4-e4b-it, which is not the answering model"),
        ("ward-letters", "a" * 64, "is not imported"),
    ],
)
def test_another_adapter_is_refused(tmp_path: Path, name: str, base: str, words: str) -> None:
    settings = ModelsSettings(dir=tmp_path, adapter=name)
    answer = None
    if base:
        imported(tmp_path, "gemma-4-e4b-it", base)
        answer = resolve(settings, OWN, "gemma-4-e4b-it", "answer")
    with pytest.raises(ConfigError, match=words):
        resolve_adapter(settings, OWN, answer)


def test_what_the_log_names_changes_with_who_accepted_what(tmp_path: Path) -> None:
    def digest() -> str:
        return approval_digest(CATALOGUE, resolve(ModelsSettings(dir=tmp_path), CATALOGUE, GUARD.id, "guard"), None)

    imported(tmp_path, GUARD.id, "a" * 64)
    first = digest()
    assert first == digest()
    imported(tmp_path, GUARD.id, "a" * 64, accepted_by="nimali (1000)")
    assert digest() != first
