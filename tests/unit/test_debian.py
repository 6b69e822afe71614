"""The package's own files: scripts that parse, settings that load, a manual that knows every verb."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import stat
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from proxy.__main__ import COMMANDS
from proxy.config import load_settings

DEBIAN = Path(__file__).parents[2] / "debian"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("debian_build", DEBIAN / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SCRIPTS)
def test_maintainer_scripts_parse_stop_at_the_first_error_and_are_executable(name: str) -> None:
    text = (DEBIAN / name).read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in text
    assert (DEBIAN / name).stat().st_mode & stat.S_IXUSR
    subprocess.run(["sh", "-n", str(DEBIAN / name)], check=True)


@pytest.mark.parametrize("name", ["wheels.sh", "llama-wheel.sh"])
def test_build_scripts_parse(name: str) -> None:
    subprocess.run(["bash", "-n", str(DEBIAN / name)], check=True)


def test_nothing_is_fetched_at_installation() -> None:
    for name in SCRIPTS:
        text = (DEBIAN / name).read_text(encoding="utf-8")
        assert not re.search(r"\b(pip|curl|wget|apt|apt-get|git)\b", text), name


def test_purge_never_names_the_log_in_a_removal() -> None:
    removals = [line for line in (DEBIAN / "postrm").read_text().splitlines() if re.match(r"\s*(rm|\[.*rm) ", line)]
    assert removals
    assert not [line for line in removals if "audit" in line or "outbox" in line]


def test_the_shipped_settings_load_and_are_the_safe_ones() -> None:
    settings = load_settings(DEBIAN / "cordon.toml")
    assert (settings.policy.name, settings.models.demo_models, settings.engine.kind) == ("hospital", False, "embedded")


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_the_manual_page_knows_every_verb(verb: str) -> None:
    assert f"cordon {verb}" in (DEBIAN / "cordon.1").read_text(encoding="utf-8").replace("\\-", "-")


def test_the_package_says_which_python_it_fits(build: ModuleType) -> None:
    fields = (DEBIAN / "control.in").read_text(encoding="utf-8")
    assert {"@PYTHON@", "@TOO_NEW@", "@VERSION@"} <= set(re.findall(r"@[A-Z_]+@", fields))
    assert build.RELEASES["3.11"] == ("deb12", "3.12")


def test_a_wheel_is_unpacked_without_scripts_tests_and_compiled_files(build: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "x-1-py3-none-any.whl"
    names = [
        "x/__init__.py", "x/tests/test_a.py", "x/__pycache__/a.pyc", "x/fast.so", "x/fast.cpp", "x-1.data/scripts/tool",
        "x-1.data/purelib/y.py", "llama_cpp/include/a.h", "llama_cpp/lib/libllama.so", "x-1.dist-info/RECORD",
        "numpy/testing/__init__.py",
    ]  # fmt: skip
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    build._unpack(wheel, tmp_path / "site")
    found = {str(p.relative_to(tmp_path / "site")) for p in (tmp_path / "site").rglob("*") if p.is_file()}
    assert found == {
        "x/__init__.py", "x/fast.so", "y.py", "llama_cpp/lib/libllama.so", "x-1.dist-info/RECORD",
        "numpy/testing/__init__.py",
    }  # fmt: skip


def test_times_and_modes_do_not_depend_on_the_builder(build: ModuleType, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True, mode=0o700)
    (tree / "bin/run").write_text("#!/bin/sh\n")
    (tree / "bin/run").chmod(0o700)
    (tree / "bin/note").write_text("x")
    (tree / "bin/note").chmod(0o606)
    (tree / "bin/link").symlink_to("run")
    build._settle(tree, 1_000)
    modes = {name: stat.S_IMODE(os.lstat(tree / "bin" / name).st_mode) for name in ("run", "note")}
    assert modes == {"run": 0o755, "note": 0o644}
    assert {int(os.lstat(p).st_mtime) for p in (tree, *tree.rglob("*"))} == {1_000}


def test_a_library_that_lies_there_three_times_becomes_links(build: ModuleType, tmp_path: Path) -> None:
    for name in ("libg.so", "libg.so.0", "libg.so.0.25.3"):
        (tmp_path / name).write_bytes(b"same")
    build._link_doubles(tmp_path)
    assert {p.name: p.is_symlink() for p in tmp_path.iterdir()} == {
        "libg.so": True,
        "libg.so.0": True,
        "libg.so.0.25.3": False,
    }


def test_a_missing_wheel_stops_the_build(build: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="nothing was built"):
        list(build._locked(tmp_path))


def test_the_menu_entry_and_the_browsers_find_their_programs(build: ModuleType, tmp_path: Path) -> None:
    build._system(tmp_path)
    entry = (tmp_path / "usr/share/applications/cordon-pair.desktop").read_text(encoding="utf-8")
    assert "Name=Connect Cordon panel\n" in entry  # the words the panel uses
    assert "cordon pair" in entry
    for place, manifest in build._HOSTS.items():
        host = json.loads((tmp_path / place / "org.cordon.pair.json").read_text(encoding="utf-8"))
        assert (host["name"], host["type"], host["path"]) == ("org.cordon.pair", "stdio", "/usr/bin/cordon-panel-host")
        assert ("allowed_extensions" in host) == (manifest == "firefox.json")
    assert set(build._PROGRAMS) == {"cordon", Path(host["path"]).name}
    assert all(callable(importlib.import_module(module).main) for module in build._PROGRAMS.values())


def test_what_differs_by_build_is_neither_in_the_tree_nor_in_its_list(build: ModuleType, tmp_path: Path) -> None:
    """llama.cpp's own list of where it was built: a folder with a name made at random."""
    trees = []
    for folder in ("tmpa", "tmpb"):
        wheel = tmp_path / f"{folder}.whl"
        record = (
            f"llama_cpp/a.py,sha256=x,1\nllama_cpp/lib/pkgconfig/llama.pc,sha256={folder},9\nr.dist-info/RECORD,,\n"
        )
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("llama_cpp/a.py", "1")
            archive.writestr("llama_cpp/lib/pkgconfig/llama.pc", f"prefix=/{folder}")
            archive.writestr("r.dist-info/RECORD", record)
        build._unpack(wheel, tmp_path / folder)
        files = [path for path in (tmp_path / folder).rglob("*") if path.is_file()]
        trees.append({str(path.relative_to(tmp_path / folder)): path.read_text() for path in files})
    assert trees[0] == trees[1]
    assert trees[0]["r.dist-info/RECORD"] == "llama_cpp/a.py,sha256=x,1\nr.dist-info/RECORD,,\n"


def test_no_path_of_the_build_is_linked_in() -> None:
    script = (Path(__file__).parents[2] / "debian/llama-wheel.sh").read_text(encoding="utf-8")
    assert "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON" in script
    assert "-ffile-prefix-map=$work=/llama" in script
