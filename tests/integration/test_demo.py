"""`cordon demo` as a new user sees it: names come back though the model saw placeholders, and the log verifies."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from proxy.cli.demo_note import NOTE


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("d")
    done = subprocess.run(
        [sys.executable, "-m", "proxy", "demo"],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "XDG_DATA_HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def step(shown: str, number: int) -> str:
    return shown.partition(f"{number}  ")[2].partition(f"{number + 1}  ")[0]


def test_the_model_received_placeholders_only(shown: str) -> None:
    received = step(shown, 2)
    assert "[NAME_1]" in received
    assert "[ID_1]" in received
    for value in ("Nimal", "Perera", "Fernando", "911042754V", "20-48813", "077 123 4567"):
        assert value in NOTE
        assert value not in received


def test_the_answer_carries_the_real_names(shown: str) -> None:
    answer = step(shown, 3)
    assert "Nimal Perera" in answer
    assert "put back:" in answer
    assert not re.search(r"\[(NAME|DATE|ORG|ID)_\d+\]", answer)


def test_a_prompt_is_refused_and_an_answer_withheld(shown: str) -> None:
    assert "HTTP 400 prompt_refused" in step(shown, 4)
    withheld = step(shown, 5)
    assert "content_filter (response_refused)" in withheld
    assert "0 characters were released" in withheld


def test_the_log_verifies_and_matches_what_was_shown(shown: str) -> None:
    log = shown.partition("6  The log")[2]
    assert re.search(r"\bVERIFIED\b", log)
    assert "NOT VERIFIED" not in log
    assert "WITH GAPS" not in log
    assert "it matches the commitment in the log" in log
    assert "The keys that check this log were made on the same computer (I0)" in " ".join(log.split())


def test_the_sentence_about_the_network_is_the_one_the_evidence_supports(shown: str) -> None:
    log = " ".join(shown.partition("6  The log")[2].split())
    measured = "No network path was available to this service between" in log
    level = re.search(r"network evidence, level (E[01])", log)
    assert level is not None
    assert measured == (level[1] == "E1")
