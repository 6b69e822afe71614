"""Raw calls return what the kernel returned, and errors as negative numbers."""

import errno
import os

import pytest

from proxy.workers import kernel
from proxy.workers.kernel import call, machine, outcome
from proxy.workers.lockstate import LockError
from tests.kit.locked_child import run_child


def test_a_result_is_the_kernels() -> None:
    assert call("statfs", b"/\0", bytearray(256)) == 0
    assert call("prctl", 3, 0, 0, 0, 0) in {0, 1, 2}


def test_an_error_is_its_negative_number() -> None:
    assert call("connect", -1, None, 0) == -errno.EBADF
    assert call("execve", b"/nonexistent\0", None, None) == -errno.ENOENT
    assert call("io_uring_setup", 1, None) in {-errno.EFAULT, -errno.EPERM, -errno.ENOSYS}


def test_the_kernel_writes_into_a_bytearray() -> None:
    answer = bytearray(256)
    assert call("statfs", b"/\0", answer) == 0
    assert any(answer)


def test_large_arguments_reach_the_kernel_whole() -> None:
    # A 32-bit truncation would make this a null pointer, and the call succeed.
    assert call("landlock_create_ruleset", 1 << 32, 8, 0) in {-errno.EFAULT, -errno.ENOSYS, -errno.EOPNOTSUPP}


def test_a_call_no_table_names_is_an_error() -> None:
    with pytest.raises(KeyError):
        call("getpid")


@pytest.mark.parametrize(
    ("result", "name"), [(0, "ok"), (7, "ok"), (-errno.EPERM, "EPERM"), (-errno.EAFNOSUPPORT, "EAFNOSUPPORT")]
)
def test_outcomes_have_names(result: int, name: str) -> None:
    assert outcome(result) == name


def test_an_unknown_number_has_a_name_too() -> None:
    assert outcome(-4000) == "errno-unknown"


def test_this_machine_is_one_of_the_two() -> None:
    assert machine().name == os.uname().machine


def test_a_third_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        machine = "riscv64"

    monkeypatch.setattr(os, "uname", Other)
    with pytest.raises(LockError, match="architecture"):
        machine()


def test_a_call_the_machine_lacks_is_not_implemented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "machine", lambda: kernel.ARCHES["aarch64"])
    assert call("fork") == -errno.ENOSYS


def test_a_program_the_kernel_refuses_is_an_error() -> None:
    got = run_child("""
        kernel.call("prctl", 38, 1, 0, 0, 0)
        for program in (b"", bytes(8), program(Role.ANALYST, kernel.machine().name)[:-8]):
            try:
                kernel.install_filter(program)
            except LockError as error:
                answer([error.code, error.errno])
    """)
    assert got == ["seccomp", errno.EINVAL]


def test_capabilities_are_gone_after_dropping() -> None:
    got = run_child("""
        kernel.drop_capabilities()
        lines = open("/proc/self/status").read().splitlines()
        answer([line.split()[1] for line in lines if line.startswith(("CapEff", "CapPrm", "CapInh"))])
    """)
    assert got == ["0" * 16] * 3
