"""`cordon audit report`: five files, written once, readable by their owner, and the status of the examination."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from tests.kit.audit_house import House, quick_folder
from tests.kit.commands import Ran, cordon, write_officer
from tests.kit.dossiers import eventful

FILES = {"report.html", "report.xlsx", "records.csv", "auditevents.ndjson", "verification.json"}
folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def house(folder: Path) -> House:
    made = eventful(folder)
    write_officer(folder / "officer", made.keyring, {"nimali": made.identities[0]})
    return made


def report(house: House, out: Path, *more: object) -> Ran:
    return cordon("audit", "report", house.path, "--out", out, *more)


def test_it_writes_five_files_and_answers_like_verify(house: House, tmp_path: Path) -> None:
    ran = report(house, tmp_path / "new" / "out", "--country", "eu")
    assert ran.status == cordon("audit", "verify", house.path).status == 1
    written = {path.name: path for path in (tmp_path / "new" / "out").iterdir()}
    assert set(written) == FILES
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written.values())
    assert written["verification.json"].read_bytes() == house.examine().encode()
    page = written["report.html"].read_text()
    assert "General Data Protection Regulation" in page
    assert "The token is not known here." in page
    assert "VERIFIED WITH GAPS" in ran.out


def test_json_is_the_verification(house: House, tmp_path: Path) -> None:
    ran = report(house, tmp_path / "out", "--json")
    assert json.loads(ran.out)["verdict"] == "VERIFIED WITH GAPS"


def test_nothing_is_overwritten(house: House, tmp_path: Path) -> None:
    (tmp_path / "records.csv").write_text("mine")
    ran = report(house, tmp_path)
    assert ran.status == 4
    assert "records.csv already; nothing was written" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["records.csv"]


def test_a_folder_that_cannot_be_made_is_said(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = report(house, tmp_path / "file" / "out")
    assert ran.status == 4
    assert "cannot be written" in ran.err


def test_without_the_keyring_nothing_is_written(house: House, folder: Path, tmp_path: Path) -> None:
    trust = folder / "officer" / "trust.json"
    shutil.copytree(house.folder, tmp_path / "audit")
    ran = cordon("audit", "report", tmp_path / "audit", "--trust", trust, "--out", tmp_path / "out")
    assert ran.status == 4
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("country", ["", "xx", "../lk"])
def test_only_countries_with_a_map(house: House, tmp_path: Path, country: str) -> None:
    assert report(house, tmp_path / "out", "--country", country).status == 4
