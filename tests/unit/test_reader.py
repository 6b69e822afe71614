"""Reading sealed records: everything of a whole log, nothing of one that does not verify."""

import pytest

from audit import officer
from audit.log import read_directory
from audit.reader import NotReadableError, open_records
from audit.verify import from_directory
from tests.kit.audit_forger import Forger
from tests.kit.audit_house import House, Remembering, quick_folder

folder = pytest.fixture(quick_folder)


@pytest.fixture
def house(folder):
    return House(folder, random=Remembering()).enrol().run(2)


def test_every_record_of_a_whole_log(house):
    records = open_records(from_directory(read_directory(house.folder)), house.trust, house.keyring)
    assert "".join(kind for kind, _ in records.values()) == "SERZRZBHEX"
    requests = [body for kind, body in records.values() if kind == "R"]
    assert [body["req"] for body in requests] == ["req-0", "req-1"]


def test_without_the_month_only_clear_records(house):
    keyring = officer.retire_month(house.keyring, "202611")
    records = open_records(from_directory(read_directory(house.folder)), house.trust, keyring)
    assert "".join(kind for kind, _ in records.values()) == "SHX"


def test_nothing_of_a_changed_log(house):
    forger = Forger(house)
    forger.edit(forger.find("H"), {"open": 5})
    forger.write()
    with pytest.raises(NotReadableError):
        open_records(from_directory(read_directory(house.folder)), house.trust, house.keyring)


def test_nothing_for_a_stranger(house):
    stranger = officer.new_keyring("hospital.example", [], Remembering())
    with pytest.raises(NotReadableError):
        open_records(from_directory(read_directory(house.folder)), stranger.trust(), house.keyring)
