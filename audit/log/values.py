"""What the corridor hands to the log and gets back: values, and one error class with its stable codes.

`Begin` and `Outcome` are the two halves of an exchange, `Blocked` is a refusal complete in itself. Whoever acts on an
`AuditError` needs only its `code`; in every case nothing was sent.
"""

from dataclasses import dataclass, field
from typing import Literal

from audit.record import Caller, InText, ModelRef, OutText, Redaction, Restored, Safety

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

Code = Literal[
    "audit_not_enrolled", "audit_unavailable", "audit_full", "audit_damaged", "audit_fork", "audit_keys_expired"
]


class AuditError(Exception):
    """The log cannot vouch for another record; nothing was sent. `code` is stable, `detail` never quotes a record."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Code = code
        self.detail = detail


class AuditDamaged(AuditError):  # noqa: N818 - the public names of the log, chosen by the format's authors
    """Stored data contradict themselves; acknowledged records may be lost."""

    def __init__(self, detail: str) -> None:
        super().__init__("audit_damaged", detail)


class AuditFork(AuditError):  # noqa: N818 - as above
    """The directory is not the history this computer signed last."""

    def __init__(self, detail: str) -> None:
        super().__init__("audit_fork", detail)


class NotEnrolled(AuditError):  # noqa: N818 - as above
    """No officer has enrolled this computer."""

    def __init__(self, detail: str) -> None:
        super().__init__("audit_not_enrolled", detail)


class KeysExpired(AuditError):  # noqa: N818 - as above
    """The enrolment has no key for this month."""

    def __init__(self, detail: str) -> None:
        super().__init__("audit_keys_expired", detail)


class Refused(ValueError):  # noqa: N818 - as above
    """An officer's note or an order cannot be accepted; the log is as it was."""


@dataclass(frozen=True, slots=True)
class Models:
    """SHA-256 of the model files."""

    answer: str
    guard: str


@dataclass(frozen=True, slots=True)
class Filters:
    """SHA-256 of the system call filter expected of each process."""

    gateway: str
    analyst: str
    engine: str


@dataclass(frozen=True, slots=True)
class StartFacts:
    """What runs, by digest: the S record."""

    version: str
    software: str
    catalogue: str
    config: str
    policy: str
    calibration: str
    models: Models
    engine: Literal["embedded", "http"]
    filters: Filters
    policy_toml: bytes = b""
    """The policy itself: kept beside the log if its digest is `policy`, so that an officer can read what applied."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first half of an exchange: decided, not yet answered."""

    req: str
    dialect: str
    stream: bool
    caller: Caller
    purpose: str
    policy: str
    in_text: InText
    redact: Redaction
    safety: Safety
    model: ModelRef
    basis: str | None = None
    subject: str | None = field(default=None, repr=False)
    """The patient identifier the client sent; only its pseudonym is recorded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The second half: how it ended."""

    result: Literal["ok", "refused", "cancelled", "failed", "timeout"]
    out: OutText
    safety: Safety
    restore: Restored
    dur_ms: int
    first_ms: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """A refusal before generation, complete in one record."""

    req: str
    dialect: str
    caller: Caller
    stage: Literal["access", "parse", "find", "redact", "judge", "engine"]
    code: str
    policy: str
    rule: str | None = None
    count: int = 1
    in_text: InText | None = None
    redact: Redaction | None = None
    safety: Safety | None = None
    subject: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Proof that the beginning of an exchange is durable; `Log.close` takes it back."""

    seq: int
    req: str


@dataclass(frozen=True, slots=True)
class Due:
    """What the corridor owes the log after a tick."""

    evidence: bool
    """An E record: none in this epoch yet, or the last one is 15 minutes old."""
    warn_days: int | None
    """Days until the last month key ends, once fewer than 60."""


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The last complete recomputation of the log, for the E record."""

    size: int
    result: Literal["pass", "fail"]
    t: str

    def body(self) -> dict[str, int | str]:
        return {"size": self.size, "result": self.result, "t": self.t}
