"""Indian Aadhaar number: twelve digits, the first 2 to 9."""

from __future__ import annotations

from filters.checks import aadhaar
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="in_aadhaar",
    type=Type.ID,
    patterns=(bounded(r"[2-9]\d{3}([ .-]?)\d{4}\1\d{4}"),),
    scores=Scores(shape=450, cued=950, checked=900),
    cues=("aadhaar", "aadhar", "uid", "uidai", "आधार"),
    check=aadhaar,
    country="in",
    digits=12,
)

EXAMPLES = Examples(
    match=(
        "Aadhaar «2345 6789 0124»",
        "UID: «234567890124»",
        "Aadhar no «2345-6789-0123»",
        "patient «2345 6789 0124» from Pune",
        "आधार «4991 1866 5246»",
    ),
    no_match=(
        "1234 5678 9012",
        "2345 6789 012",
        "234567890123456",
        "LOINC 2345 6789 0123",
        "2345 6789 01245",
    ),
)
