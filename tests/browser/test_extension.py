"""The browser extension: its libraries under Node, and its panel in Debian's Chromium and Firefox on the real gateway.

Each test runs one file of `tests/browser/extension` or `tests/browser/attack`; the file says what it asserts. Browsers
run where loopback is the only network, when that can be arranged.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
EXTENSION = ROOT / "extension"
MODULES = HERE / "node_modules"
LIBRARIES = sorted((HERE / "extension" / "lib").glob("*.test.mjs"))
IN_CHROMIUM = ("journey", "errors", "looks", "managed")
ATTACKS = ("page", "extension", "users")
_ENDED = re.compile(r"^# fail (\d+)$", re.MULTILINE)


def need(*commands: str) -> None:
    """Skip for a person who lacks something; in CI a skip is a failure (tests/conftest.py)."""
    missing = [name for name in commands if shutil.which(name) is None]
    if not MODULES.is_dir():
        missing.append("npm ci in tests/browser")
    if missing:
        pytest.skip(f"missing: {', '.join(missing)}")


def alone(command: Sequence[str]) -> list[str]:
    """The command in a network namespace where loopback is all there is, if we may make one."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return list(command)
    return ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


def node(tmp_path: Path, *files: Path, seconds: float = 240, before: Sequence[str] = ()) -> str:
    """Run test files under Node; fail with what they printed."""
    environment = {**os.environ, "CORDON_PYTHON": sys.executable, "CORDON_TMP": str(tmp_path), "HOME": str(tmp_path)}
    command = [*before, "node", "--experimental-websocket", "--test", "--test-reporter=tap", *map(str, files)]
    try:
        ran = subprocess.run(
            alone(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"not over after {seconds} s: {late.stdout!r}"[-4000:])
    failed = _ENDED.search(ran.stdout)
    if ran.returncode != 0 or failed is None or failed[1] != "0":
        pytest.fail(f"{ran.stdout[-8000:]}\n{ran.stderr[-2000:]}")
    return ran.stdout


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_library(tmp_path: Path, library: Path) -> None:
    need("node")
    assert "# pass 0" not in node(tmp_path, library)


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_CHROMIUM)
def test_in_chromium(tmp_path: Path, name: str) -> None:
    need("node", "chromium")
    node(tmp_path, HERE / "extension" / f"{name}.test.mjs")


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_attack(tmp_path: Path, name: str) -> None:
    need("node", "chromium", "setpriv")
    tmp_path.chmod(0o755)  # the attacker is another user of this computer
    node(tmp_path, HERE / "attack" / f"{name}.test.mjs")


@pytest.mark.slow
def test_the_real_side_panel_and_menu(tmp_path: Path) -> None:
    need("node", "chromium", "xvfb-run", "openbox", "xdotool")
    screen = ("xvfb-run", "-a", "-s", "-screen 0 1280x900x24", "sh", "-c", 'openbox & sleep 1; "$@"', "sh")
    node(tmp_path, HERE / "extension" / "real_panel.mjs", before=screen)


@pytest.mark.slow
def test_in_firefox(tmp_path: Path) -> None:
    need("node", "firefox-esr")
    node(tmp_path, HERE / "extension" / "firefox.mjs")


def pack(folder: Path, *more: str) -> str:
    """Run pack.py; return what it printed."""
    command = [sys.executable, str(EXTENSION / "pack.py"), *more]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_package_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    said = [pack(tmp_path, "--out", str(tmp_path / name)) for name in ("a", "b")]
    first, second = (next((tmp_path / name).glob("*.zip")).read_bytes() for name in ("a", "b"))
    assert first == second
    assert "id mlkgfecoihfnfokacibcilhjmfleklof" in said[0]
    with zipfile.ZipFile(next((tmp_path / "a").glob("*.zip"))) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
    assert not [name for name in names if name.endswith((".py", ".pem")) or "policies" in name]


def test_another_port_is_rewritten_everywhere(tmp_path: Path) -> None:
    pack(tmp_path, "--folder", str(tmp_path / "out"), "--port", "9001")
    text = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.suffix in (".js", ".json", ".html"))
    assert b"8642" not in text
    assert text.count(b"9001") == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("manifest.json", '"storage"]', '"storage", "tabs"]'), "permissions changed"),
        (
            ("manifest.json", '"manifest_version"', '"web_accessible_resources": [], "manifest_version"'),
            "must not have",
        ),
        (("strings/ta.js", "  paired:", "  pared:"), "differs from English"),
        (("panel.js", "const MARKS", "// 8642\nconst MARKS"), "the port is named by"),
        (("spare.js", "", "1"), "not on the list"),
        (("manifest.json", '"0.1.0"', '"0.1"'), "not three numbers"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_is_not_packed(
    tmp_path: Path, change: tuple[str, str, str], said: str
) -> None:
    folder = tmp_path / "extension"
    shutil.copytree(EXTENSION, folder)
    name, old, new = change
    path = folder / name
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(text.replace(old, new, 1) if old else new, encoding="utf-8")
    command = [sys.executable, str(folder / "pack.py"), "--out", str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert not (tmp_path / "out").exists()


def lint(folder: Path) -> tuple[set[str], set[str]]:
    """Codes of errors and of warnings that Mozilla's linter finds, offline."""
    need("node")
    command = ["node", str(MODULES / "web-ext" / "bin" / "web-ext.js"), "lint", "--source-dir", str(folder),
               "--no-config-discovery", "--output", "json"]  # fmt: skip
    ran = subprocess.run(alone(command), capture_output=True, text=True, check=False, timeout=120)
    found = json.loads(ran.stdout)
    return {one["code"] for one in found["errors"]}, {one["code"] for one in found["warnings"]}


def test_lint_of_the_chromium_package(tmp_path: Path) -> None:
    pack(tmp_path, "--folder", str(tmp_path / "out"))
    errors, warnings = lint(tmp_path / "out")
    assert errors == {"BACKGROUND_SERVICE_WORKER_NOFALLBACK", "ADDON_ID_REQUIRED"}
    assert warnings == {"MANIFEST_PERMISSIONS", "MISSING_DATA_COLLECTION_PERMISSIONS"}


def test_lint_of_the_firefox_package(tmp_path: Path) -> None:
    pack(tmp_path, "--folder", str(tmp_path / "out"), "--firefox")
    assert lint(tmp_path / "out") == (set(), set())
