"""Models that do not fit are refused with the numbers and with what would fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.config import EngineSettings
from proxy.fitting import misfit
from proxy.models import load_catalogue, shipped_catalogue
from proxy.stock import Shelved
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4

CATALOGUE = load_catalogue([shipped_catalogue()])
GIB = 1 << 30
ENGINE = EngineSettings(context=16_384, parallel=4)


@pytest.fixture
def shelf(tmp_path: Path) -> tuple[Shelved, Shelved]:
    """Tiny files that stand in for the catalogue's entries; about 0.6 GiB each with their buffers."""
    answer, guard = tmp_path / "a.gguf", tmp_path / "g.gguf"
    tiny_gemma4(answer)
    tiny_gemma2(guard)
    return (
        Shelved(CATALOGUE.find("gemma-4-31b-it"), answer, "0" * 64),
        Shelved(CATALOGUE.find("shieldgemma-2b"), guard, "0" * 64),
    )


def large(shelved: Shelved, gib: int) -> Shelved:
    """The same file, as long as a large one; nothing is written between."""
    with shelved.path.open("r+b") as file:
        file.truncate(gib * GIB)
    return shelved


def test_what_fits_needs_no_words(shelf: tuple[Shelved, Shelved]) -> None:
    assert misfit(ENGINE, CATALOGUE, *shelf, 4 * GIB) is None
    assert misfit(ENGINE, CATALOGUE, None, None, GIB) is None


def test_a_smaller_choice_is_named(shelf: tuple[Shelved, Shelved]) -> None:
    answer, guard = shelf
    sentence = misfit(ENGINE, CATALOGUE, large(answer, 17), guard, 16 * GIB)
    assert sentence is not None
    assert "nothing was started" in sentence
    assert "The largest model that fits is gemma-4-12b-it" in sentence
    assert "19.8 GB of memory, and 15.5 GB of 17.2 GB can be used" in sentence


def test_a_smaller_pool_of_the_same_model_comes_first(shelf: tuple[Shelved, Shelved]) -> None:
    answer, guard = shelf
    whole = EngineSettings(context=262_144, parallel=4)
    sentence = misfit(whole, CATALOGUE, answer, guard, 1370 << 20)
    assert sentence is not None
    assert "It fits with engine.context = 16384" in sentence


def test_nothing_fits(shelf: tuple[Shelved, Shelved]) -> None:
    sentence = misfit(ENGINE, CATALOGUE, large(shelf[0], 17), shelf[1], 2 * GIB)
    assert sentence is not None
    assert "No model of the catalogue fits" in sentence


def test_what_cannot_be_told_is_left_to_the_engine(shelf: tuple[Shelved, Shelved], tmp_path: Path) -> None:
    assert misfit(ENGINE, CATALOGUE, *shelf, 0) is None
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"weights")
    assert misfit(ENGINE, CATALOGUE, Shelved(shelf[0].model, broken, "0" * 64), None, GIB) is None
