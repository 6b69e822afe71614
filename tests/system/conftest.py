"""One package for all tests that boot it, and one enrolled service for those that do not install it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.booted import booted, enrolled
from tests.kit.nspawn import Machine, build_package


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_package(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Machine]:
    """Installed and enrolled, not started."""
    with booted(package, tmp_path_factory.mktemp("service")) as machine:
        machine.run("dpkg", "-i", "/var/tmp/cordon.deb", timeout=600)
        enrolled(machine)
        yield machine
