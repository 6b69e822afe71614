"""Facts are what the kernel says, in plain values; digests change when a byte of the program does."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from proxy.workers import facts as module
from proxy.workers.descriptors import FdFacts, InetFd, UnixFd
from proxy.workers.facts import (
    ProcFacts,
    core_limit,
    file_digest,
    open_fact_fds,
    package_digest,
    package_dirs,
    status_fields,
    writable_paths,
)
from proxy.workers.lockstate import Control, FactFds, Locked, LockError, LockPlan, Role


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "thing"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "sub").mkdir()
    (folder / "a.py").write_text("a")
    (folder / "sub" / "b.toml").write_text("b")
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    return folder


def test_our_packages_are_the_four() -> None:
    assert [os.path.basename(path) for path in package_dirs()] == ["audit", "filters", "policies", "proxy"]


def test_a_file_digest_is_sha256(tmp_path: Path) -> None:
    content = os.urandom(200_000)
    (tmp_path / "file").write_bytes(content)
    assert file_digest(str(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("change", ["content", "name", "addition", "removal"])
def test_a_package_digest_sees_every_change(package: Path, change: str) -> None:
    before = package_digest((str(package),))
    if change == "content":
        (package / "sub" / "b.toml").write_text("c")
    elif change == "name":
        (package / "a.py").rename(package / "c.py")
    elif change == "addition":
        (package / "new.py").write_text("")
    else:
        (package / "a.py").unlink()
    assert package_digest((str(package),)) != before


def test_compiled_files_do_not_count(package: Path) -> None:
    before = package_digest((str(package),))
    (package / "__pycache__" / "b.pyc").write_text("more")
    assert package_digest((str(package),)) == before


def test_a_moved_package_has_the_same_digest(package: Path, tmp_path: Path) -> None:
    before = package_digest((str(package),))
    (tmp_path / "elsewhere").mkdir()
    moved = package.rename(tmp_path / "elsewhere" / "thing")
    assert package_digest((str(moved),)) == before


def test_the_descriptors_for_later_read_this_process() -> None:
    fds = open_fact_fds()
    try:
        status = status_fields(fds.status)
        assert status["Pid"] == str(os.getpid())
        assert int(status["Threads"]) >= 1
        assert module._start_ticks(fds.stat) > 0
        assert "lo" in module._interfaces(fds.net_dev)
        assert module._children(fds.children) >= -1
        assert fds.fds in {int(name) for name in os.listdir(fds.fds)}
    finally:
        for fd in (fds.status, fds.stat, fds.net_dev, fds.fds, *({fds.children} - {-1})):
            os.close(fd)


def test_what_the_kernel_does_not_have() -> None:
    assert module._open("/proc/self/no-such-file", optional=True) == -1
    with pytest.raises(LockError, match="proc-missing"):
        module._open("/proc/self/no-such-file")
    assert module._children(-1) == -1
    assert module._number({}, "Seccomp") == -1
    assert module._number({"Seccomp": "many"}, "Seccomp") == -1


def test_the_start_time_survives_a_strange_name(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("77 (a) b) S " + " ".join(str(n) for n in range(4, 53)))
    fd = os.open(tmp_path / "stat", os.O_RDONLY)
    assert module._start_ticks(fd) == 22
    os.close(fd)


def test_the_network_namespace_is_a_number() -> None:
    assert module._netns() == os.stat("/proc/self/ns/net").st_ino


def locked(role: Role, *write: str) -> Locked:
    plan = LockPlan(role, (), (), (), write, own_namespaces=False)
    return Locked(plan, "", "", 1, 0, (), (), (), FactFds(status=-1, stat=-1, net_dev=-1, children=-1, fds=-1))


def test_writable_paths_name_their_file_system(tmp_path: Path) -> None:
    (found,) = writable_paths(locked(Role.GATEWAY, str(tmp_path), str(tmp_path / "missing")))
    assert found.path == str(tmp_path)
    assert found.fstype
    assert found.remote in {0, 1}


@pytest.mark.parametrize(
    ("number", "name", "remote"), [(0x6969, "nfs", 1), (0xEF53, "ext4", 0), (0x12345, "0x12345", 0)]
)
def test_remote_file_systems_are_told_apart(
    number: int, name: str, remote: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def statfs(_call: str, _path: bytes, answer: bytearray) -> int:
        answer[:8] = number.to_bytes(8, "little")
        return 0

    monkeypatch.setattr(module, "call", statfs)
    (found,) = writable_paths(locked(Role.GATEWAY, "/somewhere"))
    assert (found.fstype, found.remote) == (name, remote)


def test_the_core_limit_is_a_number() -> None:
    assert isinstance(core_limit(), int)


def test_facts_become_plain_values() -> None:
    fds = FdFacts((InetFd(3, "listen", "127.0.0.1:1", "host"),), (UnixFd(4, "supervisor"),), {"null": 3}, ())
    made = ProcFacts(
        role="gateway",
        pid=1,
        start_ticks=2,
        exe="e",
        code="c",
        no_new_privs=1,
        seccomp=2,
        filters=1,
        filter="f",
        cap_eff="0",
        landlock_abi=7,
        netns=5,
        ifaces=("lo",),
        threads=1,
        children=0,
        fds=fds,
        controls=(Control("tcp4", "EPERM", "EPERM"),),
    )
    plain = json.loads(json.dumps(made.as_dict()))
    assert plain["fds"] == {
        "inet": [{"fd": 3, "state": "listen", "laddr": "127.0.0.1:1", "netns": "host"}],
        "unix": [{"fd": 4, "peer": "supervisor"}],
        "other": {"null": 3},
        "unexpected": [],
    }
    assert plain["controls"] == [{"name": "tcp4", "expect": "EPERM", "got": "EPERM"}]
    assert plain["ifaces"] == ["lo"]


def test_the_seal_is_seen_in_the_kernels_count(tmp_path: Path) -> None:
    for count, sealed in ((1, False), (2, True)):
        (tmp_path / "status").write_text(f"Seccomp_filters:\t{count}\n")
        fd = os.open(tmp_path / "status", os.O_RDONLY)
        state = locked(Role.ENGINE)
        here = Locked(
            state.plan, "", "", 1, 0, (), (), (), FactFds(status=fd, stat=-1, net_dev=-1, children=-1, fds=-1)
        )
        assert module.is_sealed(here) is sealed
        os.close(fd)
