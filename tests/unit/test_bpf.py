"""The programs decide what the design says, for every rule, on both machines, upper halves of arguments included."""

import errno
import struct

import pytest

from proxy.workers import bpf
from proxy.workers.bpf import Rule, Test, assemble, disassemble, filter_digest, program, rules, seal_program
from proxy.workers.lockstate import Role
from proxy.workers.syscalls import ARCHES, CHECKED, EVERY_ROLE, KNOWN_LATE, WORKERS_ONLY, number
from tests.kit.bpf_machine import ALLOW, KILL, outcome_of

X86, ARM = "x86_64", "aarch64"
BOTH = (X86, ARM)
EVERYONE = tuple(Role)
WORKERS = tuple(role for role in Role if role is not Role.GATEWAY)
HIGH = 1 << 32


def ask(role: Role, arch: str, name: str, *arguments: int) -> str | int:
    row = number(name, ARCHES[arch])
    assert row is not None
    return outcome_of(program(role, arch), arch, row, arguments)


def exists(name: str, arch: str) -> bool:
    return number(name, ARCHES[arch]) is not None


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("role", EVERYONE)
def test_a_foreign_machine_word_kills(role: Role, arch: str) -> None:
    for word in (0xC000003E, 0xC00000B7, 0x40000003, 0):  # the third is i386
        result = outcome_of(program(role, arch), word, 64 if arch == ARM else 1)
        assert result == (ALLOW if word == ARCHES[arch].audit_word else KILL)


def test_x32_numbers_kill_where_they_exist() -> None:
    for made in (program(Role.ANALYST, X86), seal_program(X86)):
        assert outcome_of(made, X86, 0x40000000) == KILL
        assert outcome_of(made, X86, 0x40000000 + 41) == KILL
        assert outcome_of(made, X86, 0xFFFFFFFF) == KILL


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("role", EVERYONE)
def test_calls_nobody_needs(role: Role, arch: str) -> None:
    excepted = {Role.ENGINE_HTTP: {"connect"}, Role.ENGINE_GPU: {"memfd_create"}}.get(role, set())
    for name in EVERY_ROLE:
        if exists(name, arch):
            assert ask(role, arch, name) == (ALLOW if name in excepted else errno.EPERM), name


@pytest.mark.parametrize("arch", BOTH)
def test_only_the_gateway_accepts_and_writes(arch: str) -> None:
    for name in WORKERS_ONLY:
        if exists(name, arch):
            assert ask(Role.GATEWAY, arch, name) == ALLOW, name
            assert {ask(role, arch, name) for role in WORKERS} == {errno.EPERM}, name


ARGUMENTS = [
    ("socket", (1, 1, 0), errno.EAFNOSUPPORT),
    ("socket", (2, 1, 0), errno.EAFNOSUPPORT),
    ("socketpair", (1, 1, 0), ALLOW),
    ("socketpair", (2, 1, 0), errno.EAFNOSUPPORT),
    ("socketpair", (16, 1, 0), errno.EAFNOSUPPORT),
    ("sendto", (5, 0x7000, 9, 0, 0, 0), ALLOW),
    ("sendto", (5, 0x7000, 9, 0x4000, 0, 0), ALLOW),  # MSG_NOSIGNAL
    ("sendto", (5, 0x7000, 9, 0, 0x1000, 16), errno.EPERM),
    ("sendto", (5, 0x7000, 9, 0, HIGH, 16), errno.EPERM),
    ("sendto", (5, 0x7000, 9, 0, HIGH << 15, 16), errno.EPERM),
    ("sendto", (5, 0x7000, 9, 0x20000000, 0, 0), errno.EPERM),
    ("sendto", (5, 0x7000, 9, 0x20004000, 0, 0), errno.EPERM),
    ("sendmsg", (5, 0x7000, 0), ALLOW),
    ("sendmsg", (5, 0x7000, 0x4000), ALLOW),
    ("sendmsg", (5, 0x7000, 0x20000000), errno.EPERM),
    ("clone", (0x3D0F00,), ALLOW),  # what glibc asks for a thread
    ("clone", (0x11,), errno.EPERM),  # fork
    ("clone", (0x4111,), errno.EPERM),  # vfork
    *[("clone", (0x3D0F00 | flag,), errno.EPERM) for flag in (0x80, 0x20000, *(1 << bit for bit in range(25, 31)))],
    ("clone3", (0x7000, 88), errno.ENOSYS),
    ("openat2", (0, 0x7000, 0x7000, 24), errno.ENOSYS),
    ("mmap", (0, 4096, 3), ALLOW),
    ("mmap", (0, 4096, 5), ALLOW),
    ("mmap", (0, 4096, 6), errno.EPERM),
    ("mmap", (0, 4096, 7), errno.EPERM),
    ("mprotect", (0x7000, 4096, 3), ALLOW),
    ("mprotect", (0x7000, 4096, 4), errno.EPERM),
    ("mprotect", (0x7000, 4096, 5), errno.EPERM),
    ("prctl", (4, 0), ALLOW),
    ("prctl", (4, 1), errno.EPERM),
    ("prctl", (4, HIGH), errno.EPERM),
    ("prctl", (3, 1), ALLOW),
    ("prctl", (15, 0x7000), ALLOW),  # PR_SET_NAME
    ("prctl", (0x59616D61, 1), errno.EPERM),
    ("ioctl", (0, 0x5412), errno.EPERM),
    ("ioctl", (0, 0x541C), errno.EPERM),
    ("ioctl", (0, 0x5421), ALLOW),  # FIONBIO
    ("ioctl", (0, HIGH | 0x5412), errno.EPERM),  # the kernel reads 32 bits of it
]


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize(("name", "arguments", "expected"), ARGUMENTS)
def test_calls_decided_by_arguments(arch: str, name: str, arguments: tuple[int, ...], expected: str | int) -> None:
    for role in (Role.GATEWAY, Role.ANALYST, Role.ENGINE, Role.ENGINE_GPU):
        assert ask(role, arch, name, *arguments) == expected, role


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("flags", [0, 0x80000, 0x1, 0x2, 0x40, 0x200, 0x80241, 0x410002])
def test_opening_for_writing(arch: str, flags: int) -> None:
    refused = errno.EACCES if flags & 0x243 else ALLOW
    for role in (Role.ANALYST, Role.ENGINE, Role.ENGINE_HTTP):
        assert ask(role, arch, "openat", 0, 0x7000, flags) == refused
        if exists("open", arch):
            assert ask(role, arch, "open", 0x7000, flags) == refused
    for role in (Role.GATEWAY, Role.ENGINE_GPU):  # device nodes are opened for writing
        assert ask(role, arch, "openat", 0, 0x7000, flags) == ALLOW


@pytest.mark.parametrize("arch", BOTH)
def test_the_http_engine_opens_tcp_sockets_only(arch: str) -> None:
    def socket(*arguments: int) -> str | int:
        return ask(Role.ENGINE_HTTP, arch, "socket", *arguments)

    for family in (2, 10):
        for kind in (1, 1 | 0x80000, 1 | 0x80800):
            assert socket(family, kind, 0) == socket(family, kind, 6) == ALLOW
            assert socket(family, kind, 262) == errno.EAFNOSUPPORT  # MPTCP
        assert socket(family, 2, 0) == socket(family, 3, 1) == errno.EAFNOSUPPORT
    for family in (0, 1, 16, 17, 40):
        assert socket(family, 1, 0) == errno.EAFNOSUPPORT


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("role", EVERYONE)
def test_calls_newer_than_the_list(role: Role, arch: str) -> None:
    made = program(role, arch)
    known = {row for row in (number(name, ARCHES[arch]) for name in KNOWN_LATE) if row is not None}
    for row in range(449, 600):
        assert outcome_of(made, arch, row) == (ALLOW if row in known else errno.ENOSYS)


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("role", EVERYONE)
def test_what_no_rule_names_is_allowed(role: Role, arch: str) -> None:
    named = {number(rule.name, ARCHES[arch]) for rule in rules(role, arch)}
    for row in range(448):
        if row not in named:
            assert outcome_of(program(role, arch), arch, row) == ALLOW


@pytest.mark.parametrize("arch", BOTH)
def test_the_seal_closes_opening_and_new_code(arch: str) -> None:
    made = seal_program(arch)

    def sealed(name: str, *arguments: int) -> str | int:
        row = number(name, ARCHES[arch])
        return outcome_of(made, arch, row, arguments) if row is not None else errno.EPERM

    assert {sealed(name) for name in ("open", "openat", "openat2", "creat")} == {errno.EPERM}
    assert sealed("mmap", 0, 4096, 5) == sealed("mmap", 0, 4096, 4) == errno.EPERM
    assert sealed("mmap", 0, 4096, 3) == sealed("mprotect", 0, 4096, 1) == sealed("sendmsg") == ALLOW


@pytest.mark.parametrize("arch", BOTH)
@pytest.mark.parametrize("role", EVERYONE)
def test_programs_fit_the_kernel(role: Role, arch: str) -> None:
    for made in (program(role, arch), seal_program(arch)):
        assert len(made) % 8 == 0
        assert len(made) // 8 < 4096  # BPF_MAXINSNS
        code = list(struct.iter_unpack("<HBBI", made))
        for at, (op, yes, no, _) in enumerate(code):
            if op in {0x15, 0x35}:
                assert at + 1 + max(yes, no) < len(code)
        assert code[-1] == (0x06, 0, 0, 0x7FFF0000)


def test_leaving_a_rule_out_changes_its_call_alone() -> None:
    complete = rules(Role.GATEWAY, X86)
    for left_out in complete:
        made = assemble(tuple(rule for rule in complete if rule is not left_out), X86, later=True)
        for rule in complete:
            row = number(rule.name, ARCHES[X86])
            assert row is not None
            arguments = (4, 1, 0x20000007, 0x20000000)  # refused by every rule that looks at arguments but ioctl's
            if rule.name == "ioctl":
                arguments = (4, 0x5412, 0, 0)
            refused = outcome_of(made, X86, row, arguments) != ALLOW
            # process_mrelease is also the first number beyond the list
            assert refused == (rule is not left_out or rule.name == "process_mrelease"), (rule.name, left_out.name)


def test_groups_are_any_of_all_of() -> None:
    rule = Rule("read", errno.EPERM, ((Test(0, 1), Test(1, 2)), (Test(2, 0, equal=False, high=True),)))
    with pytest.raises(KeyError):
        assemble((rule,), X86, later=False)
    made = assemble((Rule("socket", errno.EPERM, rule.groups),), X86, later=False)
    for arguments, refused in (
        ((1, 2, 0), True),
        ((1, 3, 0), False),
        ((0, 2, 0), False),
        ((0, 0, HIGH), True),
        ((0, 0, 7), False),
    ):
        assert outcome_of(made, X86, 41, arguments) == (errno.EPERM if refused else ALLOW)


def test_a_rule_for_a_call_the_machine_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="fork"):
        assemble((Rule("fork", errno.EPERM),), ARM, later=True)


@pytest.mark.parametrize("arch", BOTH)
def test_digests_tell_roles_and_machines_apart(arch: str) -> None:
    digests = [filter_digest(role, one) for role in EVERYONE for one in BOTH]
    assert len(set(digests)) == len(digests)
    assert filter_digest(Role.GATEWAY, arch) == filter_digest(Role.GATEWAY, arch)


def test_every_call_decided_by_arguments_has_a_rule() -> None:
    assert {rule.name for rule in rules(Role.ANALYST, X86)} >= set(CHECKED)


def test_disassembly_names_every_instruction() -> None:
    lines = disassemble(program(Role.ANALYST, X86))
    assert len(lines) == len(program(Role.ANALYST, X86)) // 8
    assert lines[0].split()[1:] == ["load", "0x4"]
    assert lines[1].endswith("-> 3, else 2")
    assert lines[-1].split()[1:] == ["ret", "0x7fff0000"]


def test_the_export_list_is_what_it_says() -> None:
    assert all(hasattr(bpf, name) for name in bpf.__all__)
