"""`cordon models recommend`: the described machine, the person's words and the machine's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.cli.machine import body, described, look, nvidia_gpus
from proxy.config import ConfigError
from tests.kit.commands import cordon

MACHINES = Path(__file__).parents[1] / "golden" / "machines"


def test_for_a_person() -> None:
    ran = cordon("models", "recommend", "--use", "tools", "--describe", MACHINES / "workstation-32.toml")
    assert ran.status == 0
    assert "1.  gemma-4-12b-it" in ran.out
    assert "cordon models import shieldgemma-2b-Q8_0.gguf --as shieldgemma-2b" in ran.out
    assert "calls tools too unreliably" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 160


def test_for_machines() -> None:
    ran = cordon("models", "recommend", "--use", "medical", "--json", "--describe", MACHINES / "gpu-24.toml")
    said = json.loads(ran.out)
    assert [pick["id"] for pick in said["picks"]] == ["medgemma-27b-text-it", "medgemma-1.5-4b-it"]
    assert said["picks"][0]["gpu"] == "a card of 24 GB"
    assert {"id", "why"} == set(said["ruled_out"][0])
    assert said["machine"]["gpu"][0]["free_gb"] == 25.2


def test_nothing_suits_is_an_answer_of_its_own() -> None:
    ran = cordon("models", "recommend", "--use", "quality", "--describe", MACHINES / "old-desktop.toml")
    assert ran.status == 1
    assert "No model of the catalogue can be recommended" in ran.out
    assert "lacks avx2" in ran.out


def test_without_a_terminal_nothing_is_asked() -> None:
    said = json.loads(cordon("models", "recommend", "--json", "--describe", MACHINES / "arm-16.toml").out)
    assert said["use"] == "documents"


@pytest.mark.parametrize(
    ("text", "place"),
    [("memory_gb = 16", "cores"), ("memory_gb = 0\ncores = 1\nbandwidth_gb_s = 1", "memory_gb"), ("[", "TOML"),
     ("memory_gb = 1\ncores = 1\nbandwidth_gb_s = 1\ncolour = 2", "colour")],
)  # fmt: skip
def test_a_wrong_description_names_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "machine.toml"
    path.write_text(text)
    ran = cordon("models", "recommend", "--describe", path)
    assert ran.status == 78
    assert place in ran.err
    with pytest.raises(ConfigError):
        described(path)


def test_what_is_left_out_of_a_description_is_assumed_with_care(tmp_path: Path) -> None:
    path = tmp_path / "machine.toml"
    path.write_text("memory_gb = 16\ncores = 8\nbandwidth_gb_s = 40\n[[gpu]]\nmemory_gb = 8\n")
    machine = described(path)
    assert machine.available_bytes == int(16e9 * 0.85)
    assert (machine.flags, machine.disk_bytes) == (None, None)
    assert machine.gpus[0].free_bytes == int(8e9)
    assert body(machine)["gpu"][0]["bandwidth_gb_s"] == 300


def test_this_computer_can_be_looked_at(tmp_path: Path) -> None:
    machine = look(tmp_path / "not" / "yet", {})
    assert 0 < machine.available_bytes <= machine.memory_bytes
    assert machine.cores >= 1
    assert machine.bandwidth > 1e8
    assert machine.disk_bytes


def test_cards_are_read_from_what_their_tool_says() -> None:
    said = "A card, 24564, 20000\nbroken line\nAnother, x, 3\n"
    (card,) = nvidia_gpus(said)
    assert (card.name, card.memory_bytes, card.free_bytes) == ("A card", 24564 << 20, 20000 << 20)
