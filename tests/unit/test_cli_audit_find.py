"""`cordon audit find`, `erase --subject`, `purge`: one patient, one month, and what is left of them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from audit.checkpoint import Note, parse_statement
from audit.export.subject import find_subject
from audit.seal import subject_ref
from tests.kit.audit_house import DAY_MS, House, outcome, pack, quick_folder, states
from tests.kit.commands import Ran, cordon, write_officer
from tests.kit.dossiers import dossier_of

folder = pytest.fixture(scope="module")(quick_folder)
PATIENT = "PHN 20-12345"


@pytest.fixture(scope="module")
def house(folder: Path) -> House:
    """Two patients and a request without one; a package in the middle."""
    made = House(folder).enrol()
    log = made.open()
    made.evidence(log, "start")
    for number, subject in enumerate((PATIENT, "PHN 99-99999", None, PATIENT)):
        ticket = made.begin(log, number, subject=subject)
        log.close(ticket, outcome(), at=made.clock.pass_ms(800))
        if number == 1:
            body = {"from": 0, "to": ticket.seq, "size": ticket.seq + 2, "manifest": "ab" * 32}
            log.append("O", body, at=made.clock.pass_ms(10))
    (folder / "package.zip").write_bytes(pack(log, made.clock.pass_ms(100)))
    log.stop("stop", at=made.clock.pass_ms(100))
    write_officer(folder / "officer", made.keyring, {"nimali": made.identities[0]})
    return made


def find(house: House, *more: object) -> Ran:
    return cordon("audit", "find", house.path / "package.zip", *more)


def test_everything_about_one_patient_and_nothing_else(house: House) -> None:
    said = json.loads(find(house, "--subject", PATIENT, "--json").out)
    assert len(said["requests"]) == 2
    assert len(said["records"]) == 4
    assert said["without_subject"] == 1
    assert said["searched"]["whole"]
    assert [package["seq"] for package in said["packages"]] == [7]
    assert PATIENT not in json.dumps(said)


def test_the_pseudonym_finds_the_same(house: House) -> None:
    by_name = json.loads(find(house, "--subject", PATIENT, "--json").out)
    assert json.loads(find(house, "--subject", by_name["subject"], "--json").out) == by_name


def test_in_words_for_a_person(house: House, tmp_path: Path) -> None:
    ran = find(house, "--subject", PATIENT, "--out", tmp_path / "answer.csv")
    assert ran.status == 0
    assert "Searched: records 0 to" in ran.out
    assert "requests name no patient" in ran.out
    assert "tell whoever has it" in ran.out
    rows = list(csv.DictReader(io.StringIO((tmp_path / "answer.csv").read_text("utf-8-sig"))))
    assert len(rows) == 2
    assert PATIENT not in ran.out + ran.err + str(rows)
    assert find(house, "--subject", PATIENT, "--out", tmp_path / "answer.csv").status == 4  # nothing is overwritten


def test_nobody_by_that_name(house: House) -> None:
    ran = find(house, "--subject", "PHN 20-1234")
    assert (ran.status, "No record about this patient was found." in ran.out) == (1, True)


def test_keys_are_needed(house: House) -> None:
    trust = house.path / "officer" / "trust.json"
    (house.path / "bare").mkdir(exist_ok=True)
    (house.path / "bare" / "p.zip").write_bytes((house.path / "package.zip").read_bytes())
    ran = cordon("audit", "find", house.path / "bare" / "p.zip", "--subject", PATIENT, "--trust", trust)
    assert (ran.status, "nothing was searched" in ran.err) == (4, True)


def test_a_changed_log_is_not_searched(house: House) -> None:
    data = bytearray((house.path / "package.zip").read_bytes())
    data[data.index(b"hospital.example/cordon") + 3] ^= 1
    spoiled = house.path / "spoiled.zip"
    spoiled.write_bytes(bytes(data))
    ran = cordon("audit", "find", spoiled, "--subject", PATIENT)
    assert (ran.status, "does not verify" in ran.err) == (2, True)


def order(house: House, verb: str, *more: object) -> Ran:
    words = ("--dir", house.path / "officer", "--out", house.path / "order.note", "--ref", "DSR-7")
    return cordon("audit", verb, house.folder, *words, *more)


def test_a_patient_is_erased_and_found_no_more(house: House) -> None:
    ran = order(house, "erase", "--subject", PATIENT)
    assert ran.status == 0, ran.err
    note = (house.path / "order.note").read_bytes()
    seqs = parse_statement(Note.parse(note), "tombstone")["seqs"]
    assert len(seqs) == 4
    log = house.open()
    house.evidence(log, "start")
    log.accept(note, at=house.clock.pass_ms(10))
    log.stop("stop", at=house.clock.pass_ms(10))
    left = find_subject(dossier_of(house), subject_ref(key(house), PATIENT))
    assert (left.exchanges, left.unreadable, left.whole) == ((), 2, False)
    assert states(house.examine()) == {}
    assert order(house, "erase", "--subject", "PHN 1").status == 2
    assert order(house, "erase").status == 2


def key(house: House) -> bytes:
    from audit.log import read_directory
    from audit.reader import subject_key_of
    from audit.verify import from_directory

    found = subject_key_of(from_directory(read_directory(house.folder)), house.trust, house.keyring)
    assert found is not None
    return found


def test_a_month_is_purged_only_when_its_time_is_over(house: House) -> None:
    for month in ("2026-13", "2026-1"):
        assert order(house, "purge", "--month", month).status == 2
    ran = order(house, "purge", "--month", "2026-11")
    assert (ran.status, "are kept until 2032-11" in ran.err) == (2, True)
    ran = order(house, "purge", "--month", "2026-11", "--early")
    assert ran.status == 0
    assert "still in your keyring" in ran.err
    note = (house.path / "order.note").read_bytes()
    assert parse_statement(Note.parse(note), "purge")["key"] == "kept"
    house.clock.pass_ms(20 * DAY_MS)  # a month that is still written is not purged
    log = house.open()
    house.evidence(log, "start")
    log.accept(note, at=house.clock.pass_ms(10))
    log.stop("stop", at=house.clock.pass_ms(10))
    found = house.examine()
    assert found.totals["purged"] > 0
    assert set(states(found).values()) <= {"gap"}
