"""One datagram a message to the manager's socket; without one, silence; a manager that is gone is no reason to fail."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.notify import Notifier


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(address)
        ears.settimeout(5)
        yield ears


def test_a_life(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as ears:
        told = Notifier(str(tmp_path / "notify"))
        told.status("two\nlines of " + "x" * 300)
        told.ready()
        told.alive()
        told.stopping()
        got = [ears.recv(1024).decode() for _ in range(4)]
        told.close()
    assert got[0].startswith("STATUS=two lines of xxx")
    assert len(got[0]) == len("STATUS=") + 200
    assert got[1].splitlines()[0] == "READY=1"
    assert got[2] == "WATCHDOG=1"
    assert got[3].splitlines() == ["STOPPING=1", "STATUS=Stopping: open answers end, then the log is signed"]


def test_the_reason_of_a_failure_is_the_last_status(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as ears:
        told = Notifier(str(tmp_path / "notify"))
        told.failed("no guard")
        told.stopping()
        assert [ears.recv(1024) for _ in range(2)] == [b"STATUS=no guard", b"STOPPING=1"]
        told.close()


def test_an_abstract_address() -> None:
    name = f"cordon-test-{os.getpid()}"
    with manager(f"\0{name}") as ears:
        told = Notifier(f"@{name}")
        told.alive()
        assert ears.recv(64) == b"WATCHDOG=1"
        told.close()


def test_without_a_manager_nothing_is_opened_and_one_that_is_gone_is_not_missed(tmp_path: Path) -> None:
    silent = Notifier("")
    silent.ready()
    assert silent.descriptor is None
    silent.close()
    gone = Notifier(str(tmp_path / "nobody"))
    gone.ready()
    assert gone.descriptor is not None
    gone.close()
    assert gone.descriptor is None
