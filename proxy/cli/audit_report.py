"""`cordon audit report`: check a log, and write what an officer reads, signs and hands on.

Law: the room of the log makes the bytes, this file only writes them; a log that does not verify gets its report, too,
which says so. Files that are there already are not overwritten. The exit statuses are those of `cordon audit verify`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from audit.export.columns import HEADERS, code_of, exchanges, row
from audit.export.csv_file import write_csv
from audit.export.dossier import Dossier, open_dossier
from audit.export.fhir import write_ndjson
from audit.report.legal import COUNTRIES
from audit.report.page import Made, page
from proxy.cli.audit_check import STATUS, WRONG_USE, open_case, show, verify_arguments
from proxy.cli.command import Command, complain, err, out
from proxy.cli.officer_keys import KeysError
from proxy.clock import Clock, read_boot_id
from proxy.errors import ERRORS
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["REPORT"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    verify_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for the files; made if needed")
    parser.add_argument("--country", choices=COUNTRIES, default="", help="whose law is mapped: lk (PDPA), eu (GDPR)")


def _report(args: argparse.Namespace) -> int:
    try:
        with open_case(args) as case, err().status("Checking and counting every record ...", spinner="line"):
            if case.keyring is None:
                raise KeysError("records are sealed; no report was written. Name your keyring and your identity")
            dossier = open_dossier(case.package, case.trust, case.keyring, case.anchors)
            files = _files(dossier, args.country)
        _write(args.out, files)
    except KeysError as error:
        complain(str(error))
        return WRONG_USE
    except OSError as error:
        complain(f"{args.out} cannot be written ({error.strerror}); the report is not complete")
        return WRONG_USE
    if args.json:
        out().print(dossier.found.encode().decode("ascii"), markup=False)
    else:
        show(dossier.found, case.remarks, out())
        out().print(f"\nWritten to {args.out}: {', '.join(files)}", markup=False)
    return STATUS[dossier.found.verdict]


def _files(dossier: Dossier, country: str) -> Mapping[str, bytes]:
    software = code_of(bytes.fromhex(package_digest(package_dirs())))
    made = Made(f"Cordon {version('cordon-proxy')} (software {software})", Clock(read_boot_id()).instant().time())
    reasons = {code: entry.message for code, entry in ERRORS.items()}
    return {
        "report.html": page(dossier, made, reasons, country),
        "records.csv": write_csv(HEADERS, (row(exchange, reasons) for exchange in exchanges(dossier))),
        "auditevents.ndjson": write_ndjson(dossier),
        "verification.json": dossier.found.encode(),
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        raise KeysError(f"{folder} has {', '.join(taken)} already; nothing was written. Choose another folder")
    for name, data in files.items():
        with (folder / name).open("xb") as file:
            (folder / name).chmod(0o600)
            file.write(data)


REPORT = (
    Command(
        "audit report",
        "Check a log and write a report: a page to read and print, and the records as CSV and FHIR.",
        "cordon audit report cordon-export.zip --trust trust.json --keyring keyring.age --identity me.identity.age "
        "--out report --country lk\n"
        "cordon audit report ~/.local/share/cordon/demo --out report",
        _report,
        _arguments,
    ),
)
