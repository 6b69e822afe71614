"""The outside conformance tools against the real service: they send people's data and read what the model would get.

The negative control comes first: the instrument must see a leak where nothing protects.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.kit.outside_house import MODEL, OutsideHouse, outside_house

TOOLS = Path(sys.executable).parent
EXPECTED_CHECKS = {
    "client_observed_latency", "configured_upstream_boundary", "fragmentation_safety", "response_fidelity", "sse_validity",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutsideHouse]:
    with outside_house(tmp_path_factory.mktemp("outside") / "house") as running:
        yield running


def _tool(name: str, *words: str, key: str = "none") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONFORMANCE_TARGET_API_KEY": key, "V2_CLIENT_READ_TIMEOUT": "60"}
    return subprocess.run(
        [str(TOOLS / name), *words], capture_output=True, text=True, check=False, env=environment, timeout=300
    )


def test_the_instrument_sees_a_leak() -> None:
    done = _tool("pii-leak-benchmark", "selfcheck", "--target-base-url", "capture://self")
    assert done.returncode == 1
    assert "LEAK" in done.stdout


@pytest.mark.slow
def test_selfcheck_says_clean(house: OutsideHouse) -> None:
    done = _tool(
        "pii-leak-benchmark", "selfcheck", "--target-base-url", house.base_url, "--capture-port", str(house.upstream),
        key=house.token,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "CLEAN" in done.stdout
    passed = {line.split()[0] for line in done.stdout.splitlines() if line.strip().endswith("pass")}
    assert passed >= EXPECTED_CHECKS


@pytest.mark.slow
def test_one_seed_of_the_second_profile_passes(house: OutsideHouse, tmp_path: Path) -> None:
    seed = secrets.token_hex(8)
    summary = tmp_path / "out" / "summary.json"
    done = _tool(
        "pii-leak-benchmark-v2", "--validate", "--out", str(tmp_path / "out"), "--only", "cordon", "--gateway-url",
        f"{house.base_url}/chat/completions", "--upstream-port", str(house.upstream), "--model", MODEL, "--seed", seed,
        "--oracle", "midpoint", "--partial-emission", "--json-out", str(summary), key=house.token,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}: {done.stdout} {done.stderr}"
    row = json.loads(summary.read_text())["rows"][0]
    assert (row["outcome"], row["fidelity_rate"], row["schema_valid"], row["inconclusive"]) == ("pass", 1.0, True, 0), (
        seed
    )
    assert (row["leak_single_chunk"], row["leak_adversarial"], row["request_path_leak"]) == (0.0, 0.0, []), seed
    assert "partial-emission=0.0    n=0/32" in done.stdout, seed


def test_a_prompt_is_nowhere_on_disk_and_its_refusal_is(house: OutsideHouse) -> None:
    marker = "Zebulon Quixote-7731"
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": f"Seen today: {marker}"}]})
    connection = HTTPConnection("127.0.0.1", house.port, timeout=60)
    headers = {"Authorization": f"Bearer {house.token}", "Content-Type": "application/json", "X-Note": marker}
    connection.request("POST", "/v1/chat/completions", body, headers)
    response = connection.getresponse()
    error = json.loads(response.read())["error"]
    assert (response.status, error["code"]) == (503, "engine_unavailable")  # nobody listens at the upstream's port
    files = dict(house.files())
    assert error["request_id"].encode() in files[house.folder / "journal.jsonl"]
    for secret in (marker, "Quixote", house.token):
        assert [path for path, content in files.items() if secret.encode() in content] == []
