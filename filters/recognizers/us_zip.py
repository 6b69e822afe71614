"""US postal code behind the two letters of a state, or of a military post."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_STATES = (
    "A[AEKLPRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|"
    "W[AIVY]"
)

RECOGNIZER = Recognizer(
    kind="us_zip",
    type=Type.LOCATION,
    patterns=(
        rf"(?<!\w)(?:{_STATES})[ ,]{{1,2}}(?P<value>\d{{5}}(?:-\d{{4}})?)(?!\w|[.,/]\d)",
        r"(?i:(?<!\w)[afd]po,? a[aep] (?P<value>\d{5}(?:-\d{4})?)(?!\w|[.,/]\d))",
    ),
    scores=Scores(shape=600),
    country="us",
    digits=5,
    exact_case=True,
)

EXAMPLES = Examples(
    match=(
        "Springfield, IL «62704»",
        "APO AA «42323»",
        "dpo ap «51065»",
        "Boston, MA «02139-4307»",
        "Austin TX «78701», USA",
    ),
    no_match=("IL 62704 mg", "il 62704", "IL 6270", "XX 62704", "IL 627041"),
)
