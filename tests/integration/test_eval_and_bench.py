"""`cordon eval` and `cordon models bench` on the bundled models: the real engine, locked and alone."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from proxy.imports import record_of
from tests.kit.commands import cordon
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4

OWN = """
[[model]]
id = "tiny-chat"
role = "answer"
family = "gemma4"
hf_id = ""
file = "tiny-chat.gguf"
bytes = 1
sha256 = ""
licence = "Apache-2.0"
context = 4096
modalities = ["text"]
kv_mib = 1
sampling = { temperature = 1.0, top_p = 0.95, top_k = 64 }
empty_thought = true
scenarios = []
"""
ROWS = [
    {"id": str(i), "topic": topic, "question": f"Nimal Perera of 12 Lake Road asks number {i}. Which is it?",
     "options": {"A": "rest", "B": "fluids", "C": "surgery", "D": "nothing"}, "answer": "ABCD"[i % 4]}
    for i, topic in enumerate(["fever", "fever", "pain", "pain", "pain"])
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site with the demonstration models allowed and one tiny model of its own."""
    path = tmp_path / "cordon.toml"
    (tmp_path / "own.toml").write_text(OWN)
    path.write_text(
        '[models]\nanswer = "demo-chat"\nguard = "demo-guard"\ndemo_models = true\n'
        f'dir = "{tmp_path / "shelf"}"\ncatalogue = "{tmp_path / "own.toml"}"\n'
    )
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "ward.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def test_choices_by_letter_with_and_without_redaction(config: Path, questions: Path, tmp_path: Path) -> None:
    drawn, kept = tmp_path / "chart.svg", tmp_path / "answers.jsonl"
    ran = cordon(
        "eval", questions, "--config", config, "--redaction", "both", "--json", "--chart", drawn, "--out", kept
    )
    assert ran.status == 0, ran.err
    said = json.loads(ran.out)
    assert [run["name"] for run in said["runs"]] == ["demo-chat, replaced", "demo-chat, as it is"]
    assert [run["changed"] for run in said["runs"]] == [5, None]
    assert list(said["runs"][0]["accuracy"]) == ["all questions", "fever", "pain"]
    (pair,) = said["comparisons"]
    assert pair["both"] + pair["only_first"] + pair["only_second"] + pair["neither"] == 5
    answers = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(answers) == 10
    assert {answer["given"] for answer in answers} <= set("ABCD")
    image = ET.fromstring(drawn.read_text())
    words = "".join(image.itertext())
    assert "pain" in words
    assert "demo-chat, replaced" in words
    assert "script" not in drawn.read_text()


def test_two_models_side_by_side_and_a_site_s_own_questions(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.gguf"
    tiny_gemma4(file)
    assert cordon("models", "import", file, "--as", "tiny-chat", "--config", config).status == 0
    questions = tmp_path / "own.jsonl"
    questions.write_text(
        json.dumps({"id": "1", "question": "Name a drug.", "answer": ".*", "match": "regex"})
        + "\n"
        + json.dumps({"id": "2", "question": "Name another.", "answer": "zzzz", "match": "exact"})
    )
    ran = cordon("eval", questions, "--config", config, "--redaction", "off", "--compare", "tiny-chat", "--limit", "2")
    assert ran.status == 0, ran.err
    assert "demo-chat and tiny-chat: both right 1" in ran.out
    assert "50.0 %" in ran.out


@pytest.mark.parametrize(
    ("content", "more", "status", "words"),
    [
        ('{"id": 1}', (), 2, "line 1: answer"),
        ("", (), 2, "there is none"),
        (json.dumps(ROWS[0]), ("--model", "demo-guard"), 78, "there is no answer model demo-guard"),
        (json.dumps(ROWS[0]), ("--policy", "no-such"), 2, "the policy cannot be used"),
    ],
)
def test_what_cannot_be_asked_is_said(
    config: Path, tmp_path: Path, content: str, more: tuple[str, ...], status: int, words: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    way = () if "--policy" in more else ("--redaction", "off")
    ran = cordon("eval", path, "--config", config, *way, *more)
    assert ran.status == status
    assert words in ran.err


def test_a_chart_is_named_for_what_it_is(config: Path, questions: Path) -> None:
    ran = cordon("eval", questions, "--config", config, "--chart", "chart.png")
    assert ran.status == 64
    assert "ends with .svg" in ran.err


def test_a_file_that_is_not_there(config: Path) -> None:
    assert cordon("eval", "/nonexistent.jsonl", "--config", config).status == 2


def test_bench_measures_both_roles_and_keeps_it_with_the_record(config: Path, tmp_path: Path) -> None:
    shelf, file = tmp_path / "shelf", tmp_path / "tiny.gguf"
    tiny_gemma4(file)
    cordon("models", "import", file, "--as", "tiny-chat", "--config", config)
    ran = cordon("models", "bench", "tiny-chat", "demo-guard", "--rounds", "1", "--json", "--config", config)
    assert ran.status == 0, ran.err
    answer, guard = json.loads(ran.out)["results"]
    assert min(answer["prompt_tokens_per_s"], answer["answer_tokens_per_s"], answer["answer_tokens_per_s_of_four"]) > 0
    assert set(guard["guard_check_s"]) == {"200", "800", "2000"}
    assert min(answer["kv_bytes"], answer["peak_rss_bytes"], guard["kv_bytes"]) > 0
    kept = record_of(shelf, "tiny-chat").bench
    assert kept is not None
    assert kept.answer_tokens_per_s == answer["answer_tokens_per_s"]
    suggests = json.loads(ran.out)["suggests"]
    assert suggests["context"] in (4096, 8192, 16384, 32768)
    assert set(suggests) == {"threads", "context", "window_chars"}


def test_bench_shows_a_loose_file_and_keeps_nothing(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "loose.gguf"
    tiny_gemma4(file)
    ran = cordon("models", "bench", file, "--rounds", "1", "--sweep", "--threads", "2", "--config", config)
    assert ran.status == 0, ran.err
    assert "not kept: the file is not imported" in ran.out
    assert "[engine]" in ran.out
    assert "1 threads:" in ran.out
    assert not (tmp_path / "shelf").exists()


def test_bench_refuses_what_it_cannot_load(config: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    assert cordon("models", "bench", broken, "--config", config).status == 2
    assert cordon("models", "bench", "no-such", "--config", config).status == 78
    assert cordon("models", "bench", tmp_path / "none.gguf", "--config", config).status == 2
    guard = tmp_path / "guard.gguf"
    tiny_gemma2(guard)
    ran = cordon("models", "bench", guard, "--rounds", "1", "--config", config)
    shutil.rmtree(tmp_path / "shelf", ignore_errors=True)
    assert ran.status in (0, 2)  # its tiny vocabulary may make the questions longer than its pool
