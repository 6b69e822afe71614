"""British postal code, by its form."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="uk_postcode",
    type=Type.LOCATION,
    patterns=(
        r"[A-PR-UWYZ](?<!\w[A-Z])(?:[A-HK-Y]?\d[A-HJKPS-Y\d]?|IR) ?\d[ABD-HJLNP-UW-Z]{2}(?!\w)",
        r"[a-pr-uwyz](?<!\w[a-z])[a-hk-y]?\d[a-hjkps-y\d]? \d[abd-hjlnp-uw-z]{2}(?!\w)",
    ),
    scores=Scores(shape=600),
    country="gb",
    exact_case=True,
)

EXAMPLES = Examples(
    match=("London «SW1A 1AA»", "«M1 1AE» Manchester", "lives at «ec1a 1bb»", "«B33 8TH»", "«CR26XH»"),
    no_match=("SW1A", "stage T1N 0MX", "B12 5 mg", "vitamin B12", "Q1 1AA", "X-ray C3 4CC"),
)
