"""`cordon audit approve | erase | review`: about records that exist, in logs that verify, by the officer alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.checkpoint import Note, parse_statement, verify_statement
from audit.log import Accepted
from audit.verify import Verification
from proxy.cli.officer_keys import read_trust
from tests.kit.audit_house import ORIGIN, SHA, House, quick_folder, states
from tests.kit.commands import Ran, cordon, officer_folder, write_officer

folder = pytest.fixture(quick_folder)


@pytest.fixture
def house(folder: Path) -> House:
    """A day of work, then a day with other software: `KSERZRZRZBHEX`, then `KSC...`."""
    made = House(folder).enrol().run()
    made.software = SHA["other"]
    made.run()
    write_officer(folder / "keys", made.keyring, dict(zip(("nimali", "ruwan"), made.identities, strict=True)))
    return made


def order(house: House, verb: str, *more: object) -> Ran:
    keys = house.path / "keys"
    words = ("--dir", keys, "--identity", keys / "nimali.identity.age", "--out", house.path / "order.note")
    return cordon("audit", verb, house.folder, *words, *more)


def body(house: House, kind: str) -> dict[str, object]:
    """What the note says, once its signature is the officer's."""
    note = Note.parse((house.path / "order.note").read_bytes())
    verify_statement(note, kind, read_trust(house.path / "keys" / "trust.json").officer, ORIGIN)
    return parse_statement(note, kind)


def accepted(house: House) -> Accepted:
    """What the workstation makes of it."""
    log = house.open()
    house.evidence(log, "start")
    done = log.accept((house.path / "order.note").read_bytes(), at=house.clock.pass_ms(100))
    log.stop("stop", at=house.clock.pass_ms(100))
    return done


def records(house: House) -> dict[int, str]:
    keys = house.path / "keys"
    named = (
        "--trust",
        keys / "trust.json",
        "--keyring",
        keys / "keyring.age",
        "--identity",
        keys / "ruwan.identity.age",
    )
    lines = cordon("audit", "records", house.folder, *named, "--json").out.splitlines()
    return {row["seq"]: row["kind"] for row in map(json.loads, lines)}


def seq_of(house: House, kind: str, last: bool = False) -> int:
    found = [seq for seq, name in records(house).items() if name == kind]
    return found[-1 if last else 0]


def test_what_a_report_names_can_be_approved_by_its_number(house: House) -> None:
    before: Verification = house.examine()
    assert states(before) == {"V19": "gap", "V22": "gap"}
    ((_, finding),) = next(check for check in before.checks if check.id == "V19").findings
    ran = order(house, "approve", "--record", finding.seq, "--ref", "change-17")
    assert ran.status == 0
    assert body(house, "approval") | {"t": ""} == {
        "v": 1, "origin": ORIGIN, "t": "", "what": "software", "new": SHA["other"], "ref": "change-17",
    }  # fmt: skip
    assert accepted(house).kind == "C"
    assert states(house.examine()) == {}


def test_the_software_of_a_start_is_approved_by_its_start(house: House) -> None:
    start = seq_of(house, "S", last=True)
    assert order(house, "approve", "--record", start).status == 0
    assert body(house, "approval")["new"] == SHA["other"]


@pytest.mark.parametrize("kind", ["R", "E", "X"])
def test_what_is_no_change_is_not_approved(house: House, kind: str) -> None:
    ran = order(house, "approve", "--record", seq_of(house, kind))
    assert (ran.status, "is not a change" in ran.err) == (2, True)
    assert order(house, "approve", "--record", 9999).status == 2
    assert not (house.path / "order.note").exists()


def test_an_approval_is_not_approved_again(house: House) -> None:
    assert order(house, "approve", "--record", seq_of(house, "C")).status == 0
    given = accepted(house).seq
    ran = order(house, "approve", "--record", given)
    assert (ran.status, "is not a change" in ran.err) == (2, True)


@pytest.mark.parametrize("named", ["R", "Z"])
def test_a_request_is_erased_with_its_outcome(house: House, named: str) -> None:
    request, outcome = seq_of(house, "R"), seq_of(house, "Z")
    ran = order(house, "erase", "--record", {"R": request, "Z": outcome}[named], "--ref", "dsr-4")
    assert (ran.status, f"erased: {request}, {outcome}" in ran.out) == (0, True)
    assert body(house, "tombstone")["seqs"] == [request, outcome]
    assert accepted(house).kind == "T"
    found = house.examine()
    assert found.totals["erased"] == 2
    assert "V13" not in states(found)
    assert request not in {seq for seq, kind in records(house).items() if kind in "RZB"}


def test_only_requests_are_erased(house: House) -> None:
    for kind in "SEX":
        ran = order(house, "erase", "--record", seq_of(house, kind))
        assert (ran.status, "cannot" in ran.err or "can be opened" in ran.err) == (2, True)
    assert not (house.path / "order.note").exists()


def test_a_review_is_a_record(house: House) -> None:
    assert order(house, "review", "--from", 0, "--to", 5, "--result", "no-finding").status == 0
    said = body(house, "review")
    assert (said["from"], said["to"], said["result"]) == (0, 5, "no-finding")
    assert accepted(house).kind == "V"
    for first, last in ((5, 4), (0, 9999), (-1, 2)):
        assert order(house, "review", f"--from={first}", f"--to={last}", "--result", "finding").status == 2


def test_about_a_log_that_does_not_verify_there_is_no_order(house: House) -> None:
    tile = house.folder / "log" / "checkpoint"
    tile.write_bytes(tile.read_bytes()[:-6] + b"AAAA=\n")
    ran = order(house, "approve", "--record", 14)
    assert ran.status in (1, 2)
    assert "no order was written" in ran.err or "nothing was checked" in ran.err
    assert not (house.path / "order.note").exists()


def test_another_officer_gives_no_orders(house: House) -> None:
    other = officer_folder(house.path / "other")
    words = ("--dir", other, "--identity", other / "nimali.identity.age", "--out", house.path / "order.note")
    ran = cordon("audit", "approve", house.folder, *words, "--record", 14)
    assert (ran.status, "does not verify" in ran.err) == (1, True)
    nobody = cordon("audit", "approve", house.folder, "--dir", house.path / "none", "--record", 14)
    assert (nobody.status, "no complete keys" in nobody.err) == (2, True)
    assert not (house.path / "order.note").exists()


def test_a_reference_is_a_short_word(house: House) -> None:
    ran = order(house, "approve", "--record", seq_of(house, "C"), "--ref", "Mr Perera's request")
    assert (ran.status, "Perera" in ran.err) == (64, False)


def test_a_note_that_cannot_be_written(house: House) -> None:
    ran = order(house, "approve", "--record", seq_of(house, "C"), "--out", house.path / "none" / "x")
    assert (ran.status, "there is no order" in ran.err) == (2, True)
