"""US social security number and ITIN: any area, 9xx included."""

from __future__ import annotations

from filters.checks import ssn
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="us_ssn",
    type=Type.ID,
    patterns=(bounded(r"\d{3}([ -])\d{2}\1\d{4}"),),
    scores=Scores(shape=650, cued=950, checked=700),
    cues=("ssn", "social security", "soc sec", "itin", "ss#", "ss #"),
    check=ssn,
    country="us",
    digits=9,
)

EXAMPLES = Examples(
    match=(
        "SSN «123-45-6789»",
        "SSN «956-47-1234»",
        "patient «536-90-4399» here",
        "social security number: «000-12-3456»",
        "ITIN «912 70 1234»",
    ),
    no_match=(
        "123-456-789",
        "1123-45-6789",
        "123-45-67890",
        "123 mg 45 mg",
        "ICD 12-34-5678",
    ),
)
