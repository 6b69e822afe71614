"""A package whose `__init__` must not run gives its modules all the same."""

import sys
from pathlib import Path

import pytest

from proxy.workers.barepackage import register_bare


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "cordon_bare_example"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('ran')\n")
    (folder / "inner.py").write_text("VALUE = 5\n")
    (tmp_path / "cordon_bare_module.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for loaded in [one for one in sys.modules if one.startswith("cordon_bare")]:
        del sys.modules[loaded]


def test_the_module_comes_without_the_package_running(package: str) -> None:
    register_bare(package)
    from cordon_bare_example.inner import VALUE  # made by the fixture

    assert VALUE == 5


def test_without_it_the_package_runs(package: str) -> None:
    with pytest.raises(RuntimeError, match="ran"):
        __import__(f"{package}.inner")


def test_what_is_imported_already_stays(package: str) -> None:
    register_bare(package)
    first = sys.modules[package]
    register_bare(package)
    assert sys.modules[package] is first


@pytest.mark.parametrize("name", ["cordon_bare_nowhere", "cordon_bare_module"])
def test_what_is_no_package_is_not_found(package: str, name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        register_bare(name)
