"""Twelve described computers, and what a person who knows them would answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.advice import Advice, Gpu, Machine, Use, advise
from proxy.cli.machine import described
from proxy.models import load_catalogue, shipped_catalogue

MACHINES = Path(__file__).parents[1] / "golden" / "machines"
CATALOGUE = load_catalogue([shipped_catalogue()])
E2B, E4B, B12, A4B, B31 = (f"gemma-4-{name}-it" for name in ("e2b", "e4b", "12b", "26b-a4b", "31b"))
MED4, MED27 = "medgemma-1.5-4b-it", "medgemma-27b-text-it"


def on(name: str, use: str) -> Advice:
    return advise(CATALOGUE, described(MACHINES / f"{name}.toml"), Use(use))


def ids(advice: Advice) -> list[str]:
    return [pick.model.id for pick in advice.picks]


def why(advice: Advice, model: str) -> str:
    return next(one.why for one in advice.ruled_out if one.model.id == model)


@pytest.mark.parametrize(
    ("machine", "use", "first", "ruled_out"),
    [
        ("old-desktop", "documents", [], {E4B: "lacks avx2, fma", E2B: "lacks avx2, fma"}),
        ("tiny-box", "smallest", [], {E2B: "it takes 3.3 GB of memory, and 2.9 GB can be used", E4B: "it takes"}),
        ("small-laptop", "smallest", [E2B], {E4B: "not beside its guard", B12: "it takes 9"}),
        ("workstation-16", "documents", [E4B, B12], {A4B: "it takes 15", B31: "it takes"}),
        ("workstation-16", "medical", [MED4], {MED27: "it takes", E4B: "no medical score"}),
        ("workstation-32", "tools", [B12], {E2B: "tools", E4B: "tools", A4B: "no GPU", B31: "tokens a second"}),
        ("server-128", "quality", [B31, B12], {A4B: "no GPU"}),
        ("gpu-12", "tools", [B12], {A4B: "no GPU here holds the whole file", B31: "tokens a second"}),
        ("gpu-24", "quality", [B31, A4B], {}),
        ("gpu-24", "medical", [MED27, MED4], {}),
        ("gpu-80", "long-context", [B31, B12], {}),
        ("measured-26b", "tools", [B12, A4B], {B31: "tokens a second"}),
        ("full-disk", "documents", [E4B, E2B], {B12: "the disk has 5.0 GB free"}),
        ("arm-16", "languages", [B12], {E4B: "languages", E2B: "languages", MED4: "languages"}),
    ],
)
def test_twelve_machines(machine: str, use: str, first: list[str], ruled_out: dict[str, str]) -> None:
    advice = on(machine, use)
    assert ids(advice)[: len(first) or None] == first
    for model, words in ruled_out.items():
        assert words in why(advice, model)
    named = [*ids(advice), *(one.model.id for one in advice.ruled_out)]
    assert sorted(named) == sorted(m.id for m in CATALOGUE.model if m.role == "answer" and not m.demo)


def test_there_are_twelve() -> None:
    assert len(list(MACHINES.glob("*.toml"))) == 12


def test_the_smallest_pair_has_the_small_guard_and_a_small_pool() -> None:
    pick = on("small-laptop", "smallest").picks[0]
    assert (pick.file.quant, pick.guard_file.quant) == ("QAT Q4_0", "Q4_K_M")
    assert pick.context <= 8192
    assert any("smaller guard file" in reason for reason in pick.reasons)


def test_where_privacy_comes_first_a_gpu_outside_the_cordon_comes_last() -> None:
    documents, quality = on("gpu-80", "documents").picks[0], on("gpu-80", "quality").picks[0]
    assert documents.gpu is None
    assert quality.gpu is not None
    assert any("evidence E0" in reason for reason in quality.reasons)
    assert not any("evidence E0" in reason for reason in documents.reasons)


def test_a_card_of_24_gb_holds_the_largest_model_with_a_smaller_pool() -> None:
    pick = on("gpu-24", "quality").picks[0]
    assert (pick.context, pick.parallel) == (8192, 2)
    assert pick.gpu_bytes <= 0.9 * 25.2e9


def test_a_measured_speed_replaces_the_expected_one() -> None:
    machine = described(MACHINES / "workstation-16.toml")
    quick = advise(CATALOGUE, replace(machine, measured={E4B: 31.0}), Use.DOCUMENTS).picks[0]
    assert (quick.tokens_per_s, quick.measured) == (31.0, True)
    slow = advise(CATALOGUE, replace(machine, measured={E4B: 1.5}), Use.DOCUMENTS)
    assert "measured at 1.5 tokens a second" in why(slow, E4B)


def test_more_of_anything_never_rules_a_model_out() -> None:
    """Memory, bandwidth and disk only add: what a small machine can use, a larger one can."""
    small = described(MACHINES / "workstation-16.toml")
    large = Machine(
        small.memory_bytes * 4, small.available_bytes * 4, 64, small.bandwidth * 8, small.flags,
        (Gpu("card", 10**11, 10**11, 2e12),),
    )  # fmt: skip
    for use in Use:
        assert set(ids(advise(CATALOGUE, small, use))) <= set(ids(advise(CATALOGUE, large, use)))


def test_nothing_recommended_is_over_nine_tenths_or_slow() -> None:
    for path in MACHINES.glob("*.toml"):
        machine = described(path)
        for use in Use:
            for pick in advise(CATALOGUE, machine, use).picks:
                assert pick.need_bytes <= 0.9 * machine.available_bytes
                assert pick.gpu is None or pick.gpu_bytes <= 0.9 * pick.gpu.free_bytes
                assert pick.tokens_per_s >= 3
                assert pick.reasons


def test_without_a_guard_nothing_is_recommended() -> None:
    alone = CATALOGUE.model_copy(update={"model": tuple(m for m in CATALOGUE.model if m.role == "answer")})
    advice = advise(alone, described(MACHINES / "gpu-80.toml"), Use.QUALITY)
    assert not advice.picks
    assert "no guard" in why(advice, B31)
