"""A log with everything in it that a report must tell, and a dossier of it in which nothing is left to chance."""

import hashlib
from dataclasses import replace
from pathlib import Path

from audit import officer
from audit.export.columns import HEADERS, exchanges, row
from audit.export.csv_file import write_csv
from audit.export.dossier import Dossier, open_dossier
from audit.export.fhir import write_ndjson
from audit.log import Blocked, Outcome, read_directory
from audit.log.disk import Disk
from audit.record import Caller, Redaction
from audit.report.page import Made, page
from audit.verify import from_directory
from tests.kit.audit_house import DAY_MS, SHA, House, blocked, outcome, safety

HOSTILE = "=cmd|'/C calc'!A0<b>&\""
"""A name that a spreadsheet would run and a browser would read as markup."""


def eventful(folder: Path) -> House:
    """Two days: answers, a withheld one, a failure, a crash in the middle, blocks, a flag, an erasure, a change."""
    house = House(folder).enrol()
    disk = Disk(house.folder)
    log = house.open(disk)
    house.evidence(log, "start")
    house.exchange(log, 0)
    ticket = house.begin(log, 1, caller=Caller(HOSTILE, "uid", HOSTILE[:32]), subject="patient 7")
    log.close(ticket, _outcome("refused", "response_refused"), at=house.clock.pass_ms(400))
    log.block(blocked(), at=house.clock.pass_ms(100))
    caller = Caller("uid:1001", "uid")
    log.block(
        Blocked("req-c", "ollama", caller, "access", "token_unknown", SHA["policy"], count=7),
        at=house.clock.pass_ms(100),
    )
    house.exchange(log, 2, "timeout")
    house.begin(log, 3, safety=safety("flag"), redact=Redaction("cordon-pii/1", (("LK_NIC", 2), ("XX_NEW", 1))))
    disk.unlock()  # the process is gone, without a word
    house.clock.reboot(DAY_MS)
    log = house.open()
    house.evidence(log, "start")
    house.exchange(log, 4)
    seqs = [entry for entry in _kinds(house) if entry[1] in "RZ"][:2]
    log.accept(officer.erase(house.seal(), [seq for seq, _ in seqs], "erasure-request", "DSR-7"), at=house.clock())
    log.stop("stop", at=house.clock.pass_ms(100))
    return house


def dossier_of(house: House) -> Dossier:
    return open_dossier(from_directory(read_directory(house.folder)), house.trust, house.keyring)


def steady(dossier: Dossier) -> Dossier:
    """The same without what is random in every run: sealed bytes, and so the leaves and the root over them."""
    leaves = {seq: hashlib.sha256(str(seq).encode()).digest() for seq in dossier.leaves}
    return replace(dossier, leaves=leaves, code="10-aaaa-bbbb-cccc-dddd-eeee")


MADE = Made("Cordon 0.0.0 (software 0000)", "2026-11-22T09:00:00.000+05:30")
REASONS = {"prompt_refused": "The safety policy refuses this prompt; no model answered it."}


def golden_files(dossier: Dossier) -> dict[str, bytes]:
    """What the corridor writes, of one dossier."""
    return {
        "report.html": page(dossier, MADE, REASONS, "lk"),
        "records.csv": write_csv(HEADERS, (row(exchange, REASONS) for exchange in exchanges(dossier))),
        "auditevents.ndjson": write_ndjson(dossier),
    }


def _outcome(result: str, code: str) -> Outcome:
    return replace(outcome(result), code=code)


def _kinds(house: House) -> list[tuple[int, str]]:
    opened = dossier_of(house)
    return [(seq, kind) for seq, (kind, _) in opened.records.items()]
