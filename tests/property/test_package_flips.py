"""Every byte of a package, flipped: never VERIFIED, outside the bytes of a zip that mean nothing, all of them listed.

A fail in the first stage settles the verdict (any fail makes NOT VERIFIED), so only the flips that the manifest does
not see are examined as a whole. That makes every byte affordable: CORDON_EXHAUSTIVE=1 tries all eight bits of each.
"""

import io
import os

import pytest

from audit.verify import read_package
from audit.verify.findings import Board
from audit.verify.package import check_package
from tests.kit.audit_house import House, quick_folder

folder = pytest.fixture(scope="module")(quick_folder)
EXHAUSTIVE = os.environ.get("CORDON_EXHAUSTIVE") == "1"
BITS = range(8) if EXHAUSTIVE else (5,)
CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"


@pytest.fixture(scope="module")
def packed(folder):
    house = House(folder).enrol().run(1)
    return house, house.package()


def harmless(data: bytes) -> dict[int, str]:
    """The bytes that say nothing about content, with what they are (APPNOTE 4.3.7, 4.3.12)."""
    found: dict[int, str] = {}
    place = data.find(LOCAL)
    while place >= 0 and data[place : place + 4] == LOCAL:
        found |= dict.fromkeys(range(place + 4, place + 6), "version needed") | dict.fromkeys(
            range(place + 10, place + 14), "time and date"
        )
        packed_size = int.from_bytes(data[place + 18 : place + 22], "little")
        names = int.from_bytes(data[place + 26 : place + 28], "little")
        place += 30 + names + int.from_bytes(data[place + 28 : place + 30], "little") + packed_size
    while data[place : place + 4] == CENTRAL:
        fields = {"versions": range(4, 8), "time and date": range(12, 16), "attributes": range(36, 42)}
        found |= {place + offset: what for what, offsets in fields.items() for offset in offsets}
        sizes = [int.from_bytes(data[place + at : place + at + 2], "little") for at in (28, 30, 32)]
        place += 46 + sum(sizes)
    return found


def settled(data: bytes) -> bool:
    """Tell whether the first stage already fails."""
    board = Board()
    check_package(read_package(io.BytesIO(data)), board)
    return board.broken()


def test_every_flipped_byte_is_seen(packed):
    house, data = packed
    assert house.examine_package(data).verdict == "VERIFIED"
    known, passed = harmless(data), dict[int, str]()
    for place in range(0, len(data), 1 if EXHAUSTIVE else 13):
        for bit in BITS:
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            if not settled(bytes(broken)) and house.examine_package(bytes(broken)).verdict != "NOT VERIFIED":
                passed[place] = known.get(place, "not in the list")
    assert "not in the list" not in passed.values(), {at: what for at, what in passed.items() if at not in known}


def test_the_list_is_short(packed):
    _, data = packed
    assert set(harmless(data).values()) == {"version needed", "versions", "time and date", "attributes"}
    files = data.count(CENTRAL)
    assert len(harmless(data)) == files * (6 + 14)


def test_every_cut_is_seen(packed):
    _house, data = packed
    for place in range(0, len(data), 1 if EXHAUSTIVE else 997):
        assert settled(data[:place]), place
    assert settled(data + b"\x00")
    assert settled(b"\x00" + data)
