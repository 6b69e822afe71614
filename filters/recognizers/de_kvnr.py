"""German health insurance number: a letter and nine digits."""

from __future__ import annotations

from filters.checks import kvnr
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="de_kvnr",
    type=Type.ID,
    patterns=(bounded(r"[A-Z]\d{9}"),),
    scores=Scores(shape=450, cued=950, checked=900),
    cues=(
        "kvnr",
        "kv-nr",
        "kv-nummer",
        "versichertennr",
        "versichertennummer",
        "versicherten-nr",
        "krankenversichertennummer",
        "versichertennr.",
    ),
    check=kvnr,
    country="de",
    digits=9,
)

EXAMPLES = Examples(
    match=(
        "KVNR «A123456780»",
        "Versichertennummer: «A123456780»",
        "Versicherten-Nr. «B123456789»",
        "Patient «A123456780» privat",
        "kvnr «a123456780»",
    ),
    no_match=(
        "A12345678",
        "AB123456780",
        "A1234567801",
        "LOT A123456782",
        "Charge A123456782",
    ),
)
