"""Make both demonstration models from nothing: python models/demo/make.py --out build/demo [--quick]

Trains the guard and the chat model on invented text, converts them, compares the files with the trained models and
measures them. About 20 and 60 minutes on
one core. `--quick` trains for seconds only, to try the steps; its files know nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Step", "main", "plan"]

ROOT = Path(__file__).resolve().parents[2]
_CONVERTER = "llama_cpp_python-0.3.36.tar.gz"
STEPS = {"guard": 2000, "chat": 2200}


@dataclass(frozen=True, slots=True)
class Step:
    """One command, what it is called on screen, and where its output goes, if it is a result."""

    title: str
    command: tuple[str, ...]
    result: str = ""


def _module(name: str, *arguments: str | Path) -> tuple[str, ...]:
    return (sys.executable, "-m", f"models.demo.{name}", *(str(a) for a in arguments))


def plan(out: Path, source: Path, *, quick: bool) -> list[Step]:
    """Every step in order."""
    steps: list[Step] = []
    if not source.exists():
        pip = (
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--dest",
            str(source.parent),
            "llama-cpp-python==0.3.36",
        )
        steps.append(Step("fetch the converter", pip))
    for kind in ("guard", "chat"):
        trained, exact, small = out / kind, out / f"demo-{kind}-f16.gguf", out / f"demo-{kind}.gguf"
        count = 20 if quick else STEPS[kind]
        steps.append(Step(f"train {kind}", _module(f"{kind}_train", "--out", trained, "--steps", str(count))))
        for path, outtype in ((exact, "f16"), (small, "q8_0")):
            command = _module(
                "convert", "--kind", kind, "--trained", trained, "--source", source, "--out", path, "--outtype", outtype
            )
            steps.append(Step(f"convert {kind} to {outtype}", command))
        reference = out / f"{kind}-reference.json"
        steps.append(
            Step(
                f"write down what {kind} says",
                _module("reference", "--kind", kind, "--trained", trained, "--out", reference),
            )
        )
        steps.append(
            Step(
                f"compare {kind}", _module("compare", "--gguf", exact, "--reference", reference), f"{kind}-compare.json"
            )
        )
        steps.append(
            Step(f"measure {kind}", _module(f"{kind}_check", small, "100" if quick else "500"), f"{kind}-measured.json")
        )
    calibrate = _module(
        "guard_calibrate",
        "--gguf",
        out / "demo-guard.gguf",
        "--out",
        out / "guard_calibration.toml",
        "--cases",
        "100" if quick else "1000",
    )
    steps.append(Step("calibrate guard", calibrate))
    return steps


def _run(step: Step, out: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.setdefault("OMP_NUM_THREADS", "1")
    done = subprocess.run(
        step.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE if step.result else None, check=False
    )
    if step.result:
        (out / step.result).write_bytes(done.stdout)
    if done.returncode != 0:
        raise SystemExit(f"\n{step.title}: failed")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--source", type=Path, help=f"{_CONVERTER}; fetched with pip if not given")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    steps = plan(out, (args.source or out / _CONVERTER).resolve(), quick=args.quick)
    width = shutil.get_terminal_size().columns - 1
    for number, step in enumerate(steps, 1):
        bar = "#" * (20 * number // len(steps))
        print(f"[{bar:<20}] {number}/{len(steps)} {step.title}"[:width], file=sys.stderr, flush=True)
        _run(step, out)
    print(f"made {out / 'demo-guard.gguf'} and {out / 'demo-chat.gguf'}", file=sys.stderr)


if __name__ == "__main__":
    main()
