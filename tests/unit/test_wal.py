"""The write-ahead log's bytes: whatever is cut or flipped, no frame appears that was not written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.strictjson import MalformedError
from audit.wal import HEADER_BYTES, Frame, Header, encode_frame, encode_header, scan

HEADER = Header("hospital.example/cordon/ws-7", 5, bytes(range(32)))
FRAMES = (Frame(5, b"leaf five\n", b""), Frame(6, b"leaf six\n", b"blob" * 100), Frame(7, b"l", b"CWAL inside"))
zeros = bytes(4096)


def written(*frames: Frame) -> bytes:
    return encode_header(HEADER) + b"".join(map(encode_frame, frames)) + zeros


def test_round_trip():
    found = scan(written(*FRAMES))
    assert found.header == HEADER
    assert found.frames == FRAMES
    assert not found.damaged
    assert found.end == len(written(*FRAMES)) - len(zeros)


def test_an_empty_file_has_no_frames():
    found = scan(written())
    assert (found.frames, found.end, found.damaged) == ((), HEADER_BYTES, False)


@pytest.mark.parametrize("cut", range(0, len(encode_frame(FRAMES[2])), 3))
def test_a_torn_last_frame_is_dropped(cut):
    whole = written(*FRAMES[:2])
    torn = whole[: -len(zeros)] + encode_frame(FRAMES[2])[:cut] + zeros
    found = scan(torn)
    assert found.frames == FRAMES[:2]
    assert not found.damaged


def test_a_broken_frame_before_a_whole_one_is_damage():
    data = bytearray(written(*FRAMES))
    data[HEADER_BYTES + 20] ^= 1
    found = scan(bytes(data))
    assert found.frames == ()
    assert found.damaged


def test_a_broken_frame_at_the_end_is_not_damage():
    data = bytearray(written(*FRAMES))
    data[scan(bytes(data)).end - 1] ^= 1
    found = scan(bytes(data))
    assert found.frames == FRAMES[:2]
    assert not found.damaged


@given(st.integers(HEADER_BYTES, len(written(*FRAMES)) - len(zeros) - 1), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_a_flipped_byte_never_makes_another_frame(place, mask):
    data = bytearray(written(*FRAMES))
    data[place] ^= mask
    found = scan(bytes(data))
    assert set(found.frames) < set(FRAMES)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"x" * 512,
        encode_header(HEADER)[:511],
        encode_header(HEADER).replace(b" 5 ", b" 05 "),
        encode_header(HEADER)[:-1] + b"x",
        encode_header(HEADER).replace(b"cordon1", b"cordon2"),
    ],
)
def test_other_headers_are_refused(header):
    with pytest.raises(MalformedError):
        scan(header)


def test_an_absurd_length_is_no_frame():
    head = b"CWAL" + (2**32 - 1).to_bytes(4, "big") + bytes(4)
    assert scan(encode_header(HEADER) + head + zeros).frames == ()
    short = b"CWAL" + (3).to_bytes(4, "big") + bytes(4) + zeros
    assert scan(encode_header(HEADER) + short).frames == ()
