"""The command line in this process: words in, status and both streams out.

And what its commands work on: a workstation's settings that need no model, an officer's folder whose identities have no
passphrase (scrypt takes a second each).
"""

from __future__ import annotations

import contextlib
import io
import secrets
from dataclasses import dataclass
from pathlib import Path

from audit.officer import Keyring, new_keyring, seal_keyring
from audit.seal import Identity
from proxy.__main__ import main

__all__ = ["OFFICER_SITE", "Ran", "cordon", "officer_folder", "settings_file", "write_officer"]

OFFICER_SITE = "hospital.example"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


def cordon(*words: object) -> Ran:
    """Run one command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([str(word) for word in words])
        except SystemExit as left:
            status = int(left.code or 0)
    return Ran(status, out.getvalue(), err.getvalue())


def settings_file(folder: Path, port: int = 8642, more: str = "") -> Path:
    """Settings under which nothing is judged and answers come from elsewhere: no model file is needed."""
    path = folder / "cordon.toml"
    path.write_text(
        f"""
[access]
port = {port}
dir = "{folder}/access"
socket = "{folder}/run/api.sock"
[engine]
kind = "http"
base_url = "http://127.0.0.1:9/v1"
[models]
dir = "{folder}/models"
guard = ""
[policy]
name = "unsafe-allow-all"
dir = "{folder}/policies"
[audit]
dir = "{folder}/audit"
site = "{OFFICER_SITE}"
{more}"""
    )
    return path


def officer_folder(folder: Path, names: tuple[str, ...] = ("nimali", "ruwan")) -> Path:
    """A folder as `officer init` makes it, but for the passphrases."""
    identities = {name: Identity(secrets.token_bytes(32)) for name in names}
    keyring = new_keyring(OFFICER_SITE, [i.recipient() for i in identities.values()], secrets.token_bytes)
    return write_officer(folder, keyring, identities)


def write_officer(folder: Path, keyring: Keyring, identities: dict[str, Identity]) -> Path:
    """Write trust, keyring and plain identities."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, identity in identities.items():
        (folder / f"{name}.identity.age").write_text(f"# a test\n{identity.secret()}\n")
    custody = "same-machine" if len(identities) == 1 else "separate"
    (folder / "keyring.age").write_bytes(seal_keyring(keyring, secrets.token_bytes, custody))
    (folder / "trust.json").write_bytes(keyring.trust().encode())
    return folder
