"""Entry lines, times and the values the corridor hands over."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.record import (
    CLEAR_KINDS,
    MAX_LEAF,
    SEALED_KINDS,
    Caller,
    Entry,
    Instant,
    Position,
    hour_of,
    parse_time,
)
from audit.strictjson import MalformedError
from tests.kit.audit_house import begin, outcome, safety

VECTORS = json.loads((Path(__file__).parents[1] / "golden/audit/vectors.json").read_text())
HOUR = "2026-11-20T03Z"
BOOT = "11111111-2222-4333-8444-555555555555"
SEALED = b"cordon1 42 R 7 12 840 " + b"85" * 32 + b" 2026-11-20T03Z\n"
CLEAR = Entry.clear(3, "H", b'{"v":1}', hour=HOUR).leaf()


def test_check_value():
    leaf = (VECTORS["entry"] + "\n").encode()
    entry = Entry.parse(leaf)
    assert (entry.seq, entry.kind, entry.epoch, entry.index, entry.length, entry.hour) == (1, "R", 0, 0, 328, HOUR)
    assert entry.leaf() == leaf


@given(st.integers(0, 10**9), st.sampled_from(sorted(SEALED_KINDS)), st.integers(0, 999), st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_sealed_round_trip(seq, kind, epoch, blob):
    entry = Entry.sealed(Position(seq, kind, epoch, 5), blob, hour=HOUR)
    assert Entry.parse(entry.leaf()) == entry
    assert entry.body is None


@given(st.integers(0, 10**9), st.sampled_from(sorted(CLEAR_KINDS)), st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_clear_round_trip(seq, kind, body):
    entry = Entry.clear(seq, kind, body, hour=HOUR)
    assert Entry.parse(entry.leaf()) == entry
    assert entry.body == body


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        SEALED[:-1],
        SEALED + b"x",
        b" " + SEALED,
        SEALED.replace(b" 42 ", b" 042 "),
        SEALED.replace(b" 42 ", b" -1 "),
        SEALED.replace(b" 42 ", b" 9007199254740992 "),
        SEALED.replace(b" R ", b" D "),
        SEALED.replace(b" R ", b" r "),
        SEALED.replace(b" R ", b" Q "),
        SEALED.replace(b" R ", b" H "),
        SEALED.replace(b" 7 12 ", b" - - "),
        SEALED.replace(b" 7 12 ", b" 7 - "),
        SEALED.replace(b"85", b"8A"),
        SEALED.replace(b"T03Z", b"T24Z"),
        SEALED.replace(b"11-20", b"11-31"),
        SEALED.replace(b"\n", b"\r\n"),
        SEALED.replace(b"cordon1", b"cordon2"),
        SEALED.replace(b" 840", b"  840"),
        CLEAR[:-1],
        CLEAR + b" ",
        CLEAR.replace(b'"v":1', b'"v":2'),
        CLEAR.replace(b" - - 7 ", b" - - 8 "),
        CLEAR.replace(b" - - ", b" 0 0 "),
        Entry.clear(0, "H", b"x" * MAX_LEAF, hour=HOUR).leaf(),
    ],
)
def test_other_lines_are_refused(leaf):
    with pytest.raises(MalformedError):
        Entry.parse(leaf)


def test_a_kind_goes_its_own_way():
    for kind in sorted(CLEAR_KINDS | {"D", "x"}):
        with pytest.raises(MalformedError):
            Entry.sealed(Position(0, kind, 0, 0), b"x", hour=HOUR)
    for kind in sorted(SEALED_KINDS | {"D", "x"}):
        with pytest.raises(MalformedError):
            Entry.clear(0, kind, b"x", hour=HOUR)


@given(st.integers(0, 253_402_300_799_999), st.integers(-14 * 60, 14 * 60))
@settings(max_examples=100, deadline=None)
def test_times_round_trip(utc_ms, offset):
    if utc_ms + offset * 60_000 < 0 or utc_ms + offset * 60_000 > 253_402_300_799_999:
        return
    assert parse_time(Instant(utc_ms, offset, BOOT, 1).time()) == utc_ms


def test_a_time_as_the_format_shows_it():
    at = Instant(1_795_145_400_812, 330, BOOT, 5)
    assert at.time() == "2026-11-20T09:00:00.812+05:30"
    assert at.hour() == hour_of(at.utc_ms) == HOUR
    assert at.month() == "202611"
    assert at.clock() == {"t": at.time(), "boot": BOOT, "boot_ms": 5}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20T09:00:00+05:30",
        "2026-11-20T09:00:00.812Z",
        "2026-11-20T09:00:00.812-00:00",
        "2026-11-20T09:00:00.812+19:00",
        "2026-11-20T09:00:00.812+05:60",
        "2026-02-30T09:00:00.812+05:30",
        "1970-01-01T00:00:00.000+05:30",
        "9999-12-31T23:59:59.999-05:30",
        "2026-11-20 09:00:00.812+05:30",
        "2026-11-20T09:00:00.812+05:30\n",
        "٢٠٢٦-11-20T09:00:00.812+05:30",
    ],
)
def test_other_times_are_refused(text):
    with pytest.raises(MalformedError):
        parse_time(text)


def test_bodies_leave_out_what_is_absent():
    assert Caller("uid:1", "uid").body() == {"id": "uid:1", "kind": "uid"}
    assert Caller("uid:1", "uid", "ward").body()["role"] == "ward"
    assert "rule" not in safety().body()
    assert begin().model.body()["seed"] == 7
    assert outcome().out.body()["segments"] == 2
