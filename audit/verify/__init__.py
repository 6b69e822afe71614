"""Was this log changed, were there gaps, and what did it say? The examination, stage by stage.

`examine` is pure: no clock, no files; keys come from the user, never from the package. Two verifiers given the same
package and keys answer with the same bytes.

    found = examine(read_package(file), trust, keyring, Anchors(book=notes))
    found.verdict, found.encode(), plain_words(found)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.officer import Keyring, Trust
from audit.record import Entry
from audit.shapes import b64
from audit.strictjson import Json
from audit.verify.contents import check_contents
from audit.verify.coverage import Coverage, check_coverage
from audit.verify.findings import Board, Check, Finding, Verdict, Verification, plain_words, texts
from audit.verify.leaves import Progress
from audit.verify.meaning import Meaning, MeaningPass
from audit.verify.package import Package, check_package, from_directory, read_package
from audit.verify.structure import Anchors, Structure, check_identity, check_structure

__all__ = [
    "Anchors",
    "Check",
    "Examined",
    "Finding",
    "Package",
    "Verification",
    "Watch",
    "examine",
    "examine_watched",
    "from_directory",
    "plain_words",
    "read_package",
    "texts",
]

_TOLD_EVERY = 512


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks on: is shown each sealed record of the range as it opens, and told how far the work is."""

    visit: Callable[[Entry, Json | None], None] = lambda _, __: None
    progress: Progress = lambda _, __, ___: None


@dataclass(frozen=True, slots=True)
class Examined:
    """The answer, and what of the log it rests on; `log` is None where nothing inside may be read."""

    found: Verification
    log: Structure | None
    covered: Coverage
    levels: Mapping[int, str]
    """Level of each evidence record, computed."""


def examine(
    package: Package, trust: Trust, keyring: Keyring | None = None, anchors: Anchors | None = None
) -> Verification:
    """Run all checks. A failure in stages 1 to 3 leaves the later stages not run; without a keyring 5 and 6."""
    return examine_watched(package, trust, keyring, anchors or Anchors(), watch=Watch()).found


def examine_watched(
    package: Package, trust: Trust, keyring: Keyring | None, anchors: Anchors, *, watch: Watch
) -> Examined:
    """Run all checks, once, and let somebody look on."""
    board = Board()
    covered, meaning, levels = Coverage(), None, {}
    watch.progress("package", 0, 1)
    manifest = check_package(package, board)
    log = check_identity(package, manifest, trust, board) if not board.broken() else None
    if log is not None:
        check_structure(log, anchors, board, watch.progress)
    whole = log if log is not None and not board.broken() else None
    if whole is not None:
        covered = check_coverage(whole, board)
        reading = MeaningPass(whole, covered, board) if keyring is not None else None
        for entry, body in check_contents(whole, covered, keyring, board):
            if entry.seq % _TOLD_EVERY == 0:
                watch.progress("contents", entry.seq - whole.first, whole.last - whole.first + 1)
            if reading is not None:
                reading.feed(entry, body)
                watch.visit(entry, body)
        if reading is not None:
            meaning, levels = reading.finish(), reading.levels
    found = _answer(log, covered, meaning, (board.checks(), keyring is not None))
    return Examined(found, whole, covered, levels)


def _answer(
    log: Structure | None, covered: Coverage, meaning: Meaning | None, result: tuple[tuple[Check, ...], bool]
) -> Verification:
    checks, opened = result
    reached = any(check.id == "V10" and check.state != "not_run" for check in checks)
    whole = log if reached else None
    independence = _independence(whole)
    demo = whole is not None and whole.enrolments[0]["custody"] == "same-machine"
    return Verification(
        verdict=_verdict(checks),
        scope="all" if opened else "structure",
        origin=log.origin if log is not None else "",
        size=log.checkpoint.size if log is not None else 0,
        root=b64(log.checkpoint.root) if log is not None else "",
        range=(log.first, max(log.last, 0)) if log is not None else (0, 0),
        sealed_t=whole.leaves.newest_t if whole is not None else "",
        custody=whole.enrolments[0]["custody"] if whole is not None else "",
        independence=independence,
        evidence_min=meaning.minutes if meaning is not None else None,
        checks=checks,
        totals=meaning.totals if meaning is not None else {},
        periods=tuple(stretch.body() for stretch in covered.stretches),
        claims=_claims(_verdict(checks), independence, meaning, demo=demo),
        evidence_spans=meaning.spans if meaning is not None else (),
    )


def _verdict(checks: tuple[Check, ...]) -> Verdict:
    states = {check.state for check in checks}
    if "fail" in states:
        return "NOT VERIFIED"
    if "unknown" in states:
        return "CANNOT TELL"
    return "VERIFIED WITH GAPS" if "gap" in states else "VERIFIED"


def _independence(log: Structure | None) -> Json:
    """Return the level; keys made on the same computer are never independent, whatever anchors exist."""
    if log is None or not log.fixed or any(body["custody"] == "same-machine" for body in log.enrolments):
        return {"level": "I0", "size": None, "t": None}
    best = max(log.fixed, key=lambda point: (point.size, point.posix_s or 0))
    t = datetime.fromtimestamp(best.posix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if best.posix_s is not None else None
    return {"level": "I1", "size": best.size, "t": t}


def _claims(verdict: str, independence: Json, meaning: Meaning | None, *, demo: bool) -> tuple[str, ...]:
    if verdict == "NOT VERIFIED":
        return ()
    claims = ["seal", "tamper-evident", "anchored" if independence["level"] == "I1" else "self-attested"]
    if meaning is not None:
        claims.extend(_network_claims(meaning))
    return (*claims, "demo") if demo else tuple(claims)


def _network_claims(meaning: Meaning) -> tuple[str, ...]:
    """Return what the evidence supports about the network, the weakest stretch deciding."""
    if meaning.spans and not meaning.reasons:
        return "measured", "no-path"
    if "engine-http" in meaning.reasons:
        return ("http-engine",)
    failed = any(name.startswith("control:") for name in meaning.reasons)
    return ("control-failed",) if failed else ("not-measured",)
