"""Indian ABHA health account: fourteen digits 2-4-4-4; its addresses are e-mail addresses to us."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores, bounded

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="in_abha",
    type=Type.ID,
    patterns=(
        bounded(r"\d{2}-\d{4}-\d{4}-\d{4}"),
        bounded(r"\d{14}"),
    ),
    scores=Scores(shape=400, cued=950),
    cues=("abha", "health id", "abdm", "abha address"),
    digits=5,
    country="in",
)

EXAMPLES = Examples(
    match=(
        "ABHA «91-1234-5678-9012»",
        "health ID: «91123456789012»",
        "abha «12345678901234»",
        "ABHA no «12-3456-7890-1234»",
        "ABHA: «99-0000-1111-2222»",
    ),
    no_match=(
        "91-1234-5678-901",
        "12-3456-7890-1234-5",
        "ABHA pending",
        "91-1234-5678",
        "1-2-3",
    ),
)
