"""Singapore NRIC and FIN: a letter of the series, seven digits, a check letter."""

from __future__ import annotations

from filters.checks import sg_nric
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="sg_nric",
    type=Type.ID,
    patterns=(bounded(r"[STFGM]\d{7}[A-Z]"),),
    scores=Scores(shape=600, cued=950, checked=990),
    cues=("nric", "fin", "ic", "ic no", "ic number"),
    check=sg_nric,
    country="sg",
    digits=7,
)

EXAMPLES = Examples(
    match=(
        "NRIC «S1234567D»",
        "«S1234567D» admitted today",
        "FIN: «F1234567N»",
        "IC no «S1234567A»",
        "nric «t0123456g»",
    ),
    no_match=(
        "S123456D",
        "X1234567D",
        "S12345678D",
        "S1234567",
        "stage T1N0M0 tumour",
    ),
)
