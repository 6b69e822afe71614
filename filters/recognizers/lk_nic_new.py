"""Sri Lankan national identity card, new form: birth year, day of the year (+500 for women), serial, check digit."""

from __future__ import annotations

from filters.checks import lk_nic
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_nic_new",
    type=Type.ID,
    patterns=(
        bounded(
            r"(?:19|20)\d{2}(?:00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6]|50[1-9]|5[1-9]\d|[67]\d\d|8[0-5]\d|86[0-6])\d{5}"
        ),
    ),
    scores=Scores(shape=600, cued=950, checked=900),
    cues=("nic", "id card", "identity card", "national id", "ජා.හැ.අංකය", "ජාතික හැඳුනුම්පත්", "தே.அ.அ", "தேசிய அடையாள அட்டை"),
    check=lk_nic,
    country="lk",
    digits=12,
)

EXAMPLES = Examples(
    match=(
        "NIC «198426801723»",
        "Patient «198426801723» came",
        "national ID: «200150100234»",
        "NIC «198426801724»",
        "identity card no «197512300456»",
    ),
    no_match=(
        "210026801723",
        "198400001723",
        "19842680172",
        "198440001723",
        "SNOMED 198426801723",
    ),
)
