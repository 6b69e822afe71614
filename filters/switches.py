"""What a policy switches in detection: a frozen value, and the rule that applies it to one candidate.

Law: a candidate the policy keeps takes no part in precedence, so it can never shadow another one.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields

from filters.findings import Type
from filters.spans import Candidate

__all__ = ["THRESHOLDS", "Switches", "is_kept"]

THRESHOLDS = {"balanced": 500, "strict": 350}
_OLD = 90
"""45 CFR 164.514(b)(2)(i)(C): ages over 89, and dates that tell such an age."""

_CHOICES = {
    "point": ("balanced", "strict"),
    "bare_year": ("keep", "redact"),
    "durations": ("keep", "redact"),
    "relative_dates": ("keep", "redact"),
    "facility_names": ("keep", "redact"),
    "uncovered_script": ("redact", "refuse"),
}
_OLD_WORDS = (
    "ninet", "hundred", "nonagen", "centen", "neunzig", "hundert", "novent", "cien", "quatre-vingt-dix", "cent ",
    "novant", "cento", "negentig", "honderd", "cem ",
)  # fmt: skip
_NUMBER = re.compile(r"\d{1,4}")


@dataclass(frozen=True, slots=True)
class Switches:
    """The part of a policy that detection needs.

    Attributes:
        point: operating point, `balanced` or `strict`.
        bare_year: years without day or month.
        durations: durations, frequencies, times of day.
        relative_dates: "last Friday".
        ages_from: ages below stay; 0 finds all ages.
        facility_names: names of hospitals and the like.
        uncovered_script: `redact` or `refuse` scripts without measured recall.
        countries: two-letter country packs, or `*` for all.
        drop: kinds or types the policy keeps in the text.
        this_year: the year of now, handed in because detection knows no clock.
    """

    point: str = "balanced"
    bare_year: str = "keep"
    durations: str = "keep"
    relative_dates: str = "redact"
    ages_from: int = 90
    facility_names: str = "redact"
    uncovered_script: str = "redact"
    countries: tuple[str, ...] = ("*",)
    drop: tuple[str, ...] = ()
    this_year: int = 2026

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}: not one of {', '.join(choices)}")
        if not 0 <= self.ages_from <= 200 or not 1900 <= self.this_year <= 3000:
            raise ValueError("ages_from or this_year out of range")

    @property
    def threshold(self) -> int:
        """The score a candidate needs."""
        return THRESHOLDS[self.point]

    def to_json(self) -> str:
        """Return canonical JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Switches:
        """Read what `to_json` wrote; raise ValueError on anything else."""
        raw = json.loads(text)
        if not isinstance(raw, dict) or set(raw) != {field.name for field in fields(cls)}:
            raise ValueError("switches: wrong keys")
        for name in ("countries", "drop"):
            if not isinstance(raw[name], list) or not all(isinstance(item, str) for item in raw[name]):
                raise ValueError(f"switches: {name} is no list of strings")
            raw[name] = tuple(raw[name])
        for name in ("ages_from", "this_year"):
            if type(raw[name]) is not int:
                raise ValueError(f"switches: {name} is no number")
        if not all(isinstance(raw[name], str) for name in _CHOICES):
            raise ValueError("switches: not a string")
        return cls(**raw)


def is_kept(value: str, candidate: Candidate, switches: Switches) -> bool:
    """Return whether the policy leaves this candidate, whose text is `value`, standing."""
    if candidate.kind in switches.drop or candidate.type.value in switches.drop:
        return True
    if candidate.type is Type.AGE:
        return _age(value) < switches.ages_from
    if candidate.kind == "birth_year":
        return switches.bare_year == "keep" and switches.this_year - _number(value, default=0) < _OLD
    switch = _BY_KIND.get(candidate.kind)
    return switch is not None and getattr(switches, switch) == "keep"


_BY_KIND = {
    "bare_year": "bare_year",
    "duration": "durations",
    "relative_date": "relative_dates",
    "facility": "facility_names",
}


def _number(value: str, *, default: int) -> int:
    match = _NUMBER.search(value)
    return int(match.group()) if match else default


def _age(value: str) -> int:
    """An age in words counts as old only if one of its words says so ("forty nine" does not)."""
    spelled = _OLD if any(word in value.casefold() + " " for word in _OLD_WORDS) else 0
    return _number(value, default=spelled)
