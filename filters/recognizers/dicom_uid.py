"""DICOM unique identifier (PS3.5 section 9)."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

RECOGNIZER = Recognizer(
    kind="dicom_uid",
    type=Type.ID,
    patterns=(r"(?<![\w.])[0-2](?:\.(?:0|[1-9]\d{0,38})){4,30}(?![\w]|\.\d)",),
    scores=Scores(shape=850, cued=950),
    cues=("uid", "study uid", "series uid", "sop instance"),
    guarded=False,
)

EXAMPLES = Examples(
    match=(
        "Study UID «1.2.840.113619.2.55.3.604688119»",
        "«1.2.840.10008.5.1.4.1.1.2»",
        "UID: «2.25.329800735698586629295641978511506172918.1.2»",
        "series «1.3.12.2.1107.5.1.4»",
        "SOP Instance UID «1.2.276.0.7230010.3.1.4»",
    ),
    no_match=(
        "1.2.3.4",
        "10.0.0.1",
        "3.1.2.3.4.5",
        "1.5 mg",
        "v1.2.3",
    ),
)
