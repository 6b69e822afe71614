"""French social security number: sex, year, month, department, commune, order, key."""

from __future__ import annotations

from filters.checks import nir
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="fr_nir",
    type=Type.ID,
    patterns=(bounded(r"[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}(?: ?\d{2})?"),),
    scores=Scores(shape=500, cued=950, checked=990),
    cues=("nir", "n° ss", "sécurité sociale", "securite sociale", "numéro de sécu", "numero de secu", "insee", "nss"),
    check=nir,
    country="fr",
    digits=12,
)

EXAMPLES = Examples(
    match=(
        "NIR «2 55 08 14 168 025 38»",
        "sécurité sociale : «255081416802538»",
        "N° SS «1 84 12 76 451 089 46»",
        "né à Ajaccio, NIR «1 85 05 2A 001 001 05»",
        "patiente «255081416802538»",
    ),
    no_match=(
        "955081416802538",
        "12 mg 2 fois",
        "25508141680",
        "1 2 3 4",
        "PMID 2550814168025",
    ),
)
