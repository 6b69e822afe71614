"""The demonstration's house: a private folder, settings that load back, its own policy, token, log and officer."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.log.setup import DEMO_SITE, read_officer
from proxy.cli.demo_house import DemoFailed, DemoHouse, build_house
from proxy.clients import Clients
from proxy.config import load_settings
from proxy.launch import prepare
from proxy.policy_files import shipped_policies
from tests.kit.audit_house import quick_folder


@pytest.fixture(scope="module")
def house() -> Iterator[DemoHouse]:
    for folder in quick_folder():
        yield build_house(folder)


def test_the_folder_is_the_users_alone(house: DemoHouse) -> None:
    for path in (house.folder, house.folder / "access", house.folder / "audit"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (house.folder / "officer").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_the_settings_file_loads_back(house: DemoHouse) -> None:
    assert load_settings(house.folder / "cordon.toml") == house.settings
    assert house.settings.access.port == house.port
    written = tomllib.loads((house.folder / "cordon.toml").read_text())
    assert "engine" not in written  # what is default is not written down


def test_the_policy_is_the_hospitals_but_runs_where_the_kernel_cannot_confine(house: DemoHouse) -> None:
    ours = tomllib.loads((house.folder / "policies" / "hospital-demo.toml").read_text())
    theirs = tomllib.loads(shipped_policies()["hospital"].decode())
    assert {key for key in ours if ours[key] != theirs[key]} == {"name", "evidence_min"}
    assert (ours["name"], ours["evidence_min"]) == ("hospital-demo", "E0")
    assert house.policy.digest == prepare(house.settings).policy.digest
    assert house.policy.judges


def test_the_token_lives_for_a_day_and_is_only_stored_as_a_hash(house: DemoHouse) -> None:
    path = house.folder / "access" / "clients.json"
    client = Clients(path).match(house.token)
    assert client is not None
    assert client.uid == os.getuid()
    assert house.token not in path.read_text()
    assert Clients(path).match(house.token + "x") is None


def test_the_log_is_enrolled_with_an_officer_of_its_own_for_this_policy(house: DemoHouse) -> None:
    trust, _ = read_officer(house.folder / "officer")
    statement = (house.folder / "audit" / "notes" / "enrolment-0.note").read_text()
    assert house.policy.digest in statement
    assert trust.site == DEMO_SITE


def test_another_demonstration_replaces_the_first(house: DemoHouse, tmp_path: Path) -> None:
    first = build_house(tmp_path)
    (first.folder / "left-over").write_text("x")
    second = build_house(tmp_path)
    assert second.folder == first.folder
    assert not (second.folder / "left-over").exists()
    assert second.token != first.token
    assert Clients(second.folder / "access" / "clients.json").match(first.token) is None


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cordon").write_text("a file, not a folder")
    with pytest.raises(DemoFailed, match="set XDG_DATA_HOME to a folder of yours"):
        build_house(tmp_path)


def test_a_service_that_ends_at_start_is_a_sentence_that_names_the_journal(house: DemoHouse, tmp_path: Path) -> None:
    broken = build_house(tmp_path)
    (broken.folder / "cordon.toml").write_text("[access]\nport = 0\n")
    seen: list[dict[str, str]] = []
    with pytest.raises(DemoFailed, match=r"ended at start \(status 78\); see .*journal"), broken.serving(seen.append):
        pytest.fail("it cannot have started")
    assert seen == []
    assert "nothing was started" in broken.journal.read_text()
