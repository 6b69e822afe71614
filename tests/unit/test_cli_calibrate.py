"""`cordon policy calibrate`: strict rows, development rows alone, all or nothing, and a file that the loader takes."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from filters.safety import Unit
from policies.calibrate import is_dev
from policies.calibrated import read_calibration
from policies.decide import Decision, Evidence, UnitScores, Verdict
from policies.model import CanaryScores
from policies.model import Direction as Side
from proxy.cli import calibrate as command
from proxy.cli.calibrate import BadCaseError, Case, parse_case
from proxy.cli.judge_rows import Row
from proxy.cli.lone_guard import GuardFailed
from proxy.config import PolicySettings
from proxy.errors import CordonError
from proxy.exchange import Exchange
from proxy.launch import Prepared
from proxy.policy_files import read_policy
from proxy.rooms import Judgement
from tests.kit.commands import Ran, cordon
from tests.kit.policies import IDS

DEV = [f"row-{number}" for number in range(4000) if is_dev(f"row-{number}")]
TEST = next(f"row-{number}" for number in range(100) if not is_dev(f"row-{number}"))


PROVISIONAL = ("policy", "calibrate", "--provisional", "--reason", "no rows yet")


def case(row_id: str, text: str, /, **changes: object) -> str:
    row = {
        "id": row_id,
        "source": "test",
        "text": text,
        "role": "prompt",
        "label": "safe",
        "policy": None,
        "medical": True,
    }
    return json.dumps(row | changes)


# ---- rows ------------------------------------------------------------------------------------------------------


def test_a_labelled_row() -> None:
    asked = Row("a", "response", (("user", "p"), ("assistant", "t")))
    line = case("a", "t", role="response", prompt="p", label="unsafe", policy="hate", medical=False)
    assert parse_case(line) == Case("a", asked, unsafe=True, policy="hate", medical=False)
    assert parse_case(case("b", "t")).policy == ""
    assert "secret" not in repr(parse_case(case("b", "secret")))


@pytest.mark.parametrize(
    "changes",
    [{"id": 7}, {"id": ""}, {"id": None}, {"role": "user"}, {"text": 1}, {"label": "maybe"}, {"label": None},
     {"medical": "yes"}, {"medical": None}, {"policy": 3}, {"prompt": []}],
)  # fmt: skip
def test_what_is_no_labelled_row(changes: dict[str, object]) -> None:
    with pytest.raises(BadCaseError):
        parse_case(case("a", "t", **changes))


# ---- a guard that keeps the promises of one --------------------------------------------------------------------


class FakeRedactor:
    """Marks every text as replaced; refuses the one it is told to."""

    def __init__(self, _: object) -> None:
        pass

    def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        if any(text == "leak" for _, text in turns):
            raise CordonError("redaction_leak")
        return tuple(f"replaced {text}" for _, text in turns)


class FakeGuard:
    """Scores a text by the number in it; `canary` scores are given."""

    def __init__(self, canary: CanaryScores) -> None:
        self.canary, self.seen = canary, []

    async def canaries(self, _: Exchange) -> CanaryScores:
        return self.canary

    async def judge(self, _: Exchange, units: Sequence[Unit]) -> Judgement:
        self.seen += [unit.text for unit in units]
        scored = tuple(UnitScores(u.kind, Side(u.direction.value), None, 1, "", _scores(u.text)) for u in units)
        return Judgement(Decision(Verdict.REFUSE, "", "", (), ((),) * len(units)), Evidence(scored), 0)

    async def forget(self, _: Exchange) -> None:
        return


def _scores(text: str) -> tuple[tuple[str, int | None], ...]:
    number = text.rsplit(maxsplit=1)[-1]
    score = None if number == "none" else int(number)
    return tuple((id_, score if id_ == "hate" else 10) for id_ in IDS)


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> FakeGuard:
    fake = FakeGuard(tuple((id_, 9900, 100) for id_ in IDS))

    async def run(_: Prepared, work: Callable[[Any], Awaitable[Any]]) -> Any:
        outcome = await work(fake)
        if isinstance(outcome, GuardFailed):
            raise outcome
        return outcome

    monkeypatch.setattr(command, "with_unproved_guard", run)
    monkeypatch.setattr(command, "Redactor", FakeRedactor)
    return fake


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cordon.toml"
    path.write_text('[models]\nguard = "demo-guard"\ndemo_models = true\n'
                    f'[policy]\ncalibration_dir = "{tmp_path}/calibration"\n')  # fmt: skip
    return path


def ran_on(config: Path, *lines: str) -> Ran:
    rows = config.parent / "rows.jsonl"
    rows.write_text("\n".join(lines) + "\n\n")
    return cordon("policy", "calibrate", rows, "--config", config)


def written(config: Path) -> list[Path]:
    folder = config.parent / "calibration"
    return sorted(folder.iterdir()) if folder.exists() else []


def enough(text: str = "12", **changes: object) -> list[str]:
    """Medical safe rows of both directions, more than the 125 that are needed, and unsafe ones."""
    safe = [case(name, text, role=("prompt", "response")[n % 2], **changes) for n, name in enumerate(DEV[:260])]
    bad = [case(name, "9000", label="unsafe", policy="hate", medical=False, role=("prompt", "response")[n % 2])
           for n, name in enumerate(DEV[260:300])]  # fmt: skip
    return safe + bad


def test_thresholds_are_measured_and_the_file_is_one_the_loader_takes(guard: FakeGuard, config: Path) -> None:
    ran = ran_on(config, *enough(), case(TEST, "9999"))
    assert ran.status == 0, ran.err
    path, *drawn = sorted(written(config), key=lambda path: path.suffix != ".toml")
    made = read_calibration(path.read_bytes())
    assert path.name == f"{made.guard_sha256[:16]}.toml"
    assert [one.name for one in drawn] == [f"{path.stem}-{direction}.svg" for direction in ("prompt", "response")]
    assert all(ET.fromstring(one.read_text()).tag.endswith("svg") for one in drawn)
    assert "100.0 (83.9-100.0) of 20" in ran.out  # 20 unsafe rows of one direction, all caught
    assert "0.0 (0.0-2.9) of 130" in ran.out  # none of 130 medical safe ones
    assert (made.basis, made.canary) == ("demo", guard.canary)
    policy = read_policy(PolicySettings(calibration_dir=path.parent), made.guard_sha256)
    for direction in Side:
        found = policy.threshold("hate", direction)
        assert 12 < found.flag <= found.block <= 9000
    assert f"Written: {path}" in ran.out


def test_only_development_rows_are_scored_and_only_replaced(guard: FakeGuard, config: Path) -> None:
    assert ran_on(config, *enough(), case(TEST, "9999")).status == 0
    assert len(guard.seen) == 300
    assert all(text.startswith("replaced ") for text in guard.seen)
    assert "replaced 9999" not in guard.seen


def test_provisional_thresholds_are_named_so(guard: FakeGuard, config: Path) -> None:
    ran = cordon(*PROVISIONAL, "--config", config)
    assert (ran.status, "Nobody measured" in ran.out) == (0, True)
    (path,) = written(config)
    made = read_calibration(path.read_bytes())
    assert made.basis == "provisional"
    assert {(t.flag, t.block) for t in made.thresholds} == {(5000, 8000)}
    assert made.canary == guard.canary
    assert made.act is not None
    assert (made.act.by, made.act.reason) == (pwd.getpwuid(os.getuid()).pw_name, "no rows yet")
    assert made.act.by in ran.out
    assert guard.seen == []


def test_the_file_goes_where_it_is_told(guard: FakeGuard, config: Path, tmp_path: Path) -> None:
    ran = cordon(
        "policy",
        "calibrate",
        "--provisional",
        "--reason",
        "no rows yet",
        "--config",
        config,
        "--out",
        tmp_path / "new" / "place",
    )
    assert ran.status == 0
    assert written(config) == []
    assert len(list((tmp_path / "new" / "place").iterdir())) == 1


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ("nonsense", 2, "line 301 of"),
        (case(DEV[0], "5"), 2, "stands twice"),
        (case(DEV[301], "leak"), 2, "redaction_leak"),
        (case(DEV[301], "none"), 2, "guard_missing"),
    ],
)
def test_one_row_that_is_wrong_and_nothing_is_written(
    guard: FakeGuard, config: Path, more: str, status: int, says: str
) -> None:
    ran = ran_on(config, *enough(), more)
    assert (ran.status, says in ran.err, "nothing was written" in ran.err) == (status, True, True)
    assert written(config) == []


def test_too_few_medical_rows(guard: FakeGuard, config: Path) -> None:
    ran = ran_on(config, *enough(medical=False))
    assert (ran.status, "calibration_too_small" in ran.err) == (2, True)
    assert written(config) == []


def test_a_canary_that_cannot_be_scored(guard: FakeGuard, config: Path) -> None:
    guard.canary = (*guard.canary[:-1], ("sexual", -1, 3))
    ran = cordon(*PROVISIONAL, "--config", config)
    assert (ran.status, "guard_missing" in ran.err) == (2, True)
    assert written(config) == []


@pytest.mark.parametrize(
    "words",
    [(), ("rows.jsonl", "--provisional"), ("--provisional",), ("--provisional", "--reason", " "),
     ("--provisional", "--reason", "x" * 301), ("rows.jsonl", "--reason", "x")],
)  # fmt: skip
def test_rows_or_provisional_and_not_both(config: Path, words: tuple[str, ...]) -> None:
    assert cordon("policy", "calibrate", *words, "--config", config).status == 64


def test_settings_that_judge_nothing(guard: FakeGuard, config: Path) -> None:
    config.write_text('[models]\nguard = ""\n')
    assert cordon(*PROVISIONAL, "--config", config).status == 78
    config.write_text('[policy]\nname = "unsafe-allow-all"\n')
    assert cordon(*PROVISIONAL, "--config", config).status == 78


def test_files_that_cannot_be_read_or_written(guard: FakeGuard, config: Path, tmp_path: Path) -> None:
    ran = cordon("policy", "calibrate", tmp_path / "nowhere", "--config", config)
    assert (ran.status, "nothing was written" in ran.err) == (2, True)
    (tmp_path / "file").write_text("")
    ran = cordon(
        "policy",
        "calibrate",
        "--provisional",
        "--reason",
        "no rows yet",
        "--config",
        config,
        "--out",
        tmp_path / "file" / "x",
    )
    assert (ran.status, "nothing was written" in ran.err) == (2, True)


def test_the_scorer_alone_says_why_and_raises_nothing(guard: FakeGuard) -> None:
    scorer = command._Scorer((parse_case(case(DEV[0], "none")),), None)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "rules_of", lambda *_, **__: None)
        assert isinstance(asyncio.run(scorer.score(guard)), GuardFailed)  # type: ignore[arg-type]
