"""`cordon audit fsck`: is the log on this disk whole? Read only; for the administrator, without any key.

Law: it says what the disk holds and repairs nothing. It believes the enrolment that lies beside the log, so it finds
damage, not forgery: that is `cordon audit verify`, on the officer's computer.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.checkpoint import Note, Vkey, parse_statement
from audit.log import AuditError, read_directory
from audit.log.snapshot import Snapshot
from audit.officer import Trust
from audit.strictjson import MalformedError
from audit.verify import Anchors, Verification, Watch, examine_watched, from_directory, plain_words
from audit.verify.structure import Structure
from proxy.cli.audit_check import progress
from proxy.cli.audit_offline import is_writing
from proxy.cli.command import Command, Exit, complain, out
from proxy.config import ConfigError, load_settings

__all__ = ["FSCK", "strays"]

_STORED = ("fail", "unknown")
_SEGMENT = re.compile(r"seg/(\d{6,10})\.age\Z")


@dataclass(frozen=True, slots=True)
class _Health:
    found: Verification
    strays: tuple[str, ...]
    writing: bool

    @property
    def whole(self) -> bool:
        """Whether nothing is damaged; stretches without records are no damage of the disk."""
        return not any(check.state in _STORED for check in self.found.checks)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _fsck(args: argparse.Namespace) -> int:
    try:
        folder = load_settings(args.config).audit.dir
        writing = is_writing(folder)
        health = _examine(folder, writing=writing)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (AuditError, OSError, MalformedError) as error:
        complain(f"the log cannot be read ({error}); nothing was changed")
        return Exit.FAILED
    if args.json:
        checks = {check.id: check.state for check in health.found.checks if check.state != "not_run"}
        body = {"whole": health.whole, "size": health.found.size, "writing": writing, "checks": checks}
        print(json.dumps(body | {"strays": list(health.strays)}))
    else:
        _show(health)
    return Exit.DONE if health.whole else Exit.NO


def _examine(folder: Path, *, writing: bool) -> _Health:
    snapshot = read_directory(folder)
    body = parse_statement(Note.parse(snapshot.read("notes/enrolment-0.note")), "enrolment")
    trust = Trust(body["site"], Vkey.parse(body["officer"]), Vkey.parse(body["witness"]))
    with progress("Recomputing every record and every content") as told:
        examined = examine_watched(from_directory(snapshot), trust, None, Anchors(), watch=Watch(progress=told))
    listed = tuple(strays(snapshot, examined.log)) if examined.log is not None and not writing else ()
    return _Health(examined.found, listed, writing)


def strays(snapshot: Snapshot, log: Structure) -> Iterator[str]:
    """Yield files that no record names: left by a crash, harmless, gone at the next start or never needed again."""
    named = {entry.digest for entry in log.entries(0, log.checkpoint.size - 1)}
    for name in snapshot.names:
        segment = _SEGMENT.match(name)
        lost_blob = name.startswith("blob/") and name.rpartition("/")[2] not in named
        if lost_blob or (segment is not None and int(segment[1]) >= len(log.chain.epochs)):
            yield name


def _show(health: _Health) -> None:
    console, found = out(), health.found
    if health.whole:
        console.print(f"The log is whole: {found.size} records, every tile, seal and content fits.")
    else:
        console.print("The log is damaged. Stop the service, keep this disk as it is, and tell your officer.")
    for line in plain_words(found)[2:]:
        if line[:1] == "V" and line[1:3].isdigit():
            console.print(line, markup=False)
    for name in health.strays:
        console.print(f"No record names {name}", markup=False)
    if health.writing:
        console.print("The service is running: the newest records, up to a minute old, were not looked at.")


FSCK = (
    Command(
        "audit fsck",
        "Check that the log on this disk is whole: records, seals, contents. Nothing is changed.",
        "cordon audit fsck --config /etc/cordon/cordon.toml",
        _fsck,
        _arguments,
    ),
)
