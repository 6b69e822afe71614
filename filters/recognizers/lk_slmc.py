"""Sri Lanka Medical Council registration of a doctor."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_slmc",
    type=Type.ID,
    patterns=(bounded(r"(?:[A-Z]{1,3}[ .-]?)?\d{4,6}"),),
    scores=Scores(shape=0, cued=900),
    cues=("slmc", "slmc no", "slmc reg", "slmc reg no", "slmc registration"),
    country="lk",
    guarded=False,
    anchors=("slmc",),
)

EXAMPLES = Examples(
    match=(
        "SLMC «12345»",
        "SLMC Reg No: «24567»",
        "SLMC no «AB 1234»",
        "Dr Perera (SLMC «30211»)",
        "slmc reg. «8123»",
    ),
    no_match=(
        "12345",
        "SLMC 123",
        "slmc guidelines apply",
        "reg 12345",
        "platelets 12345",
    ),
)
