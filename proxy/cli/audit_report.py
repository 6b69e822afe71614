"""`cordon audit report`: check a log, and write what an officer reads, signs and hands on.

Law: the room of the log makes the bytes, this file only writes them; a log that does not verify gets its report, too,
which says so. Files that are there already are not overwritten. The exit statuses are those of `cordon audit verify`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from audit.export.columns import HEADERS, code_of, exchanges, row
from audit.export.csv_file import write_csv
from audit.export.dossier import Dossier, open_dossier
from audit.export.fhir import write_ndjson
from audit.report.legal import COUNTRIES
from audit.report.page import Made, page
from audit.words import LANGUAGES, Words, words_of
from proxy.cli.audit_check import STATUS, WRONG_USE, open_case, progress, show, verify_arguments
from proxy.cli.command import Command, complain, err, out
from proxy.cli.fhir_schema import EventError, can_check, verify_events
from proxy.cli.officer_keys import KeysError
from proxy.cli.qr import qr_svg
from proxy.clock import Clock, read_boot_id
from proxy.errors import ERRORS
from proxy.workers.facts import package_digest, package_dirs

__all__ = ["REPORT"]


def _arguments(parser: argparse.ArgumentParser) -> None:
    verify_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for the files; made if needed")
    parser.add_argument("--lang", choices=tuple(LANGUAGES), default="en", help="language of the page (default: en)")
    parser.add_argument(
        "--country",
        choices=COUNTRIES,
        default="",
        help="whose law is mapped: lk PDPA, eu GDPR, sg PDPA, ae health data law, us HIPAA, ai EU AI Act",
    )


def _report(args: argparse.Namespace) -> int:
    try:
        with open_case(args) as case, progress("Checking and counting every record") as told:
            if case.keyring is None:
                raise KeysError("records are sealed; no report was written. Name your keyring and your identity")
            dossier = open_dossier(case.package, case.trust, case.keyring, case.anchors, told)
        files = _files(dossier, args.country, words_of(args.lang))
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
    if "report.xlsx" not in files:
        complain("there is no workbook: its library is not installed. Install it: pip install XlsxWriter")
    return _checked_events(files["auditevents.ndjson"], STATUS[dossier.found.verdict])


def _files(dossier: Dossier, country: str, words: Words) -> Mapping[str, bytes]:
    software = code_of(bytes.fromhex(package_digest(package_dirs())))
    by = f"Cordon {version('cordon-proxy')} (software {software})"
    made = Made(by, Clock(read_boot_id()).instant().time(), qr_svg(dossier.code) if dossier.code else "")
    reasons = {code: entry.message for code, entry in ERRORS.items()}
    csv = write_csv(HEADERS, (row(exchange, reasons) for exchange in exchanges(dossier)))
    files = {"report.html": page(dossier, made, reasons, country, words)}
    if find_spec("xlsxwriter") is not None:
        from audit.export.xlsx import write_xlsx  # only on an officer's computer

        files["report.xlsx"] = write_xlsx(dossier, reasons, csv)
    return files | {
        "records.csv": csv,
        "auditevents.ndjson": write_ndjson(dossier),
        "verification.json": dossier.found.encode(),
    }


def _checked_events(ndjson: bytes, status: int) -> int:
    """Hold the events against the official schema, where its libraries are; a fault here is ours, and is said."""
    if not can_check():
        return status
    try:
        with err().status("Holding the events against the official schema ...", spinner="line"):
            verify_events(ndjson)
    except EventError as error:
        complain(f"{error}. Do not pass auditevents.ndjson on; please report this")
        return WRONG_USE
    return status


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
        "Check a log and write a report: a page to read and print, and the records as a workbook, CSV and FHIR.",
        "cordon audit report cordon-export.zip --trust trust.json --keyring keyring.age --identity me.identity.age "
        "--out report --country lk\n"
        "cordon audit report ~/.local/share/cordon/demo --out report",
        _report,
        _arguments,
    ),
)
