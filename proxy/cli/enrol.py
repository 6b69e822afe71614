"""`cordon enrol REQUEST`: the officer takes a computer into her care.

 1 the request is genuine   2 its code is compared by voice   3 the keyring gets a key for each month, and is durable
 4 the keyring is opened again from disk   5 the enrolment is signed and written

Law: months are in the stored keyring before any computer is told to seal to them, else a month could never be read.
"""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path
from typing import Any

from audit.checkpoint import BadSignatureError, Note, Vkey, parse_statement, verify_statement
from audit.log.disk import Disk
from audit.officer import Keyring, Terms, enrol, months_from, request_code, seal_keyring, with_months
from audit.record import Instant
from audit.seal import Identity
from audit.strictjson import MalformedError
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.officer_keys import (
    KEYRING,
    KeysError,
    OfficerFiles,
    agrees,
    ask_passphrase,
    key_code,
    open_identity,
    read_keyring,
)  # fmt: skip
from proxy.clock import Clock, read_boot_id

__all__ = ["COMMANDS", "seal_months"]

_MONTHS = 24
_MAX_NOTE = 128 * 1024


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", type=Path, help="enrol-request.note, from the workstation")
    parser.add_argument("--dir", required=True, type=Path, help="the officer's folder, from `cordon officer init`")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="which identity opens the keyring")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase here, do not ask")
    parser.add_argument("--months", type=int, default=_MONTHS, help="months of keys (default 24)")
    parser.add_argument("--retention", type=int, default=72, help="months the log is kept (default 72, at least 6)")
    parser.add_argument("--out", type=Path, default=Path("enrolment.note"), metavar="FILE", help="the answer")
    parser.add_argument("--yes", action="store_true", help="the code was compared already")


def _run(args: argparse.Namespace) -> int:
    if not 1 <= args.months <= 48 or args.retention < 6:
        complain("months are 1 to 48, and logs of such systems are kept at least 6 months; nothing was signed")
        return Exit.USAGE
    try:
        request = _read(args.request)
        asked = _genuine(request)  # 1
        console = out()
        console.print(f"Computer: {asked['origin']}", markup=False)
        console.print(f"Code:     [bold]{request_code(request)}[/bold]")
        if not agrees("Does the administrator, on the telephone, read the same code?", yes=args.yes):  # 2
            complain("nothing was signed. A different code means that the request was changed on its way")
            return Exit.NO
        identity, keyring = _open(args)
        now = Clock(read_boot_id()).instant()
        keyring = seal_months(args.dir, keyring, months_from(now.month(), args.months), identity)  # 3, 4
        _sign(args, request, keyring, now)  # 5
    except KeysError as error:
        complain(str(error))
        return Exit.FAILED
    except OSError as error:
        complain(f"a file cannot be written ({error.strerror}); the computer is not enrolled")
        return Exit.FAILED
    console.print(f"Written:  {args.out}", markup=False)
    console.print(f"Your key has the code [bold]{key_code(keyring.trust().officer)}[/bold]: read it aloud.")
    console.print(f"Next, on the workstation: cordon audit accept {args.out.name}", markup=False)
    return Exit.DONE


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_NOTE:
            raise KeysError(f"{path} is too large for a request; nothing was signed")
        return path.read_bytes()
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror}); nothing was signed") from None


def _genuine(request: bytes) -> dict[str, Any]:
    """The request's body, signed by the key it names. Raises KeysError."""
    try:
        note = Note.parse(request)
        asked = parse_statement(note, "enrol-request")
        verify_statement(note, "enrol-request", Vkey.parse(asked["epoch0"]), asked["origin"])
    except (MalformedError, BadSignatureError):
        raise KeysError("this is not a genuine enrolment request; nothing was signed. Ask for the file again") from None
    return asked


def _open(args: argparse.Namespace) -> tuple[Identity, Keyring]:
    files = OfficerFiles(identity=args.identity).or_else(OfficerFiles.in_folder(args.dir))
    if files.keyring is None:
        raise KeysError(f"there is no keyring in {args.dir}; nothing was signed. Make one with `cordon officer init`")
    if files.identity is None:
        raise KeysError("say with --identity which identity opens the keyring; nothing was signed")
    with err().status("Opening the keyring ...", spinner="line"):
        identity = open_identity(files.identity, ask_passphrase(args.passphrase_file))
        return identity, read_keyring(files.keyring, [identity])


def seal_months(folder: Path, keyring: Keyring, months: tuple[str, ...], identity: Identity) -> Keyring:
    """Store a key for each month, and read the stored keyring back. Raises KeysError or OSError."""
    if len(keyring.recipients) < 2:
        raise KeysError("this keyring opens with one identity only; nothing was signed. See `cordon officer init`")
    fuller = with_months(keyring, months, secrets.token_bytes)
    if fuller != keyring:
        Disk(folder).write(KEYRING, seal_keyring(fuller, secrets.token_bytes))
    stored = read_keyring(folder / KEYRING, [identity])
    if stored != fuller:
        raise KeysError("the keyring that was written is not the one that was read back; nothing was signed")
    return stored


def _sign(args: argparse.Namespace, request: bytes, keyring: Keyring, now: Instant) -> None:
    asked = parse_statement(Note.parse(request), "enrol-request")
    terms = Terms(
        months_from(now.month(), args.months),
        (asked["policy"],),
        (asked["software"],),
        retention_months=args.retention,
    )
    args.out.write_bytes(enrol(request, keyring, terms, now.time()))


COMMANDS = (
    Command(
        "enrol",
        "Take a computer into an officer's care: compare the code, sign the enrolment.",
        "cordon enrol enrol-request.note --dir /media/stick/officer --identity nimali.identity.age",
        _run,
        _arguments,
    ),
)
