"""Sri Lankan national identity card, old form: birth year, day of year (+500 for women), serial, V or X."""

from __future__ import annotations

from filters.checks import lk_nic
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="lk_nic",
    type=Type.ID,
    patterns=(
        bounded(
            r"\d{2}(?:00[1-9]|0[1-9]\d|[12]\d\d|3[0-5]\d|36[0-6]|50[1-9]|5[1-9]\d|[67]\d\d|8[0-5]\d|86[0-6])\d{4} ?[VX]"
        ),
    ),
    scores=Scores(shape=850, cued=950, checked=990),
    cues=("nic", "id card", "identity card", "national id", "ජා.හැ.අංකය", "ජාතික හැඳුනුම්පත්", "தே.අ.அ", "தேசிய அடையாள அட்டை"),
    check=lk_nic,
    country="lk",
    digits=9,
    exact_case=False,
)

EXAMPLES = Examples(
    match=(
        "NIC «911042754V»",
        "patient «912680444V» admitted",
        "nic no: «911042754v»",
        "NIC «911042755V» (mistyped)",
        "ජා.හැ.අංකය «853400937X»",
    ),
    no_match=(
        "911042754",
        "993670444V",
        "1991042754V",
        "part 910002754V",
        "5% dextrose 500 mL",
    ),
)
