"""`cordon models list | verify`: a file counts by its digest alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from proxy.cli.shelf import FileState, inspect, settings_or_defaults, weigh
from proxy.config import ConfigError, ModelsSettings, Settings
from proxy.models import load_catalogue, shipped_catalogue
from tests.kit.commands import cordon, settings_file

CATALOGUE = load_catalogue([shipped_catalogue()])
GUARD = CATALOGUE.find("shieldgemma-2b")
DEMO = CATALOGUE.find("demo-guard")
WEIGHTS = b"seven small weights"
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


def with_models(folder: Path, more: str = "") -> Path:
    path = folder / "cordon.toml"
    path.write_text(f'[models]\ndir = "{folder}"\n{more}')
    return path


def test_the_list_has_every_model_and_marks_the_demonstration() -> None:
    ran = cordon("models", "list")
    assert ran.status == 0
    for model in CATALOGUE.model:
        line = next(line for line in ran.out.splitlines() if line.startswith(model.id))
        assert ("demonstration only" in line) is model.demo


def test_for_machines(tmp_path: Path) -> None:
    rows = json.loads(cordon("models", "list", "--config", settings_file(tmp_path), "--json").out)
    assert [row["id"] for row in rows] == [model.id for model in CATALOGUE.model]
    assert {row["state"] for row in rows if not row["demo"]} == {"not here"}


def test_the_bundled_guard_is_the_approved_file() -> None:
    ran = cordon("models", "verify", "demo-guard", "--json")
    assert ran.status == 0
    (row,) = json.loads(ran.out)
    assert (row["state"], row["found"]) == ("holds", DEMO.sha256)


@pytest.mark.parametrize(
    ("content", "pins", "state", "status"),
    [
        (None, "", "not here", 1),
        (WEIGHTS, "", "not approved", 1),
        (WEIGHTS, f'[models.pins]\n"shieldgemma-2b" = "{DIGEST}"', "holds", 0),
        (b"others", f'[models.pins]\n"shieldgemma-2b" = "{DIGEST}"', "differs", 1),
    ],
)
def test_the_four_answers(tmp_path: Path, content: bytes | None, pins: str, state: str, status: int) -> None:
    if content is not None:
        (tmp_path / GUARD.file).write_bytes(content)
    config = with_models(tmp_path, pins)
    ran = cordon("models", "verify", "shieldgemma-2b", "--config", config, "--json")
    (row,) = json.loads(ran.out)
    assert (row["state"], ran.status) == (state, status)
    words = cordon("models", "verify", "shieldgemma-2b", "--config", config)
    assert words.out.startswith(f"shieldgemma-2b: {state}\n")
    assert words.status == status
    if content is not None:
        assert hashlib.sha256(content).hexdigest() in words.out


def test_an_unapproved_file_comes_with_the_line_that_approves_it(tmp_path: Path) -> None:
    (tmp_path / GUARD.file).write_bytes(WEIGHTS)
    said = cordon("models", "verify", "shieldgemma-2b", "--config", with_models(tmp_path)).out
    line = said[said.index('"shieldgemma-2b" =') :].strip()
    pinned = with_models(tmp_path, f"[models.pins]\n{line}\n")
    assert cordon("models", "verify", "shieldgemma-2b", "--config", pinned).status == 0


def test_by_default_the_two_of_the_settings(tmp_path: Path) -> None:
    rows = json.loads(cordon("models", "verify", "--config", with_models(tmp_path), "--json").out)
    assert [row["id"] for row in rows] == ["gemma-4-e4b-it", "shieldgemma-2b"]
    assert json.loads(cordon("models", "verify", "--config", settings_file(tmp_path), "--json").out) == []


def test_what_is_not_in_the_catalogue(tmp_path: Path) -> None:
    ran = cordon("models", "verify", "no-such-model", "--config", with_models(tmp_path))
    assert (ran.status, "cordon models list" in ran.err) == (78, True)
    for verb in ("list", "verify"):
        assert cordon("models", verb, "--config", tmp_path / "nowhere.toml").status == 78


def test_a_folder_in_place_of_a_file_is_not_here(tmp_path: Path) -> None:
    (tmp_path / GUARD.file).mkdir()
    assert inspect(ModelsSettings(dir=tmp_path), GUARD).state is FileState.ABSENT
    assert weigh(ModelsSettings(dir=tmp_path), GUARD).state is FileState.ABSENT


def test_looking_computes_no_digest(tmp_path: Path) -> None:
    (tmp_path / GUARD.file).write_bytes(WEIGHTS)
    seen = inspect(ModelsSettings(dir=tmp_path, pins={"shieldgemma-2b": DIGEST}), GUARD)
    assert (seen.state, seen.found) == (FileState.PRESENT, "")


def test_a_pin_never_overrides_the_catalogue() -> None:
    seen = weigh(ModelsSettings(pins={"demo-guard": DIGEST}), DEMO)
    assert (seen.approved, seen.state) == (DEMO.sha256, FileState.HOLDS)


def test_settings_are_those_named_or_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.cli.shelf.DEFAULT_PATH", tmp_path / "none.toml")
    assert settings_or_defaults(None) == Settings()
    with pytest.raises(ConfigError):
        settings_or_defaults(tmp_path / "none.toml")
    assert settings_or_defaults(with_models(tmp_path)).models.dir == tmp_path
