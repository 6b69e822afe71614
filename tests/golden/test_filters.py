"""The digests of the programs, written down: a change of the lock shows here as changed lines, never in silence.

An officer compares these values with the log of a machine. They are made by `filter_digest` for every role and machine.
"""

import json
import struct
from pathlib import Path

import pytest

from proxy.workers.bpf import filter_digest, program, seal_program
from proxy.workers.lockstate import Role
from proxy.workers.syscalls import ARCHES

GOLDEN = json.loads(Path(__file__).with_name("filters.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("arch", ARCHES)
@pytest.mark.parametrize("role", Role)
def test_digests_are_as_published(role: Role, arch: str) -> None:
    assert filter_digest(role, arch) == GOLDEN[arch][role.value]


def test_nothing_is_published_that_does_not_exist() -> None:
    assert {arch: set(roles) for arch, roles in GOLDEN.items()} == {
        arch: {role.value for role in Role} for arch in ARCHES
    }


@pytest.mark.parametrize("arch", ARCHES)
def test_the_first_instructions_are_these(arch: str) -> None:
    word = ARCHES[arch].audit_word
    expected = [(0x20, 0, 0, 4), (0x15, 1, 0, word), (0x06, 0, 0, 0x80000000), (0x20, 0, 0, 0)]
    for made in (program(Role.GATEWAY, arch), seal_program(arch)):
        assert list(struct.iter_unpack("<HBBI", made[:32])) == expected
