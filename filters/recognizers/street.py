"""Street whose name stands before the word for it, mostly with a house number: Goethestr. 26, Toa Payoh Lorong 4."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores
from filters.street_patterns import GERMANIC, HOUSE, ONE, WORD, address

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="street",
    type=Type.LOCATION,
    patterns=(
        # Goethestr. 26, Berliner Allee 4, Keizersgracht 12b
        rf"{ONE}(?:{GERMANIC}) {HOUSE}",
        rf"(?<![\w-]){WORD}[ -](?:Stra(?:ß|ss)e|Str\.|Gasse|Allee|Ufer|Platz|Weg|Ring) {HOUSE}",
        # Deichweg 5, Bahnhofsplatz 2
        (
            rf"(?:^|(?<=[\n(])|(?<=[,;·|/:–-] ))(?P<value>{WORD}(?:weg|platz|deich|damm|stieg|pfad|promenade)"
            rf" \d{{1,3}}[a-z]?)(?![\w%])"
            r"(?=,? ?[\n·–|;-]? ?(?:[A-Z]{1,2}-)?\d{4,5} [A-ZÄÖÜ]|, [A-ZÄÖÜ][a-zäöüß]{3,20}(?:[,;\n.)]|$)|\n)"
        ),
        # Toa Payoh Lorong 4, Block 123 Ang Mo Kio Ave 3
        (
            rf"(?<![\w-])(?:(?:Blk|Block|BLK) \d{{1,4}}[A-Z]?,? )?{WORD}(?: {WORD})?(?: {WORD})? "
            rf"(?:Ave|Avenue|Street|Lorong) \d{{1,3}}(?![\w%]|[.,]\d)"
        ),
        # BR-101 km 214, SS16 km 742
        (
            r"(?<![\w-])[A-Z]{1,3}[- ]?\d{1,4}[A-Z]?,? (?:al |at |a la altura del |no |au |bei |am |alla? )?"
            r"(?:[kK][mM]|[pP][kK])\.? ?\d{1,4}(?:[.,+]\d{1,3})?(?!\w)"
        ),
    ),
    scores=Scores(shape=700),
    anchors=(
        "straße", "strasse", "str.", "gasse ", "allee ", "chaussee", "ufer ", "platz ", "weg ", " ring ", "straat",
        "laan ", "gracht", "kade ", "singel", "plantsoen", "dijk ", "plein ", "dreef", "steeg ", "deich ", "damm ",
        "stieg ", "pfad ", "promenade", " ave ", "avenue ", " street ", "lorong", " km", " pk",
    ),
    refine=address,
    guarded=False,
    exact_case=True,
)  # fmt: skip

EXAMPLES = Examples(
    match=(
        "wohnhaft «Schillerstraße 63» in Rennes",
        "«Goethestr. 26b», 76155 Napoli",
        "Praxis, «Berliner Allee 4»",
        "woont «Keizersgracht 12» te",
        "void deck, «Toa Payoh Lorong 4»\n",
        "«Block 123 Ang Mo Kio Ave 3» #05",
        "19:40 – «BR-101 km 214», Palhoça",
        "Adres «Vlierlaan 6», Barneveld",
        "RTW nach: «Deichweg 5», Brokdorf.",
    ),
    no_match=(
        "Atemweg 3",
        "the Street was long",
        "Harnweg Platz",
        "T2 km",
        "Atemweg 3, Beatmung",
    ),
)
