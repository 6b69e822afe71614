"""German clinical letters that only measure: their sentences and names are in no training run.

    python -m models.clinical_ner.letters > letters.jsonl     # for benchmarks/pii.py

Law: a function of its seed. `templates/letters/de.toml` is read nowhere else; of its names only those count that
`part_of` keeps for development.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.clinical_ner.generate import Example, Generator, load_letters
from models.clinical_ner.lexicon import NameGroup, load_lexicon, part_of

__all__ = ["labelled", "letters"]

_HERE = Path(__file__).parent


_TELLS_NO_DATE = frozenset("yesterday gestern ayer hier ieri gisteren ontem ඊයේ நேற்று أمس".split())  # noqa: SIM905
"""The policies let "yesterday" stand (specs: relative dates), so whether it is hidden counts neither way."""


def labelled(documents: Iterable[Example], name: str) -> list[dict[str, Any]]:
    """Return generated documents as gold rows."""
    rows = []
    for i, d in enumerate(documents):
        marks = [{"start": a, "end": b, "label": x} for a, b, x in d.spans]
        spared = [m for m in marks if d.text[int(m["start"]) : int(m["end"])].lower() in _TELLS_NO_DATE]
        spans = [m for m in marks if m not in spared]
        rows.append({"id": f"{name}-{d.lang}-{i}", "lang": d.lang, "text": d.text, "spans": spans, "ignore": spared})
    return rows


def letters(count_of: int = 60, *, seed: int = 60) -> list[dict[str, Any]]:
    """Return German letters whose sentences and names no training run has seen."""
    templates, given, last = load_letters(_HERE / "templates" / "letters" / "de.toml", "de")
    unseen = [tuple(name for name in names if part_of(name) == "dev") for names in (given, last)]
    lexicon = load_lexicon(_HERE / "names", "dev")
    home = NameGroup(*unseen)
    lexicon = replace(lexicon, groups=(home, *lexicon.groups), home={**lexicon.home, "de": (home,)})
    generator = Generator(lexicon, templates, seed)
    return labelled((generator.document("de", plain_share=0.0) for _ in range(count_of)), "letter")


if __name__ == "__main__":
    for row in letters():
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
