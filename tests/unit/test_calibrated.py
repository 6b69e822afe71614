"""A calibration file reads back as it was written; anything else in it is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from policies.calibrate import provisional
from policies.calibrated import read_calibration, write_calibration
from policies.load import load_policy
from policies.model import Calibration, PolicyError
from tests.kit.policies import ACT, IDS, calibration, files, maker

TEXT = calibration().decode()


def test_what_was_written_reads_back() -> None:
    made = replace(
        provisional(IDS, maker=maker(), act=ACT),
        data=(("dev_rows", 3), ("dev_sha256", 'x"y')),
        measured=(("rate", (0.5, 0.25, 1.0)),),
    )
    raw = write_calibration(made)
    assert read_calibration(raw) == replace(made, digest=hashlib.sha256(raw).hexdigest())
    assert write_calibration(read_calibration(raw)) == raw


def test_whole_numbers_are_numbers_too() -> None:
    made: Calibration = read_calibration(TEXT.replace("block = 0.8", "block = 1").encode())
    assert {threshold.block for threshold in made.thresholds} == {10_000}


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("cordon-calibration/1", "cordon-calibration/2", "format"),
        ('guard_sha256 = "ab', 'guard_sha256 = "AB', "guard_sha256"),
        ('basis = "provisional"', 'basis = "guessed"', "basis"),
        ('made = "2026-11-21"', 'made = "today"', "made"),
        ('engine = "test 1"', "", "engine"),
        ("flag = 0.5", "flag = 0.9", "flag"),
        ("flag = 0.5", "flag = 0.0", "flag"),
        ("block = 0.8", "block = 1.1", "block"),
        ("block = 0.8", "block = nan", "block"),
        ("block = 0.8", 'block = "0.8"', "block"),
        ("flag = 0.5", "flag = 0.5\nmore = 1", "more"),
        ("[thresholds.hate.prompt]", "[thresholds.hate.question]", "thresholds.hate.prompt"),
        ("[canary.hate]", "[data]\nx = 0.5\n[canary.hate]", "data.x"),
        ("[canary.hate]", "[measured]\nx = ['a']\n[canary.hate]", "measured.x"),
        ("unsafe = 0.99", "", "unsafe"),
        ("format =", "format", "TOML"),
        ('by = "root"', "", "act.by"),
        ('by = "root"', 'by = ""', "act.by"),
        ('at = "2026-11-21T10:00:00Z"', 'at = "yesterday"', "act.at"),
        ("[act]", "[act]\nmore = 1", "act.more"),
        ("[act]", "[data]", "act is missing"),
        ('basis = "provisional"', 'basis = "measured"', "act"),
    ],
)  # fmt: skip
def test_what_is_refused(old: str, new: str, place: str) -> None:
    assert old in TEXT
    with pytest.raises(PolicyError) as caught:
        read_calibration(TEXT.replace(old, new).encode())
    assert caught.value.code == "calibration_invalid"
    assert place in caught.value.detail


# ---- what is shipped ------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


def test_shipped_calibrations_are_named_after_their_guard_and_only_for_demonstration() -> None:
    shipped = files("calibration")
    assert shipped
    for name, raw in shipped.items():
        made = read_calibration(raw)
        assert (name, made.basis) == (made.guard_sha256[:16], "demo")
        assert all(unsafe >= 9000 and safe <= 1000 for _, unsafe, safe in made.canary)


def test_the_shipped_guard_has_its_calibration() -> None:
    sha256 = hashlib.sha256((ROOT / "proxy" / "share" / "models" / "demo-guard.gguf").read_bytes()).hexdigest()
    policy = load_policy(
        "hospital",
        library=files("library"),
        guidelines=files("guidelines"),
        calibration=files("calibration")[sha256[:16]],
        guard_sha256=sha256,
    )
    assert policy.calibration_basis == "demo"
