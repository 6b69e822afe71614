"""The only writer of the log and the only input and output of this room.

A record is durable when `begin`, `close`, `block` or `append` returns; it is signed about a minute later by an
integration. The order of writes and the recovery table are in docs/formats/audit-v1.md.
"""

from audit.log.orders import Accepted
from audit.log.setup import DEMO_SITE, Grant, create, create_demo, enrol, read_officer
from audit.log.snapshot import Snapshot, read_directory
from audit.log.values import (
    AuditDamaged,
    AuditError,
    AuditFork,
    Begin,
    Blocked,
    Due,
    Filters,
    KeysExpired,
    Models,
    NotEnrolled,
    Outcome,
    Refused,
    SelfCheck,
    StartFacts,
    Ticket,
)
from audit.log.writer import Log

__all__ = [
    "DEMO_SITE",
    "Accepted",
    "AuditDamaged",
    "AuditError",
    "AuditFork",
    "Begin",
    "Blocked",
    "Due",
    "Filters",
    "Grant",
    "KeysExpired",
    "Log",
    "Models",
    "NotEnrolled",
    "Outcome",
    "Refused",
    "SelfCheck",
    "Snapshot",
    "StartFacts",
    "Ticket",
    "create",
    "create_demo",
    "enrol",
    "read_directory",
    "read_officer",
]
