"""Read the sealed records of a verified log: for reports, a subject search, and the demonstration.

Law: what does not verify is not read. Records come from the same stages that the examination runs, never past them.
"""

from audit.officer import Keyring, Trust
from audit.strictjson import Json
from audit.verify.contents import check_contents
from audit.verify.coverage import check_coverage
from audit.verify.findings import Board
from audit.verify.package import Package, check_package
from audit.verify.structure import Anchors, check_identity, check_structure

__all__ = ["NotReadableError", "open_records"]


class NotReadableError(Exception):
    """The outer structure does not verify, so nothing inside is shown."""


def open_records(package: Package, trust: Trust, keyring: Keyring) -> dict[int, tuple[str, Json]]:
    """Return seq -> (kind, body) of every record that opens, clear kinds included.

    Raises:
        NotReadableError: package, identity or tree do not verify.
    """
    board = Board()
    manifest = check_package(package, board)
    log = check_identity(package, manifest, trust, board) if not board.broken() else None
    if log is not None:
        check_structure(log, Anchors(), board)
    if log is None or board.broken():
        raise NotReadableError
    covered = check_coverage(log, board)
    opened = check_contents(log, covered, keyring, board)
    return {
        entry.seq: (entry.kind, opened.get(entry.seq) or log.bodies.get(entry.seq) or {})
        for entry in log.entries
        if entry.seq in opened or entry.seq in log.bodies
    }
