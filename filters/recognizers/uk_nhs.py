"""NHS number of England and Wales, CHI of Scotland, H&C of Northern Ireland."""

from __future__ import annotations

from filters.checks import nhs
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="uk_nhs",
    type=Type.ID,
    patterns=(bounded(r"\d{3}([ .-]?)\d{3}\1\d{4}"),),
    scores=Scores(shape=400, cued=950, checked=850),
    cues=("nhs", "nhs no", "nhs number", "chi", "chi no", "h&c", "hcn", "hc number"),
    check=nhs,
    country="gb",
    digits=10,
)

EXAMPLES = Examples(
    match=(
        "NHS «943 476 5919»",
        "NHS No: «9434765919»",
        "patient «943 476 5919» seen",
        "NHS number «943-476-5918» (mistyped)",
        "CHI «0101011234»",
    ),
    no_match=(
        "943 476 591",
        "94347659190",
        "943 476 59190",
        "GTIN 9434765919",
        "9434765918 mL",
    ),
)
