"""What a policy is: frozen values, made by the loader and by nobody else.

Law: numbers of the safety part are whole ten-thousandths, so a comparison means the same on every machine. A `Regime`
is what a file says; a `Policy` is a regime joined with the calibration of one guard file, and only a `Policy` decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = [
    "DETECTOR_TYPES", "TEMPLATE_DIGEST", "UNSAFE_PREFIX", "Calibration", "CanaryScores", "Cap", "Direction",
    "Guideline", "PiiRules", "Policy", "PolicyError", "Profile", "Regime", "Threshold",
]  # fmt: skip

DETECTOR_TYPES = (
    "NAME", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "URL", "IP", "ID", "SECRET", "TEXT", "MARKED",
)  # fmt: skip
"""The placeholder types a policy may name (a test holds them equal to the detectors')."""

TEMPLATE_DIGEST = "e5edb0b96677fd58c71ebc6afc044f6def78c300b56f3161c5f73463c33cb22c"
"""The guard's questions a calibration must have been made with (a test holds it equal to the guard's)."""

UNSAFE_PREFIX = "unsafe-"
"""How a policy's name begins that gives up a protection."""


class PolicyError(Exception):
    """A policy or calibration cannot be used. `code` is stable, `detail` names the place, never a value of a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Direction(enum.StrEnum):
    """What is judged: what a person wrote, or what a model answered."""

    PROMPT = "prompt"
    RESPONSE = "response"


class Profile(enum.StrEnum):
    """A named set of caps for all guidelines."""

    CLINICAL = "clinical"
    GENERAL = "general"
    UNSAFE_ALLOW_ALL = "unsafe-allow-all"


class Cap(enum.StrEnum):
    """The most that a score may do."""

    OFF = "off"
    FLAG = "flag"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Guideline:
    """One question of the guard, with what its answer may do under the policy's profile."""

    id: str
    name: str
    text: str
    order: int
    prompt: Cap
    response: Cap
    unsafe: tuple[str, ...]
    safe: tuple[str, ...]
    canary: tuple[str, str]
    """One unsafe and one safe prompt whose scores must stay as recorded."""

    def cap(self, direction: Direction) -> Cap:
        """Return the cap for a direction."""
        return self.prompt if direction == Direction.PROMPT else self.response


@dataclass(frozen=True, slots=True)
class PiiRules:
    """What is looked for, and what happens to it, in the words of the policy file."""

    point: str
    bare_year: str
    durations: str
    relative_dates: str
    ages_from: int
    facility_names: str
    uncovered_script: str
    tool_arguments: str
    countries: tuple[str, ...]
    in_types: tuple[tuple[str, str], ...]
    in_kinds: tuple[tuple[str, str], ...]
    out_types: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Where a score starts to flag and to refuse, 1..10000."""

    policy: str
    direction: Direction
    flag: int
    block: int


CanaryScores = tuple[tuple[str, int, int], ...]
"""Per guideline: the score of its unsafe and of its safe canary."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds for one guard file."""

    guard_sha256: str
    template_digest: str
    basis: str
    """`measured`, `provisional` or `demo`."""
    made: str
    engine: str
    thresholds: tuple[Threshold, ...]
    canary: CanaryScores
    data: tuple[tuple[str, str | int], ...] = ()
    measured: tuple[tuple[str, tuple[float, ...]], ...] = ()
    """Rates, each with its interval."""
    digest: str = ""
    """SHA-256 of the file it was read from."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A library entry joined with its guidelines; knows no guard yet.

    Attributes:
        purpose: a code of HL7 v3 ActReason; it stands in every log record.
        basis: the legal basis the site relies on; it stands in every log record.
        evidence_min: the least network evidence (`E0`, `E1`) under which the service answers.
        unsupported_language: what happens to text the guard was not made for: `flag` or `refuse`.
    """

    name: str
    title: str
    purpose: str
    basis: str
    evidence_min: str
    pii: PiiRules
    profile: Profile
    unsupported_language: str
    guidelines: tuple[Guideline, ...]

    @property
    def unsafe(self) -> bool:
        """Whether a protection is given up: replies, health answers and log entries have to say so."""
        return self.name.startswith(UNSAFE_PREFIX)

    @property
    def judges(self) -> bool:
        """Whether the safety questions are asked at all."""
        return self.profile is not Profile.UNSAFE_ALLOW_ALL


@dataclass(frozen=True, slots=True)
class Policy(Regime):
    """A regime that may decide: joined with a calibration, with one digest over all of it."""

    thresholds: tuple[Threshold, ...]
    calibration_digest: str
    calibration_basis: str
    """`measured`, `provisional`, `demo`, or `off` when nothing is judged."""
    canary_scores: CanaryScores
    digest: str

    def threshold(self, policy: str, direction: Direction) -> Threshold | None:
        """Return the threshold of a guideline and direction, or None."""
        return next((t for t in self.thresholds if t.policy == policy and t.direction == direction), None)
