"""Read the sealed records of a verified log: for reports, a subject search, and the demonstration.

Law: what does not verify is not read. Records come from the same stages that the examination runs, never past them.
"""

from audit.officer import Keyring, Trust
from audit.record import Entry
from audit.strictjson import Json
from audit.verify import Anchors, Package, Watch, examine_watched
from audit.verify.contents import subject_keys
from audit.verify.leaves import Progress
from audit.verify.structure import Structure

__all__ = ["NotReadableError", "open_log", "open_records", "subject_key_of"]


class NotReadableError(Exception):
    """The outer structure does not verify, so nothing inside is shown."""


def open_records(
    package: Package, trust: Trust, keyring: Keyring, progress: Progress = lambda _, __, ___: None
) -> dict[int, tuple[str, Json]]:
    """Return seq -> (kind, body) of every record that opens, clear kinds included.

    Raises:
        NotReadableError: package, identity or tree do not verify.
    """
    records: dict[int, tuple[str, Json]] = {}

    def keep(entry: Entry, body: Json | None) -> None:
        if body is not None:
            records[entry.seq] = entry.kind, body

    log = examine_watched(package, trust, keyring, Anchors(), watch=Watch(keep, progress)).log
    if log is None:
        raise NotReadableError
    records.update({entry.seq: (entry.kind, body) for entry, body in log.clear()})
    return dict(sorted(records.items()))


def open_log(package: Package, trust: Trust) -> Structure:
    """Return the outer structure of a log that verifies. Raises NotReadableError."""
    log = examine_watched(package, trust, None, Anchors(), watch=Watch()).log
    if log is None:
        raise NotReadableError
    return log


def subject_key_of(package: Package, trust: Trust, keyring: Keyring) -> bytes | None:
    """Return the key of the pseudonyms of a log, if a segment of the package opens. Raises NotReadableError."""
    return next(subject_keys(open_log(package, trust), keyring), None)
