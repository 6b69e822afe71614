"""What exports and report are made of: the verdict, and the records that were opened and verified on the way to it.

Law: nothing is read past the checks. If the outer structure does not verify there are no records, only the verdict.
Levels of network evidence are computed from the facts of each record, never read from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from audit.checkpoint import Note, checkpoint_code, parse_statement
from audit.evidence import assess
from audit.officer import Keyring, Trust
from audit.record import SEALED_KINDS
from audit.strictjson import Json, MalformedError
from audit.tree import leaf_hash
from audit.verify import Anchors, Package, Verification, examine
from audit.verify.contents import check_contents
from audit.verify.coverage import Coverage, check_coverage
from audit.verify.findings import Board
from audit.verify.package import check_package
from audit.verify.structure import Structure, check_identity, check_structure

__all__ = ["Dossier", "Missing", "note_of", "open_dossier"]


@dataclass(frozen=True, slots=True)
class Missing:
    """A sealed record of the range without readable content."""

    kind: str
    hour: str
    why: str
    """erased, purged or unreadable"""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One examined log. `records`: seq -> (kind, body) of the range, everything that opened, in order."""

    found: Verification
    records: Mapping[int, tuple[str, Json]] = field(default_factory=dict)
    missing: Mapping[int, Missing] = field(default_factory=dict)
    leaves: Mapping[int, bytes] = field(default_factory=dict)
    """Leaf hashes of requests and blocks."""
    levels: Mapping[int, str] = field(default_factory=dict)
    """Level of each evidence record."""
    engines: Mapping[int, str] = field(default_factory=dict)
    """At each start: where the model ran."""
    approvals: tuple[Json, ...] = ()
    """Every change record of the whole log that carries an approval: it may come after the range, too."""
    enrolment: Json = field(default_factory=dict)
    code: str = ""
    """The checkpoint in a form for paper."""


def open_dossier(package: Package, trust: Trust, keyring: Keyring, anchors: Anchors | None = None) -> Dossier:
    """Examine a log and collect what a report needs."""
    found = examine(package, trust, keyring, anchors)
    board = Board()
    manifest = check_package(package, board)
    log = check_identity(package, manifest, trust, board) if not board.broken() else None
    if log is not None:
        check_structure(log, anchors or Anchors(), board)
    if log is None or board.broken():
        return Dossier(found)
    covered = check_coverage(log, board)
    bodies = {**log.bodies, **check_contents(log, covered, keyring, board)}
    span = log.entries[log.first : log.last + 1]
    return Dossier(
        found,
        records={entry.seq: (entry.kind, bodies[entry.seq]) for entry in span if entry.seq in bodies},
        missing=dict(_missing(log, covered, bodies)),
        leaves={entry.seq: leaf_hash(log.leaves[entry.seq]) for entry in span if entry.kind in "RB"},
        levels=dict(_levels(log, bodies)),
        engines={seq: body["engine"] for seq, body in log.bodies.items() if log.entries[seq].kind == "S"},
        approvals=tuple(body for body in log.bodies.values() if "approval" in body),
        enrolment=log.enrolments[-1],
        code=checkpoint_code(log.checkpoint),
    )


def note_of(body: Json, kind: str) -> Json:
    """Return the statement inside a record that carries an officer's note, or nothing where there is none."""
    try:
        return parse_statement(Note.parse(str(body.get("note") or body.get("approval") or "").encode()), kind)
    except MalformedError:
        return {}


def _missing(log: Structure, covered: Coverage, bodies: dict[int, Json]) -> Iterator[tuple[int, Missing]]:
    for entry in log.entries[log.first : log.last + 1]:
        if entry.kind not in SEALED_KINDS or entry.seq in bodies:
            continue
        purged = entry.epoch is not None and log.chain.epochs[entry.epoch].month in covered.purged
        why = "erased" if entry.seq in covered.erased else "purged" if purged else "unreadable"
        yield entry.seq, Missing(entry.kind, entry.hour, why)


def _levels(log: Structure, bodies: dict[int, Json]) -> Iterator[tuple[int, str]]:
    """Compute each level as the examination does: against the start of its own run."""
    filters: dict[str, str] = {}
    first: Json | None = None
    for entry in log.entries:
        body = bodies.get(entry.seq)
        if entry.kind == "S" and body is not None:
            filters, first = body["filters"], None
        if entry.kind != "E" or body is None:
            continue
        first = body if first is None and body["why"] == "start" else first
        yield entry.seq, assess(body, filters, first=first).level
