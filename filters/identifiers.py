"""The page `docs/identifiers.md`, written from the catalogue, so that it can never say more than the code does.

python -c "from filters.identifiers import page; print(page(), end='')" > docs/identifiers.md
"""

from __future__ import annotations

from collections.abc import Iterable

from filters.recognizers import Entry, catalogue
from filters.stock import STOCK

__all__ = ["page"]

_HEAD = """# Identifiers

This page is generated from the recognizers (`filters/recognizers/`, one file each); a test keeps it up to date.
What no pattern can describe, names and places above all, is found by the bundled model
(`filters/clinical_ner/CARD.md`).

Scores are 0 to 1000: by its shape alone, beside a cue (a word such as "NHS" at most 40 characters before the value on
its line), with a correct check digit. `balanced` takes 500 and more, `strict` 350 and more. A wrong check digit lowers
a score by 150 and never clears a value: mistyped numbers identify too. A measurement or the code of a terminology
beside a number clears it, unless there is a cue.

| kind | replaced as | what it is | country | shape | cued | checked | example |
|---|---|---|---|---|---|---|---|
"""

_STOCK = """
## Kept from Presidio

Their patterns and check digits run in our own loop, where a pattern that does not end in time is an error and a wrong
check digit does not hide a value. Not kept: recognizers that are quadratic (URL), that need the public suffix list
(e-mail), that know no month names (date), that take any run of digits (bank and licence numbers), that drop a value for
a wrong check digit (SSN, NHS), that need a service or another model, and twins of ours.

| kind | Presidio class | country | counts |
|---|---|---|---|
"""


def page(entries: Iterable[Entry] | None = None) -> str:
    """Return the whole page."""
    rows = [_row(entry) for entry in (catalogue() if entries is None else entries)]
    stock = [f"| `{s.kind}` | {s.name} | {s.country or 'any'} | {s.terms.value} |" for s in STOCK]
    return _HEAD + "\n".join(rows) + "\n" + _STOCK + "\n".join(stock) + "\n"


def _row(entry: Entry) -> str:
    r = entry.recognizer
    scores = (str(score or "-") for score in (r.scores.shape, r.scores.cued, r.scores.checked))
    shown = entry.examples.match[0].replace("«", "").replace("»", "")
    example = " ".join(shown.split()).replace("|", "\\|")
    about = entry.about.rstrip(".").replace("|", "\\|")
    return f"| `{r.kind}` | {r.type.value} | {about} | {r.country or 'any'} | {' | '.join(scores)} | `{example}` |"
