"""What a policy is: frozen values, made by the loader and by nobody else.

Law: numbers of the safety part are whole ten-thousandths, so a comparison means the same on every machine. A `Regime`
is what a file says; a `Policy` is a regime joined with the calibration of one guard file, and only a `Policy` decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from policies.additions import NO_ADDITIONS, SiteLists

__all__ = [
    "DATA_KINDS", "DETECTOR_TYPES", "INJECTION", "PLACES", "TEMPLATE_DIGEST", "TEMPLATE_DIGESTS", "UNSAFE_PREFIX",
    "Act", "Calibration", "CanaryScores", "Cap", "Direction", "Guideline", "Injection", "Limits", "PiiRules", "Policy",
    "PolicyError", "Profile", "Regime", "Retention", "Threshold", "Tightening", "Window",
]  # fmt: skip

DETECTOR_TYPES = (
    "NAME", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "URL", "IP", "ID", "SECRET", "TEXT", "MARKED",
)  # fmt: skip
"""The placeholder types a policy may name (a test holds them equal to the detectors')."""

TEMPLATE_DIGEST = "e5edb0b96677fd58c71ebc6afc044f6def78c300b56f3161c5f73463c33cb22c"
"""The questions of ShieldGemma, the default guard (a test holds it equal to the guard's)."""

TEMPLATE_DIGESTS = (TEMPLATE_DIGEST, "76a0082927a71ea84793ae7bc258c65a8dea960b93c86748199e4be58f15ecb3")
"""The questions a calibration may have been made with, one digest a family (a test holds them equal to theirs)."""

PLACES = (
    "prompt", "response", "user", "system", "developer", "tool", "tools", "assistant", "segment", "tool_call",
    "thought",
)  # fmt: skip
"""Where a policy may tighten: a direction, or one kind of unit (a role, or a part of the new answer)."""

INJECTION = "injection"
"""The name of the other kind of evidence: orders that stand in text which arrived as data."""

DATA_KINDS = frozenset({"tool", "tools"})
"""Units that are data by where they stand: nobody who may give orders wrote them."""

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
    site: SiteLists = NO_ADDITIONS
    """Identifiers, denied and allowed words of this site."""


@dataclass(frozen=True, slots=True)
class Tightening:
    """One place where a policy is stricter than its profile and calibration; it can never be milder.

    Attributes:
        place: one of `PLACES`.
        guideline: which question.
        cap: the least cap there, or None.
        block_at_most: the highest block threshold there, 1..10000, or None.
    """

    place: str
    guideline: str
    cap: Cap | None
    block_at_most: int | None


@dataclass(frozen=True, slots=True)
class Injection:
    """What happens to data that gives orders: tool results and definitions, and pasted documents."""

    tools: Cap
    documents: Cap


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked and answered."""

    prompt_chars: int
    """All texts of a request together."""
    turns: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Window:
    """Between which sizes the measured speed chooses the segments of an answer, in tokens of the model."""

    least_tokens: int
    most_tokens: int
    guard_percent: int
    """Seconds of judging allowed per hundred seconds of generation."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the log must and may be kept, in months."""

    log_months_least: int
    log_months_most: int


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
class Act:
    """Who accepted thresholds that nobody measured, when, and why."""

    by: str
    at: str
    """UTC, `YYYY-MM-DDThh:mm:ssZ`."""
    reason: str


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
    act: Act | None = None
    """Present exactly when `basis` is `provisional`."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A library entry joined with its guidelines; knows no guard yet.

    Attributes:
        purpose: a code of HL7 v3 ActReason; it stands in every log record.
        basis: the legal basis the site relies on; it stands in every log record.
        law: what the policy follows, one citation each.
        evidence_min: the least network evidence (`E0`, `E1`) under which the service answers.
        engine: `embedded`, or `any` where a server of this computer may answer instead.
        shows_thoughts: whether a request may ask for the model's thoughts, judged like an answer.
        unsupported_language: what happens to text the guard was not made for: `flag` or `refuse`.
        tightened: where it is stricter than the profile and the calibration.
        extends: the names of the policies it was built on, nearest first.
    """

    name: str
    title: str
    purpose: str
    basis: str
    law: tuple[str, ...]
    evidence_min: str
    engine: str
    pii: PiiRules
    profile: Profile
    unsupported_language: str
    tightened: tuple[Tightening, ...]
    shows_thoughts: bool
    window: Window
    injection: Injection
    limits: Limits
    retention: Retention
    guidelines: tuple[Guideline, ...]
    extends: tuple[str, ...]

    @property
    def unsafe(self) -> bool:
        """Whether a protection is given up: replies, health answers and log entries have to say so."""
        return self.name.startswith(UNSAFE_PREFIX)

    @property
    def judges(self) -> bool:
        """Whether the safety questions are asked at all."""
        return self.profile is not Profile.UNSAFE_ALLOW_ALL

    def cap(self, guideline: Guideline, place: str, direction: Direction) -> Cap:
        """Return the cap for one kind of unit: the profile's, or a stricter one of the policy."""
        caps = [t.cap for t in self._at(guideline.id, place, direction) if t.cap is not None]
        return max([guideline.cap(direction), *caps], key=list(Cap).index)

    def injection_cap(self, place: str) -> Cap:
        """Return what may happen to orders in a unit of this kind; units that are no data are not asked."""
        if place in DATA_KINDS:
            return self.injection.tools
        return self.injection.documents if place == "user" else Cap.OFF

    def _at(self, guideline: str, place: str, direction: Direction) -> tuple[Tightening, ...]:
        here = (place, direction.value)
        return tuple(t for t in self.tightened if t.guideline == guideline and t.place in here)


@dataclass(frozen=True, slots=True)
class Policy(Regime):
    """A regime that may decide: joined with a calibration, with one digest over all of it."""

    thresholds: tuple[Threshold, ...]
    template_digest: str
    """Which questions the thresholds are for; "" when nothing is judged."""
    calibration_digest: str
    calibration_basis: str
    """`measured`, `provisional`, `demo`, or `off` when nothing is judged."""
    act: Act | None
    """Who accepted provisional thresholds."""
    canary_scores: CanaryScores
    digest: str

    def threshold(self, policy: str, direction: Direction) -> Threshold | None:
        """Return the calibrated threshold of a guideline and direction, or None."""
        return next((t for t in self.thresholds if t.policy == policy and t.direction == direction), None)

    def threshold_at(self, policy: str, place: str, direction: Direction) -> Threshold | None:
        """Return the threshold in force for one kind of unit: the calibrated one, or lower where the policy says so."""
        found = self.threshold(policy, direction)
        lower = [t.block_at_most for t in self._at(policy, place, direction) if t.block_at_most is not None]
        if found is None or not lower:
            return found
        block = min([found.block, *lower])
        return Threshold(policy, direction, min(found.flag, block), block)
