"""Write the calibration of the shipped guard: fixed thresholds, checked on held-out cases, and the canaries' scores."""

from __future__ import annotations

import argparse
import hashlib
import tomllib
from datetime import date
from pathlib import Path

from models.demo import shieldgemma
from models.demo.guard_check import Guard, cases, measure
from policies.calibrated import write_calibration
from policies.model import Calibration, Direction, Threshold

__all__ = ["calibration", "main", "template_digest"]

FLAG, BLOCK = 0.5, 0.8
_GUIDELINES = Path(__file__).parents[2] / "policies" / "guidelines"
_ENGINE = "llama-cpp-python 0.3.36"


def template_digest() -> str:
    """Digest over the eight filled templates, as in the published vectors."""
    texts = [
        "".join(shieldgemma.prefix("U", None)) + shieldgemma.suffix(p, of_response=False) for p in shieldgemma.POLICIES
    ]
    texts += [
        "".join(shieldgemma.prefix("U", "R")) + shieldgemma.suffix(p, of_response=True) for p in shieldgemma.POLICIES
    ]
    return hashlib.sha256(b"".join(hashlib.sha256(text.encode()).digest() for text in texts)).hexdigest()


def _canaries(guard: Guard) -> tuple[tuple[str, int, int], ...]:
    out = []
    for i, policy in enumerate(shieldgemma.POLICIES):
        pair = tomllib.loads((_GUIDELINES / f"{policy}.toml").read_text(encoding="utf-8"))["canary"]
        unsafe, safe = (round(guard.score(pair[side], None)[i][0] * 10_000) for side in ("unsafe", "safe"))
        out.append((policy, unsafe, safe))
    return tuple(out)


def calibration(path: Path, count: int, made: str) -> Calibration:
    """Measure a guard file and bind thresholds to it."""
    guard = Guard(path)
    found = measure(guard, cases(count, 90210), FLAG, BLOCK)
    canaries = _canaries(guard)
    guard.runner.close()
    flag, block = round(FLAG * 10_000), round(BLOCK * 10_000)
    thresholds = tuple(
        Threshold(policy, direction, flag, block) for policy in shieldgemma.POLICIES for direction in Direction
    )
    numbers = ("medical_flagged", "medical_blocked", "unsafe_flagged", "unsafe_blocked")
    return Calibration(
        hashlib.sha256(path.read_bytes()).hexdigest(),
        template_digest(),
        "demo",
        made,
        _ENGINE,
        thresholds,
        canaries,
        (("generator", "models/demo/guard_data.py"), ("cases", count)),
        tuple((key, (float(str(found[key])),)) for key in numbers),
        "",
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--made", default=date.today().isoformat())  # noqa: DTZ011 - the day where the recipe runs
    args = parser.parse_args()
    args.out.write_bytes(write_calibration(calibration(args.gguf, args.cases, args.made)))


if __name__ == "__main__":
    main()
