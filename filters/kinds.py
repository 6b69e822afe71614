"""Every kind of identifier some detector can report, so that a rule about one can fire."""

from __future__ import annotations

from filters.recognizers import catalogue
from filters.stock import STOCK

__all__ = ["DENIED", "known_kinds"]

DENIED = "site_word"
"""A word of a site's deny list."""

_OF_THE_MODEL = ("person", "location", "org", "facility", "date", "age", "phone", "email", "id", "url")
"""What the name finder reports (a test holds them equal to its labels)."""
_OTHER = ("opaque", "uncovered_script", DENIED)


def known_kinds() -> frozenset[str]:
    """Return the kinds of all detectors; a site's own come beside them."""
    found = {stock.kind for stock in STOCK} | {*_OF_THE_MODEL, *_OTHER}
    for entry in catalogue():
        recognizer = entry.recognizer
        found |= {recognizer.kind, recognizer.cued_kind, *(kind for _, kind in recognizer.kinds)}
    return frozenset(found - {""})
