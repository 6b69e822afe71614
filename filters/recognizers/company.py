"""Company by the legal form behind its name: Aunt Bertha Inc, Müller & Söhne GmbH, Lanka Hospitals PLC.

Forms that are also clinical abbreviations (BV, SL, SpA, KG, SA) count only with their dots, or not at all.
"""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_FORMS = (
    "Inc|Ltd|LTD|LLC|LLP|PLC|plc|Corp|Pty|Pvt|Bhd|GmbH|gGmbH|mbH|AG|SARL|S\\.A|S\\.L|S\\.p\\.A|Srl|S\\.r\\.l|"
    "B\\.V|N\\.V|Lda|Ltda|FZE|FZCO"
)
_STARTS = ("inc", "ltd", "llc", "llp", "plc", "corp", "pty", "pvt", "bhd", "gmbh", "ggmbh", "mbh", "ag", "sarl", "s")
_REACH = 120
_WORDS = 5
_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ0-9][\w'’.&)-]{0,40}")
_JOINS = frozenset({"&", "and", "und", "et", "y", "e", "en", "+"})
_BETWEEN = (
    "the a an at by for from in of on to with and or but our their his her its this that these those see please dear "
    "company firm der die das dem den bei von vom zur zum im am und oder für mit bitte firma "
    "la le les el los las il lo gli chez para por con dans en de da do na no met bij het een "
    "hbs hbe hbc hcv hiv ns1 p24 i we"
)
_NO_NAME = frozenset(_BETWEEN.split())


def _named(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Go back over the words of the name, on the same line; without one the form stands for itself."""
    window = text[max(0, start - _REACH) : start].rpartition("\n")[2]
    first = start
    at = start
    for word in reversed(window.rstrip(" ,").split(" ")[-_WORDS:]):
        at = text.rfind(word, 0, at) if word else at
        bare = word.rstrip(",").removeprefix("(")
        if first != start and word.endswith(","):
            break
        if _NAME.fullmatch(bare) and bare.casefold() not in _NO_NAME:
            first = at + word.startswith("(")
        elif bare not in _JOINS or first == start:
            break
        if word.startswith("("):
            break
    name = text[first:start]
    return (first, end, 0) if sum(map(str.isalpha, name)) > 1 else None


RECOGNIZER = Recognizer(
    kind="company",
    type=Type.ORG,
    patterns=(rf"(?<=[\w.,)] )(?P<value>(?:{_FORMS})(?!\w|-\w))",),
    scores=Scores(shape=700),
    starts=(*_STARTS, "srl", "b", "n", "lda", "ltda", "fze", "fzco"),
    guarded=False,
    exact_case=True,
    refine=_named,
)

EXAMPLES = Examples(
    match=(
        "I work for «Aunt Bertha Inc» now",
        "«Müller & Söhne GmbH» liefert",
        "insured with «Lanka Hospitals PLC»",
        "empleado de «Talleres García S.L». Desde",
        "dipendente di «Costruzioni Rossi S.r.l»",
        "«Emerald, Inc». called",
        "werkt bij «Jansen Bouw B.V»",
        "Dr Perera of «Fernandez Ltd» wrote",
        "die Pflegekasse («Lanka Hospitals PLC») zahlt",
    ),
    no_match=(
        "the company Ltd",
        "we formed a limited company",
        "3 AG",
        "The Inc was",
        "HBs AG negativ",
        "recurrent BV since",
        "Axial SpA",
        "on LTD since",
    ),
)
