"""Payment card: twelve to nineteen digits, in groups."""

from __future__ import annotations

from filters.checks import luhn
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="card",
    type=Type.ID,
    patterns=(
        bounded(r"\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}"),
        bounded(r"3\d{3}[ -]\d{6}[ -]\d{5}"),
        bounded(r"\d{13,19}"),
    ),
    scores=Scores(shape=550, cued=900, checked=990),
    cues=(
        "card",
        "credit card",
        "debit card",
        "visa",
        "mastercard",
        "amex",
        "pan",
        "karte",
        "kreditkarte",
        "tarjeta",
        "carte",
        "carta",
        "cartão",
    ),
    check=luhn,
    digits=12,
)

EXAMPLES = Examples(
    match=(
        "card «4012888888881881»",
        "Visa «4012 8888 8888 1881»",
        "«4012-8888-8888-1881» exp",
        "amex «3782 822463 10005»",
        "card no «4012888888881882»",
    ),
    no_match=(
        "401288888888",
        "4012 8888 8888",
        "GTIN 4012888888881",
        "12345678901234567890",
        "4012888888881881 IU",
    ),
)
