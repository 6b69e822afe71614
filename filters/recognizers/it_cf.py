"""Italian tax code, also with the letters that replace digits when two people would share one (omocodia)."""

from __future__ import annotations

from filters.checks import codice_fiscale
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="it_cf",
    type=Type.ID,
    patterns=(
        bounded(r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]"),
        bounded(r"[A-Z]{3} [A-Z]{3} [0-9LMNPQRSTUV]{2}[ABCDEHLMPRST][0-9LMNPQRSTUV]{2} [A-Z][0-9LMNPQRSTUV]{3}[A-Z]"),
    ),
    scores=Scores(shape=700, cued=950, checked=990),
    cues=("codice fiscale", "c.f", "cf", "cod. fisc", "cod fiscale"),
    digits=5,
    check=codice_fiscale,
    country="it",
)

EXAMPLES = Examples(
    match=(
        "CF «RCCMNL83S18D969H»",
        "codice fiscale: «rccmnl83s18d969h»",
        "paziente «RCCMNL83S18D969H»",
        "C.F. «RCC MNL 83S18 D969H»",
        "CF «RCCMNL83S18D969X»",
    ),
    no_match=(
        "RCCMNL83S18D969",
        "RCCMNL83Z18D969H",
        "elettrocardiogra",
        "RCCMNL83S18D969HH",
        "CF pending",
    ),
)
