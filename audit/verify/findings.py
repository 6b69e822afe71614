"""What a verification found: checks, their states, their findings, and the one file all verifiers agree on. Pure."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

from audit.strictjson import Json, dumps

__all__ = ["ORDER", "Board", "Check", "Finding", "State", "Verdict", "Verification", "plain_words", "texts"]

State = Literal["pass", "gap", "unknown", "fail", "not_run"]
Verdict = Literal["VERIFIED", "VERIFIED WITH GAPS", "NOT VERIFIED", "CANNOT TELL"]
_WEIGHT: Mapping[State, int] = {"pass": 0, "gap": 1, "unknown": 2, "fail": 3, "not_run": -1}
_SHOWN = 20
_STRETCHES = 3
_PER_STRETCH = frozenset({"measured", "no-path"})
_STRUCTURE_STAGES = frozenset({1, 2, 3})


@functools.cache
def texts() -> Mapping[str, Any]:
    """Return the table of checks and sentences."""
    table: Mapping[str, Any] = json.loads(resources.files("audit").joinpath("checks.json").read_text("ascii"))
    return table


def ORDER() -> Sequence[str]:  # noqa: N802 - a constant that must be read from the table
    """Return the ids of the checks, in the order of stages."""
    return tuple(texts()["checks"])


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that did not hold, with numbers for its sentence."""

    seq: int | None = None
    a: int | str | None = None
    b: int | str | None = None
    name: str | None = None

    def body(self) -> Json:
        fields = {"seq": self.seq, "a": self.a, "b": self.b, "name": self.name}
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `findings` are all, the file shows twenty."""

    id: str
    state: State
    findings: tuple[tuple[State, Finding], ...]

    def body(self) -> Json:
        shown = [finding.body() for _, finding in self.findings[:_SHOWN]]
        return {"id": self.id, "state": self.state, "n": len(self.findings), "findings": shown}


@dataclass(slots=True)
class Board:
    """Collects findings while the stages run."""

    _found: dict[str, list[tuple[State, Finding]]] = field(default_factory=dict)
    _ran: set[int] = field(default_factory=set)

    def run(self, stage: int) -> None:
        """Say that a stage was run: its checks without findings have passed."""
        self._ran.add(stage)

    def add(self, check: str, state: State, finding: Finding) -> None:
        self._found.setdefault(check, []).append((state, finding))

    def broken(self) -> bool:
        """Tell whether a stage on which everything later rests has failed."""
        return any(
            state == "fail" and texts()["checks"][check]["stage"] in _STRUCTURE_STAGES
            for check, found in self._found.items()
            for state, _ in found
        )

    def checks(self) -> tuple[Check, ...]:
        return tuple(self._check(check) for check in ORDER())

    def _check(self, check: str) -> Check:
        found = tuple(self._found.get(check, ()))
        if found:
            return Check(check, max((state for state, _ in found), key=_WEIGHT.__getitem__), found)
        ran = texts()["checks"][check]["stage"] in self._ran
        return Check(check, "pass" if ran else "not_run", ())


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer. `encode` gives the same bytes for the same log, whoever checked it and when."""

    verdict: Verdict
    scope: Literal["all", "structure"]
    origin: str
    size: int
    root: str
    range: tuple[int, int]
    sealed_t: str
    """When the newest clear record was written; not in the file."""
    custody: str
    independence: Json
    evidence_min: Json | None
    checks: tuple[Check, ...]
    totals: Json
    periods: tuple[Json, ...]
    claims: tuple[str, ...]
    evidence_spans: tuple[tuple[str, str, int], ...] = ()
    """Unbroken stretches at E1 and their number of control tests; not in the file."""

    def encode(self) -> bytes:
        """Return `verification.json`."""
        return dumps(
            {
                "v": 1,
                "verdict": self.verdict,
                "scope": self.scope,
                "origin": self.origin,
                "size": self.size,
                "root": self.root,
                "range": {"from": self.range[0], "to": self.range[1]},
                "independence": self.independence,
                "evidence_min": self.evidence_min,
                "checks": [check.body() for check in self.checks],
                "totals": self.totals,
                "periods": list(self.periods),
                "claims": list(self.claims),
            }
        )


class _Blank(dict[str, object]):
    """Missing numbers print as a dash instead of stopping a report."""

    def __missing__(self, key: str) -> str:
        return "-"


def plain_words(found: Verification, table: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Say it in sentences for someone who does not program: verdict, claims, every check that did not hold."""
    table = table if table is not None else texts()
    scope = f" {table['structure_only']}" if found.scope == "structure" else ""
    lines = [f"{found.verdict}{scope}", table["verdicts"][found.verdict]]
    for claim in found.claims:
        lines += _claim(claim, found, table)
    if "no-path" in found.claims:
        lines.append(table["not_watched"].format(ways="; ".join(table["not_covered"])))
    for check in found.checks:
        row = table["checks"][check.id]
        lines += [_sentence(check.id, row, state, finding) for state, finding in check.findings[:_SHOWN]]
        if len(check.findings) > _SHOWN:
            lines.append(table["more_findings"].format(check=check.id, n=len(check.findings) - _SHOWN))
    return tuple(lines)


def _claim(claim: str, found: Verification, table: Mapping[str, Any]) -> list[str]:
    template = table["claims"][claim]
    if claim in _PER_STRETCH:
        said = [template.format(a=a, b=b, n=n) for a, b, n in found.evidence_spans[:_STRETCHES]]
        more = len(found.evidence_spans) - _STRETCHES
        return [*said, table["more_stretches"].format(n=more)] if more > 0 else said
    known = {name: value for name, value in found.independence.items() if value is not None}
    if "size" in known:
        known["size"] -= 1  # a checkpoint of n records fixes them up to no. n-1
    values = _Blank(known, last=found.size - 1)
    return [template.format_map(_Blank(values, t=found.sealed_t) if claim == "seal" else values)]


def _sentence(check: str, row: Mapping[str, Any], state: State, finding: Finding) -> str:
    template = row["sentence"]
    if state == "gap" and "gap" in row:
        template = row["gap"]
    if check == "V08" and finding.a is not None:
        template = row["cut"]
    if check == "V18" and finding.name == "level":
        template = row["level"]
    return f"{check} {row['title']}: {template.format_map(_Blank(finding.body()))}"
