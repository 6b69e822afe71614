"""Every descriptor is either expected for its role or named. The sockets are real; nothing leaves this process."""

import os
import select
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.workers.descriptors import FdFacts, View, inspect_descriptors, read_targets
from proxy.workers.lockstate import FactFds, Kept, LockPlan, Role


@pytest.fixture
def fds() -> Iterator[int]:
    fd = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def look(
    fds: int, *held: int, role: Role = Role.GATEWAY, links: dict[int, str] | None = None, read: str = ""
) -> FdFacts:
    targets = read_targets(fds)
    plan = LockPlan(role, held, (), (read,) if read else (), (), own_namespaces=False)
    facts = FactFds(status=-1, stat=-1, net_dev=-1, children=-1, fds=fds)
    return inspect_descriptors(View(plan, facts, tuple(Kept(fd, targets[fd]) for fd in held), links or {}))


def fresh(found: FdFacts, before: FdFacts) -> list[str]:
    """Names of unexpected descriptors that were not there before: a test runner has its own."""
    left = list(before.unexpected)
    return [name for name in found.unexpected if not (name in left and left.remove(name) is None)]


def test_a_loopback_listener_of_the_gateway(fds: int) -> None:
    before = look(fds)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        held, smuggled, worker = look(fds, fd), look(fds), look(fds, fd, role=Role.ANALYST)
        (only,) = held.inet
        assert (only.fd, only.state, only.laddr, only.netns) == (fd, "listen", f"127.0.0.1:{port}", "own")
        assert fresh(held, before) == []
        assert fresh(smuggled, before) == fresh(worker, before) == [f"tcp 127.0.0.1:{port}"]


def test_a_listener_on_ipv6(fds: int) -> None:
    if not socket.has_dualstack_ipv6():
        return
    before = look(fds)
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        found = look(fds, listener.fileno())
        assert found.inet[0].laddr == f"[::1]:{listener.getsockname()[1]}"
        assert fresh(found, before) == []


def test_a_listener_on_every_address_is_unexpected(fds: int) -> None:
    before = look(fds)
    with socket.create_server(("0.0.0.0", 0)) as listener:
        assert fresh(look(fds, listener.fileno()), before) == [f"tcp 0.0.0.0:{listener.getsockname()[1]}"]


def test_an_accepted_connection_and_a_client(fds: int) -> None:
    before = look(fds)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            found = look(fds, listener.fileno())
            states = {one.fd: one.state for one in found.inet}
            assert states[accepted.fileno()] == "established"
            # our own end is no accepted connection: its local end is not the listener
            assert fresh(found, before) == [f"tcp 127.0.0.1:{client.getsockname()[1]}"]
            as_http = look(fds, role=Role.ENGINE_HTTP)
            # the listener; both connections have loopback peers
            assert fresh(as_http, before) == [f"tcp 127.0.0.1:{listener.getsockname()[1]}"]


def test_a_connection_whose_client_is_gone(fds: int) -> None:
    before = look(fds)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end
            client.close()
            found = look(fds, listener.fileno())
            assert {one.state for one in found.inet} == {"listen", "close"}
            assert fresh(found, before) == []


def test_a_udp_socket_is_unexpected_everywhere(fds: int) -> None:
    before = look(fds)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for role in Role:
            assert fresh(look(fds, probe.fileno(), role=role), before) == ["udp 0.0.0.0:0"]


def test_a_multipath_socket_is_unexpected(fds: int) -> None:
    before = look(fds)
    try:
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError:  # a kernel without MPTCP
        return
    with probe:
        assert fresh(look(fds, probe.fileno(), role=Role.ENGINE_HTTP), before) == ["tcp 0.0.0.0:0"]


def test_links_are_named_and_own_pairs_too(fds: int) -> None:
    before = look(fds)
    left, right = socket.socketpair()
    with left, right:
        found = look(fds, left.fileno(), links={left.fileno(): "analyst"})
        peers = {one.fd: one.peer for one in found.unix}
        assert peers[left.fileno()] == "analyst"
        assert peers[right.fileno()] == "self"
        assert fresh(found, before) == []


def test_a_unix_datagram_socket_is_unexpected(fds: int) -> None:
    before = look(fds)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        assert fresh(look(fds, left.fileno(), right.fileno()), before) == ["unix unnamed"] * 2


def test_a_unix_listener_and_its_clients(fds: int) -> None:
    before = look(fds)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/api.sock"
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
            listener.bind(path)
            listener.listen()
            client.connect(path)
            accepted, _ = listener.accept()
            with accepted:
                found = look(fds, listener.fileno())
                peers = {one.fd: one.peer for one in found.unix}
                assert {fd for fd, peer in peers.items() if peer == "client"} == {listener.fileno(), accepted.fileno()}
                # the client's end is a connection to somebody's socket by name
                assert fresh(found, before) == [f"unix {path}"[:64]]
                assert len(fresh(look(fds, role=Role.ANALYST), before)) == 3


def test_netlink_only_for_the_question_who_owns_a_connection(fds: int) -> None:
    before = look(fds)
    with socket.socket(16, socket.SOCK_RAW, 4) as diag, socket.socket(16, socket.SOCK_RAW, 0) as route:
        found = look(fds, diag.fileno(), route.fileno())
        assert fresh(found, before) == ["netlink 0"]
        assert found.other["diag"] == 1
        assert fresh(look(fds, diag.fileno(), role=Role.ENGINE), before) == ["netlink 4", "netlink 0"]
        assert sorted(fresh(look(fds), before)) == ["netlink 0", "netlink 4"]


def test_files_pipes_and_the_rest(fds: int, tmp_path: Path) -> None:
    before = look(fds)
    (tmp_path / "inside").write_text("x")
    read_end, write_end = os.pipe()
    poll, event = select.epoll(), os.eventfd(0)
    memory, null = os.memfd_create("secret"), os.open("/dev/null", os.O_RDWR)
    with open(tmp_path / "inside") as inside, open("/etc/passwd") as outside:
        found = look(fds, write_end, read=str(tmp_path))
        added = {name: found.other[name] - before.other.get(name, 0) for name in found.other}
        assert added | {"file": 1, "eventpoll": 1, "eventfd": 1, "null": 1, "pipe": 1} == added
        assert sorted(fresh(found, before)) == ["file /etc", "memfd:secret", "pipe"]
        held = look(fds, write_end, read_end, outside.fileno(), read=str(tmp_path))
        assert fresh(held, before) == ["memfd:secret"]
        assert not inside.closed
    poll.close()
    for fd in (read_end, write_end, event, memory, null):
        os.close(fd)


def test_a_number_used_again_is_not_what_was_kept(fds: int) -> None:
    before = look(fds)
    read_end, write_end = os.pipe()
    targets = read_targets(fds)
    kept = (Kept(read_end, targets[read_end]), Kept(write_end, targets[write_end]))
    os.close(read_end)
    other_read, other_write = os.pipe()
    assert other_read == read_end
    plan = LockPlan(Role.GATEWAY, (read_end, write_end), (), (), (), own_namespaces=False)
    facts = FactFds(status=-1, stat=-1, net_dev=-1, children=-1, fds=fds)
    found = inspect_descriptors(View(plan, facts, kept, {}))
    assert fresh(found, before) == ["pipe", "pipe"]
    for fd in (write_end, other_read, other_write):
        os.close(fd)


def test_a_pidfd_is_unexpected(fds: int) -> None:
    before = look(fds)
    fd = os.pidfd_open(os.getpid())
    assert fresh(look(fds, fd), before) == ["pidfd"]
    os.close(fd)
