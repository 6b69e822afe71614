"""Landlock grants what the plan names, and nothing beside it. Each case is a process of its own."""

import errno
import struct
from pathlib import Path

import pytest

from proxy.workers import landlock
from proxy.workers.landlock import landlock_abi
from tests.kit.locked_child import run_child

ABI = landlock_abi()
RESTRICT = """
    from proxy.workers.landlock import restrict
    kernel.call("prctl", 38, 1, 0, 0, 0)
    def attempt(act, *arguments):
        try:
            act(*arguments)
        except OSError as error:
            return error.errno
        return 0
"""


def test_a_version_is_never_negative() -> None:
    assert ABI >= 0


@pytest.mark.parametrize(
    ("abi", "size", "top"), [(1, 8, 12), (2, 8, 13), (3, 8, 14), (4, 16, 14), (5, 16, 15), (7, 24, 15)]
)
def test_what_each_version_handles(abi: int, size: int, top: int) -> None:
    rights = landlock._handled(abi)
    assert rights == (1 << (top + 1)) - 1
    attr = landlock._ruleset_attr(abi, rights)
    assert len(attr) == landlock._attr_size(abi) == size
    assert struct.unpack_from("Q", attr)[0] == rights
    if size >= 16:
        assert struct.unpack_from("Q", attr, 8)[0] == 3
    if size >= 24:
        assert struct.unpack_from("Q", attr, 16)[0] == 3


def test_three_kinds_of_paths(tmp_path: Path) -> None:
    for name in ("run", "read", "write", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    got = run_child(
        RESTRICT,
        f"""
        base = {str(tmp_path)!r}
        writable = (base + "/write", base + "/none")
        restrict(LockPlan(Role.GATEWAY, (), (base + "/run",), (base + "/read",), writable, False))
        answer([
            [attempt(open, f"{{base}}/{{name}}/file") for name in ("run", "read", "write", "other")],
            [attempt(open, f"{{base}}/{{name}}/new", "w") for name in ("run", "read", "write", "other")],
            [attempt(os.unlink, f"{{base}}/{{name}}/file") for name in ("read", "write")],
            attempt(os.mkdir, base + "/write/folder"),
            attempt(os.rename, base + "/write/new", base + "/write/newer"),
            attempt(os.mkfifo, base + "/write/pipe"),
            attempt(os.symlink, "x", base + "/write/link"),
        ])
    """,
    )
    no = errno.EACCES
    if ABI == 0:  # nothing is restricted; what is then reported is tested with the lock itself
        no = 0
    assert got == [[0, 0, 0, no], [no, no, 0, no], [no, 0], 0, 0, no, no]


def test_a_rule_for_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("x")
    (tmp_path / "two").write_text("x")
    got = run_child(
        RESTRICT,
        f"""
        base = {str(tmp_path)!r}
        abi = restrict(LockPlan(Role.GATEWAY, (), (), (base + "/one",), (), False))
        answer([abi, attempt(open, base + "/one"), attempt(open, base + "/two"), attempt(os.listdir, base)])
    """,
    )
    refused = errno.EACCES if ABI else 0
    assert got == [ABI, 0, refused, refused]


def test_tcp_only_to_the_named_port() -> None:
    got = run_child(
        RESTRICT,
        """
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        ports = [server.getsockname()[1] for server in servers]
        restrict(LockPlan(Role.ENGINE_HTTP, (), (), (), (), False, connect_ports=(ports[0],)))
        clients = [socket.socket() for _ in ports]
        answer([attempt(client.connect, ("127.0.0.1", port)) for client, port in zip(clients, ports)]
               + [attempt(socket.create_server, ("127.0.0.1", 0))])
    """,
    )
    refused = errno.EACCES if ABI >= 4 else 0  # TCP rules came with version 4
    assert got == [0, refused, refused]


def test_a_kernel_that_refuses_a_step_ends_the_process() -> None:
    got = run_child(
        RESTRICT,
        """
        refuse_beforehand(("landlock_restrict_self", 7))
        try:
            restrict(LockPlan(Role.GATEWAY, (), (), (), (), False))
        except LockError as error:
            answer([error.code, error.errno])
        else:
            answer("no Landlock")
    """,
    )
    assert got == (["landlock-restrict", 7] if ABI else "no Landlock")
