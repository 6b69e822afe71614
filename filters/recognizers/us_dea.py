"""US DEA registration of a prescriber."""

from __future__ import annotations

from filters.checks import dea
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="us_dea",
    type=Type.ID,
    patterns=(bounded(r"[A-HJ-MPRSTUX][A-Z9]\d{7}"),),
    scores=Scores(shape=300, cued=950, checked=900),
    cues=("dea", "dea no", "dea number", "dea#"),
    check=dea,
    country="us",
    digits=7,
)

EXAMPLES = Examples(
    match=(
        "DEA «AB1234563»",
        "DEA#: «FS1234563»",
        "DEA number «BJ6125341»",
        "prescriber «AB1234563»",
        "DEA «AB1234567»",
    ),
    no_match=(
        "AB123456",
        "NCT04280705",
        "AB12345678",
        "trial NC1234567",
        "ABC1234563",
    ),
)
