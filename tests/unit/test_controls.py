"""Every control has an expectation for each role and an outcome without the lock, and they differ."""

import errno
import socket

import pytest

from proxy.workers import controls as module
from proxy.workers.controls import WITHOUT, controls, expected, port_control
from proxy.workers.lockstate import Role

LOCAL_ONLY = {  # harmless in the test process itself: no socket is opened, no name looked up
    "connect": "EBADF",
    "bind": "EBADF",
    "shutdown": "EBADF",
    "reconnect-accepted": "not-run",
    "fastopen": "ok",
    "send-address": "EISCONN",
    "exec": "ENOENT",
    "fork": "EINVAL",
    "ptrace": "ESRCH",
    "pidfd-getfd": "EBADF",
    "write-exec": "ok",
    "exec-later": "ok",
    "memfd": "ok",
    "listen": "EBADF",
    "read-outside": "ok",
    "write-outside": "ok",
    "local-echo": "ok",
}


def test_both_columns_name_the_same_controls() -> None:
    assert set(WITHOUT) == set(expected(Role.GATEWAY, sealed=False)) == set(expected(Role.ANALYST, sealed=False))


def test_the_lock_makes_a_difference() -> None:
    same = {name for name, value in expected(Role.ANALYST, sealed=False).items() if WITHOUT[name] == {value}}
    assert same == {"local-echo"}  # the positive control


def test_roles_differ_where_they_must() -> None:
    gateway, analyst = expected(Role.GATEWAY, sealed=False), expected(Role.ANALYST, sealed=False)
    assert {name for name in gateway if gateway[name] != analyst[name]} == {"listen"}
    assert gateway["listen"] == "EBADF"
    engine, sealed = expected(Role.ENGINE, sealed=False), expected(Role.ENGINE, sealed=True)
    assert engine == analyst
    assert {name: sealed[name] for name in sealed if engine[name] != sealed[name]} == {
        "read-outside": "EPERM",
        "write-outside": "EPERM",
    }


def test_what_a_role_needs_is_not_a_control_of_it() -> None:
    everything = set(WITHOUT)
    assert everything - set(expected(Role.ENGINE_HTTP, sealed=False)) == {
        "tcp4",
        "tcp6",
        "connect",
        "reconnect-accepted",
    }
    assert everything - set(expected(Role.ENGINE_GPU, sealed=False)) == {"memfd"}


@pytest.mark.parametrize(("name", "outcome"), LOCAL_ONLY.items())
def test_probes_in_an_unlocked_process(name: str, outcome: str) -> None:
    assert module._got(module._PROBES[name], "never") == outcome


def test_a_probe_of_several_steps_reports_the_first_that_differs() -> None:
    def probe() -> module._Steps:
        yield "EPERM"
        yield "EBADF"
        yield "ok"

    assert module._got(probe, "EPERM") == "EBADF"


def test_a_probe_stops_where_it_is_not_refused() -> None:
    reached = []

    def probe() -> module._Steps:
        yield "ok"
        reached.append("second step")

    assert module._got(probe, "EPERM") == "ok"
    assert reached == []


def test_a_probe_whose_steps_are_all_as_expected_says_so() -> None:
    def probe() -> module._Steps:
        yield "EPERM"
        yield "EPERM"

    assert module._got(probe, "EPERM") == "EPERM"


def test_the_stream_to_try_is_a_connection_before_a_listener() -> None:
    assert module._stream_to_try() is None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert module._stream_to_try() == listener.fileno()
        with socket.create_connection(listener.getsockname()) as client:
            assert module._stream_to_try() == client.fileno()
    assert module._stream_to_try() is None


def test_a_udp_socket_is_no_stream() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        assert module._tcp_kind(probe.fileno()) is None


def test_a_resolver_that_answers_is_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [("an address",)])
    assert module._got(module._PROBES["dns"], "fail") == "ok"


def test_every_control_is_reported_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> module._Steps:
        yield errno.errorcode[errno.EPERM]

    monkeypatch.setattr(module, "_PROBES", dict.fromkeys(module._PROBES, refused))
    got = controls(Role.ENGINE, sealed=True)
    assert [one.name for one in got] == list(expected(Role.ENGINE, sealed=True))
    assert {one.got for one in got} == {"EPERM"}


def test_the_connectors_port_control_sends_nothing_and_sees_a_missing_lock() -> None:
    (found,) = port_control((8081,), 4)
    assert (found.name, found.expect, found.got) == ("other-port", "EACCES", "ENETUNREACH")
    assert port_control((8081,), 3)[0].got == "not-run"
    assert port_control((), 7) == ()
