"""Sockets that are exactly ours, and everything else refused."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from proxy.access import Listener
from proxy.listeners import ListenerRefused, bind_api, bind_loopback, verify_diag, verify_listener
from proxy.peer import open_diag


def test_both_families_and_nobody_else_gets_the_port() -> None:
    listeners = bind_loopback(0)
    port = listeners[0].getsockname()[1]
    assert [s.getsockname()[:2] for s in listeners] == [("127.0.0.1", port), ("::1", port)][: len(listeners)]
    for address in ("127.0.0.1", "0.0.0.0"):
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket() as other:
                other.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    other.bind((address, port)) or other.listen()
    with pytest.raises(ListenerRefused, match=rf"port {port}: a program of user {os.getuid()} has it"):
        bind_loopback(port)
    for sock in listeners:
        assert verify_listener(sock, port=port) is Listener.TCP
        sock.close()


def test_a_stranger_on_the_other_family_stops_the_start() -> None:
    with socket.socket(socket.AF_INET6) as squatter:
        squatter.bind(("::1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        with pytest.raises(ListenerRefused, match="::1"):
            bind_loopback(port)
    for sock in bind_loopback(port):  # the first family was let go again
        sock.close()


def test_an_address_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.listeners._LOOPBACK", {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "::1"})
    with pytest.raises(ListenerRefused, match=r"192\.0\.2\.1"):
        bind_loopback(0)


def test_no_ipv6_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.listeners._LOOPBACK", {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "2001:db8::1"})
    listeners = bind_loopback(0)
    assert len(listeners) == 1
    listeners[0].close()


def test_the_unix_socket_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "run" / "api.sock"
    sock = bind_api(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert verify_listener(sock, port=1, api=(path,)) is Listener.UNIX
    with pytest.raises(ListenerRefused, match="in use"):
        bind_api(path)
    sock.close()
    again = bind_api(path)  # a stale file, after a refused connect
    again.close()


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(ListenerRefused, match="0700"):
        bind_api(folder / "api.sock")


def test_what_is_in_the_way_is_not_removed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "api.sock").write_text("a file of somebody")
    with pytest.raises(ListenerRefused):
        bind_api(folder / "api.sock")
    assert (folder / "api.sock").read_text() == "a file of somebody"


def test_inherited_descriptors_are_exactly_ours(tmp_path: Path) -> None:
    with socket.socket() as wild, socket.socket() as idle, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        wild.bind(("0.0.0.0", 0))
        wild.listen()
        idle.bind(("127.0.0.1", 0))
        for sock in (wild, idle, datagram):
            with pytest.raises(ListenerRefused, match="listener_refused"):
                verify_listener(sock, port=wild.getsockname()[1])
    listeners = bind_loopback(0)
    with pytest.raises(ListenerRefused, match="port 1 "):
        verify_listener(listeners[0], port=1)
    for sock in listeners:
        sock.close()
    unix = bind_api(tmp_path / "run" / "api.sock")
    with pytest.raises(ListenerRefused, match=r"not api\.sock"):
        verify_listener(unix, port=1, api=(tmp_path / "other.sock",))
    unix.close()


def test_diag() -> None:
    with open_diag() as diag:
        verify_diag(diag)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route, socket.socket() as tcp:
        for sock in (route, tcp):
            with pytest.raises(ListenerRefused):
                verify_diag(sock)
