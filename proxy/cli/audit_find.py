"""`cordon audit find`: everything recorded about one patient, for an access or an erasure request.

Law: only what verifies is searched; what could not be searched is said as plainly as what was found, because "nothing
found" is an answer a person may rely on. The identifier is used in memory and written nowhere.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from rich.table import Table

from audit.export.columns import HEADERS, row
from audit.export.csv_file import write_csv
from audit.export.dossier import open_dossier
from audit.export.subject import Subject, find_subject
from audit.reader import NotReadableError, subject_key_of
from audit.seal import subject_ref
from audit.words import readable, word
from proxy.cli.audit_check import WRONG_USE, Case, open_case, progress, verify_arguments
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.officer_keys import KeysError
from proxy.errors import ERRORS

__all__ = ["FIND", "ref_of"]

_REF = re.compile(r"hmac-sha256:[0-9a-f]{64}\Z")


def _arguments(parser: argparse.ArgumentParser) -> None:
    verify_arguments(parser)
    parser.add_argument(
        "--subject", required=True, metavar="ID", help="the identifier as the client sends it, or a hmac-sha256: value"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the records as CSV, for the person who asked")


def ref_of(case: Case, subject: str) -> str:
    """Return the pseudonym of an identifier in this log. Raises KeysError or NotReadableError."""
    if _REF.match(subject):
        return subject
    if case.keyring is None:
        raise KeysError("records are sealed; nothing was searched. Name your keyring and your identity")
    key = subject_key_of(case.package, case.trust, case.keyring)
    if key is None:
        raise KeysError("no segment of this package opens with your keys, so the pseudonym cannot be made")
    return subject_ref(key, subject)


def _find(args: argparse.Namespace) -> int:
    try:
        with open_case(args) as case, progress("Checking and searching every record") as told:
            ref = ref_of(case, args.subject)
            if case.keyring is None:
                raise KeysError("records are sealed; nothing was searched. Name your keyring and your identity")
            dossier = open_dossier(case.package, case.trust, case.keyring, case.anchors, told)
        if not dossier.code:
            raise NotReadableError
        found = find_subject(dossier, ref)
        if args.out is not None:
            reasons = {code: entry.message for code, entry in ERRORS.items()}
            with args.out.open("xb") as file:
                args.out.chmod(0o600)
                file.write(write_csv(HEADERS, (row(exchange, reasons) for exchange in found.exchanges)))
    except NotReadableError:
        complain("the log does not verify, so nothing of it was searched. See: cordon audit verify")
        return Exit.FAILED
    except KeysError as error:
        complain(str(error))
        return WRONG_USE
    except OSError as error:
        complain(f"{args.out} cannot be written ({error.strerror}); choose a new file")
        return WRONG_USE
    if args.json:
        sys.stdout.write(json.dumps(_body(found)) + "\n")
    else:
        _show(found, args)
    return Exit.DONE if found.exchanges else Exit.NO


def _body(found: Subject) -> dict[str, object]:
    return {
        "subject": found.ref,
        "records": list(found.records),
        "requests": [{"seq": e.seq, "t": e.begin["t"], "result": e.result} for e in found.exchanges],
        "packages": [{"seq": p.record, "t": p.t, "size": p.size} for p in found.packages],
        "searched": {"from": found.first, "to": found.last, "size": found.size, "whole": found.whole},
        "without_subject": found.without,
        "unreadable": found.unreadable,
    }


def _show(found: Subject, args: argparse.Namespace) -> None:
    console = out()
    console.print(f"Patient reference {found.ref}", markup=False)
    if found.exchanges:
        table = Table("record", "time", "asked by", "purpose", "result", "identifiers replaced", box=None)
        for e in found.exchanges:
            caller, purpose = e.begin["caller"]["id"], word("purposes", e.begin.get("purpose", ""))
            removed = str(sum(e.removed.values())) if "redact" in e.begin else ""
            table.add_row(str(e.seq), readable(e.begin["t"]), caller, purpose, word("results", e.result), removed)
        console.print(table)
    else:
        console.print("No record about this patient was found.")
    console.print()
    console.print(f"Searched: records {found.first} to {found.last} of {found.size}.")
    if not found.whole:
        console.print("Not searched: contents that this package does not hold, or that are erased or do not open.")
    if found.without:
        console.print(f"{found.without} requests name no patient, so it cannot be said whom they were about.")
    for package in found.packages:
        when = readable(package.t)
        console.print(f"Record {package.record}: a package made on {when} holds some of them; tell whoever has it.")
    if found.exchanges:
        console.print(f"To erase them: cordon audit erase {args.path} --subject ... --dir DIR --ref REF", markup=False)


FIND = (
    Command(
        "audit find",
        "Find everything recorded about one patient, for a request to see it or to have it erased.",
        "cordon audit find cordon-export.zip --subject 20-12345 --trust trust.json --keyring keyring.age "
        "--identity me.identity.age\n"
        "cordon audit find ~/.local/share/cordon/demo --subject 20-12345 --out answer.csv",
        _find,
        _arguments,
    ),
)
