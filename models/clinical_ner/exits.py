"""Tells what the way out half-way costs and saves: pieces that go on, and what is reported without it.

    python -m models.clinical_ner.exits --model build/ner/seed-1/out --data DATA [--every N]

Law: both models are the same int8 weights. `all/` below the folder holds the one in which every piece goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import onnxruntime
from onnx.utils import extract_model

from filters.ner import ClinicalNer
from filters.romanise import romanise
from models.clinical_ner.evaluate import load_model, sets
from models.clinical_ner.labels import KINDS

__all__ = ["Exits", "main"]


@dataclass(frozen=True, slots=True)
class Exits:
    """Sums over windows: pieces, those that go on, those both readings report, and one of them only."""

    windows: int = 0
    shut: int = 0
    pieces: int = 0
    going_on: int = 0
    reported: int = 0
    lost: int = 0
    gained: int = 0

    def __add__(self, other: Exits) -> Exits:
        return Exits(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


class _Lower:
    """The half below the first answer, by itself."""

    def __init__(self, folder: Path) -> None:
        path = folder / "lower.onnx"
        extract_model(str(folder / "staged.onnx"), str(path), ["input_ids"], ["going_on"])
        self._session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        path.unlink()

    def going_on(self, ids: Sequence[int]) -> int:
        """Return how many pieces of a window go on, specials included."""
        return int(self._session.run(None, {"input_ids": np.array([ids], dtype=np.int64)})[0])


def _reports(ner: ClinicalNer, ids: list[int], taus: np.ndarray) -> np.ndarray:
    shares = ner.probabilities(ids)
    strongest = (shares[:, 1::2] + shares[:, 2::2]).argmax(axis=1)
    return np.asarray(shares[:, 0] < taus[strongest])


def _compared(folder: Path, texts: Sequence[str], taus: np.ndarray) -> Exits:
    (ner, tokenizer), (whole, _) = load_model(folder), load_model(folder / "all")
    lower, found = _Lower(folder), Exits()
    for text in texts:
        latin = romanise(text)
        ids = tokenizer.encode(text if latin is None else latin.text, add_special_tokens=False).ids
        for at in range(0, len(ids), 126):
            window = ids[at : at + 126]
            on = lower.going_on([101, *window, 102])
            one, all_ = _reports(ner, window, taus), _reports(whole, window, taus)
            found += Exits(
                1, int(on == 0), len(window), on, int((one | all_).sum()), int((all_ & ~one).sum()),
                int((one & ~all_).sum()),
            )  # fmt: skip
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one row a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args(arguments)
    thresholds = json.loads((options.model / "labels.json").read_text())["thresholds"]["balanced"]
    taus = np.array([thresholds[kind] for kind in KINDS])
    print("| | windows | all certain | pieces going on | reported pieces | only without the way out | only with it |")
    print("|---" * 7 + "|")
    total = Exits()
    for name, rows in [*sets(options.data).items(), ("all together", [])]:
        found = _compared(options.model, [row["text"] for row in rows[:: options.every]], taus) if rows else total
        total += found if rows else Exits()
        shares = f"{100 * found.shut / found.windows:.0f} % | {100 * found.going_on / found.pieces:.1f} %"
        print(f"| {name} | {found.windows:,} | {shares} | {found.reported:,} | {found.lost} | {found.gained} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
