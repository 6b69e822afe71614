"""Sri Lankan personal health number: 15 characters, institute (4), serial (10), check."""

from __future__ import annotations

from filters.checks import lk_phn
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_phn",
    type=Type.ID,
    patterns=(
        bounded(r"\d{15}"),
        bounded(r"(?=[A-Z]{0,10}(?:\d[A-Z]{0,3}){4}\d)[A-Z0-9]{15}"),
    ),
    scores=Scores(shape=550, cued=950, checked=900),
    cues=("phn", "personal health number", "personal health no"),
    check=lk_phn,
    country="lk",
    digits=5,
)

EXAMPLES = Examples(
    match=(
        "PHN «123412345678905»",
        "PHN: «A12B0123456789C»",
        "personal health number «100120000012344»",
        "PHN no. «112233445566778»",
        "phn «a12b0123456789c»",
        "PHN «1001AB12CD34EF9»",
        "seen «123412345678907» today",
    ),
    no_match=(
        "12341234567890",
        "PHN 1234",
        "PHN ABCDEFGHIJKLMNO",
        "electrocardiogra",
        "LOINC 123412345678905",
    ),
)
