"""Private key in PEM armour, the whole block."""

from __future__ import annotations

import re

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_END = re.compile(r"-{2,5}END [A-Z ]{0,24}PRIVATE KEY-{2,5}")


def _block(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Take everything to the end line; without one, the rest of the text: half a key is still a key."""
    close = _END.search(text, end)
    return start, close.end() if close else len(text), 0


RECOGNIZER = Recognizer(
    kind="pem_key",
    type=Type.SECRET,
    patterns=(r"-{2,5}BEGIN [A-Z ]{0,24}PRIVATE KEY-{2,5}",),
    scores=Scores(shape=950),
    anchors=("private key",),
    guarded=False,
    exact_case=True,
    whole=True,
    refine=_block,
)

EXAMPLES = Examples(
    match=(
        "«-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----» x",
        "a «-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----»",
        "«-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----»",
        "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----»",
        "«-----BEGIN PRIVATE KEY-----\nMIIcut»",
    ),
    no_match=("a private key", "-----BEGIN PUBLIC KEY-----", "BEGIN PRIVATE KEY", "-----END PRIVATE KEY-----", "-- x"),
)
