"""`cordon officer drill | retire-month`: what an officer does with her keys through the years.

Laws: a drill counts only if every identity opened the keyring from disk; a month's key is destroyed only after the
keyring without it was written and read back, and older copies of the file are named, because they still hold it.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from audit.log.disk import Disk
from audit.officer import Keyring, retire_month, seal_keyring
from audit.strictjson import MalformedError
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.officer_keys import KEYRING, KeysError, OfficerFiles, agrees, ask_passphrase, open_identity, read_keyring
from proxy.clock import Clock, read_boot_id

__all__ = ["CARE", "DRILL", "days_since_drill"]

DRILL = "drill.json"
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_DAY_S = 86_400


def days_since_drill(folder: Path, now_s: float) -> int | None:
    """Return how long the last drill is ago, or None if there was none."""
    try:
        return int((now_s - int(json.loads((folder / DRILL).read_text("ascii"))["at"])) // _DAY_S)
    except (OSError, ValueError, KeyError, TypeError):
        return None


# ---- drill -----------------------------------------------------------------------------------------------------


def _drill_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", required=True, type=Path, help="the officer's folder")
    parser.add_argument(
        "--identity", action="append", type=Path, metavar="FILE", help="an identity (default: all in the folder)"
    )
    parser.add_argument(
        "--passphrase-file", action="append", type=Path, metavar="FILE", help="one per identity, in the same order"
    )
    parser.add_argument("--json", action="store_true", help="for machines")


def _drill(args: argparse.Namespace) -> int:
    identities: Sequence[Path] = args.identity or sorted(args.dir.glob("*.identity.age"))
    files: Sequence[Path | None] = args.passphrase_file or [None] * len(identities)
    if len(identities) < 2 or len(files) != len(identities):
        complain("a drill opens the keyring with every identity in turn: name at least two, each with its passphrase")
        return Exit.USAGE
    opened: list[Keyring] = []
    for path, file in zip(identities, files, strict=True):
        try:
            opened.append(read_keyring(args.dir / KEYRING, [open_identity(path, ask_passphrase(file))]))
        except KeysError as error:
            complain(f"{path.name}: {error}. This identity would not help you on the day it is needed")
            return Exit.NO
    if any(keyring != opened[0] for keyring in opened):
        complain("the identities open different keyrings; keep only one copy of keyring.age")
        return Exit.NO
    now = Clock(read_boot_id()).instant()
    names = [path.name for path in identities]
    try:
        Disk(args.dir).write(DRILL, json.dumps({"at": now.utc_ms // 1000, "identities": names}).encode("ascii"))
    except OSError as error:
        complain(f"the day of the drill cannot be noted in {args.dir} ({error.strerror})")
    return _drilled(names, opened[0], json_=args.json)


def _drilled(names: Sequence[str], keyring: Keyring, *, json_: bool) -> int:
    months = sorted(month for month, _ in keyring.months)
    span = f"{months[0][:4]}-{months[0][4:]} to {months[-1][:4]}-{months[-1][4:]}" if months else "none yet"
    if json_:
        print(json.dumps({"identities": list(names), "recipients": len(keyring.recipients), "months": len(months)}))
        return Exit.DONE
    for name in names:
        out().print(f"[green]opens the keyring[/green]  {name}")
    out().print(f"Both hold the same keys: months {span}. Repeat this twice a year.")
    return Exit.DONE


# ---- retire-month ----------------------------------------------------------------------------------------------


def _retire_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", required=True, type=Path, help="the officer's folder")
    parser.add_argument("--month", required=True, metavar="YYYY-MM", help="the month whose key is destroyed")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="which identity opens the keyring")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase here, do not ask")
    parser.add_argument("--yes", action="store_true", help="the question was answered already")


def _retire(args: argparse.Namespace) -> int:
    if not _MONTH.fullmatch(args.month):
        complain("--month is written YYYY-MM; nothing was changed")
        return Exit.USAGE
    month = args.month.replace("-", "")
    try:
        left = _without(args, month)
    except (KeysError, MalformedError) as error:
        complain(f"{error}; nothing was changed")
        return Exit.FAILED
    except OSError as error:
        complain(f"{args.dir} cannot be written ({error.strerror}); the key may still be in {KEYRING}")
        return Exit.FAILED
    if left is None:
        return Exit.NO
    console = out()
    console.print(f"The key of {args.month} is no longer in {args.dir / KEYRING}.", markup=False)
    for copy in left:
        console.print(f"An older copy still holds it, destroy it: {copy}", markup=False)
    console.print("Other copies, on paper, sticks and in backups, are yours to destroy.")
    console.print(
        f"Next, for each computer: cordon audit purge PACKAGE --month {args.month} --dir {args.dir}", markup=False
    )
    return Exit.DONE


def _without(args: argparse.Namespace, month: str) -> list[Path] | None:
    """Write the keyring without the month; return older copies, None if a person said no. Raises KeysError, OSError."""
    files = OfficerFiles(identity=args.identity).or_else(OfficerFiles.in_folder(args.dir))
    if files.keyring is None or files.identity is None:
        raise KeysError(f"{args.dir} has no complete keys; name an identity with --identity")
    identity = open_identity(files.identity, ask_passphrase(args.passphrase_file))
    keyring = read_keyring(files.keyring, [identity])
    if not keyring.identities(month):
        raise KeysError(f"the keyring has no key of {args.month}")
    if month >= datetime.fromtimestamp(Clock(read_boot_id()).instant().utc_ms / 1000, UTC).strftime("%Y%m"):
        raise KeysError(f"{args.month} is not over; its key is in use")
    question = (
        f"Nobody will be able to open the records of {args.month} again, on any computer of yours. Destroy its key?"
    )
    if not agrees(question, yes=args.yes):
        return None
    fewer = retire_month(keyring, month)
    Disk(args.dir).write(KEYRING, seal_keyring(fewer, secrets.token_bytes))
    if read_keyring(args.dir / KEYRING, [identity]) != fewer:
        raise KeysError("the keyring that was written is not the one that was read back")
    return sorted(p for p in args.dir.rglob("*") if _is_copy(p, args.dir / KEYRING))


def _is_copy(path: Path, keyring: Path) -> bool:
    return path.is_file() and path != keyring and path.name.startswith("keyring") and ".age" in path.name


CARE = (
    Command(
        "officer drill",
        "Open the keyring with each identity in turn, as on the day it is needed.",
        "cordon officer drill --dir /media/stick/officer",
        _drill,
        _drill_arguments,
    ),
    Command(
        "officer retire-month",
        "Destroy the key of a month whose time is over: nobody can read it again.",
        "cordon officer retire-month --dir /media/stick/officer --month 2020-11",
        _retire,
        _retire_arguments,
    ),
)
