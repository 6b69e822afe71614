"""German tax identification number."""

from __future__ import annotations

from filters.checks import steuer_id
from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="de_steuer_id",
    type=Type.ID,
    patterns=(
        bounded(r"[1-9]\d{10}"),
        bounded(r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}"),
    ),
    scores=Scores(shape=400, cued=950, checked=850),
    cues=("steuer-id", "steuerid", "steuer-idnr", "idnr", "steueridentifikationsnummer", "steuernummer", "tin"),
    check=steuer_id,
    country="de",
    digits=11,
)

EXAMPLES = Examples(
    match=(
        "Steuer-ID «86095742719»",
        "IdNr. «86 095 742 719»",
        "TIN: «86095742719»",
        "Steueridentifikationsnummer «86095742718»",
        "Herr Muster, «86095742719», Berlin",
    ),
    no_match=(
        "01234567890",
        "8609574271",
        "ISBN 86095742719",
        "86095742719 IU",
        "EAN 86095742719",
    ),
)
