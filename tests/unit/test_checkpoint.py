"""Notes, statements, checkpoints and anchors: form, keys, and that one is never taken for another."""

import json
from pathlib import Path

import pytest

from audit.checkpoint import (
    WITNESS,
    BadSignatureError,
    Checkpoint,
    Note,
    Signer,
    Vkey,
    checkpoint_code,
    cosign,
    cosignature_time,
    parse_statement,
    short_code,
    sign_checkpoint,
    sign_statement,
    statement_type,
    verify_checkpoint,
    verify_cosignature,
    verify_note,
    verify_statement,
)
from audit.strictjson import MalformedError

VECTORS = json.loads((Path(__file__).parents[1] / "golden/audit/vectors.json").read_text())
ORIGIN = VECTORS["origin"]
EPOCH = Signer(ORIGIN, bytes(32))
OFFICER = Signer("hospital.example/officer", b"\x01" * 32)
WITNESSER = Signer("hospital.example/officer-witness", b"\x02" * 32, WITNESS)
POINT = Checkpoint(ORIGIN, 7, bytes(range(32)))
REVIEW = {
    "v": 1,
    "origin": ORIGIN,
    "t": "2026-11-20T09:00:00.812+05:30",
    "from": 0,
    "to": 6,
    "result": "finding",
    "ref": "T-1",
}


def test_vkey_check_value():
    assert str(EPOCH.vkey) == VECTORS["vkey"]
    assert Vkey.parse(VECTORS["vkey"]) == EPOCH.vkey


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        VECTORS["vkey"].replace("aa3ea5cd", "aa3ea5ce"),
        VECTORS["vkey"].replace("AA3EA5CD", "AA3EA5CD")[:-4],
        VECTORS["vkey"].replace("+aa", "+AA"),
        "x" + VECTORS["vkey"],
        VECTORS["vkey"].replace("+AT", "+BT"),
    ],
)
def test_other_vkeys_are_refused(text):
    with pytest.raises(MalformedError):
        Vkey.parse(text)


def test_a_signer_shows_no_key():
    assert repr(OFFICER) == "Signer(hospital.example/officer, 32 bytes)"


def test_checkpoint_round_trip():
    data = sign_checkpoint(POINT, EPOCH)
    note = Note.parse(data)
    verify_checkpoint(note, [EPOCH.vkey], ORIGIN)
    assert Checkpoint.parse(note.text) == POINT
    assert note.encode() == data


def test_every_flipped_byte_is_refused():
    data = sign_checkpoint(POINT, EPOCH)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 1
        with pytest.raises((MalformedError, BadSignatureError)):
            verify_checkpoint(Note.parse(bytes(broken)), [EPOCH.vkey], ORIGIN)


def test_unknown_keys_are_ignored_but_do_not_suffice():
    note = Note.parse(sign_checkpoint(POINT, EPOCH) + OFFICER.line(bytes(64)).encode())
    verify_note(note, [EPOCH.vkey])
    with pytest.raises(BadSignatureError):
        verify_note(note, [Signer(ORIGIN, b"\x09" * 32).vkey])
    with pytest.raises(BadSignatureError):
        verify_note(note, [])


def test_a_failing_known_key_beside_a_good_one_spoils_the_note():
    note = Note.parse(sign_checkpoint(POINT, EPOCH) + OFFICER.line(bytes(64)).encode())
    with pytest.raises(BadSignatureError):
        verify_note(note, [EPOCH.vkey, OFFICER.vkey])


def test_seventeen_signatures_are_refused():
    data = sign_checkpoint(POINT, EPOCH)
    Note.parse(data + OFFICER.line(bytes(64)).encode() * 15)
    with pytest.raises(MalformedError):
        Note.parse(data + OFFICER.line(bytes(64)).encode() * 16)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: data.replace("—".encode(), b"--"),
        lambda data: data.replace(b"= \n", b"=\n") + b"junk\n",
        lambda data: b"\xff" + data,
        lambda data: b"x" * (128 * 1024) + data,
        lambda data: data.replace(b"\n7\n", b"\n07\n"),
    ],
)
def test_other_forms_are_refused(change):
    with pytest.raises((MalformedError, BadSignatureError)):
        verify_checkpoint(Note.parse(change(sign_checkpoint(POINT, EPOCH))), [EPOCH.vkey], ORIGIN)


@pytest.mark.parametrize(
    "text", ["a.b/c\n7\n", "a.b/c\n7\nAAAA\n", "a.b/c\n-1\n" + "A" * 43 + "=\n", "a.b/c\n7\n" + "A" * 43 + "=\nmore\n"]
)
def test_other_checkpoints_are_refused(text):
    with pytest.raises(MalformedError):
        Checkpoint.parse(text)


def test_a_checkpoint_of_another_origin_is_refused():
    other = sign_checkpoint(Checkpoint("a.b/c", 7, bytes(32)), EPOCH)
    with pytest.raises(BadSignatureError):
        verify_checkpoint(Note.parse(other), [EPOCH.vkey], ORIGIN)


def test_statement_round_trip():
    note = Note.parse(sign_statement("review", REVIEW, OFFICER))
    verify_statement(note, "review", OFFICER.vkey, ORIGIN)
    assert statement_type(note) == "review"
    assert parse_statement(note, "review") == REVIEW


def test_a_statement_of_another_type_origin_or_key_is_refused():
    note = Note.parse(sign_statement("review", REVIEW, OFFICER))
    with pytest.raises(MalformedError):
        verify_statement(note, "approval", OFFICER.vkey, ORIGIN)
    with pytest.raises(BadSignatureError):
        verify_statement(note, "review", OFFICER.vkey, "a.b/c")
    with pytest.raises(BadSignatureError):
        verify_statement(note, "review", EPOCH.vkey, ORIGIN)


def test_a_statement_outside_its_shape_is_not_signed():
    for wrong in (REVIEW | {"more": 1}, REVIEW | {"result": "maybe"}, {"v": 1}, REVIEW | {"ref": "a name"}):
        with pytest.raises(MalformedError):
            sign_statement("review", wrong, OFFICER)


def test_kinds_of_notes_are_never_confused():
    checkpoint = Note.parse(sign_checkpoint(POINT, EPOCH))
    statement = Note.parse(sign_statement("review", REVIEW, OFFICER))
    assert statement_type(checkpoint) is None
    with pytest.raises(MalformedError):
        Checkpoint.parse(statement.text)
    with pytest.raises(BadSignatureError):
        verify_note(Note.parse(cosign(checkpoint, WITNESSER, 5)), [WITNESSER.vkey])


def test_anchor_round_trip():
    note = Note.parse(cosign(Note.parse(sign_checkpoint(POINT, EPOCH)), WITNESSER, 1_795_000_000))
    verify_checkpoint(note, [EPOCH.vkey, WITNESSER.vkey], ORIGIN)
    verify_cosignature(note, WITNESSER.vkey)
    assert cosignature_time(note, WITNESSER.vkey) == 1_795_000_000


def test_a_wrong_anchor_is_refused():
    plain = Note.parse(sign_checkpoint(POINT, EPOCH))
    good = cosign(plain, WITNESSER, 5)
    with pytest.raises(BadSignatureError):
        verify_cosignature(plain, WITNESSER.vkey)
    with pytest.raises(BadSignatureError):
        cosignature_time(plain, WITNESSER.vkey)
    moved = Note(POINT.text().replace("\n7\n", "\n8\n"), Note.parse(good).signatures)
    with pytest.raises(BadSignatureError):
        verify_cosignature(moved, WITNESSER.vkey)
    short = Note.parse(plain.encode() + WITNESSER.line(bytes(64)).encode())
    with pytest.raises(BadSignatureError):
        verify_cosignature(short, WITNESSER.vkey)
    with pytest.raises(MalformedError):
        cosign(plain, OFFICER, 5)


def test_codes_for_voice_and_paper():
    assert short_code(bytes(range(32))) == "0001-0203-0405-0607-0809"
    assert checkpoint_code(POINT) == "7-0001-0203-0405-0607-0809"
