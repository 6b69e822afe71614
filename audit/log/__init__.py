"""The only writer of the log and the only input and output of this room.

A record is durable when `begin`, `close`, `block` or `append` returns; it is signed about a minute later by an
integration. The order of writes and the recovery table are in docs/formats/audit.md.
"""

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

__all__ = [
    "AuditDamaged",
    "AuditError",
    "AuditFork",
    "Begin",
    "Blocked",
    "Due",
    "Filters",
    "KeysExpired",
    "Models",
    "NotEnrolled",
    "Outcome",
    "Refused",
    "SelfCheck",
    "StartFacts",
    "Ticket",
]
