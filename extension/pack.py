"""Make the package of the browser extension. Standard library only; the folder itself loads as it is.

    python extension/pack.py --out dist              cordon-extension-0.1.0.zip, the same bytes every time
    python extension/pack.py --out dist --firefox    cordon-extension-0.1.0-firefox.zip, a sidebar, from the same files
    python extension/pack.py --folder out --port N   a folder for another port, as tests and some sites need

Law: what is not on the list is not packed, and what is on it must be there; permissions are those of the list below;
every language has the same sentences. A package that breaks one of these is not written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import sys
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PORT = 8642
NAMES_THE_PORT = ("manifest.json", "lib/address.js")
LANGUAGES = ("en", "si", "ta", "ar")
FILES = (
    "manifest.json", "managed_schema.json", "background.js", "panel.html", "panel.css", "panel.js",
    *(f"lib/{name}.js" for name in (
        "address", "api", "chips", "icons", "problems", "proof", "settings", "sse", "state", "text", "view", "words",
    )),
    *(f"strings/{name}.js" for name in LANGUAGES),
    *(f"_locales/{name}/messages.json" for name in LANGUAGES),
    *(f"icons/{size}.png" for size in (16, 32, 48, 128)),
)  # fmt: skip
NOT_PACKED = ("pack.py", "policies/", "native/", "README.md")
PERMISSIONS = ("sidePanel", "contextMenus", "activeTab", "scripting", "storage")
NEVER = ("content_scripts", "web_accessible_resources", "externally_connectable", "options_page", "options_ui",
         "optional_host_permissions", "oauth2", "devtools_page", "sandbox")  # fmt: skip
FIREFOX_ID = "panel@cordon.invalid"
_KEY = re.compile(r"^  (\w+): ", re.MULTILINE)
_TIME = (1980, 1, 1, 0, 0, 0)


class Broken(Exception):  # noqa: N818 - a sentence for the person who packs
    """The folder is not what it should be; nothing was written."""


def id_of(key: str) -> str:
    """The id that Chromium gives to the owner of a public key: half of its SHA-256, 0 to f written as a to p."""
    digest = hashlib.sha256(b64decode(key)).hexdigest()[:32]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest)


def read(folder: Path) -> dict[str, bytes]:
    """Every file of the package. Raises Broken."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    found = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    extra = [n for n in found if n not in FILES and not n.startswith(NOT_PACKED) and "__pycache__" not in n]
    if missing or extra:
        raise Broken(f"not as listed: missing {missing}, not on the list {extra}")
    return {name: (folder / name).read_bytes() for name in FILES}


def verify(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Check version, permissions and sentences; returns the manifest. Raises Broken."""
    manifest: dict[str, Any] = json.loads(files["manifest.json"])
    if not re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"]):
        raise Broken(f"the version {manifest['version']} is not three numbers")
    if tuple(manifest["permissions"]) != PERMISSIONS:
        raise Broken(f"permissions changed: {manifest['permissions']}; a change is a decision, so change the list too")
    if unwanted := [name for name in NEVER if name in manifest]:
        raise Broken(f"the manifest has what it must not have: {unwanted}")
    english = set(_KEY.findall(files["strings/en.js"].decode()))
    for language in LANGUAGES:
        if (differ := english ^ set(_KEY.findall(files[f"strings/{language}.js"].decode()))) and differ:
            raise Broken(f"strings/{language}.js differs from English in {sorted(differ)}")
    return manifest


def at_port(files: Mapping[str, bytes], port: int) -> dict[str, bytes]:
    """The same files for another port. Raises Broken if a file names the port that should not."""
    named = tuple(name for name in FILES if str(PORT).encode() in files[name])
    if named != NAMES_THE_PORT:
        raise Broken(f"the port is named by {named}, not by {NAMES_THE_PORT}")
    return {n: c.replace(str(PORT).encode(), str(port).encode()) if n in named else c for n, c in files.items()}


def for_firefox(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as Firefox reads it: a sidebar, a background page, and no port in a host permission."""
    out = {k: v for k, v in manifest.items() if k not in ("key", "minimum_chrome_version", "side_panel", "storage")}
    csp = manifest["content_security_policy"]["extension_pages"]
    return out | {
        "permissions": [p for p in manifest["permissions"] if p != "sidePanel"],
        "host_permissions": ["http://127.0.0.1/*"],
        "background": {"scripts": ["background.js"], "type": "module"},
        "sidebar_action": {
            "default_panel": "panel.html",
            "default_title": "__MSG_name__",
            "default_icon": "icons/32.png",
            "open_at_install": False,
        },
        "content_security_policy": {"extension_pages": csp},
        "browser_specific_settings": {
            "gecko": {
                "id": FIREFOX_ID,
                "strict_min_version": "142.0",
                "data_collection_permissions": {"required": ["none"]},
            }
        },
    }


def packed(folder: Path, *, port: int, firefox: bool) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files to write, and the manifest among them. Raises Broken."""
    files = read(folder)
    manifest = verify(files)
    files = at_port(files, port)
    if firefox:
        manifest = for_firefox(json.loads(files["manifest.json"]))
        files["manifest.json"] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
        del files["managed_schema.json"]
    return files, manifest


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Sorted names, one time, one mode: the same files are the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o100644 << 16, 3
            archive.writestr(info, files[name])


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """A folder that a browser loads. What was there is replaced."""
    shutil.rmtree(path, ignore_errors=True)
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def main(argv: Iterable[str] | None = None) -> int:
    """Pack, and print what was written and the id."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the zip goes")
    parser.add_argument("--folder", type=Path, help="write a folder, too")
    parser.add_argument("--port", type=int, default=PORT, help="the port of the service, if not %(default)s")
    parser.add_argument("--firefox", action="store_true", help="the package for Firefox")
    chosen = parser.parse_args(None if argv is None else list(argv))
    try:
        files, manifest = packed(HERE, port=chosen.port, firefox=chosen.firefox)
    except Broken as reason:
        print(f"nothing was packed: {reason}", file=sys.stderr)
        return 1
    if chosen.folder is not None:
        write_folder(chosen.folder, files)
        print(chosen.folder)
    if chosen.out is not None:
        name = f"cordon-extension-{manifest['version']}{'-firefox' if chosen.firefox else ''}.zip"
        write_zip(chosen.out / name, files)
        print(f"{chosen.out / name}  sha256 {hashlib.sha256((chosen.out / name).read_bytes()).hexdigest()}")
    print(f"id {FIREFOX_ID if chosen.firefox else id_of(manifest['key'])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
