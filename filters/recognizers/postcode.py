"""Postal code beside its label, in any country."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_LABELS = (
    "postcode|post code|postal code|zip code|zip|plz|postleitzahl|cp|c\\.p\\.|código postal|codigo postal|code postal|"
    "cap|c\\.a\\.p\\.|cep|pin code|pincode"
)

RECOGNIZER = Recognizer(
    kind="postcode",
    type=Type.LOCATION,
    patterns=(
        rf"(?<!\w)(?:{_LABELS})[ .:#]{{0,3}}(?P<value>\d{{4,6}}(?:-\d{{3,4}})?)(?![\w]|[.,/]\d)",
        r"(?<!\w)eircode[ .:#]{0,3}(?P<value>[A-Z]\d[\dW] ?[A-Z\d]{4})(?!\w)",
    ),
    starts=(
        "eircode",
        "postcode",
        "post",
        "postal",
        "zip",
        "plz",
        "postleitzahl",
        "cp",
        "c",
        "código",
        "codigo",
        "code",
        "cap",
        "cep",
        "pin",
        "pincode",
    ),
    scores=Scores(shape=600),
)

EXAMPLES = Examples(
    match=(
        "CP: «28035».",
        "PLZ «10115» Berlin",
        "zip «02139-4307»",
        "CEP: «20040-020»",
        "postcode «00300»",
        "Eircode «E41 X9F2», phone",
    ),
    no_match=("28035", "cap 500 mg", "zip it", "SW1A", "CP 3", "cap 5"),
)
