"""Was this log changed, were there gaps, and what did it say? The examination, stage by stage.

`examine` is pure: no clock, no files; keys come from the user, never from the package. Two verifiers given the same
package and keys answer with the same bytes.

    found = examine(read_package(file), trust, keyring, Anchors(book=notes))
    found.verdict, found.encode(), plain_words(found)
"""

from datetime import UTC, datetime

from audit.officer import Keyring, Trust
from audit.shapes import b64
from audit.strictjson import Json
from audit.verify.contents import check_contents
from audit.verify.coverage import Coverage, check_coverage
from audit.verify.findings import Board, Check, Finding, Verdict, Verification, plain_words, texts
from audit.verify.meaning import Meaning, check_meaning
from audit.verify.package import Package, check_package, from_directory, read_package
from audit.verify.structure import Anchors, Structure, check_identity, check_structure

__all__ = [
    "Anchors",
    "Check",
    "Finding",
    "Package",
    "Verification",
    "examine",
    "from_directory",
    "plain_words",
    "read_package",
    "texts",
]


def examine(
    package: Package, trust: Trust, keyring: Keyring | None = None, anchors: Anchors | None = None
) -> Verification:
    """Run all checks. A failure in stages 1 to 3 leaves the later stages not run; without a keyring 5 and 6."""
    board = Board()
    covered, meaning = Coverage(), None
    manifest = check_package(package, board)
    log = check_identity(package, manifest, trust, board) if not board.broken() else None
    if log is not None:
        check_structure(log, anchors or Anchors(), board)
    if log is not None and not board.broken():
        covered = check_coverage(log, board)
        if keyring is not None:
            opened = check_contents(log, covered, keyring, board)
            meaning = check_meaning(log, covered, opened, board)
    return _answer(log, covered, meaning, (board.checks(), keyring is not None))


def _answer(
    log: Structure | None, covered: Coverage, meaning: Meaning | None, result: tuple[tuple[Check, ...], bool]
) -> Verification:
    checks, opened = result
    reached = any(check.id == "V10" and check.state != "not_run" for check in checks)
    whole = log if reached else None
    independence = _independence(whole)
    demo = whole is not None and whole.enrolments[0]["custody"] == "same-machine"
    clocks = [whole.bodies[seq]["t"] for seq in sorted(whole.bodies)] if whole is not None else []
    return Verification(
        verdict=_verdict(checks),
        scope="all" if opened else "structure",
        origin=log.origin if log is not None else "",
        size=log.checkpoint.size if log is not None else 0,
        root=b64(log.checkpoint.root) if log is not None else "",
        range=(log.first, max(log.last, 0)) if log is not None else (0, 0),
        sealed_t=clocks[-1] if clocks else "",
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
