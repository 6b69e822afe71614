"""What finds identifiers is said part by part, and what cannot be used stops the start."""

from __future__ import annotations

from pathlib import Path

from proxy.cli.examine_detectors import detector_points
from proxy.cli.examine_host import Level
from proxy.config import DetectorSettings, PolicySettings, Settings
from proxy.policy_files import shipped_policies
from tests.kit.plugin_folders import token_classifier_folder


def _points(folder: Path, rules: str = "", *plugins: Path) -> list[tuple[str, Level, str]]:
    text = shipped_policies()["hospital"].decode().replace('name = "hospital"', 'name = "site"')
    (folder / "site.toml").write_text(text + rules)
    policy = PolicySettings(name="site", dir=folder)
    settings = Settings(policy=policy, detectors=DetectorSettings(plugins=plugins))
    return [(p.part, p.level, p.says) for p in detector_points(settings)]


def test_the_bundled_detectors_are_counted(tmp_path: Path) -> None:
    ((part, level, says),) = _points(tmp_path)
    assert (part, level) == ("detectors", Level.GOOD)
    assert "identifier kinds of our own" in says


def test_what_the_site_adds_is_counted(tmp_path: Path) -> None:
    plugin = token_classifier_folder(tmp_path / "p")
    found = _points(tmp_path, '[pii.deny]\nORG = ["Lotus Ward"]\n', plugin)
    assert found[1] == ("site rules", Level.GOOD, "0 identifiers, 1 words always replaced, 0 never alone")
    assert found[2] == (
        "plug-in", Level.GOOD,
        f"tiny-token-classifier (token-classifier) adds ORG, PERSON; 3 files as sealed in {plugin}",
    )  # fmt: skip


def test_a_folder_that_was_changed_and_a_rule_that_is_refused_stop(tmp_path: Path) -> None:
    plugin = token_classifier_folder(tmp_path / "p")
    (plugin / "more.py").write_text("")
    rule = """
[[pii.site]]
kind = "lotus_number"
type = "ID"
pattern = 'LX-\\d+'
scores = { shape = 600 }
examples = { match = ["see «LX-1» now", "at «LX-2»"], no_match = ["LX", "L"] }
"""
    stops = [(part, says) for part, level, says in _points(tmp_path, rule, plugin) if level is Level.STOPS]
    assert [part for part, _ in stops] == ["site rules", "plug-in"]
    assert "no upper bound" in stops[0][1]
    assert "more.py is not listed" in stops[1][1]


def test_a_policy_that_cannot_be_read_is_told_elsewhere(tmp_path: Path) -> None:
    settings = Settings(policy=PolicySettings(name="no-such", dir=tmp_path))
    assert [p.part for p in detector_points(settings)] == ["detectors"]
