"""`cordon officer init` and `cordon enrol`: keys that open again, codes that are compared, months before signatures."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from audit.checkpoint import Note, Vkey, parse_statement, verify_statement
from audit.officer import request_code
from audit.seal import Identity
from proxy.cli.officer_keys import KeysError, OfficerFiles, open_identity, read_keyring, read_trust
from tests.kit.commands import OFFICER_SITE, Ran, cordon, officer_folder, settings_file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """One officer as the command makes her: four runs of scrypt, so only once."""
    folder = tmp_path_factory.mktemp("stick") / "officer"
    return folder, cordon("officer", "init", "--site", OFFICER_SITE, "--dir", folder, "--json")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A computer's request, made by the command."""
    folder = tmp_path_factory.mktemp("computer")
    assert cordon("audit", "init", "--config", settings_file(folder), "--out", folder).status == 0
    return (folder / "enrol-request.note").read_bytes()


@pytest.fixture
def request_note(asked: bytes, tmp_path: Path) -> Path:
    """Its file, on its way to the officer."""
    path = tmp_path / "enrol-request.note"
    path.write_bytes(asked)
    return path


# ---- officer init ----------------------------------------------------------------------------------------------


def test_each_passphrase_opens_its_identity_and_each_identity_the_keyring(made: tuple[Path, Ran]) -> None:
    folder, ran = made
    assert ran.status == 0
    said = json.loads(ran.out)
    assert set(said["passphrases"]) == {"officer", "deputy"}
    for name, passphrase in said["passphrases"].items():
        assert len(passphrase) == 23
        identity = open_identity(folder / f"{name}.identity.age", lambda _, said=passphrase: said)
        assert read_keyring(folder / "keyring.age", [identity]).site == OFFICER_SITE


def test_only_what_must_be_is_written_and_only_for_the_owner(made: tuple[Path, Ran]) -> None:
    folder, ran = made
    names = {path.name for path in folder.iterdir()}
    assert names == {"officer.identity.age", "deputy.identity.age", "keyring.age", "trust.json", "drill.json"}
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    for passphrase in json.loads(ran.out)["passphrases"].values():
        assert not any(passphrase.encode() in path.read_bytes() for path in folder.iterdir())
    assert "AGE-SECRET-KEY" not in ran.out + ran.err


def test_trust_is_the_public_half(made: tuple[Path, Ran]) -> None:
    folder, _ = made
    trust = read_trust(folder / "trust.json")
    assert (trust.site, trust.officer.name) == (OFFICER_SITE, f"{OFFICER_SITE}/officer")


def test_for_a_person_it_is_a_table_and_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.seal._WORK_FACTOR", 10)  # a person waits for the real one; this test looks at words
    names = ("--name", "nimali", "--name", "ruwan", "--name", "third")
    ran = cordon("officer", "init", "--site", OFFICER_SITE, "--dir", tmp_path / "o", *names)
    assert ran.status == 0
    assert "third.identity.age" in ran.out
    assert "opened with each of 3 identities" in ran.out
    assert "cordon enrol" in ran.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--site", "Not A Domain"), "not a domain"),
        (("--site", OFFICER_SITE, "--name", "alone"), "two different names"),
        (("--site", OFFICER_SITE, "--name", "twin", "--name", "twin"), "two different names"),
        (("--site", OFFICER_SITE, "--name", "../x", "--name", "b"), "lower-case word"),
    ],
)
def test_wrong_use_makes_nothing(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    ran = cordon("officer", "init", "--dir", tmp_path / "o", *words)
    assert ran.status == 64
    assert says in ran.err
    assert "nothing was made" in ran.err
    assert not (tmp_path / "o").exists()


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("something")
    ran = cordon("officer", "init", "--site", OFFICER_SITE, "--dir", tmp_path)
    assert ran.status == 64
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.seal._WORK_FACTOR", 10)
    (tmp_path / "file").write_text("")
    ran = cordon("officer", "init", "--site", OFFICER_SITE, "--dir", tmp_path / "file" / "o")
    assert ran.status == 2
    assert "cannot be written" in ran.err


def test_keys_that_do_not_open_again_are_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A medium that returns other bytes than were written: the drill finds it before anybody relies on the keys."""
    monkeypatch.setattr("audit.seal._WORK_FACTOR", 10)
    monkeypatch.setattr("proxy.cli.officer.seal_keyring", lambda *_: b"age-encryption.org/v1\nspoilt")
    ran = cordon("officer", "init", "--site", OFFICER_SITE, "--dir", tmp_path / "o")
    assert ran.status == 2
    assert "do not use them" in ran.err
    assert ran.out == ""


# ---- the officer's files ---------------------------------------------------------------------------------------


def test_a_wrong_passphrase_opens_nothing(made: tuple[Path, Ran]) -> None:
    folder, _ = made
    with pytest.raises(KeysError, match="passphrase does not open"):
        open_identity(folder / "officer.identity.age", lambda _: "aaaaa-aaaaa-aaaaa-aaaaa")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"AGE-SECRET-KEY-PQ-1QQ", b"two\nlines\n", b"age-encryption.org/v1\nno"]
)
def test_what_is_no_identity_is_said_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.identity.age"
    path.write_bytes(content)
    with pytest.raises(KeysError, match="is not an identity file") as caught:
        open_identity(path, lambda _: "p")
    assert "lines" not in str(caught.value)


def test_missing_files_are_sentences(tmp_path: Path) -> None:
    for read in (
        lambda: open_identity(tmp_path / "a", lambda _: "p"),
        lambda: read_keyring(tmp_path / "b", [Identity(bytes(32))]),
        lambda: read_trust(tmp_path / "c"),
    ):
        with pytest.raises(KeysError):
            read()


def test_an_identity_is_chosen_only_where_there_is_no_choice(tmp_path: Path) -> None:
    two = OfficerFiles.in_folder(officer_folder(tmp_path / "two"))
    assert two.keyring is not None
    assert two.identity is None
    one = OfficerFiles.in_folder(officer_folder(tmp_path / "one", ("alone",)))
    assert one.identity == tmp_path / "one" / "alone.identity.age"
    (tmp_path / "two" / "demo.identity").write_text("")
    assert OfficerFiles.in_folder(tmp_path / "two").identity == tmp_path / "two" / "demo.identity"
    assert OfficerFiles.in_folder(tmp_path / "none") == OfficerFiles()


# ---- enrol -----------------------------------------------------------------------------------------------------


def _enrol(request: Path, officer: Path, *more: object) -> Ran:
    identity = officer / "nimali.identity.age"
    return cordon("enrol", request, "--dir", officer, "--identity", identity, "--out", request.parent / "e.note", *more)


def test_an_enrolment_is_signed_for_this_computer_after_the_months_are_stored(
    request_note: Path, tmp_path: Path
) -> None:
    officer = officer_folder(tmp_path / "officer")
    ran = _enrol(request_note, officer, "--yes")
    assert ran.status == 0
    request = request_note.read_bytes()
    assert request_code(request) in ran.out
    note = Note.parse((tmp_path / "e.note").read_bytes())
    trust, asked = read_trust(officer / "trust.json"), parse_statement(Note.parse(request), "enrol-request")
    verify_statement(note, "enrolment", trust.officer, asked["origin"])
    body = parse_statement(note, "enrolment")
    assert Vkey.parse(body["epoch0"]) == Vkey.parse(asked["epoch0"])
    assert (len(body["months"]), body["retention_months"], body["custody"]) == (24, 72, "separate")
    identity = open_identity(officer / "ruwan.identity.age", lambda _: "")
    keyring = read_keyring(officer / "keyring.age", [identity])
    assert [name for name, _ in keyring.months] == [name for name, _ in body["months"]]


def test_a_second_computer_keeps_the_months_that_are_there(request_note: Path, tmp_path: Path) -> None:
    officer = officer_folder(tmp_path / "officer")
    assert _enrol(request_note, officer, "--yes", "--months", "2").status == 0
    identity = open_identity(officer / "nimali.identity.age", lambda _: "")
    before = read_keyring(officer / "keyring.age", [identity]).months
    assert _enrol(request_note, officer, "--yes", "--months", "3").status == 0
    after = read_keyring(officer / "keyring.age", [identity]).months
    assert after[:2] == before
    assert len(after) == 3


def test_without_a_person_nothing_is_signed(
    request_note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    officer = officer_folder(tmp_path / "officer")
    before = (officer / "keyring.age").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))  # not a terminal: an answer from a pipe is nobody's
    ran = _enrol(request_note, officer)
    assert ran.status == 1
    assert "nothing was signed" in ran.err
    assert (officer / "keyring.age").read_bytes() == before
    assert not (tmp_path / "e.note").exists()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "status"), [("yes\n", 0), ("y\n", 0), ("no\n", 1), ("\n", 1), ("", 1), ("maybe\n", 1)]
)
def test_a_person_says_yes_or_it_is_no(
    request_note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal(typed))
    assert _enrol(request_note, officer_folder(tmp_path / "officer")).status == status
    assert (tmp_path / "e.note").exists() is (status == 0)


def test_a_changed_request_is_not_signed(request_note: Path, tmp_path: Path) -> None:
    request_note.write_bytes(request_note.read_bytes().replace(b'"v":1', b'"v":2'))
    ran = _enrol(request_note, officer_folder(tmp_path / "officer"), "--yes")
    assert ran.status == 2
    assert "not a genuine enrolment request" in ran.err


@pytest.mark.parametrize(
    "change", [lambda note: note[:-8] + b"AAAAAA=\n", lambda _: b"not a note", lambda _: b"x" * 200_000]
)
def test_what_is_no_request_is_not_signed(request_note: Path, tmp_path: Path, change) -> None:
    request_note.write_bytes(change(request_note.read_bytes()))
    ran = _enrol(request_note, officer_folder(tmp_path / "officer"), "--yes")
    assert ran.status == 2
    assert "nothing was signed" in ran.err


def test_months_and_retention_have_limits(request_note: Path, tmp_path: Path) -> None:
    officer = officer_folder(tmp_path / "officer")
    for words in (("--months", "0"), ("--months", "49"), ("--retention", "5")):
        ran = _enrol(request_note, officer, "--yes", *words)
        assert ran.status == 64
        assert "nothing was signed" in ran.err


def test_which_identity_must_be_said(request_note: Path, tmp_path: Path) -> None:
    officer = officer_folder(tmp_path / "officer")
    ran = cordon("enrol", request_note, "--dir", officer, "--yes")
    assert (ran.status, "--identity" in ran.err) == (2, True)
    ran = cordon("enrol", request_note, "--dir", tmp_path / "empty", "--yes")
    assert (ran.status, "there is no keyring" in ran.err) == (2, True)
    ran = cordon("enrol", tmp_path / "nowhere", "--dir", officer, "--yes")
    assert (ran.status, "cannot be read" in ran.err) == (2, True)


def test_a_keyring_with_one_identity_enrols_nobody(request_note: Path, tmp_path: Path) -> None:
    officer = officer_folder(tmp_path / "officer", ("nimali",))
    ran = _enrol(request_note, officer, "--yes")
    assert ran.status == 2
    assert "one identity only" in ran.err


def test_another_officers_identity_does_not_open(request_note: Path, tmp_path: Path) -> None:
    officer, other = officer_folder(tmp_path / "officer"), officer_folder(tmp_path / "other")
    ran = cordon("enrol", request_note, "--dir", officer, "--identity", other / "nimali.identity.age", "--yes")
    assert ran.status == 2
    assert "does not open" in ran.err


def test_a_passphrase_is_asked_for_on_a_terminal_or_read_from_a_named_file(
    made: tuple[Path, Ran], request_note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, ran = made
    secret = tmp_path / "passphrase"
    secret.write_text(json.loads(ran.out)["passphrases"]["deputy"] + "\n")
    words = ("enrol", request_note, "--dir", folder, "--identity", folder / "deputy.identity.age", "--yes")
    done = cordon(*words, "--out", tmp_path / "e.note", "--passphrase-file", secret)
    assert done.status == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    alone = cordon(*words, "--out", tmp_path / "f.note")
    assert (alone.status, "--passphrase-file" in alone.err) == (2, True)
    nowhere = cordon(*words, "--out", tmp_path / "f.note", "--passphrase-file", tmp_path / "nowhere")
    assert (nowhere.status, "nothing was done" in nowhere.err) == (2, True)
    assert not (tmp_path / "f.note").exists()


def test_an_answer_that_cannot_be_written_is_said(request_note: Path, tmp_path: Path) -> None:
    officer = officer_folder(tmp_path / "officer")
    identity = officer / "nimali.identity.age"
    target = tmp_path / "no" / "e.note"
    ran = cordon("enrol", request_note, "--dir", officer, "--identity", identity, "--out", target, "--yes")
    assert ran.status == 2
    assert "not enrolled" in ran.err
