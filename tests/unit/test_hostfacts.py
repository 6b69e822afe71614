"""Facts about the host are read, or said to be unknown; the expected filters are those the lock installs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from proxy import hostfacts
from proxy.hostfacts import expected_filters, read_host_facts
from proxy.workers.bpf import filter_digest
from proxy.workers.confine import Role
from proxy.workers.kernel import machine


def test_the_facts_are_those_of_this_computer() -> None:
    facts = read_host_facts()
    assert facts.kernel == platform.release()
    assert facts.netns == os.stat("/proc/self/ns/net").st_ino
    assert facts.tcp_fastopen == int(Path("/proc/sys/net/ipv4/tcp_fastopen").read_text())
    assert all(name and name == name.strip() for name in facts.lsm)


def test_what_cannot_be_read_is_unknown_and_nothing_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(hostfacts.os, "readlink", missing)
    facts = read_host_facts()
    assert (facts.lsm, facts.tcp_fastopen, facts.netns) == ((), -1, -1)


def test_a_namespace_of_another_form_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostfacts.os, "readlink", lambda _: "something else")
    assert read_host_facts().netns == -1


def test_each_role_has_its_own_filter() -> None:
    digests = expected_filters()
    assert set(digests) == {"gateway", "analyst", "engine"}
    assert len(set(digests.values())) == 3
    for role, digest in digests.items():
        assert digest == filter_digest(Role(role), machine().name)
