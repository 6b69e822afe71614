"""Everything a log holds about one patient, for a request to see it or to have it erased. Pure.

The log keeps a pseudonym, never the identifier: HMAC-SHA256 under a key that lies sealed in each segment file. Whoever
has the identifier and the officer's keys finds the records; nobody reads the identifier back from them.

    found = find_subject(dossier, ref)          found.exchanges, found.packages, found.whole
"""

from collections.abc import Iterator
from dataclasses import dataclass

from audit.export.columns import Exchange, exchanges
from audit.export.dossier import Dossier
from audit.strictjson import Json

__all__ = ["HandedOut", "Subject", "find_subject"]


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A package that was made earlier and holds some of these records: whoever has it must be told of an erasure."""

    record: int
    t: str
    size: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What was found, and how far was looked."""

    ref: str
    exchanges: tuple[Exchange, ...]
    packages: tuple[HandedOut, ...]
    first: int
    last: int
    size: int
    without: int
    """Requests that carried no patient at all: nothing can be said about them."""
    unreadable: int
    """Requests whose content is erased or does not open."""

    @property
    def whole(self) -> bool:
        """Whether all contents of the log were searched."""
        return (self.first, self.last) == (0, self.size - 1) and self.unreadable == 0

    @property
    def records(self) -> tuple[int, ...]:
        """Numbers of requests, refusals and outcomes: what an erasure would name."""
        seqs = {e.seq for e in self.exchanges} | {e.outcome_seq for e in self.exchanges if e.outcome_seq is not None}
        return tuple(sorted(seqs))


def find_subject(dossier: Dossier, ref: str) -> Subject:
    """Look through every request and refusal of the range."""
    every = exchanges(dossier)
    found = tuple(e for e in every if e.begin.get("subject", {}).get("ref") == ref)
    first, last = dossier.found.range
    return Subject(
        ref,
        found,
        tuple(_handed_out(dossier, {e.seq for e in found})),
        first,
        last,
        dossier.found.size,
        sum(1 for e in every if e.begin and "subject" not in e.begin),
        sum(1 for e in every if not e.begin),
    )


def _handed_out(dossier: Dossier, seqs: set[int]) -> Iterator[HandedOut]:
    for number, (kind, body) in dossier.records.items():
        if kind == "O" and any(_covers(body, seq) for seq in seqs):
            yield HandedOut(number, body["t"], body["size"])


def _covers(body: Json, seq: int) -> bool:
    return bool(body["from"] <= seq <= body["to"])
