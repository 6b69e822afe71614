"""What is no identifier although it looks like one: measurements and codes of terminologies.

Law: a guard looks only at the characters beside a span, on the same line, and only ever clears hits without a cue:
"MRN 12345678 mg" is odd, but it says MRN.
"""

from __future__ import annotations

import re

__all__ = ["is_code", "is_measure"]

_UNIT = re.compile(
    r"[ \t]?(?:%|°|‰|[x×*] ?10|/ ?(?:[μuµ]?[lL]|mL|ml|dL|dl|mm|hpf|min|kg|m2|24)"
    r"|(?:mg|mcg|[μuµ]g|ng|pg|g|kg|lbs?|oz|m[lL]|d[lL]|[μuµ][lL]|L|l|IU|UI|I\.U\.|IE|U|units?|unidades|Einheiten|unités|"
    r"mmol|[μuµ]mol|nmol|pmol|mol|mmHg|mm|cm|km|mEq|meq|mOsm|Hz|kHz|MHz|kcal|kJ|kPa|hPa|bpm|cells?|copies|cfu|CFU|"
    r"ppm|dB|Gy|cGy|mSv|mCi|MBq|kBq|volts?|ms|sec|secs|seconds|mins?|minutes|hours?|hrs?|days?|weeks?|months?|years?|"
    r"yrs?|times|tablets?|tabs?|capsules?|drops|puffs|doses?|deg|degrees?|grad)(?![A-Za-z]))"
)
_CODE = re.compile(
    r"(?<![A-Za-z])(?:snomed(?:[ -]?ct)?|sctid|icd(?:[ -]?(?:9|10|11|o)(?:[ -]?[a-z]{1,3})?)?|loinc|cpt|hcpcs|atc|"
    r"rxnorm|rxcui|ndc|pzn|mesh|omim|nct|isrctn|eudract|euct|doi|pmid|pmc(?:id)?|isbn|issn|gtin|ean|upc|lot|batch|charge|"
    r"ch\.?-b|lote|lotto|version|release|build|rev|article|art|§|hgvs|rs|chr|dbsnp)"
    r"(?:[ \t]{0,2}(?:codes?|no|nr|number|num|id|is|n°))?[ \t]{0,2}[:.=#(-]{0,3}[ \t]{0,2}\Z",
    re.IGNORECASE,
)
_REACH = 32


def is_measure(text: str, end: int) -> bool:
    """Return whether a unit of measurement follows at `end`."""
    return _UNIT.match(text, end) is not None


def is_code(text: str, start: int) -> bool:
    """Return whether the value at `start` is announced as the code of a terminology, a trial, a book or a batch."""
    before = text[max(0, start - _REACH) : start]
    return _CODE.search(before[before.rfind("\n") + 1 :]) is not None
