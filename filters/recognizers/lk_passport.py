"""Sri Lankan passport: one or two letters and seven digits."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_passport",
    type=Type.ID,
    patterns=(bounded(r"[A-Z]{1,2}\d{7}"),),
    scores=Scores(shape=300, cued=900),
    cues=("passport", "pp no", "pp number", "travel document", "reisepass", "pasaporte", "passeport"),
    country="lk",
    digits=7,
)

EXAMPLES = Examples(
    match=(
        "passport «N1234567»",
        "Passport no: «OL7654321»",
        "PP No «N7654321»",
        "passport number «NB1234567»",
        "travel document «M1234567»",
    ),
    no_match=(
        "N1234567",
        "passport N123456",
        "passport ABC1234567",
        "N12345678 passport",
        "ICD N1234567",
    ),
)
