"""A site's file wins over a shipped one, a calibration is found by the guard's digest, and a policy joins the two."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.model import Policy, PolicyError
from proxy.config import PolicySettings
from proxy.policy_files import calibration_of, read_policy, read_rules, shipped_policies
from tests.kit.policies import GUARD, calibration

HOSPITAL = shipped_policies()["hospital"]


@pytest.fixture
def site(tmp_path: Path) -> PolicySettings:
    """A site with a calibration of the test guard."""
    (tmp_path / f"{GUARD[:16]}.toml").write_bytes(calibration())
    return PolicySettings(dir=tmp_path / "policies", calibration_dir=tmp_path)


def own(site: PolicySettings, name: str, text: bytes) -> PolicySettings:
    site.dir.mkdir(exist_ok=True)
    (site.dir / f"{name}.toml").write_bytes(text)
    return site.model_copy(update={"name": name})


def test_the_shipped_policies_all_load(site: PolicySettings) -> None:
    assert {"hospital", "gdpr", "pdpa-lk", "unsafe-allow-all"} <= set(shipped_policies())
    for name in shipped_policies():
        policy = read_policy(site.model_copy(update={"name": name}), GUARD)
        assert (policy.name, policy.calibration_basis) == (name, "provisional" if policy.judges else "off")


def test_a_sites_file_of_the_same_name_wins(site: PolicySettings) -> None:
    ours = own(site, "hospital", HOSPITAL.replace(b"Hospital, general", b"Ours"))
    assert read_policy(ours, GUARD).title == "Ours"
    assert read_rules(ours).title == "Ours"


def test_a_sites_own_name(site: PolicySettings) -> None:
    ours = own(site, "ward-7", HOSPITAL.replace(b'name = "hospital"', b'name = "ward-7"'))
    assert read_policy(ours, GUARD).name == "ward-7"


def test_other_files_beside_are_not_policies(site: PolicySettings) -> None:
    ours = own(site, "hospital", HOSPITAL)
    (ours.dir / "readme.txt").write_text("nonsense")
    assert read_rules(ours).name == "hospital"


def test_rules_need_no_guard(tmp_path: Path) -> None:
    rules = read_rules(PolicySettings(dir=tmp_path / "none", calibration_dir=tmp_path))
    assert not isinstance(rules, Policy)
    assert rules.name == "hospital"


def test_without_a_calibration_of_this_very_guard_a_policy_that_judges_does_not_load(site: PolicySettings) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(site, "cd" * 32)
    assert caught.value.code == "guard_uncalibrated"
    same_beginning = GUARD[:16] + "0" * 48
    with pytest.raises(PolicyError) as caught:
        read_policy(site, same_beginning)
    assert caught.value.code == "guard_uncalibrated"


def test_a_sites_calibration_wins_and_a_missing_one_is_none(site: PolicySettings) -> None:
    assert calibration_of(site, GUARD) == calibration()
    assert calibration_of(site, "ef" * 32) is None


def test_an_unknown_name_is_refused(site: PolicySettings) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(site.model_copy(update={"name": "no-such"}), GUARD)
    assert caught.value.code == "policy_unknown"
