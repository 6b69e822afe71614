"""Is the GGUF file the model that was trained? Same ids, same greedy answers, nearly the same logits."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from models.demo.runner import Runner
from models.demo.shieldgemma import Control

__all__ = ["compare", "main"]

_LIMIT = 100


def compare(gguf: Path, reference: Path) -> dict[str, float]:
    """Count the differences; `delta` is the largest difference of a logit."""
    rows, first = json.loads(reference.read_text(encoding="utf-8")), np.load(reference.with_suffix(".npy"))
    runner = Runner(gguf)
    ids_differ, answers_differ, delta = 0, 0, 0.0
    for row, expected in zip(rows, first, strict=True):
        parts = [Control(text) if control else text for control, text in row["parts"]]
        ids_differ += runner.ids(parts) != row["ids"]
        delta = max(delta, float(np.abs(runner.logits(row["ids"]) - expected[: runner.size]).max()))
        answers_differ += (
            runner.generate(row["ids"], min(_LIMIT, max(1, len(row["answer"]) + 1)))[0][: len(row["answer"])]
            != row["answer"]
        )
    runner.close()
    return {"prompts": len(rows), "ids_differ": ids_differ, "answers_differ": answers_differ, "delta": round(delta, 5)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--most", type=float, default=0.05, help="largest allowed difference of a logit")
    args = parser.parse_args()
    found = compare(args.gguf, args.reference)
    print(json.dumps(found))
    if found["ids_differ"] or found["answers_differ"] or found["delta"] > args.most:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
