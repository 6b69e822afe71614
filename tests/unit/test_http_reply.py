"""One HTTP reply, cut anywhere: however the bytes arrive, the same head and body come out, or the same refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import CordonError
from proxy.workers.http_reply import ReplyHead, ReplyParser

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"
    b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)
UNTIL_END = b"HTTP/1.0 200\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN


def _read(raw: bytes, cuts: list[int]) -> tuple[ReplyHead | None, bytes, bool]:
    parser, body, at = ReplyParser(), b"", 0
    for cut in [*sorted(min(c, len(raw)) for c in cuts), len(raw)]:
        body += parser.feed(raw[at:cut])
        at = cut
    parser.finish()
    return parser.head, body, parser.done


@pytest.mark.parametrize("raw", [PLAIN, CHUNKED, INTERIM, UNTIL_END])
@given(cuts=st.lists(st.integers(0, 130), max_size=6))
def test_cutting_changes_nothing(raw: bytes, cuts: list[int]) -> None:
    head, body, done = _read(raw, cuts)
    assert head is not None
    assert (head.status, body, done) == (200, b"hello", raw is not UNTIL_END)


def test_head_facts() -> None:
    assert _read(PLAIN, [])[0] == ReplyHead(200, "text/event-stream", 5, chunked=False)
    assert _read(CHUNKED, [])[0] == ReplyHead(200, "", None, chunked=True)


@pytest.mark.parametrize("raw", [PLAIN, CHUNKED])
def test_every_early_end_is_a_loss(raw: bytes) -> None:
    for end in range(len(raw)):
        parser = ReplyParser()
        parser.feed(raw[:end])
        if not parser.done:
            with pytest.raises(CordonError) as lost:
                parser.finish()
            assert lost.value.code == "engine_lost"


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1e3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
    ],
)
def test_what_is_not_a_reply_is_a_fault(raw: bytes) -> None:
    with pytest.raises(CordonError) as fault:
        ReplyParser().feed(raw)
    assert fault.value.code == "engine_fault"


def test_empty_bodies() -> None:
    for raw in (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"):
        parser = ReplyParser()
        assert parser.feed(raw) == b""
        parser.finish()
        assert parser.done
