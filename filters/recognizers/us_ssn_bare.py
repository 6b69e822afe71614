"""US social security number without separators, only beside its cue."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="us_ssn_bare",
    type=Type.ID,
    patterns=(bounded(r"\d{9}"),),
    scores=Scores(shape=0, cued=950),
    cues=("ssn", "social security", "social security number", "soc sec", "itin", "ss#"),
    country="us",
    digits=9,
    guarded=False,
)

EXAMPLES = Examples(
    match=(
        "SSN «123456789»",
        "SSN: «956471234»",
        "social security no «536904399»",
        "ITIN «912701234»",
        "ssn is «123456788»",
    ),
    no_match=(
        "123456789",
        "SSN 12345678",
        "SSN 1234567890",
        "platelets 250000000",
        "ssn unknown",
    ),
)
