"""A child's command line, and the socket over which it says why it ends."""

from __future__ import annotations

import json
import os
import socket

import pytest

from proxy.workers.border import Arguments, Control, parse_arguments


def test_descriptors_lock_and_plan() -> None:
    got = parse_arguments(["--fd", "control=3", "--fd", "link.engine=5", "--lock", '{"a":1}', "--plan", "{}"])
    assert got == Arguments({"control": 3, "link.engine": 5}, '{"a":1}', "{}")
    assert parse_arguments([]) == Arguments({}, "{}", "{}")


@pytest.mark.parametrize("argv", [["--more", "1"], ["text"], ["--fd", "control=x"], ["--fd", "control"]])
def test_anything_else_is_a_mistake(argv: list[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever reader stumbles first
        parse_arguments(argv)


def pair() -> tuple[Control, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Control(theirs.detach()), ours


def test_one_message_is_one_object() -> None:
    control, supervisor = pair()
    with supervisor, control.socket:
        control.say(ready=True)
        control.failed("lock:namespaces")
        assert json.loads(supervisor.recv(4096)) == {"ready": True}
        assert json.loads(supervisor.recv(4096)) == {"failed": "lock:namespaces"}


def test_a_message_may_bring_a_descriptor() -> None:
    control, supervisor = pair()
    read, write = os.pipe()
    with supervisor, control.socket:
        socket.send_fds(supervisor, [b'{"attach":"engine"}'], [write])
        message, descriptors = control.hear()
        assert message == {"attach": "engine"}
        os.write(descriptors[0], b"x")
        assert os.read(read, 1) == b"x"
        supervisor.send(b'{"down":"engine"}')
        assert control.hear() == ({"down": "engine"}, ())
    for number in (read, write, *descriptors):
        os.close(number)


def test_a_supervisor_that_is_gone_is_an_empty_message_and_saying_is_no_fault() -> None:
    control, supervisor = pair()
    supervisor.close()
    with control.socket:
        control.say(ready=True)
        assert control.hear() == ({}, ())


def test_a_supervisor_that_does_not_read_is_not_waited_for() -> None:
    control, supervisor = pair()
    with supervisor, control.socket:
        for _ in range(5_000):
            control.say(line="x" * 100)
        supervisor.setblocking(False)
        read = 0
        while True:
            try:
                supervisor.recv(4096)
            except BlockingIOError:
                break
            read += 1
        assert 0 < read < 5_000
