"""Measure a chat file on held-out notes: asked placeholders copied, nothing invented, ended by itself."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from random import Random

from models.demo.chat_data import make_exam
from models.demo.runner import Runner
from models.demo.turns import prompt_parts

__all__ = ["report"]

_PLACEHOLDER = re.compile(r"\[[A-Z]+_[0-9]+\]")


def report(path: Path, count: int = 500, seed: int = 90210) -> dict[str, object]:
    """Copy rate, invention rate, endings, exact answers; and a few answers to read."""
    runner, rng = Runner(path), Random(seed)
    asked = copied = written = invented = ended = exact = 0
    shown: list[str] = []
    for _ in range(count):
        talk, note = make_exam(rng)
        ids, stopped = runner.generate(runner.ids(prompt_parts(talk)), 160)
        answer, wanted = runner.text(ids), talk.endings[0].answer
        found, due = _PLACEHOLDER.findall(answer), set(_PLACEHOLDER.findall(wanted))
        asked, copied = asked + len(due), copied + len(due & set(found))
        written, invented = written + len(found), invented + sum(p not in note.text for p in found)
        ended, exact = ended + stopped, exact + (answer == wanted)
        if len(shown) < 3:
            shown.append(answer)
    runner.close()
    return {
        "notes": count,
        "copied": round(copied / asked, 4),
        "invented": round(invented / max(1, written), 4),
        "ended": round(ended / count, 4),
        "exact": round(exact / count, 4),
        "examples": shown,
    }


if __name__ == "__main__":
    print(json.dumps(report(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500), indent=1))
