"""`cordon audit ...`: the workstation's verbs on a real log, the officer's on logs that are whole, short or forged."""

from __future__ import annotations

import fcntl
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from audit.checkpoint import Checkpoint, Note, checkpoint_code
from audit.log.setup import Grant, create_demo
from audit.officer import request_code, retire_month
from audit.verify import Anchors, texts
from proxy.cli.audit_offline import state_of
from proxy.cli.officer_keys import anchor_folder, key_code, read_trust
from tests.kit.audit_house import SHA, Clock, House, counting_random, quick_folder
from tests.kit.commands import OFFICER_SITE, Ran, cordon, officer_folder, settings_file, write_officer

folder = pytest.fixture(quick_folder)


# ---- a workstation and its officer, by commands alone ----------------------------------------------------------


@pytest.fixture
def computer(folder: Path) -> Path:
    """A workstation's settings, its log made, its request handed out."""
    config = settings_file(folder)
    assert cordon("audit", "init", "--config", config, "--out", folder).status == 0
    return folder


@pytest.fixture
def enrolled(computer: Path) -> Path:
    """The same, enrolled by `officer/` beside it."""
    enrol(computer)
    assert accept(computer, "enrolment.note", "--yes").status == 0
    return computer


def enrol(place: Path, name: str = "enrolment.note") -> None:
    keys = place / "keys" if (place / "keys").exists() else officer_folder(place / "keys")
    identity = keys / "nimali.identity.age"
    words = ("--dir", keys, "--identity", identity, "--out", place / name, "--yes", "--months", "2")
    assert cordon("enrol", place / "enrol-request.note", *words).status == 0


def accept(place: Path, name: str, *more: str) -> Ran:
    return cordon("audit", "accept", place / name, "--config", place / "cordon.toml", *more)


def export(place: Path, *more: object) -> Ran:
    return cordon("audit", "export", "--config", place / "cordon.toml", "--out", place, "--json", *more)


def keys_of(place: Path) -> tuple[object, ...]:
    keys = place / "keys"
    return (
        "--trust",
        keys / "trust.json",
        "--keyring",
        keys / "keyring.age",
        "--identity",
        keys / "ruwan.identity.age",
    )


def test_init_hands_out_a_request_and_its_code(folder: Path) -> None:
    ran = cordon("audit", "init", "--config", settings_file(folder), "--out", folder, "--json")
    said = json.loads(ran.out)
    request = Path(said["request"]).read_bytes()
    assert said["code"] == request_code(request)
    assert said["origin"].startswith(f"{OFFICER_SITE}/cordon/")
    assert (folder / "audit" / "enrol-request.note").read_bytes() == request
    state = state_of(folder / "audit")
    assert (state.exists, state.enrolled, state.origin) == (True, False, said["origin"])


def test_a_second_init_changes_nothing(computer: Path) -> None:
    before = (computer / "audit" / "state" / "next.key").read_bytes()
    ran = cordon("audit", "init", "--config", computer / "cordon.toml", "--out", computer)
    assert ran.status == 2
    assert "nothing was changed" in ran.err
    assert (computer / "audit" / "state" / "next.key").read_bytes() == before


def test_a_request_that_cannot_be_handed_out_lies_beside_the_log(folder: Path) -> None:
    ran = cordon("audit", "init", "--config", settings_file(folder), "--out", folder / "nowhere")
    assert ran.status == 0
    assert "beside the log only" in ran.err
    assert str(folder / "audit" / "enrol-request.note") in ran.out


def test_init_needs_settings_that_would_start(folder: Path) -> None:
    config = settings_file(folder)
    config.write_text(config.read_text().replace("unsafe-allow-all", "hospital"))
    ran = cordon("audit", "init", "--config", config, "--out", folder)
    assert ran.status == 78
    assert not (folder / "audit").exists()
    config.write_text("[audit]\ncolour = 1\n")
    assert cordon("audit", "init", "--config", config).status == 78


def test_a_log_in_a_place_that_is_no_folder_is_said(folder: Path) -> None:
    (folder / "audit").write_text("")
    ran = cordon("audit", "init", "--config", settings_file(folder), "--out", folder)
    assert ran.status == 2


# ---- accept ----------------------------------------------------------------------------------------------------


def test_the_first_note_is_an_enrolment_whose_code_was_compared(computer: Path) -> None:
    enrol(computer)
    without = accept(computer, "enrolment.note")
    assert without.status == 1
    assert "not enrolled" in without.err
    assert not state_of(computer / "audit").enrolled
    done = accept(computer, "enrolment.note", "--yes")
    assert done.status == 0
    assert key_code(read_trust(computer / "keys" / "trust.json").officer) in done.out
    assert state_of(computer / "audit").enrolled


@pytest.mark.parametrize("data", [b"", b"not a note", b"a\n\n\xe2\x80\x94 x AAAAAAAAAA==\n"])
def test_another_first_note_is_refused(computer: Path, data: bytes) -> None:
    (computer / "x.note").write_bytes(data)
    ran = accept(computer, "x.note", "--yes")
    assert (ran.status, "not enrolled yet" in ran.err) == (1, True)


def test_a_changed_enrolment_is_refused(computer: Path) -> None:
    enrol(computer)
    note = (computer / "enrolment.note").read_bytes()
    (computer / "enrolment.note").write_bytes(note.replace(b'"retention_months":72', b'"retention_months":71'))
    ran = accept(computer, "enrolment.note", "--yes")
    assert ran.status == 1
    assert "not genuine" in ran.err
    assert not state_of(computer / "audit").enrolled


def test_a_later_enrolment_becomes_a_record(enrolled: Path) -> None:
    enrol(enrolled, "later.note")
    ran = accept(enrolled, "later.note")
    assert ran.status == 0
    assert "kind C" in ran.out
    assert (enrolled / "audit" / "notes" / "enrolment-1.note").is_file()


def test_a_note_of_somebody_else_leaves_the_log_as_it_was(enrolled: Path) -> None:
    (enrolled / "x.note").write_bytes(b"nonsense")
    ran = accept(enrolled, "x.note")
    assert ran.status == 1
    assert "the log is as it was" in ran.err
    missing = accept(enrolled, "nowhere.note")
    assert (missing.status, "cannot be read" in missing.err) == (2, True)


def test_while_another_writes_nothing_is_written(enrolled: Path) -> None:
    enrol(enrolled, "later.note")
    with (enrolled / "audit" / "state" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert state_of(enrolled / "audit").writing
        for ran in (accept(enrolled, "later.note"), export(enrolled)):
            assert ran.status == 2
            assert "the service is running" in ran.err
    assert not state_of(enrolled / "audit").writing
    assert accept(enrolled, "later.note").status == 0


def test_a_damaged_log_is_not_written_to(enrolled: Path) -> None:
    assert export(enrolled).status == 0
    tile = next((enrolled / "audit" / "log" / "tile" / "entries").rglob("*[0-9]"))
    while tile.is_dir():
        tile = next(tile.iterdir())
    tile.write_bytes(tile.read_bytes()[:-3] + b"xyz")
    ran = export(enrolled)
    assert ran.status == 2
    assert "audit_damaged" in ran.err


# ---- status ----------------------------------------------------------------------------------------------------


def test_status_tells_each_state_and_what_is_next(folder: Path) -> None:
    config = settings_file(folder)
    nothing = cordon("audit", "status", "--config", config)
    assert (nothing.status, "cordon audit init" in nothing.out) == (1, True)
    assert cordon("audit", "init", "--config", config, "--out", folder).status == 0
    waiting = cordon("audit", "status", "--config", config)
    assert (waiting.status, "cordon audit accept" in waiting.out) == (1, True)
    enrol(folder)
    assert accept(folder, "enrolment.note", "--yes").status == 0
    fresh = json.loads(cordon("audit", "status", "--config", config, "--json").out)
    assert (fresh["enrolled"], fresh["size"], fresh["code"]) == (True, 0, "")
    assert export(folder).status == 0
    ran = cordon("audit", "status", "--config", config)
    point = Checkpoint.parse(Note.parse((folder / "audit" / "log" / "checkpoint").read_bytes()).text)
    assert (ran.status, checkpoint_code(point) in ran.out, OFFICER_SITE in ran.out) == (0, True, True)


def test_status_of_what_cannot_be_read(computer: Path) -> None:
    (computer / "audit" / "state" / "wal").write_bytes(b"nonsense")
    ran = cordon("audit", "status", "--config", computer / "cordon.toml")
    assert (ran.status, "audit_damaged" in ran.err) == (2, True)
    assert cordon("audit", "status", "--config", computer / "nowhere.toml").status == 78


# ---- export ----------------------------------------------------------------------------------------------------


def test_a_package_verifies_and_its_export_is_recorded(enrolled: Path) -> None:
    said = json.loads(export(enrolled).out)
    package = Path(said["package"])
    assert package.suffix == ".zip"
    assert not list(enrolled.glob("*.new"))
    ran = cordon("audit", "verify", package, *keys_of(enrolled))
    assert (ran.status, ran.out.split("\n")[0].strip()) == (0, "VERIFIED")
    records = cordon("audit", "records", enrolled / "audit", *keys_of(enrolled), "--json").out.splitlines()
    assert [json.loads(line)["kind"] for line in records] == ["S", "O", "X"]
    assert json.loads(records[1])["size"] == said["records"]


def test_days_are_whole_and_both_are_named(enrolled: Path) -> None:
    assert export(enrolled, "--from", "2020-01-01").status == 64
    ran = export(enrolled, "--from", "2020-01-01", "--to", "2020-01-31")
    assert (ran.status, "no records on these days" in ran.err) == (1, True)
    assert not list(enrolled.glob("*.zip"))
    ran = export(enrolled, "--from", "2020-01-01", "--to", "2999-12-31")
    assert "_2020-01-01_2999-12-31_" in json.loads(ran.out)["package"]


def test_a_package_that_cannot_be_written_is_none(enrolled: Path) -> None:
    ran = cordon("audit", "export", "--config", enrolled / "cordon.toml", "--out", enrolled / "nowhere")
    assert (ran.status, "there is no package" in ran.err) == (2, True)
    assert export(enrolled).status == 0  # the log was closed cleanly


def test_before_the_log_exists_there_is_nothing_to_export(folder: Path) -> None:
    settings_file(folder)
    ran = export(folder)
    assert (ran.status, "cordon audit init" in ran.err) == (2, True)
    assert not (folder / "audit").exists()


# ---- verify ----------------------------------------------------------------------------------------------------


@pytest.fixture
def house(folder: Path) -> House:
    """A log with a day in it, and its officer's keys in `keys/`."""
    made = House(folder).enrol().run()
    identities = dict(zip(("nimali", "ruwan"), made.identities, strict=True))
    write_officer(folder / "keys", made.keyring, identities)
    return made


def verify(house: House, path: object, *more: object) -> Ran:
    return cordon("audit", "verify", path, *keys_of(house.path), *more)


def packed(house: House) -> Path:
    path = house.path / "package.zip"
    path.write_bytes(house.package())
    return path


def test_a_whole_log_is_said_in_words_and_in_a_table(house: House) -> None:
    ran = verify(house, house.folder)
    assert ran.status == 0
    verdict, words, *_ = ran.out.splitlines()
    assert verdict.strip() == "VERIFIED"
    assert words == texts()["verdicts"]["VERIFIED"]
    for id_, row in texts()["checks"].items():
        line = next(line for line in ran.out.splitlines() if line.startswith(id_))
        assert row["title"] in line
        assert "holds" in line
    assert "3 requests, 3 answered" in ran.out
    assert "name of a person 3" in ran.out


def test_for_machines_it_is_the_verification_byte_for_byte(house: House) -> None:
    ran = verify(house, house.folder, "--json")
    assert ran.out.encode() == house.examine().encode()


def test_without_a_keyring_only_the_structure_is_examined(house: House) -> None:
    ran = cordon("audit", "verify", house.folder, "--trust", house.path / "keys" / "trust.json")
    assert ran.status == 0
    assert texts()["structure_only"] in ran.out
    assert "not run" in ran.out


def test_a_gap_is_status_1(house: House) -> None:
    house.software = SHA["other"]
    house.run()
    ran = verify(house, house.folder)
    assert (ran.status, "VERIFIED WITH GAPS" in ran.out) == (1, True)
    assert "V22 Software: Unknown software version" in ran.out


def test_a_flipped_byte_is_status_2(house: House) -> None:
    package = packed(house)
    assert verify(house, package).status == 0
    data = bytearray(package.read_bytes())
    data[data.index(b"log/tile") + 60] ^= 1
    package.write_bytes(data)
    ran = verify(house, package)
    assert (ran.status, "NOT VERIFIED" in ran.out) == (2, True)


def test_a_deleted_record_is_status_2(house: House) -> None:
    blob = next(path for path in (house.folder / "blob").rglob("*") if path.is_file())
    blob.unlink()
    ran = verify(house, house.folder)
    assert (ran.status, "is missing without an order" in ran.out) == (2, True)


def test_a_month_without_its_key_is_status_3(house: House) -> None:
    short = retire_month(house.keyring, house.months()[0])
    write_officer(house.path / "keys", short, dict(zip(("nimali", "ruwan"), house.identities, strict=True)))
    ran = verify(house, house.folder)
    assert (ran.status, "CANNOT TELL" in ran.out) == (3, True)


def test_a_truncated_tail_is_found_by_the_book_and_by_paper(house: House) -> None:
    shutil.copytree(house.folder, house.path / "old")
    house.run()
    book = house.path / "book" / "any" / "name"
    book.mkdir(parents=True)
    (book / "1.note").write_bytes(house.anchor())
    point = Checkpoint.parse(Note.parse((house.folder / "log/checkpoint").read_bytes()).text)
    for more in (("--anchors", house.path / "book"), ("--paper", checkpoint_code(point))):
        assert verify(house, house.folder, *more).status == 0
        ran = verify(house, house.path / "old", *more)
        assert (ran.status, "were cut off" in ran.out) == (2, True)
    assert verify(house, house.path / "old").status == 0  # nobody can tell without an anchor


def test_a_code_that_cannot_be_read_is_not_taken_for_agreement(house: House) -> None:
    assert verify(house, house.folder, "--paper", "seven").status == 3


def test_another_officer_did_not_enrol_this_computer(house: House) -> None:
    other = officer_folder(house.path / "other")
    ran = cordon("audit", "verify", house.folder, "--trust", other / "trust.json")
    assert (ran.status, "never enrolled by you" in ran.out) == (2, True)


def test_keys_beside_the_log_are_used_and_said(house: House) -> None:
    (house.path / "keys").rename(house.path / "officer")
    identity = house.path / "officer" / "nimali.identity.age"
    for path in (house.path, house.folder, packed(house)):
        ran = cordon("audit", "verify", path, "--identity", identity)
        assert ran.status == 0
        assert "Keys were found beside the log" in ran.out
    unopened = cordon("audit", "verify", house.folder)
    assert "The keyring was not opened" in unopened.out
    assert "beside" not in verify_named(house).out


def verify_named(house: House) -> Ran:
    keys = house.path / "officer"
    words = (
        "--trust",
        keys / "trust.json",
        "--keyring",
        keys / "keyring.age",
        "--identity",
        keys / "ruwan.identity.age",
    )
    return cordon("audit", "verify", house.folder, *words)


def test_a_demonstration_is_recognised_by_its_folder(folder: Path) -> None:
    clock = Clock()
    grant = Grant(SHA["policy"], SHA["software"])
    demo = House(folder)
    create_demo(folder, uuid="0f0e0d0c-0b0a-4908-8706-050403020100", grant=grant, at=clock(), random=counting_random())
    demo.run()
    ran = cordon("audit", "verify", folder)
    assert ran.status == 0
    assert "Keys were found beside the log" in ran.out
    assert texts()["claims"]["demo"] in ran.out


TRUST = ("--trust", "keys/trust.json")


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere", *TRUST),
        ("audit",),
        ("audit", "--trust", "keys/keyring.age"),
        ("audit", *TRUST, "--keyring", "keys/trust.json", "--identity", "keys/nimali.identity.age"),
        ("audit", *TRUST, "--keyring", "keys/keyring.age", "--identity", "keys/trust.json"),
        ("audit", *TRUST, "--anchors", "keys", "--colour"),
        ("keys", *TRUST),
        (),
    ],
)
def test_wrong_use_is_status_4_and_a_sentence(house: House, monkeypatch, words: tuple[str, ...]) -> None:
    monkeypatch.chdir(house.path)
    ran = cordon("audit", "verify", *words)
    assert ran.status == 4
    assert ran.out == ""
    assert len(ran.err.strip()) > 20


def test_a_file_that_is_no_package_does_not_verify(house: House) -> None:
    path = house.path / "x.zip"
    path.write_bytes(b"PK nonsense")
    assert verify(house, path).status == 2
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    assert verify(house, path).status == 2


# ---- anchor ----------------------------------------------------------------------------------------------------


def anchor(house: House, path: object, *more: object) -> Ran:
    keys = house.path / "keys"
    words = ("--dir", keys, "--identity", keys / "nimali.identity.age", "--out", house.path / "anchor.note")
    return cordon("audit", "anchor", path, *words, *more)


def test_an_anchor_is_in_the_book_before_it_is_handed_out(house: House) -> None:
    ran = anchor(house, packed(house))
    assert ran.status == 0
    note = (house.path / "anchor.note").read_bytes()
    point = Checkpoint.parse(Note.parse(note).text)
    assert checkpoint_code(point) in ran.out
    stored = house.path / "keys" / anchor_folder(point.origin) / f"{point.size:012d}.note"
    assert stored.read_bytes() == note
    found = house.examine(Anchors(book=(note,)))
    assert found.independence["level"] == "I1"
    again = anchor(house, house.path / "package.zip")
    assert (again.status, (house.path / "anchor.note").read_bytes()) == (0, note)


def test_when_the_note_cannot_be_handed_out_the_book_still_has_it(house: House) -> None:
    package = packed(house)
    ran = anchor(house, package, "--out", house.path / "nowhere" / "a.note")
    assert (ran.status, "no anchor was handed out" in ran.err) == (2, True)
    assert list((house.path / "keys" / "anchors").rglob("*.note"))


def test_what_does_not_verify_is_not_signed(house: House) -> None:
    next(path for path in (house.folder / "blob").rglob("*") if path.is_file()).unlink()
    ran = anchor(house, house.folder)
    assert (ran.status, "nothing was signed" in ran.err) == (1, True)
    assert not (house.path / "anchor.note").exists()
    assert not (house.path / "keys" / "anchors").exists()


def test_an_older_package_than_the_book_is_not_signed(house: House) -> None:
    old = packed(house).read_bytes()
    house.run()
    assert anchor(house, packed(house)).status == 0
    before = (house.path / "anchor.note").read_bytes()
    (house.path / "old.zip").write_bytes(old)
    ran = anchor(house, house.path / "old.zip")
    assert ran.status == 1
    assert "were cut off" in ran.err
    assert (house.path / "anchor.note").read_bytes() == before


def test_a_book_that_knows_more_is_believed_by_its_names_alone(house: House) -> None:
    """A newer entry that cannot be read any more still says that a longer history was signed."""
    assert anchor(house, packed(house)).status == 0
    (stored,) = (house.path / "keys" / "anchors").rglob("*.note")
    (stored.parent / "000000999999.note").write_bytes(b"spoilt")
    house.run()
    ran = anchor(house, packed(house))
    assert (ran.status, "a newer anchor, of 999999 records" in ran.err) == (2, True)


def test_an_anchor_needs_the_officers_own_keys(house: House) -> None:
    (house.path / "keys").rename(house.path / "officer")
    ran = cordon("audit", "anchor", house.folder, "--dir", house.path / "elsewhere")
    assert (ran.status, "no complete keys" in ran.err) == (2, True)


def test_an_anchor_goes_back_into_the_log(enrolled: Path) -> None:
    package = json.loads(export(enrolled).out)["package"]
    keys = enrolled / "keys"
    words = ("--dir", keys, "--identity", keys / "nimali.identity.age", "--out", enrolled / "anchor.note")
    assert cordon("audit", "anchor", package, *words).status == 0
    ran = accept(enrolled, "anchor.note")
    assert (ran.status, "kind A" in ran.out) == (0, True)


# ---- records ---------------------------------------------------------------------------------------------------


def test_records_are_listed_one_a_line(house: House) -> None:
    ran = cordon("audit", "records", house.folder, *keys_of(house.path))
    assert ran.status == 0
    kinds = [line.split()[1] for line in ran.out.splitlines()]
    assert "".join(kinds) == "SERZRZRZBHEX"


def test_sealed_records_need_a_key_and_a_whole_log(house: House) -> None:
    closed = cordon("audit", "records", house.folder, "--trust", house.path / "keys" / "trust.json")
    assert (closed.status, closed.out) == (4, "")
    other = officer_folder(house.path / "other")
    words = ("--trust", other / "trust.json", *keys_of(house.path)[2:])
    forged = cordon("audit", "records", house.folder, *words)
    assert (forged.status, forged.out) == (2, "")
    assert "does not verify" in forged.err
