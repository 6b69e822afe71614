"""`cordon judge` with the bundled guard in its own locked process, and a guard that must not be believed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.cli.lone_guard import GuardFailed, envelope, prepare_guard, with_guard
from proxy.config import ModelsSettings, Settings
from proxy.judging import Guard
from tests.kit.commands import cordon

DEMO = Settings(models=ModelsSettings(guard="demo-guard", demo_models=True))
ROWS = [
    {"id": "ask", "role": "prompt", "text": "How is asthma treated in adults?"},
    {"id": "hurt", "role": "prompt", "text": "You stupid idiot, I will beat you up and make your life hell."},
    {"id": "answer", "role": "response", "prompt": "How is asthma treated?", "text": "With inhaled corticosteroids."},
    {"id": "bad", "role": "prompt"},
]


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


async def no_work(_: Guard) -> str:
    return "worked"


def test_rows_are_judged_as_in_the_service(tmp_path: Path) -> None:
    rows, decisions = tmp_path / "rows.jsonl", tmp_path / "decisions.jsonl"
    rows.write_text("\n\n".join(json.dumps(row) for row in ROWS) + "\n")
    ran = cordon("judge", "--demo", "--jsonl", rows, decisions)
    assert ran.status == 2
    assert "1 of 4 rows" in ran.err
    said = {row["id"]: row for row in map(json.loads, decisions.read_text().splitlines())}
    assert list(said) == [row["id"] for row in ROWS]
    for name in ("ask", "answer"):
        assert said[name]["decision"] == "permit"
        assert set(said[name]["scores"]) == {"dangerous", "harassment", "hate", "sexual"}
    assert said["hurt"]["decision"] == "refuse"
    assert said["hurt"]["scores"]["harassment"] > 0.8
    assert all(score == round(score, 4) for row in said.values() for score in row["scores"].values())
    assert (said["bad"]["decision"], said["bad"]["code"]) == ("refuse", "bad_row")


def test_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.txt"
    path.write_text("Nimal Perera, seen on 3 March 2024, has asthma.")
    ran = cordon("judge", "--demo", path)
    assert ran.status == 0
    assert "permit" in ran.out
    assert "basis demo" in ran.out
    assert "Perera" not in ran.out
    monkeypatch.setattr(sys, "stdin", io.StringIO(str(ROWS[1]["text"])))
    ran = cordon("judge", "--demo", "--json", "--role", "response")
    said = json.loads(ran.out)
    assert (ran.status, said["decision"]) == (1, "refuse")
    assert said["rule"].endswith("/response")


def test_the_process_ends_with_the_work_and_leaves_nothing() -> None:
    before = descriptors()
    assert asyncio.run(with_guard(prepare_guard(DEMO), no_work)) == "worked"
    assert descriptors() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_another_file_than_the_approved_one_is_never_loaded() -> None:
    prepared = prepare_guard(DEMO)
    forged = replace(prepared, guard=replace(prepared.guard, sha256="0" * 64))
    before = descriptors()
    with pytest.raises(GuardFailed, match=r"did not start \([a-z_]+\); nothing was judged"):
        asyncio.run(with_guard(forged, no_work))
    assert descriptors() == before


def test_a_guard_that_drifted_judges_nothing() -> None:
    prepared = prepare_guard(DEMO)
    moved = tuple((name, max(0, unsafe - 900), safe) for name, unsafe, safe in prepared.policy.canary_scores)
    drifted = replace(prepared, policy=replace(prepared.policy, canary_scores=moved))
    with pytest.raises(GuardFailed, match="guard_drift"):
        asyncio.run(with_guard(drifted, no_work))


def test_questions_the_guard_was_not_made_for_are_not_asked() -> None:
    prepared = prepare_guard(DEMO)
    first, *rest = prepared.policy.guidelines
    edited = replace(prepared.policy, guidelines=(replace(first, text=first.text + " "), *rest))
    with pytest.raises(GuardFailed, match="guard_invalid"):
        asyncio.run(with_guard(replace(prepared, policy=edited), no_work))


def test_an_envelope_holds_no_text() -> None:
    assert envelope("row-1").id == "row-1"
    assert envelope("row-1").caller.uid == os.getuid()


def test_a_calibration_made_here_is_taken_by_the_guard_it_was_made_for(tmp_path: Path) -> None:
    config = tmp_path / "cordon.toml"
    config.write_text('[models]\nguard = "demo-guard"\ndemo_models = true\n'
                      f'[policy]\ncalibration_dir = "{tmp_path}/made"\n')  # fmt: skip
    assert cordon("policy", "calibrate", "--provisional", "--reason", "test", "--config", config).status == 0
    (tmp_path / "x.txt").write_text(str(ROWS[0]["text"]))
    ran = cordon("judge", "--config", config, tmp_path / "x.txt")
    assert (ran.status, "basis provisional" in ran.out) == (0, True)
