"""How much of the identifying text a prediction hides: counts per document, rates, bootstrap intervals.

Definitions: only letters, digits and marks count; inside an identifier, titles and function words ("Dr", "de la") do
not. Any label hides. *Covered*: every counted character of an identifier is hidden. *Zero-leak*: every identifier of
the document is covered. *Hit*: a document without identifiers in which something was hidden. Intervals: 2.5 and 97.5
percentiles over resampled documents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

__all__ = ["Counts", "count", "interval", "rates"]

_FILLER = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "drs",
        "prof",
        "sr",
        "sra",
        "don",
        "doña",
        "d",
        "dña",
        "dra",
        "m",
        "mm",
        "mme",
        "mlle",
        "me",
        "monsieur",
        "madame",
        "herr",
        "frau",
        "dott",
        "the",
        "a",
        "an",
        "of",
        "and",
        "in",
        "at",
        "on",
        "to",
        "for",
        "from",
        "by",
        "with",
        "no",
        "nr",
        "de",
        "del",
        "la",
        "las",
        "el",
        "los",
        "y",
        "e",
        "en",
        "le",
        "les",
        "du",
        "des",
        "et",
        "au",
        "aux",
        "à",
        "der",
        "die",
        "das",
        "dem",
        "den",
        "und",
        "von",
        "vom",
        "zu",
        "im",
        "am",
        "di",
        "da",
        "van",
        "het",
    ]
)
_TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened in one document."""

    gold: int
    hidden: int
    wrong: int
    free: int
    spans: int
    covered: int
    names: int
    names_covered: int

    @property
    def zero_leak(self) -> bool:
        return self.spans == self.covered


def _counted(text: str, spans: Sequence[dict[str, Any]]) -> bytearray:
    counted = bytearray(unicodedata.category(c)[0] in "LNM" for c in text)
    for s in spans:
        tokens = [(s["start"] + m.start(), s["start"] + m.end()) for m in _TOKEN.finditer(text[s["start"] : s["end"]])]
        filler = [(a, b) for a, b in tokens if text[a:b].casefold() in _FILLER]
        for a, b in filler if len(filler) < len(tokens) else ():
            counted[a:b] = bytes(b - a)
    return counted


def count(row: dict[str, Any], found: Iterable[tuple[int, int, str]], ignored: frozenset[str]) -> Counts:
    """Compare the hidden stretches with the marked ones of one document."""
    text, size = row["text"], len(row["text"])
    gold = [s for s in row["spans"] if s["label"] not in ignored]
    counted = _counted(text, gold)
    free = bytearray(b"\1" * size)
    real = bytearray(size)
    for s in [*row.get("ignore", ()), *(s for s in row["spans"] if s["label"] in ignored)]:
        free[s["start"] : s["end"]] = bytes(s["end"] - s["start"])
    for s in gold:
        real[s["start"] : s["end"]] = b"\1" * (s["end"] - s["start"])
    hidden, charged = bytearray(size), bytearray(size)
    for a, b, label in found:
        hidden[a:b] = b"\1" * (b - a)
        if label not in ignored:
            charged[a:b] = b"\1" * (b - a)
    wrong = sum(1 for i in range(size) if counted[i] and not real[i] and free[i] and charged[i])
    other = sum(1 for i in range(size) if counted[i] and not real[i] and free[i])
    whole = [all(hidden[i] or not counted[i] for i in range(s["start"], s["end"])) for s in gold]
    names = [ok for ok, s in zip(whole, gold, strict=True) if s["label"] == "PERSON"]
    total = sum(1 for i in range(size) if counted[i] and real[i])
    right = sum(1 for i in range(size) if counted[i] and real[i] and hidden[i])
    return Counts(total, right, wrong, other, len(gold), sum(whole), len(names), sum(names))


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else float("nan")


def rates(counts: Sequence[Counts]) -> dict[str, float]:
    """Return the rates of a set, in percent."""
    hidden, wrong = sum(c.hidden for c in counts), sum(c.wrong for c in counts)
    with_pii, without = [c for c in counts if c.spans], [c for c in counts if not c.spans]
    return {
        "char_recall": _share(hidden, sum(c.gold for c in counts)),
        "char_precision": _share(hidden, hidden + wrong),
        "covered_recall": _share(sum(c.covered for c in counts), sum(c.spans for c in counts)),
        "names_covered": _share(sum(c.names_covered for c in counts), sum(c.names for c in counts)),
        "zero_leak": _share(sum(c.zero_leak for c in with_pii), len(with_pii)),
        "free_hit": _share(sum(c.wrong > 0 for c in without), len(without)),
        "over_redacted": _share(wrong, sum(c.free for c in counts)),
    }


def interval(counts: Sequence[Counts], resamples: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals by resampling documents."""
    table = np.array([[*astuple(c), c.zero_leak, c.wrong > 0, c.spans > 0] for c in counts], dtype=np.float64)
    gold, hidden, wrong, free, spans, covered, names, names_covered, zero, hit, some = table.T
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=resamples).astype(np.float64)
    shares = {
        "char_recall": (hidden, gold),
        "char_precision": (hidden, hidden + wrong),
        "covered_recall": (covered, spans),
        "names_covered": (names_covered, names),
        "zero_leak": (zero * some, some),
        "free_hit": (hit * (1 - some), 1 - some),
        "over_redacted": (wrong, free),
    }
    out = {}
    for name, (part, whole) in shares.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            values = 100 * (times @ part) / (times @ whole)
        known = np.sort(values[~np.isnan(values)])
        ends = (known[int(0.025 * len(known))], known[int(0.975 * len(known)) - 1]) if len(known) > 1 else (np.nan,) * 2
        out[name] = (float(ends[0]), float(ends[1]))
    return out
