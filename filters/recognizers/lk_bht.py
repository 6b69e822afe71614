"""Sri Lankan bed head ticket: running number and year."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_bht",
    type=Type.ID,
    patterns=(
        bounded(r"\d{1,6}[/-](?:\d{4}|\d{2})"),
        bounded(r"\d{4}[/-]\d{1,6}"),
        bounded(r"\d{3,7}"),
    ),
    scores=Scores(shape=0, cued=900),
    cues=("bht", "bht no", "bht number", "bed head ticket", "bed-head ticket"),
    country="lk",
    guarded=False,
    anchors=("bht", "bed"),
)

EXAMPLES = Examples(
    match=(
        "BHT «12345/24»",
        "BHT No: «4521/2024»",
        "bed head ticket «2024/4521»",
        "BHT number «88123»",
        "bht «123-21»",
    ),
    no_match=(
        "12345/24",
        "BP 120/80",
        "bht pending",
        "ward 12/24",
        "BHT: see chart",
    ),
)
