"""When an epoch ends, and what its start writes down before anything refers to it."""

import pytest

from audit.checkpoint import Note, Signer, parse_statement, verify_statement
from audit.log.disk import Disk
from audit.log.epoch import EPOCH_MS, EPOCH_RECORDS, LiveEpoch, Place, hand_over, prepare
from audit.log.recovery import Enrolment
from audit.log.values import KeysExpired
from audit.record import Instant
from audit.seal import Ratchet, age_decrypt
from audit.shapes import unb64
from audit.strictjson import loads
from tests.kit.audit_house import BOOT, ORIGIN, START_MS, House, counting_random, quick_folder

folder = pytest.fixture(quick_folder)
MONTH_MS = 31 * 24 * 3_600_000


def live(month: str = "202611", records: int = 0) -> LiveEpoch:
    ratchet = Ratchet(bytes(32), ORIGIN, 3)
    for _ in range(records):
        ratchet.advance()
    return LiveEpoch(3, Signer(ORIGIN, bytes(32)), ratchet, month, 1000)


def at(utc_ms: int = START_MS, boot_ms: int = 1000) -> Instant:
    return Instant(utc_ms, 330, BOOT, boot_ms)


@pytest.mark.parametrize(
    ("epoch", "now", "over"),
    [
        (live(), at(), False),
        (live(), at(boot_ms=1000 + EPOCH_MS - 1), False),
        (live(), at(boot_ms=1000 + EPOCH_MS), True),
        (live(), at(utc_ms=START_MS + MONTH_MS), True),
        (live(), at(utc_ms=START_MS - MONTH_MS), False),
        (live(), at(utc_ms=0), False),
        (live("202612"), at(), False),
        (live(records=EPOCH_RECORDS - 1), at(), False),
        (live(records=EPOCH_RECORDS), at(), True),
    ],
)
def test_when_an_epoch_is_over(epoch, now, over):
    assert epoch.is_over(now) is over


def test_an_epoch_shows_no_key():
    assert repr(live()) == "LiveEpoch(3, Ratchet(index=0, 32 bytes))"


@pytest.fixture
def house(folder):
    return House(folder).enrol()


def enrolment(house: House) -> Enrolment:
    note = (house.folder / "notes/enrolment-0.note").read_bytes()
    return Enrolment((note,), parse_statement(Note.parse(note), "enrolment"))


def prepared(house: House, now: Instant, oldest: str = ""):
    signer = Signer(ORIGIN, b"\x04" * 32)
    place = Place(5, 77, bytes(range(32)), oldest)
    return prepare(Disk(house.folder), place, (signer, b"\x05" * 32, enrolment(house)), now, counting_random()), signer


def test_the_segment_file_opens_for_the_officer_alone(house):
    found, signer = prepared(house, at())
    note = Note.parse(found.body)
    verify_statement(note, "handover", signer.vkey, ORIGIN)
    body = parse_statement(note, "handover")
    data = (house.folder / "seg/000005.age").read_bytes()
    segment = loads(age_decrypt(house.keyring.identities("202611"), data))
    assert (segment["seg"], segment["from_seq"], segment["origin"], segment["share"]) == (5, 77, ORIGIN, "whole")
    assert (body["epoch"], body["size"], body["month"]) == (5, 77, "202611")
    with pytest.raises(ValueError, match="no identity"):
        age_decrypt(house.keyring.identities("202612"), data)


def test_the_successor_waits_until_the_handover(house):
    before = (house.folder / "state/next.key").read_bytes()
    found, _ = prepared(house, at())
    assert (house.folder / "state/next.key").read_bytes() == before
    hand_over(Disk(house.folder))
    stored = loads((house.folder / "state/next.key").read_bytes())
    assert stored["epoch"] == 6
    assert not (house.folder / "state/next.key.new").exists()
    named = parse_statement(Note.parse(found.body), "handover")["next"]
    assert str(Signer(ORIGIN, unb64(stored["seed"])).vkey) == named


@pytest.mark.parametrize(
    ("now", "oldest", "month"),
    [
        (at(START_MS + MONTH_MS), "", "202612"),
        (at(START_MS + MONTH_MS), "202611", "202612"),
        (at(0), "202611", "202611"),
        (at(START_MS - MONTH_MS), "202612", "202612"),
    ],
)
def test_the_month_never_goes_back(house, now, oldest, month):
    found, _ = prepared(house, now, oldest)
    assert found.live.month == month


@pytest.mark.parametrize("now", [at(0), at(START_MS - MONTH_MS), at(START_MS + 4 * MONTH_MS)])
def test_without_a_key_of_the_month_nothing_is_written(house, now):
    with pytest.raises(KeysExpired):
        prepared(house, now)
    assert not (house.folder / "seg").exists()
    assert not (house.folder / "state/next.key.new").exists()
