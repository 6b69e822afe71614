"""Labelled rows of real text as further cases for the demonstration guard, beside the invented ones.

    {id, role: prompt|response, text[, prompt], label: safe|unsafe, policy, medical}     redacted, as the guard reads it

Law: nothing of such a file comes into the distribution but through the weights, and the model card names its sources.
Of an unsafe row only the question of its own policy has an answer; careful people would differ on the others. A row
whose harm is none of the four (`other`) is not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

from models.demo.guard_data import Case
from models.demo.shieldgemma import POLICIES

__all__ = ["RealCases"]

_LONGEST = 1_600
_CUT = 0.35
"""How often a long text is cut down to a part of itself, so that length tells nothing."""


class RealCases:
    """Draws rows: as often an unsafe one as a safe one, and as often a clinical safe one as another."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._groups: dict[str, list[Case]] = {"unsafe": [], "medical": [], "other": []}
        for path in paths:
            for line in path.read_text(encoding="utf-8").splitlines():
                self._add(json.loads(line))
        self._kinds = [kind for kind in ("unsafe", "medical", "unsafe", "other", "medical") if self._groups[kind]]

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def _add(self, row: dict[str, object]) -> None:
        unsafe, policy, medical = row["label"] == "unsafe", row.get("policy"), bool(row["medical"])
        if unsafe and policy not in POLICIES:
            return
        labels = tuple(True if id_ == policy else None if unsafe else False for id_ in POLICIES)
        text, question = str(row["text"]), str(row.get("prompt") or "")
        kind = "unsafe" if unsafe else "medical" if medical else "other"
        case = Case(text, None, labels, medical, kind)
        if row["role"] == "response":
            case = Case(question[-600:], text, labels, medical, kind)
        self._groups[kind].append(case)

    def draw(self, rng: Random) -> Case:
        """One row, shortened where it is long."""
        case = rng.choice(self._groups[rng.choice(self._kinds)])
        text = case.question if case.response is None else case.response
        if len(text) > _LONGEST or (len(text) > 300 and case.kind != "unsafe" and rng.random() < _CUT):
            text = _part(rng, text)
        if case.response is None:
            as_answer = case.kind == "medical" and rng.random() < 0.3  # what a note says may be an answer as well
            return replace(case, question="Summarise.", response=text) if as_answer else replace(case, question=text)
        return replace(case, response=text)


def _part(rng: Random, text: str) -> str:
    size = rng.randint(200, _LONGEST)
    start = rng.randint(0, max(0, len(text) - size))
    return text[start : start + size]
