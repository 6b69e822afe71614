"""Before the first record: creating, enrolling, the demonstration."""

import pytest

from audit import officer
from audit.log import (
    AuditError,
    Grant,
    Log,
    NotEnrolled,
    Refused,
    create,
    create_demo,
    enrol,
    read_directory,
    read_officer,
)
from audit.verify import examine, from_directory, plain_words
from tests.kit.audit_house import ORIGIN, SHA, Clock, House, counting_random, quick_folder, states

UUID = "0f0e0d0c-0b0a-4908-8706-050403020100"
GRANT = Grant(SHA["policy"], SHA["software"])
folder = pytest.fixture(quick_folder)


def test_the_demonstration_is_real_and_says_what_it_is(folder):
    clock, random = Clock(), counting_random()
    create_demo(folder, uuid=UUID, grant=GRANT, at=clock(), random=random)
    trust, keyring = read_officer(folder / "officer")
    house = House(folder, clock=clock, random=random)
    house.keyring, house.trust = keyring, trust
    log = house.open()
    assert log.origin == f"demo.invalid/cordon/{UUID}"
    house.evidence(log, "start")
    house.exchange(log)
    house.evidence(log, "stop")
    log.stop("stop", at=clock.pass_ms(10))
    found = examine(from_directory(read_directory(folder / "audit")), trust, keyring)
    assert (found.verdict, states(found)) == ("VERIFIED", {})
    assert found.claims[-1] == "demo"
    assert "It shows how it works; it is not independent evidence." in "\n".join(plain_words(found))
    assert (folder / "officer/demo.identity").stat().st_mode & 0o777 == 0o600


def test_a_directory_is_used_once(folder):
    create(folder / "a", origin=ORIGIN, grant=GRANT, at=Clock()(), random=counting_random())
    with pytest.raises(Refused):
        create(folder / "a", origin=ORIGIN, grant=GRANT, at=Clock()(), random=counting_random())


def test_enrolment_comes_once_and_for_this_log(folder):
    house = House(folder)
    with pytest.raises(NotEnrolled):
        enrol(folder / "audit", b"")
    house.enrol()
    note = (house.folder / "notes/enrolment-0.note").read_bytes()
    with pytest.raises(Refused):
        enrol(house.folder, note)
    create(folder / "other", origin=ORIGIN, grant=GRANT, at=Clock()(), random=counting_random())
    for wrong in (note, b"", house.request, note.replace(b"hospital", b"hospitel")):
        with pytest.raises(Refused):
            enrol(folder / "other", wrong)
    with pytest.raises(NotEnrolled):
        Log.open(folder / "other", start=house.facts(), at=house.clock(), random=house.random)


def test_no_keys_no_officer(folder):
    with pytest.raises(AuditError):
        read_officer(folder)
    create_demo(folder, uuid=UUID, grant=GRANT, at=Clock()(), random=counting_random())
    (folder / "officer/demo.identity").write_text("AGE-SECRET-KEY-PQ-1QQQ")
    with pytest.raises(AuditError):
        read_officer(folder / "officer")


def test_nothing_on_the_workstation_opens_the_log(folder):
    house = House(folder).enrol().run(1)
    secrets = [secret for _, secret in house.keyring.months]
    for path in house.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"AGE-SECRET" not in data
            assert not [secret for secret in secrets if secret.encode() in data]
    assert officer.request_code(house.request)


def test_an_empty_directory_has_no_log(folder):
    with pytest.raises(NotEnrolled):
        read_directory(folder)
