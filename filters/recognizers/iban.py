"""International bank account number."""

from __future__ import annotations

from filters.checks import iban
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="iban",
    type=Type.ID,
    patterns=(bounded(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"),),
    scores=Scores(shape=550, cued=900, checked=990),
    cues=("iban", "bank", "account", "konto", "bankverbindung", "cuenta", "compte", "conto"),
    check=iban,
)

EXAMPLES = Examples(
    match=(
        "IBAN «DE89 3704 0044 0532 0130 00»",
        "Konto «DE89370400440532013000»",
        "iban: «gb82west12345698765432»",
        "«FR1420041010050500013M02606» account",
        "IBAN «DE89 3704 0044 0532 0130 01»",
    ),
    no_match=(
        "DE89 3704",
        "DE8937",
        "GB82 is a code",
        "ICD AB12",
        "DE893704004405320130001234567890123456",
    ),
)
