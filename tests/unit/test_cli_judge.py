"""`cordon judge` without a guard: what a person sees; wrong use judges nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from filters.safety import Direction
from policies.decide import Decision, Evidence, UnitScores, Verdict
from policies.model import Direction as Side
from proxy.cli import judge as command
from proxy.cli.lone_guard import prepare_guard
from proxy.config import ConfigError, ModelsSettings, PolicySettings, Settings
from proxy.launch import LaunchError
from proxy.rooms import Judgement
from tests.kit.commands import cordon, settings_file
from tests.kit.policies import policy_of


def test_a_person_sees_scores_thresholds_and_caps(capsys: pytest.CaptureFixture[str]) -> None:
    policy = policy_of("hospital")
    ids = [guideline.id for guideline in policy.guidelines]
    unit = UnitScores("user", Side.PROMPT, None, 1, "", tuple((id_, 9000) for id_ in ids[1:]))
    acts = (tuple((id_, Verdict.REFUSE) for id_ in ids[1:]),)
    decision = Decision(Verdict.REFUSE, f"{ids[1]}/prompt", "prompt_refused", (), acts)
    command._show(Judgement(decision, Evidence((unit,)), 1), policy, Direction.PROMPT)
    out = capsys.readouterr().out
    assert "missing" in out
    assert "0.9000" in out
    assert f"refuse ({ids[1]}/prompt)" in out
    assert "not measured (basis provisional)" in out
    assert "never" in out  # under the clinical profile a prompt about danger is only flagged


# ---- wrong use -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--demo", "--config", "c.toml"), "exclude each other"),
        (("--demo", "--policy", "Not A Name"), "cordon policy list"),
        (("--demo", "--policy", "no-such"), "policy_unknown"),
        (("--demo", "--policy", "unsafe-allow-all"), "judges nothing"),
        (("--config", "nowhere.toml"), "there is no settings file"),
        (("--config", "cordon.toml"), "models.guard is empty"),
    ],
)
def test_settings_that_cannot_judge(tmp_path: Path, monkeypatch, words: tuple[str, ...], says: str) -> None:
    settings_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    ran = cordon("judge", *words, "x.txt")
    assert (ran.status, says in ran.err) == (78, True)
    assert ran.out == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_text_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    for words in ((tmp_path / "x",), ("--jsonl", tmp_path / "x", tmp_path / "y")):
        ran = cordon("judge", "--demo", *words)
        assert (ran.status, "nothing was judged" in ran.err) == (2, True)


def test_a_guard_is_prepared_without_a_model_that_answers() -> None:
    settings = Settings(models=ModelsSettings(answer="not-there", guard="demo-guard", demo_models=True))
    prepared = prepare_guard(settings)
    assert prepared.answer is None
    assert prepared.guard is not None
    assert prepared.policy.calibration_basis == "demo"


def test_a_guard_without_calibration_is_not_prepared(tmp_path: Path) -> None:
    (tmp_path / "shieldgemma-2b-Q8_0.gguf").write_bytes(b"weights")
    models = ModelsSettings(dir=tmp_path, pins={"shieldgemma-2b": "ab" * 32}, accepted_licences=("Gemma",))
    with pytest.raises(LaunchError, match="guard_uncalibrated"):
        prepare_guard(Settings(models=models))
    with pytest.raises(ConfigError, match="is missing"):
        prepare_guard(Settings(models=models.model_copy(update={"dir": tmp_path / "none"})))
    unsafe = PolicySettings(name="unsafe-allow-all")
    with pytest.raises(ConfigError, match="judges nothing"):
        prepare_guard(Settings(models=ModelsSettings(guard="demo-guard", demo_models=True), policy=unsafe))
