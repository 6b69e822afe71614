"""Chooses the limit of the gate: as high as it can be while hardly anything is lost in windows that stay shut.

Law: measured on the development sets, with the thresholds of the folder, through the windows of `filters/ner.py`. Like
the thresholds it is chosen on what is measured, so what it loses there is a development number. Sets without a single
identifier have no say: what is lost there was reported in error.

    python -m models.clinical_ner.limit --model build/ner/seed-1/out --data DATA     # both.onnx -> model.onnx
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.clinical_ner.branch import branch
from models.clinical_ner.evaluate import load_model, sets
from models.clinical_ner.labels import KINDS, write_labels

__all__ = ["Window", "choose_limit", "main", "read_windows"]

_STEP = 0.25
_HIGHEST = 8.0
"""A gate that asked for more would hardly ever open; a set without any identifier could choose it."""


@dataclass(frozen=True, slots=True)
class Window:
    """One window: what the gate says of it, and how many pieces of it each operating point reports."""

    score: float
    balanced: int
    strict: int


class _Recorder:
    """Stands where the session stands, and keeps what both heads said of every window."""

    def __init__(self, session: Any, thresholds: Mapping[str, Mapping[str, float]]) -> None:
        self._session = session
        self._points = [np.array([thresholds[p][kind] for kind in KINDS]) for p in ("balanced", "strict")]
        self.windows: list[Window] = []

    def run(self, _names: None, feed: dict[str, Any]) -> list[Any]:
        logits, score = self._session.run(None, feed)
        real = int(feed["attention_mask"].sum()) - 1
        raised = np.exp(logits[0, 1:real] - logits[0, 1:real].max(axis=1, keepdims=True))
        shares = raised / raised.sum(axis=1, keepdims=True)
        strongest = (shares[:, 1::2] + shares[:, 2::2]).argmax(axis=1)
        counts = [int((shares[:, 0] < point[strongest]).sum()) for point in self._points]
        self.windows.append(Window(float(score), *counts))
        return [logits]


def read_windows(folder: Path, texts: Sequence[str]) -> list[Window]:
    """Read texts with `both.onnx` of a folder and return every window."""
    ner, _ = load_model(folder, "both.onnx")
    recorder = _Recorder(ner._session, json.loads((folder / "labels.json").read_text())["thresholds"])
    ner._session = recorder
    for text in texts:
        ner.spans(text)
    return recorder.windows


def choose_limit(windows: Sequence[Window], lost: float) -> float:
    """Return the highest limit at which no more than a share `lost` of the reported pieces is lost."""
    total = sum(w.balanced for w in windows)
    limit, best = -20.0, -20.0
    while limit < _HIGHEST:
        limit += _STEP
        if sum(w.balanced for w in windows if w.score <= limit) > lost * total:
            break
        best = limit
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose, write `model.onnx`, and say how many windows of every set are read whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--lost", type=float, default=0.001)
    parser.add_argument("--limit", type=float, help="take this limit instead of choosing one")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args(arguments)
    asked = {name: rows[:: options.every] for name, rows in sets(options.data).items()}
    found = {name: read_windows(options.model, [row["text"] for row in rows]) for name, rows in asked.items()}
    holding = [w for name, rows in asked.items() if any(row["spans"] for row in rows) for w in found[name]]
    chosen = choose_limit(holding, options.lost)
    limit = chosen if options.limit is None else options.limit
    print(f"limit {limit:.2f}\n| set | windows | read whole | reported pieces | lost | strict | lost |\n{'|---' * 7}|")
    for name, windows in found.items():
        shut = [w for w in windows if w.score <= limit]
        share = 100 * (1 - len(shut) / max(1, len(windows)))
        counts = [sum(getattr(w, p) for w in part) for p in ("balanced", "strict") for part in (windows, shut)]
        print(f"| {name} | {len(windows)} | {share:.0f} % | " + " | ".join(map(str, counts)) + " |")
    branch(options.model / "both.onnx", options.model / "model.onnx", limit)
    thresholds = json.loads((options.model / "labels.json").read_text())["thresholds"]
    write_labels(options.model, thresholds["balanced"], thresholds["strict"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
