"""Spanish national identity number: eight digits and a letter."""

from __future__ import annotations

from filters.checks import dni
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="es_dni",
    type=Type.ID,
    patterns=(bounded(r"\d{2}\.?\d{3}\.?\d{3}[ .-]?[A-Z]"),),
    scores=Scores(shape=550, cued=950, checked=990),
    cues=("dni", "nif", "documento", "d.n.i"),
    check=dni,
    country="es",
    digits=8,
)

EXAMPLES = Examples(
    match=(
        "DNI «12345678Z»",
        "NIF: «12.345.678-Z»",
        "paciente «12345678Z» ingresa",
        "DNI «12345678A» (mal escrito)",
        "dni «12345678z»",
    ),
    no_match=(
        "1234567Z",
        "123456789Z",
        "12345678",
        "12345678 Z4",
        "ref. GTIN 12345678Z",
    ),
)
