"""Who is at the other end: the real kernel's answer, and None for every doubt."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from proxy.listeners import bind_loopback
from proxy.peer import SockDiag, _uid_of, open_diag, unix_peer


@pytest.fixture
def lookup():
    with open_diag() as diag:
        yield SockDiag(diag)


@pytest.mark.parametrize("number", [0, 1])
def test_our_own_connection(lookup: SockDiag, number: int) -> None:
    listeners = bind_loopback(0)
    if number >= len(listeners):
        pytest.skip("no IPv6 loopback here")
    listener = listeners[number]
    host, port = listener.getsockname()[:2]
    with socket.create_connection((host, port)) as client:
        listener.setblocking(True)
        server, _ = listener.accept()
        with server:
            ends = server.getpeername()[:2], server.getsockname()[:2]
            assert lookup.uid(*ends) == os.getuid()
            assert lookup.uid((ends[0][0], ends[0][1]), (ends[1][0], 1)) is None
            client.shutdown(socket.SHUT_WR)
            assert lookup.uid(*ends) is None  # no longer ESTABLISHED
    lookup.verify_sees(listener)
    assert lookup.listener_uid(listener.family, port) == os.getuid()
    for each in listeners:
        each.close()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="does not see"):
            lookup.verify_sees(other)  # bound, but it does not listen


def test_a_mapped_address_is_found_by_the_ipv4_query(lookup: SockDiag) -> None:
    listener, *rest = bind_loopback(0)
    for each in rest:
        each.close()
    with listener, socket.socket(socket.AF_INET6) as client:
        client.connect(("::ffff:127.0.0.1", listener.getsockname()[1]))
        listener.setblocking(True)
        server, peer = listener.accept()
        with server:
            assert lookup.uid(peer, server.getsockname()) == os.getuid()
            assert lookup.uid((f"::ffff:{peer[0]}", peer[1]), server.getsockname()) == os.getuid()


def test_nobody_and_nonsense(lookup: SockDiag) -> None:
    assert lookup.uid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert lookup.uid(("::1", 1), ("127.0.0.1", 2)) is None
    assert lookup.uid(("name", 1), ("127.0.0.1", 2)) is None


def test_old_answers_in_the_socket_are_passed_over(lookup: SockDiag) -> None:
    listener, *_ = bind_loopback(0)
    with listener, socket.create_connection(listener.getsockname()):
        listener.setblocking(True)
        server, peer = listener.accept()
        with server:
            lookup._diag.sendto(struct.pack("=IHHII", 72, 20, 1, 77, 0) + bytes(56), (0, 0))  # left by a predecessor
            assert lookup.uid(peer, server.getsockname()) == os.getuid()


def test_a_closed_socket_is_no_answer(lookup: SockDiag) -> None:
    lookup._diag.close()
    assert lookup.uid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None


@pytest.mark.parametrize(
    ("state", "ports", "inode", "uid"),
    [(1, (5, 6), 9, 1000), (6, (5, 6), 9, None), (1, (5, 7), 9, None), (1, (6, 5), 9, None), (1, (5, 6), 0, None)],
)
def test_only_a_clear_reply_names_a_user(state: int, ports: tuple[int, int], inode: int, uid: int | None) -> None:
    reply = struct.pack("=BBBB", 2, state, 0, 0) + struct.pack("!HH", *ports) + bytes(44)
    reply += struct.pack("=IIIII", 0, 0, 0, 1000, inode)
    assert _uid_of(reply, 5, 6) == uid
    assert _uid_of(reply[:-1], 5, 6) is None


def test_unix() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert unix_peer(ours) == os.getuid()
    assert unix_peer(ours) is None
