"""The outside judge: pii-leak-benchmark, client and upstream at once, against the real service with engine `http`."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filters.lexicon import ordinary_words
from filters.parts import Form, Part, PatientText
from filters.switches import Switches
from tests.kit.bundled import bundled_analyst
from tests.kit.service import Running, http_house

BENCHMARK = Path(sys.executable).with_name("pii-leak-benchmark")
BENCHMARK_2 = Path(sys.executable).with_name("pii-leak-benchmark-v2")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int]) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("c")
    house = http_house(folder, ports[0], f"http://127.0.0.1:{ports[1]}/v1")
    with house.serving(lambda parts: None):
        yield Running(house)


def environment(service: Running) -> dict[str, str]:
    return {**os.environ, "CONFORMANCE_TARGET_API_KEY": service.house.token, "V2_CLIENT_READ_TIMEOUT": "60"}


def test_the_negative_control_leaks(tmp_path: Path) -> None:
    """A test that cannot see a leak is no test: the tool must find the one in a bare pass-through."""
    done = subprocess.run(
        [BENCHMARK, "selfcheck", "--target-base-url", "capture://self", "--json-out", tmp_path / "r.json",
         "--capture-port", str(free_port())],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "LEAK" in done.stdout


def test_selfcheck_says_clean_with_five_of_five_checks(
    service: Running, ports: tuple[int, int], tmp_path: Path
) -> None:
    done = subprocess.run(
        [BENCHMARK, "selfcheck", "--target-base-url", f"http://127.0.0.1:{ports[0]}/v1",
         "--target-model", "conformance", "--capture-port", str(ports[1]), "--json-out", tmp_path / "r.json"],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment(service),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "CLEAN" in done.stdout
    checks = [line.split() for line in done.stdout.partition("Checks\n")[2].splitlines()[:5]]
    assert [check[1] for check in checks] == ["pass"] * 5, done.stdout


def test_words_drawn_by_lot_reach_the_model() -> None:
    """The tool marks each run with five everyday nouns and measures nothing unless three of them arrive."""
    analyst = bundled_analyst()
    draw, vocabulary = random.Random(20261121), sorted(ordinary_words())
    for _ in range(60):
        chain = "-".join(draw.sample(vocabulary, 5))
        text = f"Synthetic record {chain}: contact j.doe@example.com, SSN 914-27-6083, card 4111-1111-1111-1111"
        found = analyst.find([Part(0, "user", Form.TEXT, PatientText(text))], [], Switches()).parts[0]
        end = text.index(chain) + len(chain)
        assert [f.kind for f in found if f.start < end] == [], chain
        assert len(found) >= 3


def test_second_profile_passes_for_a_fresh_seed(service: Running, ports: tuple[int, int], tmp_path: Path) -> None:
    seed = secrets.token_hex(8)
    done = subprocess.run(
        [BENCHMARK_2, "--validate", "--out", tmp_path / "v2", "--only", "cordon", "--gateway-url",
         f"http://127.0.0.1:{ports[0]}/v1/chat/completions", "--upstream-port", str(ports[1]), "--model", "conformance",
         "--seed", seed, "--oracle", "midpoint", "--partial-emission", "--json-out", tmp_path / "summary.json"],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment(service),
    )  # fmt: skip
    assert done.returncode == 0, (seed, done.stdout[-3000:], done.stderr[-2000:])
    summary = json.loads((tmp_path / "summary.json").read_text())
    (row,) = summary["rows"]
    wanted = {
        "outcome": "pass", "fidelity_rate": 1.0, "leak_single_chunk": 0.0, "leak_adversarial": 0.0, "inconclusive": 0,
        "request_path_leak": [], "schema_valid": True, "cases_attempted": row["cases_applicable"],
    }  # fmt: skip
    assert {key: row[key] for key in wanted} == wanted, (seed, row)
    pieces = json.loads((tmp_path / "v2" / "cordon.partial-emission.json").read_text())["metrics"]
    assert pieces["cases_partial_emission"] == 0, (seed, pieces)
    assert pieces["cases_applicable"] == row["cases_applicable"]
    assert service.house.get("/readyz").status == 200
