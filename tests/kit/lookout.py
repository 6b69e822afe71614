"""A small analyst for tests: e-mail addresses, long numbers and two names, found by pattern wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable

from filters.findings import Finding, Source, Type
from filters.output import OutputScan

__all__ = ["look", "scanned"]

_PATTERNS = (
    (re.compile(r"AKIA\w{16}"), Type.SECRET, "aws"),
    (re.compile(r"[\w.%+-]{1,64}@[\w.-]{1,64}"), Type.EMAIL, "email"),
    (re.compile(r"\+?\d(?:[ -]?\d){6,14}"), Type.PHONE, "phone"),
    (re.compile(r"Ana Pereira|Bo Ek"), Type.NAME, "person"),
)


def look(text: str) -> tuple[Finding, ...]:
    """Return disjoint findings, sorted."""
    found: list[Finding] = []
    for pattern, type_, kind in _PATTERNS:
        for match in pattern.finditer(text):
            if all(match.end() <= f.start or match.start() >= f.end for f in found):
                found.append(Finding(*match.span(), type_, kind, 900, Source.PATTERN))
    return tuple(sorted(found))


def scanned(scan: OutputScan, chunks: Iterable[str]) -> Iterable[str]:
    """Feed chunks as the pipeline does; yield what is released."""
    for chunk in chunks:
        scan.feed(chunk)
        yield from _settled(scan)
    scan.finish()
    yield from _settled(scan)


def _settled(scan: OutputScan) -> Iterable[str]:
    while (window := scan.due()) is not None:
        yield scan.settle(window, look(window.text.reveal()))
