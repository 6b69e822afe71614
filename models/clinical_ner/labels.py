"""The tags of the model and how they fall on word pieces.

Law: the order of `TAGS` is the order of the model's outputs and of `labels.json`; adding a label is a new model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

__all__ = ["KINDS", "MASKED", "TAGS", "tag_ids", "write_labels"]

KINDS = ("PERSON", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL")
TAGS = ("O", *(f"{p}-{k}" for k in KINDS for p in "BI"))
MASKED = -100


def tag_ids(
    offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int, str]], masked: Sequence[tuple[int, int]] = ()
) -> list[int]:
    """Give every piece the tag of the span it touches; the first piece of a span begins it."""
    tags = []
    seen: set[int] = set()
    for a, b in offsets:
        hit = next((i for i, (x, y, _) in enumerate(spans) if x < b and a < y), None)
        if hit is not None:
            tags.append(1 + 2 * KINDS.index(spans[hit][2]) + (hit in seen))
            seen.add(hit)
        elif any(x < b and a < y for x, y in masked):
            tags.append(MASKED)
        else:
            tags.append(0)
    return tags


def write_labels(out: Path, balanced: dict[str, float], strict: dict[str, float]) -> None:
    """Write `labels.json`: tags in order, thresholds of both operating points, hashes of the other two files."""
    hashes = {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in ("model.onnx", "tokenizer.json")}
    table = {
        "tags": TAGS,
        "thresholds": {
            "balanced": {k: balanced[k] for k in KINDS},
            "strict": {k: strict[k] for k in KINDS},
        },
        "sha256": hashes,
    }
    (out / "labels.json").write_text(json.dumps(table, indent=1) + "\n", "utf8")
