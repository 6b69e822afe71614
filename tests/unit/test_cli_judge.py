"""`cordon judge` without a guard: rows are read strictly, units are those of the service, wrong use judges nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from filters.safety import Direction, Unit
from policies.decide import Decision, Evidence, UnitScores, Verdict
from policies.model import Direction as Side
from proxy.cli import judge as command
from proxy.cli.judge import BadRowError, Row, parse_row, units_of
from proxy.cli.lone_guard import prepare_guard
from proxy.config import ConfigError, ModelsSettings, PolicySettings, Settings
from proxy.errors import CordonError
from proxy.exchange import Exchange
from proxy.launch import LaunchError
from proxy.rooms import Judgement
from tests.kit.commands import cordon, settings_file
from tests.kit.policies import policy_of

# ---- rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"id": "a", "role": "prompt", "text": "t"}', Row("a", "prompt", (("user", "t"),))),
        ('{"id": 7, "role": "prompt", "text": ""}', Row(7, "prompt", (("user", ""),))),
        (
            '{"role": "response", "text": "t", "prompt": "p"}',
            Row(None, "response", (("user", "p"), ("assistant", "t"))),
        ),
        ('{"id": "a", "role": "response", "text": "t"}', Row("a", "response", (("user", ""), ("assistant", "t")))),
        ('{"id": "a", "role": "prompt", "text": "t", "more": 1}', Row("a", "prompt", (("user", "t"),))),
    ],
)
def test_a_row(line: str, row: Row) -> None:
    assert parse_row(line) == row


@pytest.mark.parametrize(
    ("line", "row_id"),
    [
        ("", None),
        ("nonsense", None),
        ("[]", None),
        ('"text"', None),
        ("[" * 100_000, None),
        ('{"id": "a"}', "a"),
        ('{"id": "a", "role": "prompt"}', "a"),
        ('{"id": "a", "role": "user", "text": "t"}', "a"),
        ('{"id": 3, "role": "prompt", "text": 7}', 3),
        ('{"id": [], "role": "prompt", "text": null}', None),
        ('{"id": "a", "role": "response", "text": "t", "prompt": 1}', "a"),
    ],
)
def test_what_is_no_row_keeps_its_id_and_nothing_else(line: str, row_id: object) -> None:
    with pytest.raises(BadRowError) as caught:
        parse_row(line)
    assert caught.value.id == row_id
    assert str(caught.value) == "bad_row"


def test_a_row_shows_no_text() -> None:
    assert "secret" not in repr(parse_row('{"id": "a", "role": "response", "text": "secret", "prompt": "secret"}'))


def test_units_are_asked_in_the_form_of_the_service() -> None:
    prompt = parse_row('{"role": "prompt", "text": "x"}')
    assert units_of(prompt, ("[NAME_1]",)) == (Unit("user", Direction.PROMPT, "", "[NAME_1]"),)
    answer = parse_row('{"role": "response", "text": "x", "prompt": "y"}')
    assert units_of(answer, ("q [NAME_1]", "a [NAME_1]")) == (
        Unit("assistant", Direction.RESPONSE, "q [NAME_1]", "a [NAME_1]", 0),
    )
    assert units_of(answer, ("", "a"))[0].question == ""


# ---- rows through a guard that keeps the promises of one -------------------------------------------------------


@dataclass
class FakeRedactor:
    """Replaces every text by its length; refuses the one it is told to."""

    def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        if any(text == "leak" for _, text in turns):
            raise CordonError("redaction_leak")
        return tuple(f"[{len(text)}]" for _, text in turns)


@dataclass
class FakeGuard:
    """Scores by the length it is shown."""

    seen: list[Unit] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    async def judge(self, exchange: Exchange, units: Sequence[Unit]) -> Judgement:
        self.seen += units
        if units[0].text == "[4]":
            raise CordonError("guard_timeout")
        score = None if units[0].text == "[1]" else 9000 if units[0].text == "[2]" else 12
        scored = tuple(
            UnitScores(u.kind, Side(u.direction.value), u.seg, 1, "", (("hate", score), ("sexual", 5))) for u in units
        )
        verdict = {None: Verdict.REFUSE, 9000: Verdict.REFUSE, 12: Verdict.PERMIT}[score]
        code = {None: "guard_missing", 9000: "prompt_refused", 12: ""}[score]
        return Judgement(Decision(verdict, "", code, (), ((),) * len(units)), Evidence(scored), 1)

    async def forget(self, exchange: Exchange) -> None:
        self.forgotten.append(exchange.id)


def judged(tmp_path: Path, *lines: str) -> tuple[int, list[dict[str, object]], FakeGuard]:
    guard = FakeGuard()
    judge = command._Judge(FakeRedactor(), guard)  # type: ignore[arg-type]  # the two promises above
    status = asyncio.run(command._rows(judge, list(lines), tmp_path / "out.jsonl"))
    return status, [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()], guard


def row(number: int, text: str) -> str:
    return json.dumps({"id": number, "role": "prompt", "text": text})


def test_each_row_has_its_decision_in_order(tmp_path: Path) -> None:
    status, said, guard = judged(tmp_path, row(1, "abc"), row(2, "ab"))
    assert status == 0
    assert said == [
        {"id": 1, "scores": {"hate": 0.0012, "sexual": 0.0005}, "decision": "permit"},
        {"id": 2, "scores": {"hate": 0.9, "sexual": 0.0005}, "decision": "refuse"},
    ]
    assert [unit.text for unit in guard.seen] == ["[3]", "[2]"]
    assert len(set(guard.forgotten)) == 2


def test_a_row_that_cannot_be_judged_is_refused_with_a_code(tmp_path: Path) -> None:
    lines = (row(1, "abc"), row(2, "leak"), row(3, "abcd"), row(4, "a"), "nonsense", row(6, "abc"))
    status, said, guard = judged(tmp_path, *lines)
    assert status == 2
    assert [(one["id"], one["decision"], one.get("code")) for one in said] == [
        (1, "permit", None),
        (2, "refuse", "redaction_leak"),
        (3, "refuse", "guard_timeout"),
        (4, "refuse", "guard_missing"),
        (None, "refuse", "bad_row"),
        (6, "permit", None),
    ]
    assert "hate" not in said[3]["scores"]
    assert all(unit.text.startswith("[") for unit in guard.seen)
    assert len(guard.forgotten) == 5  # every row that was one


def test_no_rows_are_no_decisions(tmp_path: Path) -> None:
    assert judged(tmp_path)[:2] == (0, [])


def test_a_target_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judge = command._Judge(FakeRedactor(), FakeGuard())  # type: ignore[arg-type]  # as above
    assert asyncio.run(command._rows(judge, [row(1, "abc")], tmp_path / "no" / "out")) == 2
    assert "not complete" in capsys.readouterr().err


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
