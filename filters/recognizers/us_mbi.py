"""US Medicare beneficiary identifier: eleven places, no S L O I B Z."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="us_mbi",
    type=Type.ID,
    patterns=(
        bounded(
            r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d\d"
        ),
    ),
    scores=Scores(shape=700, cued=950),
    cues=("mbi", "medicare", "medicare number", "medicare id", "hicn"),
    country="us",
)

EXAMPLES = Examples(
    match=(
        "MBI «1EG4-TE5-MK72»",
        "Medicare: «1EG4TE5MK73»",
        "patient «1EG4-TE5-MK72» covered",
        "mbi «1eg4te5mk72»",
        "Medicare ID «9AA9-AA9-AA99»",
    ),
    no_match=(
        "1SG4-TE5-MK72",
        "1EG4-TE5-MK7",
        "0EG4-TE5-MK72",
        "1EG4-TE5-MK722",
        "EG41TE5MK72",
    ),
)
