"""What a child may read, and the steps of the lock that can be looked at without locking the test's own process.

The lock itself, on the real kernel, is in tests/system/test_lock.py: a locked process cannot be unlocked again.
"""

import os
import sys

import pytest

from proxy.workers import confine
from proxy.workers.confine import Role, install_paths, role_reads
from proxy.workers.facts import package_dirs
from tests.kit.locked_child import run_child


def test_the_installation_is_readable_and_nothing_above_it() -> None:
    paths = install_paths()
    for needed in (sys.prefix, sys.base_prefix, *package_dirs(), "/usr"):
        assert any(os.path.realpath(needed).startswith(path) for path in paths), needed
    assert all(os.path.isabs(path) and os.path.exists(path) for path in paths)
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("private", ["/", "/home", "/root", "/etc", "/etc/shadow", "/var", "/tmp", "/proc", "/run"])
def test_private_places_are_never_granted(private: str) -> None:
    granted = set(install_paths()).union(*(role_reads(role) for role in Role))
    assert private not in granted


def test_every_role_has_its_reads() -> None:
    for role in Role:
        assert "/proc/self" in role_reads(role)
    assert not {path for path in role_reads(Role.ENGINE) if path.startswith("/etc")}
    assert not {path for path in role_reads(Role.ANALYST) if path.startswith("/etc")}


def test_the_export_list_is_what_it_says() -> None:
    assert all(hasattr(confine, name) for name in confine.__all__)


def test_a_harmless_error_is_not_a_failure() -> None:
    confine._checked("mdwe", 0)
    confine._checked("mdwe", -22, harmless=22)
    with pytest.raises(confine.LockError) as caught:
        confine._checked("mdwe", -1, harmless=22)
    assert (caught.value.code, caught.value.errno) == ("mdwe", 1)


def test_nothing_heavy_is_imported_by_the_lock() -> None:
    heavy = run_child("""
        names = {name.partition(".")[0] for name in sys.modules}
        answer(sorted(names & {"numpy", "asyncio", "aiohttp", "spacy", "pydantic", "ssl", "subprocess", "email",
                               "presidio_analyzer", "onnxruntime", "llama_cpp", "cryptography", "logging", "http"}))
    """)
    assert heavy == []


def test_a_kernel_that_does_not_count_its_filters_is_too_old() -> None:
    got = run_child("""
        fields = confine.status_fields
        def older(fd):
            return {name: value for name, value in fields(fd).items() if name != "Seccomp_filters"}
        confine.status_fields = older
        try:
            lock(plan(Role.ANALYST))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "seccomp-count"


def test_a_process_that_stays_dumpable_is_not_locked() -> None:
    got = run_child("""
        real = confine.call
        def lying(name, *arguments):
            return 0 if name == "prctl" and arguments[:2] == (4, 0) else real(name, *arguments)
        confine.call = lying
        try:
            lock(plan(Role.ANALYST))
        except LockError as error:
            answer(error.code)
    """)
    assert got == "read-back"


@pytest.mark.parametrize(("hard", "expected"), [(0, [0, 0]), (1 << 20, [1, 1])])
def test_no_core_file_and_no_handler(hard: int, expected: list[int]) -> None:
    got = run_child(f"""
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, {hard}))
        lock(plan(Role.ANALYST))
        answer(resource.getrlimit(resource.RLIMIT_CORE))
    """)
    assert got == expected


def test_an_older_kernel_without_mdwe_is_locked_all_the_same() -> None:
    got = run_child("""
        real = confine.call
        def older(name, *arguments):
            return -22 if name == "prctl" and arguments[0] == 65 else real(name, *arguments)
        confine.call = older
        lock(plan(Role.ANALYST))
        answer([one for one in wrong(Role.ANALYST) if one[0] in {"write-exec", "exec-later"}])
    """)
    assert got == []


def test_the_http_engine_shares_the_hosts_network_and_says_so() -> None:
    got = run_child("""
        before = os.stat("/proc/self/ns/net").st_ino
        locked = lock(plan(Role.ENGINE_HTTP))
        answer(["netns-shared" in locked.reasons, facts(locked).netns == before, locked.early])
    """)
    assert got == [True, True, []]


def test_under_a_unit_no_namespace_is_taken() -> None:
    got = run_child("""
        def where():
            return [os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("user", "net", "ipc")]
        before = where()
        locked = lock(plan(Role.ANALYST, own=False))
        answer(["netns-shared" in locked.reasons, where() == before])
    """)
    assert got == [False, True]
