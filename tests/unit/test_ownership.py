"""Nothing starts when one of our package names belongs to somebody else, wholly or in part."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.ownership import verify_packages

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("proxy", "filters", "policies", "audit")
PROGRAM = (
    "import sys; from proxy.ownership import *\ntry: verify_packages()\nexcept OwnershipError as e: sys.exit(str(e))"
)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The four packages as bare folders, with the module under test."""
    for name in PACKAGES:
        (tmp_path / "ours" / name).mkdir(parents=True)
        for file in ("__init__.py", "py.typed"):
            (tmp_path / "ours" / name / file).write_text("")
    shutil.copy(ROOT / "proxy" / "ownership.py", tmp_path / "ours" / "proxy")
    return tmp_path


def verified(folder: Path, *paths: str) -> str:
    """What the check says in a fresh interpreter with these folders on its path; "" when it agrees."""
    path = [str(folder / name) for name in paths]
    program = f"import sys; sys.path[:0] = {path!r}\n{PROGRAM}"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    return ran.stderr.strip()


def test_these_packages_are_ours() -> None:
    verify_packages()


def test_a_clean_installation_passes(installed: Path) -> None:
    assert verified(installed, "ours") == ""


@pytest.mark.parametrize("name", PACKAGES[1:])
def test_a_package_that_lies_elsewhere_is_not_ours(installed: Path, name: str) -> None:
    (installed / "theirs" / name).mkdir(parents=True)
    (installed / "theirs" / name / "__init__.py").write_text("")
    said = verified(installed, "theirs", "ours")
    assert f"the package `{name}` is not Cordon's own alone; nothing was started" in said


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_that_lost_a_file_is_incomplete(installed: Path, name: str) -> None:
    (installed / "ours" / name / "py.typed").unlink()
    assert f"the package `{name}` is incomplete" in verified(installed, "ours")


@pytest.mark.parametrize("name", PACKAGES[1:])
def test_a_package_that_is_missing(installed: Path, name: str) -> None:
    shutil.rmtree(installed / "ours" / name)
    assert f"the package `{name}`" in verified(installed, "ours")


def test_a_package_spread_over_two_folders_is_not_ours_alone(installed: Path) -> None:
    """A namespace package merges whatever has its name: exactly what must not happen."""
    for place in ("ours", "theirs"):
        (installed / place / "audit").mkdir(parents=True, exist_ok=True)
        (installed / place / "audit" / "__init__.py").unlink(missing_ok=True)
    assert "the package `audit` is not Cordon's own alone" in verified(installed, "ours", "theirs")
