"""Spanish foreigner identity number: X, Y or Z, seven digits and a letter."""

from __future__ import annotations

from filters.checks import nie
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="es_nie",
    type=Type.ID,
    patterns=(bounded(r"[XYZ][ .-]?\d{7}[ .-]?[A-Z]"),),
    scores=Scores(shape=550, cued=950, checked=990),
    cues=("nie", "n.i.e", "extranjero"),
    check=nie,
    country="es",
    digits=7,
)

EXAMPLES = Examples(
    match=(
        "NIE «X1234567L»",
        "NIE: «X-1234567-L»",
        "paciente «Y1234567X»",
        "NIE «Z1234567A»",
        "nie «x1234567l»",
    ),
    no_match=(
        "X123456L",
        "W1234567L",
        "X12345678L",
        "X1234567",
        "XY1234567L",
    ),
)
