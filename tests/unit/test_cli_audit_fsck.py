"""`cordon audit fsck`: a whole disk, a damaged one, and what a crash leaves lying about."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.kit.audit_house import House, quick_folder
from tests.kit.commands import Ran, cordon, settings_file

folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def template(folder: Path) -> Path:
    House(folder / "template").enrol().run(3)
    return folder / "template"


@pytest.fixture
def place(template: Path, folder: Path) -> Path:
    shutil.rmtree(folder / "run", ignore_errors=True)
    shutil.copytree(template, folder / "run")
    settings_file(folder / "run")
    return folder / "run"


def fsck(place: Path, *more: str) -> Ran:
    return cordon("audit", "fsck", "--config", place / "cordon.toml", *more)


def files(place: Path, pattern: str) -> list[Path]:
    return sorted(path for path in (place / "audit").glob(pattern) if path.is_file())


def test_a_whole_log(place: Path) -> None:
    before = {path: path.read_bytes() for path in files(place, "**/*")}
    ran = fsck(place)
    assert (ran.status, "The log is whole" in ran.out) == (0, True)
    assert {path: path.read_bytes() for path in files(place, "**/*")} == before


@pytest.mark.parametrize("pattern", ["blob/*/*/*", "log/tile/entries/*.p/*", "log/tile/0/*.p/*", "log/checkpoint"])
def test_every_damaged_file_is_found(place: Path, pattern: str) -> None:
    path = files(place, pattern)[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    ran = fsck(place)
    assert (ran.status, "The log is damaged" in ran.out) == (1, True)


def test_a_lost_content_is_named(place: Path) -> None:
    files(place, "blob/*/*/*")[0].unlink()
    said = json.loads(fsck(place, "--json").out)
    assert (said["whole"], said["checks"]["V13"]) == (False, "fail")


def test_strays_are_said_and_are_no_damage(place: Path) -> None:
    stray = place / "audit" / "blob" / "00" / "00" / ("0" * 64)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left by a crash")
    (place / "audit" / "seg" / "000099.age").write_bytes(b"no epoch")
    ran = fsck(place, "--json")
    assert ran.status == 0
    assert json.loads(ran.out)["strays"] == [f"blob/00/00/{'0' * 64}", "seg/000099.age"]


def test_no_log_and_no_settings(folder: Path, tmp_path: Path) -> None:
    settings_file(tmp_path)
    assert fsck(tmp_path).status == 2
    assert cordon("audit", "fsck", "--config", tmp_path / "nowhere.toml").status == 78
