"""What a recognizer is: patterns, cues, a check and examples, all of them data.

Law: a recognizer describes; `filters/scan.py` runs it. Every pattern is linear by construction (the test
`tests/unit/test_lint.py` reads the parsed pattern): quantifiers bounded by 256, no quantifier inside another
unless their classes are disjoint, lookaround of fixed width; no possessive quantifier on a group whose inside can
backtrack, which CPython before 3.11.5 matches wrongly. `starts`, `anchors` and `digits` only save time:
they never change what is found (same test). Adding an identifier is adding one file here with
`RECOGNIZER` and `EXAMPLES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from filters.findings import Type

__all__ = ["BEFORE", "Examples", "Recognizer", "Scores", "bounded"]

BEFORE = 40
"""A cue counts when it stands at most this many characters before a value, on the same line (16 after)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How sure a hit is, 0..1000: by shape alone, beside a cue, with a correct check digit. 0 means "not a hit"."""

    shape: int = 0
    cued: int = 0
    checked: int = 0


@dataclass(frozen=True, slots=True)
class Examples:
    """Texts the recognizer must and must not find; a match holds its value between « and »."""

    match: tuple[str, ...]
    no_match: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One kind of identifier.

    Attributes:
        kind: name of the kind, unique.
        type: placeholder type.
        patterns: regular expressions; a group named `value` is the span, else the whole match.
        scores: see `Scores`.
        cues: words that announce the value, in any language; letters case-insensitive.
        check: check-digit test of the value.
        country: two letters, or "" for everywhere.
        digits: a hit lies where at least this many digits stand close together; 0 searches the whole text.
        guarded: a measurement or a code of a terminology beats a hit without a cue.
        starts: lower-case words (`#` for any digit) at which a match begins; the patterns are tried only there.
        anchors: words one of which a text must hold (lower case) for the patterns to be tried at all.
        cued_kind: the kind of a hit beside a cue, when it has a name of its own ("birth_date").
        exact_case: letter case matters to the patterns.
        whole: the value may be longer than a chunk, so the whole text is searched at once.
        refine: last say over a hit, given text and span: the span to take and its score (0: as computed), or None.
        kinds: for a pattern with a group named `cue`: the kind each cue stands for, first match counts.
    """

    kind: str
    type: Type
    patterns: tuple[str, ...]
    scores: Scores
    cues: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None
    country: str = ""
    digits: int = 0
    guarded: bool = True
    starts: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    cued_kind: str = ""
    exact_case: bool = False
    whole: bool = False
    refine: Callable[[str, int, int], tuple[int, int, int] | None] | None = None
    kinds: tuple[tuple[str, str], ...] = ()


def bounded(pattern: str) -> str:
    """Return `pattern` between word boundaries: no letter, digit or underscore on either side."""
    return rf"(?<!\w)(?:{pattern})(?!\w)"
