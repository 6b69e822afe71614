"""The officer's keys and orders."""

import pytest

from audit import officer
from audit.checkpoint import BadSignatureError, Note, parse_statement, verify_cosignature, verify_statement
from audit.officer import Keyring, Terms, Trust
from audit.seal import Identity, NotOpenedError, age_stanzas
from audit.strictjson import MalformedError
from tests.kit.audit_house import ORIGIN, SHA, House, counting_random

T = "2026-11-20T09:00:00.812+05:30"


@pytest.fixture
def identities():
    return [Identity(b"\x01" * 32), Identity(b"\x02" * 32)]


@pytest.fixture
def keyring(identities) -> Keyring:
    ring = officer.new_keyring("hospital.example", [item.recipient() for item in identities], counting_random())
    return officer.with_months(ring, officer.months_from("202611", 24), counting_random())


def test_months_run_over_the_year():
    assert officer.months_from("202611", 3) == ("202611", "202612", "202701")
    assert len(officer.months_from("202611", 24)) == 24


def test_months_get_one_key_each(keyring):
    again = officer.with_months(keyring, officer.months_from("202610", 3), counting_random())
    assert [month for month, _ in again.months] == [*officer.months_from("202611", 24), "202610"]
    assert again.identities("202611") == keyring.identities("202611")
    assert again.identities("209901") == []


def test_a_keyring_opens_with_either_identity(keyring, identities):
    data = officer.seal_keyring(keyring, counting_random())
    assert age_stanzas(data) == ("mlkem768x25519",) * 2
    assert officer.open_keyring(data, identities[:1]) == officer.open_keyring(data, identities[1:]) == keyring
    with pytest.raises(NotOpenedError):
        officer.open_keyring(data, [Identity(bytes(32))])


def test_one_recipient_is_too_few_but_for_a_demonstration(identities):
    lonely = officer.new_keyring("hospital.example", [identities[0].recipient()], counting_random())
    with pytest.raises(MalformedError):
        officer.seal_keyring(lonely, counting_random())
    assert officer.open_keyring(officer.seal_keyring(lonely, counting_random(), "same-machine"), identities) == lonely


def test_no_key_is_shown(keyring):
    shown = repr(keyring)
    assert "AGE-SECRET" not in shown
    assert keyring.sign_seed.hex() not in shown
    assert repr(keyring.sign_seed) not in shown


def test_trust_is_the_public_half(keyring):
    trust = keyring.trust()
    assert Trust.parse(trust.encode()) == trust
    assert trust.officer != trust.witness
    for data in (b"", trust.encode().replace(b'"v":1', b'"v":2'), trust.encode()[:-5]):
        with pytest.raises(MalformedError):
            Trust.parse(data)


def test_passphrases_are_long_and_readable():
    phrase = officer.new_passphrase(counting_random())
    assert [len(group) for group in phrase.split("-")] == [5, 5, 5, 5]
    random = counting_random()
    assert len({officer.new_passphrase(random) for _ in range(5)}) == 5


def test_enrolment_answers_a_request(tmp_path):
    house = House(tmp_path).enrol()
    note = Note.parse((house.folder / "notes/enrolment-0.note").read_bytes())
    verify_statement(note, "enrolment", house.trust.officer, ORIGIN)
    body = parse_statement(note, "enrolment")
    assert [month for month, _ in body["months"]] == list(house.months())
    assert officer.request_code(house.request).count("-") == 4
    with pytest.raises(MalformedError):
        officer.enrol(house.request, house.keyring, Terms(("209901",), (), ()), T)
    with pytest.raises(MalformedError):
        officer.enrol(house.request, house.keyring, Terms(house.months(), (), (), retention_months=5), T)
    with pytest.raises((MalformedError, BadSignatureError)):
        officer.enrol(
            house.request.replace(b"ws", b"wt").replace(b"0f0e", b"0f0f"), house.keyring, Terms((), (), ()), T
        )


def test_orders_say_what_they_order(keyring):
    seal = (keyring, ORIGIN, T)
    orders = {
        "tombstone": officer.erase(seal, [5, 4, 5], "erasure-request", "T-1"),
        "purge": officer.purge(seal, "202611", "destroyed", "T-2"),
        "approval": officer.approve(seal, "policy", SHA["policy"], "T-3"),
        "review": officer.review(seal, (0, 9), "no-finding", "T-4"),
    }
    for kind, data in orders.items():
        verify_statement(Note.parse(data), kind, keyring.trust().officer, ORIGIN)
    assert parse_statement(Note.parse(orders["tombstone"]), "tombstone")["seqs"] == [4, 5]
    with pytest.raises(MalformedError):
        officer.erase(seal, range(2001), "error", "T-5")
    with pytest.raises(MalformedError):
        officer.erase(seal, [1], "because", "T-5")


def test_an_anchor_is_the_checkpoint_and_her_line(tmp_path):
    house = House(tmp_path).enrol().run(1)
    anchor = Note.parse(house.anchor())
    verify_cosignature(anchor, house.trust.witness)
    assert anchor.text.encode() in (house.folder / "log/checkpoint").read_bytes()
    with pytest.raises(MalformedError):
        officer.anchor(officer.review(house.seal(), (0, 1), "finding", "T-1"), house.keyring, 5)


def test_retiring_a_month_forgets_its_key(keyring):
    assert officer.retire_month(keyring, "202611").identities("202611") == []
    assert officer.retire_month(keyring, "202611").identities("202612") == keyring.identities("202612")
