"""US national provider identifier."""

from __future__ import annotations

from filters.checks import npi
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="us_npi",
    type=Type.ID,
    patterns=(bounded(r"[12]\d{9}"),),
    scores=Scores(shape=200, cued=950, checked=800),
    cues=("npi", "provider id", "national provider"),
    check=npi,
    country="us",
    digits=10,
)

EXAMPLES = Examples(
    match=(
        "NPI «1234567893»",
        "NPI: «1245319599»",
        "Dr Lee, NPI# «1234567890»",
        "provider id «1679576722»",
        "signed «1234567893»",
    ),
    no_match=(
        "3234567893",
        "123456789",
        "12345678931",
        "GTIN 1234567893",
        "1234567893 IU",
    ),
)
