"""Extension of a switchboard, beside its label: "ext. 6224", "Durchwahl 852"."""

from __future__ import annotations

from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_LABELS = "ext|extn|durchwahl|nebenstelle|poste|interno|toestel|ramal|anexo|bleep|pager"

RECOGNIZER = Recognizer(
    kind="phone_extension",
    type=Type.PHONE,
    patterns=(rf"(?<![\w-])(?P<cue>{_LABELS})(?P<value>\.?[ :]{{1,2}}(?:n[or][.:]? ?)?\d{{3,6}})(?!\w|[.,/:-]\d)",),
    scores=Scores(cued=700),
    starts=tuple(_LABELS.split("|")),
    guarded=False,
    refine=lambda text, a, b: None if is_measure(text, b) else (_digits(text, a), b, 0),
)


def _digits(text: str, start: int) -> int:
    while not text[start].isdigit():
        start += 1
    return start


EXAMPLES = Examples(
    match=(
        "Sister on ext. «6224» knows",
        "Durchwahl «852», Frau",
        "poste «1234» au matin",
        "interno «4410»",
        "toestel «3312» bellen",
        "bleep «2045» if worse",
    ),
    no_match=(
        "knee ext 120 degrees",
        "ext 5",
        "knee extension 120",
        "the poste",
        "text 1234",
        "ramal 12",
    ),
)
