"""`cordon officer init`: an officer's keys, made once, on her own computer or stick.

Law: at least two identities, because a lost one must not lose the log; the passphrases are made here, shown once and
stored nowhere; the keys count as made only after the keyring was opened again with each identity in turn.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from audit.log.disk import Disk
from audit.officer import Keyring, new_keyring, new_passphrase, seal_keyring
from audit.seal import Identity, age_encrypt_passphrase
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.officer_care import CARE, DRILL
from proxy.cli.officer_keys import KEYRING, TRUST, KeysError, key_code, open_identity, read_keyring
from proxy.clock import Clock, read_boot_id

__all__ = ["COMMANDS"]

_SITE = re.compile(r"[a-z0-9.-]{3,100}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DEFAULT_NAMES = ("officer", "deputy")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", required=True, metavar="DOMAIN", help="the hospital's domain, e.g. hospital.example")
    parser.add_argument("--dir", required=True, type=Path, help="a new folder for the keys, best on a stick")
    parser.add_argument(
        "--name", action="append", metavar="NAME", help="one per identity, at least two (default: officer, deputy)"
    )
    parser.add_argument("--json", action="store_true", help="passphrases and the key's code as JSON")


def _run(args: argparse.Namespace) -> int:
    names = tuple(args.name or _DEFAULT_NAMES)
    if problem := _problem(args.site, names, args.dir):
        complain(problem)
        return Exit.USAGE
    try:
        with err().status("Making the keys and opening them again ...", spinner="line"):
            keyring, passphrases = _make(args.site, names, args.dir)
            _drill(args.dir, passphrases)
    except OSError as error:
        complain(f"{args.dir} cannot be written ({error.strerror}); remove what is there and start again")
        return Exit.FAILED
    except KeysError as error:
        complain(f"the keys that were written do not open again ({error}); do not use them")
        return Exit.FAILED
    _show(args, keyring, passphrases)
    return Exit.DONE


def _problem(site: str, names: tuple[str, ...], folder: Path) -> str:
    if not _SITE.fullmatch(site):
        return "--site is not a domain in lower case; nothing was made. Example: --site hospital.example"
    if len(set(names)) < 2 or len(set(names)) != len(names):
        return "two different names are needed, because a lost identity must not lose the log; nothing was made"
    if not all(_NAME.fullmatch(name) for name in names):
        return "a name is a lower-case word of letters, digits and hyphens; nothing was made"
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else (folder,)):
        return f"{folder} is not empty; nothing was made. Keys are never overwritten: name a new folder"
    return ""


def _make(site: str, names: tuple[str, ...], folder: Path) -> tuple[Keyring, Mapping[str, str]]:
    """Write identities, keyring and trust; each file durable before the next, the keyring last but one."""
    identities = {name: Identity(secrets.token_bytes(32)) for name in names}
    passphrases = {name: new_passphrase(secrets.token_bytes) for name in names}
    keyring = new_keyring(site, [i.recipient() for i in identities.values()], secrets.token_bytes)
    disk = Disk(folder)
    for name, identity in identities.items():
        text = f"{identity.secret()}\n".encode("ascii")
        disk.write(_file(name), age_encrypt_passphrase(passphrases[name], text, secrets.token_bytes))
    disk.write(KEYRING, seal_keyring(keyring, secrets.token_bytes))
    disk.write(TRUST, keyring.trust().encode())
    return keyring, passphrases


def _drill(folder: Path, passphrases: Mapping[str, str]) -> None:
    """Open the keyring from disk with each identity in turn, as on the day it is needed. Raises KeysError."""
    for name, passphrase in passphrases.items():
        identity = open_identity(folder / _file(name), lambda _, said=passphrase: said)  # type: ignore[misc]  # defaulted lambda
        read_keyring(folder / KEYRING, [identity])
    at = Clock(read_boot_id()).instant().utc_ms // 1000
    noted = json.dumps({"at": at, "identities": [_file(name) for name in passphrases]})
    Disk(folder).write(DRILL, noted.encode("ascii"))


def _file(name: str) -> str:
    return f"{name}.identity.age"


def _show(args: argparse.Namespace, keyring: Keyring, passphrases: Mapping[str, str]) -> None:
    code = key_code(keyring.trust().officer)
    if args.json:
        print(json.dumps({"site": args.site, "dir": str(args.dir), "code": code, "passphrases": dict(passphrases)}))
        return
    console = out()
    table = Table("identity", "passphrase (shown once, stored nowhere)", box=None, pad_edge=False)
    for name, passphrase in passphrases.items():
        table.add_row(_file(name), passphrase)
    console.print(table)
    console.print()
    console.print(f"The officer's key has the code [bold]{code}[/bold]; an administrator will ask for it.")
    console.print(f"Recovery drill: the keyring was opened with each of {len(passphrases)} identities.")
    if sys.stdout.isatty():
        console.print("Write each passphrase on paper now, and keep the identities in two places.")
    console.print(f"Next: cordon enrol enrol-request.note --dir {args.dir}", highlight=False)


COMMANDS = (
    Command(
        "officer init",
        "Make a compliance officer's keys: two identities, a keyring, and a public trust file.",
        "cordon officer init --site hospital.example --dir /media/stick/officer --name nimali --name ruwan",
        _run,
        _arguments,
    ),
    *CARE,
)
