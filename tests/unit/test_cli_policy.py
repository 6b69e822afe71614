"""`cordon policy list | show | check`: what is shown is what loads, and what does not load is said with its key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filters import nerhits
from filters.kinds import known_kinds
from policies.model import Direction
from proxy.config import PolicySettings
from proxy.models import load_catalogue, shipped_catalogue
from proxy.policy_files import read_policy, shipped_policies
from tests.kit.commands import cordon
from tests.kit.policies import calibration

HOSPITAL = shipped_policies()["hospital"].decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    path = tmp_path / "cordon.toml"
    path.write_text(
        f'[models]\nguard = "demo-guard"\ndemo_models = true\n[policy]\nname = "gdpr"\ndir = "{tmp_path}/policies"\n'
    )
    return path


def site(config: Path, name: str, text: str) -> Path:
    path = config.parent / "policies" / f"{name}.toml"
    path.write_text(text)
    return path


def test_all_policies_are_listed_and_the_one_in_force_is_marked(config: Path) -> None:
    site(
        config,
        "ward-7",
        HOSPITAL.replace('name = "hospital"', 'name = "ward-7"').replace("Hospital, general", "Ward [7]"),
    )
    ran = cordon("policy", "list", "--config", config)
    assert ran.status == 0
    marked = [line.split()[1] for line in ran.out.splitlines() if line.startswith("*")]
    assert marked == ["gdpr"]
    assert "Ward [7]" in ran.out
    rows = json.loads(cordon("policy", "list", "--config", config, "--json").out)
    assert [row["name"] for row in rows] == sorted([*shipped_policies(), "ward-7"])
    origins = {row["name"]: row["origin"] for row in rows}
    assert (origins["gdpr"], origins["ward-7"]) == ("Cordon", str(config.parent / "policies"))


def test_without_a_site_folder_there_are_the_shipped_ones() -> None:
    rows = json.loads(cordon("policy", "list", "--json").out)
    assert [row["name"] for row in rows] == sorted(shipped_policies())


def test_a_broken_policy_of_the_site_is_said(config: Path) -> None:
    site(config, "ward-7", "nonsense")
    ran = cordon("policy", "list", "--config", config)
    assert (ran.status, "cordon policy check" in ran.err) == (78, True)
    assert cordon("policy", "list", "--config", config.parent / "none.toml").status == 78


def test_show_has_the_thresholds_of_the_guard_in_the_settings(config: Path) -> None:
    ran = cordon("policy", "show", "hospital", "--config", config)
    assert ran.status == 0
    guard = load_catalogue([shipped_catalogue()]).find("demo-guard")
    policy = read_policy(PolicySettings(name="hospital"), guard.sha256)
    assert policy.digest in ran.out
    assert "basis demo" in ran.out
    found = policy.threshold("harassment", Direction.PROMPT)
    assert f"flag {found.flag / 10_000:.4f}, block {found.block / 10_000:.4f}" in ran.out


def test_show_without_a_calibration_says_so(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[models]\nguard = "shieldgemma-2b"\n')
    ran = cordon("policy", "show", "--config", tmp_path / "c.toml")
    assert (ran.status, "has no calibration" in ran.out) == (0, True)
    assert "ward_bed: keep" in ran.out


def test_show_for_machines(config: Path) -> None:
    ran = cordon("policy", "show", "pdpa-lk", "--config", config, "--json")
    said = json.loads(ran.out)
    assert (said["name"], said["pii"]["ages_from"]) == ("pdpa-lk", said["pii"]["ages_from"])
    assert {guideline["id"] for guideline in said["guidelines"]} == {"dangerous", "harassment", "hate", "sexual"}


@pytest.mark.parametrize(("name", "says"), [("no-such", "policy_unknown"), ("../etc/passwd", "lower-case letters")])
def test_show_of_what_is_not_there(config: Path, name: str, says: str) -> None:
    ran = cordon("policy", "show", name, "--config", config)
    assert (ran.status, says in ran.err) == (78, True)


# ---- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(shipped_policies()))
def test_every_shipped_policy_passes_its_own_check(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.toml"
    path.write_bytes(shipped_policies()[name])
    assert cordon("policy", "check", path).status == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('point = "balanced"', 'point = "lax"'), "hospital.pii.point"),
        (('point = "balanced"', 'point = "balanced"\ncolour = 1'), "hospital.pii.colour is not known"),
        (('name = "hospital"', 'name = "other"'), "hospital.name"),
        (("[safety]", "[safety"), "not TOML"),
        (('ward_bed = "keep"', 'ward_beds = "keep"'), "ward_beds is not known"),
        (('profile = "clinical"', 'profile = "unsafe-allow-all"'), "unsafe-"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert change[0] in HOSPITAL
    path = tmp_path / "hospital.toml"
    path.write_text(HOSPITAL.replace(*change))
    ran = cordon("policy", "check", path)
    assert (ran.status, says in ran.err) == (1, True)
    assert "does not load" in ran.err


def test_the_name_of_the_file_is_the_name_of_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "Ward 7.toml"
    path.write_text(HOSPITAL)
    ran = cordon("policy", "check", path)
    assert (ran.status, "file's name" in ran.err) == (1, True)


def test_what_is_no_file_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(HOSPITAL)
    for path in (tmp_path / "none.toml", tmp_path / "x.txt", tmp_path):
        assert cordon("policy", "check", path).status == 2


def test_every_kind_a_detector_reports_may_stand_in_a_policy() -> None:
    kinds = known_kinds()
    assert {kind for _, kind in nerhits._TYPES.values()} <= kinds
    assert {"ward_bed", "facility", "bare_year", "card", "opaque"} <= kinds
    assert "" not in kinds


# ---- what nobody measured, what differs ----------------------------------------------------------------------------


def test_show_says_who_accepted_what_nobody_measured(config: Path) -> None:
    guard = load_catalogue([shipped_catalogue()]).find("demo-guard")
    folder = config.parent / "calibration"
    folder.mkdir()
    (folder / f"{guard.sha256[:16]}.toml").write_bytes(calibration(guard_sha256=guard.sha256))
    config.write_text(config.read_text() + f'calibration_dir = "{folder}"\n')
    for ran in (cordon("policy", "show", "--config", config), cordon("check", "--config", config)):
        assert "provisional" in ran.out
        assert "root at 2026-11-21T10:00:00Z: no labelled rows yet" in ran.out.replace("\n", " ")


def test_a_policy_that_extends_is_shown_whole(config: Path) -> None:
    says = 'name = "ward-7"\nextends = "pdpa-sg"\ntitle = "Ward 7"\n[safety.caps.tool]\ndangerous = "block"\n'
    path = site(config, "ward-7", says + "[safety.block_at_most.response]\nhate = 0.25\n")
    ran = cordon("policy", "show", "ward-7", "--config", config)
    for line in ("extends pdpa-sg", "sg_nric: mask", "stricter.tool dangerous: at least block", "block from 0.2500"):
        assert line in " ".join(ran.out.split())
    assert "answer_tokens 4,096" in " ".join(ran.out.split())
    assert cordon("policy", "check", path).status == 0
