"""Dutch citizen service number."""

from __future__ import annotations

from filters.checks import bsn
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="nl_bsn",
    type=Type.ID,
    patterns=(
        bounded(r"\d{8,9}"),
        bounded(r"\d{4}[ .]\d{2}[ .]\d{3}"),
    ),
    scores=Scores(shape=200, cued=950, checked=550),
    cues=("bsn", "burgerservicenummer", "sofinummer"),
    check=bsn,
    country="nl",
    digits=8,
)

EXAMPLES = Examples(
    match=(
        "BSN «111222333»",
        "BSN: «1112.22.333»",
        "burgerservicenummer «123456782»",
        "BSN «123456789»",
        "patiënt «111222333»",
    ),
    no_match=(
        "12345678",
        "123456789",
        "1112223334",
        "GTIN 111222333",
        "111222333 IU",
    ),
)
