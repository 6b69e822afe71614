"""Extension of a switchboard or a pager, beside its label: "ext. 6224", "Durchwahl 852", "bleep 2345", "sein 6613"."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.guards import is_measure
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_LABELS = (
    "ext|extn|durchwahl|nebenstelle|poste|interno|toestel|ramal|anexo|bleep|pager|beeper|piepser|bipper|buscapersonas|"
    "dect|apparat|doorkiesnummer|switchboard|cercapersone|pieper"
)
_FOUR = "sein|busca|bip|intern|tst|app"
_SHORT = "interno|int|toestel|tst|dw|durchwahl|ext|extn|poste|ramal"
_NUMBERED = r"(?:n(?:[or]|umber|ummer|umero|úmero|uméro)[.:]? ?)?"
_END = r"(?!\w|[.,/:-]\d)"
_STOP = r"(?=[ \t]?(?:[,;.)\n]|\Z))"
_YEAR = re.compile(r"(?:19|20)\d\d\Z")


def _extension(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Leave out the label's punctuation; refuse measurements and, behind words of everyday speech, years."""
    if is_measure(text, end):
        return None
    while not text[start].isdigit():
        start += 1
    plain = text[max(0, start - 6) : start].strip(" .:").rpartition(" ")[2].casefold()
    return None if plain in ("sein", "busca", "intern") and _YEAR.match(text[start:end]) else (start, end, 0)


RECOGNIZER = Recognizer(
    kind="phone_extension",
    type=Type.PHONE,
    patterns=(
        rf"(?<![\w-])(?P<cue>{_LABELS})(?P<value>\.?[ :]{{1,2}}{_NUMBERED}\d{{3,6}}){_END}",
        rf"(?<![\w-])(?P<cue>{_FOUR})(?P<value>\.?:? {_NUMBERED}\d{{4}}){_END}",
        rf"(?<![\w-])(?P<cue>(?:{_SHORT})\.?:?)(?P<value> {_NUMBERED}\d{{2,6}}){_END}{_STOP}",
        # a direct line behind the number of the house: +43 5372 6966 DW 4210, 069 83107 Durchwahl 12
        rf"(?<=\d )(?P<cue>dw|durchwahl|poste|ramal|int|ext)(?P<value>\.?:?[ -]?\d{{2,6}}){_END}",
        rf"(?<=\d-)(?P<cue>dw)(?P<value>\.?[ -]?\d{{2,6}}){_END}",
        # "call ext 4 1 2"? no; "pager #4471", "bleep no. 12"
        rf"(?<![\w-])(?P<cue>pager|bleep|beeper|piepser)(?P<value>\.?[ :]{{0,2}}(?:#|n[or]\.?) ?\d{{2,6}}){_END}",
    ),
    scores=Scores(cued=700),
    starts=tuple(sorted({*_LABELS.split("|"), *_FOUR.split("|"), *_SHORT.split("|")})),
    guarded=False,
    refine=_extension,
)

EXAMPLES = Examples(
    match=(
        "Sister on ext. «6224» knows",
        "Durchwahl «852», Frau",
        "poste «1234» au matin",
        "interno «4410»",
        "toestel «3312» bellen",
        "bleep «2045» if worse",
        "Anmeldung +43 5372 6966 DW «4210».",
        "Piepser «7714»",
        "Sein «6613», N. Achterberg",
        "nefrologia, int. «12»",
        "au 450-555-0142 poste «221».",
        "ramal «7120»",
        "toestel «33».",
        "Tel. intern «2208», Station",
        "L. Osácar (busca «6614»)",
        "Bip «4417».",
        "pager #«88»",
    ),
    no_match=(
        "knee ext 120 degrees",
        "ext 5",
        "knee extension 120",
        "the poste",
        "text 1234",
        "wird sein 2024 und",
        "soll sein 1500 mg",
        "interno 24 ore",
        "DW 1000 Sequenz",
        "se busca 12 casos",
        "an seinem 6613",
        "ext 12 degrees",
        "ramal 12 cm",
    ),
)
