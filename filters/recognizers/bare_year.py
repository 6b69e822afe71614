"""Year without day or month. Safe Harbor allows years, so a policy decides."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="bare_year",
    type=Type.DATE,
    patterns=(r"(?<![\w.,/:+-])(?:18|19|20)\d{2}(?:[-/](?:(?:19|20)\d{2}|\d{2}))?(?![\w%]|[.,/:-]\d)",),
    starts=("#",),
    scores=Scores(shape=550, cued=600),
    cues=(
        "dob",
        "born",
        "birth",
        "geb",
        "geboren",
        "geburtsjahr",
        "nacido",
        "nacida",
        "né en",
        "née en",
        "nato nel",
        "nata nel",
    ),
    cued_kind="birth_year",
)

EXAMPLES = Examples(
    match=("since «1998» she", "in «2010-2015»", "born in «1931»", "«2019», then", "geboren «1940»"),
    no_match=("2000 mg", "19:45", "1850.5", "20000", "2100 calls", "version 2019"),
)
