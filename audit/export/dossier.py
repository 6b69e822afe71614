"""What exports and report are made of: the verdict, and the records that were opened and verified on the way to it.

Law: nothing is read past the checks. If the outer structure does not verify there are no records, only the verdict.
Levels of network evidence are computed from the facts of each record, never read from it.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from audit.checkpoint import Note, checkpoint_code, parse_statement
from audit.officer import Keyring, Trust
from audit.record import Entry
from audit.strictjson import Json, MalformedError
from audit.tree import leaf_hash
from audit.verify import Anchors, Package, Verification, Watch, examine_watched
from audit.verify.leaves import Progress

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


@dataclass(slots=True)
class _Shelf:
    """Keeps the sealed records of the range while the examination opens them."""

    bodies: dict[int, tuple[str, Json]] = field(default_factory=dict)
    lost: list[Entry] = field(default_factory=list)
    leaves: dict[int, bytes] = field(default_factory=dict)

    def visit(self, entry: Entry, body: Json | None) -> None:
        if entry.kind in "RB":
            self.leaves[entry.seq] = leaf_hash(entry.leaf())
        if body is None:
            self.lost.append(entry)
        else:
            self.bodies[entry.seq] = entry.kind, body


def open_dossier(
    package: Package,
    trust: Trust,
    keyring: Keyring,
    anchors: Anchors | None = None,
    progress: Progress = lambda _, __, ___: None,
) -> Dossier:
    """Examine a log, once, and keep what a report needs."""
    shelf = _Shelf()
    watch = Watch(shelf.visit, progress)
    examined = examine_watched(package, trust, keyring, anchors or Anchors(), watch=watch)
    log, covered = examined.log, examined.covered
    if log is None:
        return Dossier(examined.found)
    clear = {entry.seq: (entry.kind, body) for entry, body in log.clear() if log.first <= entry.seq <= log.last}
    kept = [(seq, entry.kind, body) for seq, (entry, body) in log.leaves.clear.items()]
    return Dossier(
        examined.found,
        records=dict(sorted((shelf.bodies | clear).items())),
        missing={
            entry.seq: Missing(entry.kind, entry.hour, _why(entry.seq, covered.erased, log.month_of, covered.purged))
            for entry in shelf.lost
        },
        leaves=shelf.leaves,
        levels=examined.levels,
        engines={seq: body["engine"] for seq, kind, body in kept if kind == "S"},
        approvals=tuple(body for _, _, body in kept if "approval" in body),
        enrolment=log.enrolments[-1],
        code=checkpoint_code(log.checkpoint),
    )


def _why(seq: int, erased: AbstractSet[int], month_of: Callable[[int], str], purged: AbstractSet[str]) -> str:
    return "erased" if seq in erased else "purged" if month_of(seq) in purged else "unreadable"


def note_of(body: Json, kind: str) -> Json:
    """Return the statement inside a record that carries an officer's note, or nothing where there is none."""
    try:
        return parse_statement(Note.parse(str(body.get("note") or body.get("approval") or "").encode()), kind)
    except MalformedError:
        return {}
