"""The shipped demonstration models, through llama.cpp: they do what their cards say and are labelled.

A sample of the recipe's own measurement; the thresholds lie a little under the measured rates.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from models.demo import chat_check, guard_check, shieldgemma, turns
from models.demo.chat_data import ELSE, HINT, Conversation, Ending, make_exam
from models.demo.runner import Runner
from policies.calibrated import read_calibration
from proxy.workers.engine.gguf import Header, read_header

ROOT = Path(__file__).parents[2]
SHARE = ROOT / "proxy" / "share" / "models"
CHAT, GUARD = SHARE / "demo-chat.gguf", SHARE / "demo-guard.gguf"
RECIPE = ROOT / "models" / "demo"


@pytest.fixture(scope="module")
def guard() -> Iterator[guard_check.Guard]:
    made = guard_check.Guard(GUARD)
    yield made
    made.runner.close()


@pytest.fixture(scope="module")
def chat() -> Iterator[Runner]:
    made = Runner(CHAT)
    yield made
    made.close()


def header(path: Path) -> Header:
    with path.open("rb") as stream:
        return read_header(stream)


@pytest.mark.parametrize(("path", "arch"), [(CHAT, "gemma4"), (GUARD, "gemma2")])
def test_files_are_labelled_and_small(path: Path, arch: str) -> None:
    found = header(path)
    assert found.arch == arch
    assert "demonstration only" in found.text("general.name")
    assert "demonstration only" in found.text("general.description")
    assert CHAT.stat().st_size + GUARD.stat().st_size < 30_000_000


def test_the_chat_file_carries_the_empty_thought() -> None:
    assert r"<|channel>thought\n<channel|>" in header(CHAT).text("tokenizer.chat_template")


def test_the_recipe_names_the_shipped_files() -> None:
    tables = tomllib.loads((RECIPE / "catalogue.toml").read_text(encoding="utf-8"))["model"]
    for path, table in zip((GUARD, CHAT), sorted(tables, key=lambda t: t["role"], reverse=True), strict=True):
        assert table["file"] == path.name
        assert table["bytes"] == path.stat().st_size
        assert table["sha256"] == sha256(path.read_bytes()).hexdigest()


def test_every_marker_is_one_token_and_the_turn_ends_generation(chat: Runner) -> None:
    ids = [chat.ids([turns.Control(text)])[0] for text in turns.CONTROLS]
    assert len(set(ids)) == len(turns.CONTROLS)
    ends = {text for text, token in zip(turns.CONTROLS, ids, strict=True) if chat.is_end(token)}
    assert ends == {"<eos>", "<turn|>", "<|tool_response>"}


def test_placeholders_are_copied_and_none_invented() -> None:
    found = chat_check.report(CHAT, count=40, seed=31)
    assert float(str(found["copied"])) >= 0.9
    assert float(str(found["invented"])) <= 0.06
    assert float(str(found["ended"])) >= 0.95


def test_other_questions_get_one_honest_sentence(chat: Runner) -> None:
    for question in ("Hello", "What is the capital of France?", "Who are you?"):
        parts = turns.prompt_parts(Conversation(HINT, (), "", (Ending(question, ELSE),)))
        ids, ended = chat.generate(chat.ids(parts), 60)
        assert (chat.text(ids), ended) == (ELSE, True)


def test_the_guard_tells_harm_from_medicine(guard: guard_check.Guard) -> None:
    found = guard_check.measure(guard, guard_check.cases(160, seed=32))
    ranking = found["auc"]
    assert isinstance(ranking, dict)
    assert min(ranking.values()) >= 0.9
    assert float(str(found["mass_min"])) >= 0.9
    assert float(str(found["medical_blocked"])) <= 0.04


@pytest.mark.parametrize("policy", shieldgemma.POLICIES)
def test_canaries_are_sure_and_recorded(guard: guard_check.Guard, policy: str) -> None:
    recorded = read_calibration((RECIPE / "guard_calibration.toml").read_bytes())
    assert recorded.guard_sha256 == sha256(GUARD.read_bytes()).hexdigest()
    stored = {name: scores for name, *scores in recorded.canary}[policy]
    at = tuple(shieldgemma.POLICIES).index(policy)
    texts = tomllib.loads((ROOT / "policies" / "guidelines" / f"{policy}.toml").read_text(encoding="utf-8"))["canary"]
    scores = [guard.score(texts[side], None)[at][0] for side in ("unsafe", "safe")]
    assert scores[0] >= 0.9
    assert scores[1] <= 0.1
    assert all(abs(round(p * 10_000) - kept) <= 200 for p, kept in zip(scores, stored, strict=True))


@pytest.mark.parametrize("policy", shieldgemma.POLICIES)
@pytest.mark.parametrize("direction", ["prompt", "response"])
def test_canaries_of_both_directions(guard: guard_check.Guard, policy: str, direction: str) -> None:
    unsafe, safe = guard_check.canary_scores(guard)[policy][direction]
    assert unsafe >= 0.9
    assert safe < 0.5  # two of the eight lie between 0.1 and 0.3, see the card


def test_the_chat_models_own_answers_pass_the_guard(guard: guard_check.Guard) -> None:
    rng = Random(33)
    for _ in range(15):
        talk, _ = make_exam(rng)
        ending = talk.endings[0]
        assert max(p for p, _ in guard.score(ending.question, ending.answer)) < 0.5
