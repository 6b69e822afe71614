"""Emirates ID of the United Arab Emirates: 784, birth year, serial, check digit."""

from __future__ import annotations

from filters.checks import emirates_id
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="ae_emirates_id",
    type=Type.ID,
    patterns=(bounded(r"784-?\d{4}-?\d{7}-?\d"),),
    scores=Scores(shape=800, cued=950, checked=990),
    cues=("emirates id", "eid", "id number", "uae id", "الهوية"),
    check=emirates_id,
    country="ae",
    digits=15,
)

EXAMPLES = Examples(
    match=(
        "Emirates ID «784-1984-1234567-8»",
        "EID «784198412345678»",
        "«784-1990-7654321-2» (Emirates)",
        "Emirates ID: «784-1979-1111111-1»",
        "id number «784-2001-0000001-4»",
        "came with «784-1984-1234567-4»",
    ),
    no_match=(
        "784-1984-123456-8",
        "784 patients",
        "785-1984-1234567-8",
        "7841984123456789",
        "call 784-1984",
    ),
)
