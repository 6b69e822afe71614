"""E-mail address: any local part, any host, intranet and single-label hosts included; no public-suffix test."""

from __future__ import annotations

from filters.findings import Type
from filters.recognizers.base import Examples, Recognizer, Scores

__all__ = ["EXAMPLES", "RECOGNIZER"]

_LOCAL = frozenset(".!#$%&'*+/=?^_{|}~-")
_MAX_LOCAL = 64  # RFC 5321 section 4.5.3.1.1


def _quoted(text: str, at: int) -> int:
    """Return where a quoted local part before `at` begins ("dr who"@ward.intern, RFC 5321 section 4.1.2), or `at`."""
    if at < 2 or text[at - 1] != '"':
        return at
    opening = text.rfind('"', max(0, at - _MAX_LOCAL), at - 1)
    return at if opening < 0 or "\n" in text[opening:at] else opening


def _whole(text: str, start: int, end: int) -> tuple[int, int, int] | None:
    """Grow left over the local part; the pattern starts at `@`, so that a run of dots costs nothing."""
    first = _quoted(text, start)
    while first > 0 and start - first < _MAX_LOCAL and (text[first - 1].isalnum() or text[first - 1] in _LOCAL):
        first -= 1
    while first < start and not (text[first].isalnum() or text[first] in '_"'):
        first += 1
    while end > start + 1 and not text[end - 1].isalnum():
        end -= 1
    if first == start or end == start + 1 or not any(c.isalpha() for c in text[first:end]):
        return None
    return first, end, 0


RECOGNIZER = Recognizer(
    kind="email",
    type=Type.EMAIL,
    patterns=(r"@[\w\[][\w.:\]-]{0,252}+",),
    scores=Scores(shape=900),
    anchors=("@",),
    guarded=False,
    refine=_whole,
)

EXAMPLES = Examples(
    match=(
        "write to «jane.doe@hospital.local» today",
        "«ward7@klinikum.intern», thanks",
        "mail «o'neil+test@example.co.uk».",
        "«root@localhost»",
        "Kontakt: «jörg.müller@münchen.example»",
        "<«a_b-c@mail.example.org»>",
        'write to «"dr who"@ward.intern» instead',
    ),
    no_match=("take 2 @ 8", "5@3", "@ward", "name@ host", "3 mg @ 20 mL/h", "@@@@"),
)
