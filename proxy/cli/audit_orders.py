"""`cordon audit approve | erase | purge | review`: the officer's orders, each a signed note for a computer.

Law: an order is about records of a log that verifies, opened with the officer's own keys; a record is named by the
number that a report shows, so nobody copies digests. Nothing happens until the workstation accepts the note, and then
it is a record.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from audit import officer
from audit.history import ACCESS, digests_of
from audit.officer import Keyring, Seal, months_from
from audit.reader import NotReadableError, open_log, open_records
from audit.strictjson import Json
from audit.verify.leaves import Progress
from proxy.cli.audit_check import open_case, progress
from proxy.cli.audit_find import ref_of
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.officer_keys import KeysError, OfficerFiles
from proxy.clock import Clock, read_boot_id

__all__ = ["ORDERS"]

_Records = Mapping[int, tuple[str, Json]]
_ERASABLE = ("R", "Z", "B")
_REF = re.compile(r"[A-Za-z0-9-]{1,64}")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class _RefusedError(Exception):
    """The order makes no sense for this log; the message says why."""


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="a package (.zip) or a log's folder")
    parser.add_argument("--dir", required=True, type=Path, help="the officer's folder")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="which identity opens the keyring")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase here, do not ask")
    parser.add_argument("--ref", default="none", help="your own reference: letters, digits, hyphens")
    parser.add_argument("--out", type=Path, default=Path("order.note"), metavar="FILE", help="for the workstation")


def _order(args: argparse.Namespace, write: Callable[[argparse.Namespace, _Records, Seal], bytes]) -> int:
    """Open the log, write the note, say what is next."""
    if not _REF.fullmatch(args.ref):
        complain("--ref is up to 64 letters, digits and hyphens; no order was written")
        return Exit.USAGE
    files = OfficerFiles(identity=args.identity).or_else(OfficerFiles.in_folder(args.dir))
    args.trust, args.keyring, args.identity = files.trust, files.keyring, files.identity
    try:
        with progress("Checking every record") as told:
            keyring, origin, records = _opened(args, told)
        now = Clock(read_boot_id()).instant()
        args.out.write_bytes(write(args, records, (keyring, origin, now.time())))
    except (KeysError, _RefusedError) as error:
        complain(f"{error}; no order was written")
        return Exit.FAILED
    except NotReadableError:
        complain("the log does not verify, so no order was written. See: cordon audit verify")
        return Exit.NO
    except OSError as error:
        complain(f"{args.out} cannot be written ({error.strerror}); there is no order")
        return Exit.FAILED
    out().print(f"Written: {args.out}, about {origin}", markup=False)
    out().print(f"Next, on the workstation: cordon audit accept {args.out.name}", markup=False)
    return Exit.DONE


def _opened(args: argparse.Namespace, told: Progress) -> tuple[Keyring, str, _Records]:
    if args.trust is None or args.keyring is None or args.identity is None:
        raise KeysError(f"{args.dir} has no complete keys; name an identity with --identity")
    with open_case(args) as case:
        if case.keyring is None:
            raise KeysError("the keyring was not opened")
        log = open_log(case.package, case.trust)
        args.retention_months = log.enrolments[-1]["retention_months"]
        subject = getattr(args, "subject", None)
        args.ref_of_subject = ref_of(case, subject) if subject else ""
        records = open_records(case.package, case.trust, case.keyring, told)
    return case.keyring, log.origin, records


# ---- approve ---------------------------------------------------------------------------------------------------


def _approve_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--record", required=True, type=int, metavar="N", help="the change, as the report numbers it")


def _approve(args: argparse.Namespace, records: _Records, seal: Seal) -> bytes:
    """A change by its C record; the software of a start by its S record."""
    kind, body = records.get(args.record, ("", {}))
    if kind == "C" and body["what"] == ACCESS:
        raise _RefusedError(f"record {args.record} says who may ask, which needs no approval")
    if kind == "C" and "approval" not in body:
        return officer.approve(seal, body["what"], body["new"], args.ref)
    if kind == "S":
        return officer.approve(seal, "software", digests_of(body)["software"], args.ref)
    raise _RefusedError(f"record {args.record} is not a change")


# ---- erase -----------------------------------------------------------------------------------------------------


def _erase_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--record", default=[], action="append", type=int, metavar="N", help="a request or refusal")
    parser.add_argument("--subject", metavar="ID", help="all records about this patient, as `audit find` finds them")
    parser.add_argument("--why", choices=("erasure-request", "court-order", "error"), default="erasure-request")


def _erase(args: argparse.Namespace, records: _Records, seal: Seal) -> bytes:
    """Name the records, and with each request its outcome."""
    asked = [*args.record, *_about(args.ref_of_subject, records)]
    if not asked:
        raise _RefusedError("no record is named: --record N, or --subject ID with records about that patient")
    chosen = set(asked)
    for seq in asked:
        if records.get(seq, ("", {}))[0] not in _ERASABLE:
            raise _RefusedError(f"record {seq} is not a request, an outcome or a refusal that can be opened")
    chosen |= {seq for seq, (kind, body) in records.items() if kind == "Z" and body.get("of") in chosen}
    chosen |= {int(records[seq][1]["of"]) for seq in asked if records[seq][0] == "Z"}
    out().print(f"Records to be erased: {', '.join(map(str, sorted(chosen)))}")
    return officer.erase(seal, sorted(chosen), args.why, args.ref)


def _about(ref: str, records: _Records) -> list[int]:
    return [seq for seq, (_, body) in records.items() if ref and body.get("subject", {}).get("ref") == ref]


# ---- purge ------------------------------------------------------------------------------------------------------


def _purge_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--month", required=True, metavar="YYYY-MM", help="the month whose contents are deleted")
    parser.add_argument("--early", action="store_true", help="also before the retention of the enrolment is over")


def _purge(args: argparse.Namespace, records: _Records, seal: Seal) -> bytes:
    """Order the end of a month; whether its key is destroyed is read from the keyring, not claimed."""
    if not _MONTH.fullmatch(args.month):
        raise _RefusedError("a month is written YYYY-MM")
    month = args.month.replace("-", "")
    over = months_from(month, args.retention_months + 1)[-1]
    now = Clock(read_boot_id()).instant().month()
    if now < over and not args.early:
        raise _RefusedError(f"records of {args.month} are kept until {over[:4]}-{over[4:]}; --early orders it anyway")
    key: Literal["destroyed", "kept"] = "kept" if seal[0].identities(month) else "destroyed"
    if key == "kept":
        complain("the key of this month is still in your keyring. To destroy it: cordon officer retire-month")
    del records
    return officer.purge(seal, month, key, args.ref)


# ---- review -----------------------------------------------------------------------------------------------------


def _review_arguments(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument("--from", dest="first", required=True, type=int, metavar="N", help="first record you looked at")
    parser.add_argument("--to", dest="last", required=True, type=int, metavar="N", help="last record you looked at")
    parser.add_argument("--result", choices=("no-finding", "finding"), required=True)


def _review(args: argparse.Namespace, records: _Records, seal: Seal) -> bytes:
    if not 0 <= args.first <= args.last <= max(records, default=-1):
        raise _RefusedError(f"there are no records {args.first} to {args.last}")
    return officer.review(seal, (args.first, args.last), args.result, args.ref)


ORDERS = (
    Command(
        "audit approve",
        "Approve a change of policy, software or settings that a report names.",
        "cordon audit approve cordon-export.zip --record 12 --dir /media/stick/officer --ref change-2026-17",
        lambda args: _order(args, _approve),
        _approve_arguments,
    ),
    Command(
        "audit erase",
        "Order the erasure of single requests, each with its outcome.",
        "cordon audit erase cordon-export.zip --record 340 --dir /media/stick/officer --ref dsr-2026-4\n"
        "cordon audit erase cordon-export.zip --subject 20-12345 --dir /media/stick/officer --ref dsr-2026-5",
        lambda args: _order(args, _erase),
        _erase_arguments,
    ),
    Command(
        "audit purge",
        "Order the end of a month whose time is over: its contents are deleted, the tree stays.",
        "cordon audit purge cordon-export.zip --month 2020-11 --dir /media/stick/officer --ref retention-2026",
        lambda args: _order(args, _purge),
        _purge_arguments,
    ),
    Command(
        "audit review",
        "State that you looked at records, and what you found.",
        "cordon audit review cordon-export.zip --from 0 --to 900 --result no-finding --dir /media/stick/officer",
        lambda args: _order(args, _review),
        _review_arguments,
    ),
)
