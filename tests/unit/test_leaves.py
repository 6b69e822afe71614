"""One pass over the leaves: a heartbeat in one match, memory that does not follow the records, entries read again."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import shapes
from audit.strictjson import MalformedError, dumps
from audit.verify import Anchors, Watch, examine, examine_watched, read_package
from audit.verify.leaves import read_heartbeat
from tests.kit.audit_house import BOOT, states
from tests.kit.long_log import LongLog

BEAT = {"v": 1, "t": "2026-11-20T09:00:00.812+05:30", "boot": BOOT, "boot_ms": 7, "asleep_ms": 0, "open": 3}


@given(st.data())
def test_one_match_reads_what_the_shape_reads(data):
    """Whatever is written in a heartbeat: both ways accept it with the same value, or both refuse it."""
    body = bytearray(dumps(BEAT))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"9", b"0", b"", b"00", b'"', b"}", b"-", b"T24", b"\n", b" ", b"99999999999999"])
        )
    assert outcome(read_heartbeat, bytes(body)) == outcome(lambda b: shapes.read("records", "H", b), bytes(body))


def outcome(read, data: bytes):
    try:
        return read(data)
    except MalformedError:
        return None


@pytest.mark.parametrize("number", [0, 10**15 - 1, 10**15, 2**53 - 1, 2**53])
def test_numbers_at_their_limits(number):
    body = dumps(BEAT | {"boot_ms": min(number, 2**53 - 1)}).replace(str(2**53 - 1).encode(), str(number).encode())
    assert outcome(read_heartbeat, body) == outcome(lambda b: shapes.read("records", "H", b), body)


@pytest.fixture(scope="module")
def long():
    return LongLog(12_000, 9_000)


def test_a_long_log_is_verified_in_all_its_epochs(long):
    found = examine(read_package(io.BytesIO(long.package())), long.trust, long.keyring)
    assert found.size == 12_000
    assert set(states(found)) == {"V18", "V20"}  # it holds no network evidence
    assert found.totals["requests"] == found.totals["answered"]


def test_progress_is_told_in_order_and_to_the_end(long):
    told = []
    watch = Watch(progress=lambda what, done, total: told.append((what, done, total)))
    package = read_package(io.BytesIO(long.package()))
    examine_watched(package, long.trust, long.keyring, Anchors(), watch=watch)
    assert list(dict.fromkeys(what for what, _, _ in told)) == ["package", "records", "contents"]
    assert all(0 <= done <= total for _, done, total in told)


def test_memory_does_not_follow_the_records(long):
    """A pass over four times the records holds hardly more at its peak: about a byte for each."""
    peaks = [peak(LongLog(count, 9_000)) for count in (12_000, 48_000)]
    assert (peaks[1] - peaks[0]) / 36_000 < 60, peaks


def peak(log: LongLog) -> int:
    package = read_package(io.BytesIO(log.package()))
    tracemalloc.start()
    examine(package, log.trust, None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most
