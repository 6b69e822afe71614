"""The manual page about policies, written from the policies themselves, so that it cannot say something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from policies.model import Cap, Guideline, Regime

__all__ = ["document"]

_HEAD = """# Policies

A policy says what Cordon looks for, what it replaces, what the safety questions may do, and how much evidence of
isolation it wants before it answers. It is one file, `policies/library/<name>.toml`; a site adds its own in the same
form. Choose one with `name = "<name>"` under `[policy]` in the settings. This page is generated from the files; a test
compares it with them.

A file with a key that is not known does not load, nor does one with a rule that could never fire. A policy gives up a
protection (a kept name, no safety questions) only under a name that starts with `unsafe-`, and every reply and log
entry says so.
"""

_PII = """
## Identifiers

{table}

* *point*: how sure a detector must be. `strict` replaces more, wrongly too.
* *bare_year*, *durations*, *relative_dates*, *facility_names*: `redact` or `keep`. A year that tells an age of 90 or
  more is replaced in any case.
* *ages_from*: ages from this one on are replaced; 0 replaces all.
* *uncovered_script*: what happens to letters of a script in which names are not found reliably: `redact` the run, or
  `refuse` the request.
* *tool_arguments*: whether the arguments of a tool call get their originals back (`restore`) or not (`keep`).
* *kinds*: a rule for one kind of identifier; it goes before the rule of its type. `[pii.in]` has rules by type.
* *actions in a prompt*: `pseudonymise` (a numbered placeholder, restored in the answer; the default), `mask` (a
  placeholder without a number, never restored), `keep` (left and counted), `refuse` (the request ends). SECRET is never
  kept; NAME, ID, PHONE and EMAIL only in `unsafe-` policies. What a person marks is always pseudonymised.
* *actions in an answer*, for values the model added (`[pii.out]`): `mask`, `keep` or `refuse`. By default EMAIL, PHONE,
  ID, SECRET and IP are masked and the other types kept, because guidelines and papers are cited by names and years.
"""

_SAFETY = """
## Safety questions

ShieldGemma is asked one question per guideline about every turn of a request and about the answer as it grows. A score
from *flag* on is answered, logged and shown in `cordon.flags`; a score from *block* on is refused. A guideline's cap
limits that: under `flag`, even the highest score only flags.

{table}

`clinical` lets prompts about overdose, suicide risk, assault and sexual health through with a flag, because they are
daily work; an *answer* that encourages harm stays blocked. Text of which under half of the letters are Latin is judged
too, but the guard was made for English: the rule `language/unsupported` then flags or refuses, as
`unsupported_language` says.

The questions cover none of: prompt injection, fraud, cyber abuse, privacy, medical ethics, dosing errors.

### Thresholds

Thresholds belong to one guard file (its SHA-256) and to these questions; they are in a calibration file,
`<first 16 hex digits of the SHA-256>.toml`, from `policies/calibration/` (demonstration guard only) or
`/etc/cordon/calibration/`. Without one that fits, the service does not start (`guard_uncalibrated`). When it starts,
the guard's canaries are scored again; a difference over 0.02 is `guard_drift`. Thresholds that were measured come from
labelled rows: they are lowered as long as at most 0.8 % of the safe clinical development rows would be refused, and 5 %
flagged (`docs/formats/calibration.md`). `basis` says where they come from: `measured`, `provisional` (0.5 and 0.8,
nobody measured), `demo`.

### Guidelines

{guidelines}

Name and text are the words the guard was trained on; another word is another guard.

## A policy of your own

1. Copy the nearest file of `policies/library/` to `/etc/cordon/policies/`, under a new name.
2. Set `name` to the name of the file, then change what your site decided. Leave nothing out: there are no defaults for
   switches, so that a file says everything it does.
3. `cordon policy check FILE` says which key is wrong. `cordon policy show NAME` prints the digest that will stand in
   every log entry made under the policy; have the compliance officer approve it.
"""


def document(regimes: Sequence[Regime]) -> str:
    """Return the page, in Markdown."""
    kept = sorted(regimes, key=lambda regime: (regime.unsafe, regime.name))
    guidelines = sorted({g.id: g for r in kept for g in r.guidelines}.values(), key=lambda guideline: guideline.order)
    pii = _PII.format(table=_table(kept, _PII_ROWS))
    safety = _SAFETY.format(table=_table(kept, _safety_rows(guidelines)), guidelines=_guidelines(guidelines))
    return f"{_HEAD}\n{_table(kept, _ROWS)}\n{pii}{safety}"


_Row = tuple[str, Callable[[Regime], str]]

_ROWS: tuple[_Row, ...] = (
    ("title", lambda r: r.title),
    ("purpose", lambda r: r.purpose),
    ("basis", lambda r: r.basis),
    ("evidence_min", lambda r: r.evidence_min),
)
_PII_ROWS: tuple[_Row, ...] = (
    ("point", lambda r: r.pii.point),
    ("bare_year", lambda r: r.pii.bare_year),
    ("durations", lambda r: r.pii.durations),
    ("relative_dates", lambda r: r.pii.relative_dates),
    ("ages_from", lambda r: str(r.pii.ages_from)),
    ("facility_names", lambda r: r.pii.facility_names),
    ("uncovered_script", lambda r: r.pii.uncovered_script),
    ("tool_arguments", lambda r: r.pii.tool_arguments),
    ("countries", lambda r: " ".join(r.pii.countries)),
    ("in a prompt", lambda r: _rules(r.pii.in_types)),
    ("kinds", lambda r: _rules(r.pii.in_kinds)),
    ("in an answer", lambda r: _rules(r.pii.out_types)),
)


def _safety_rows(guidelines: Sequence[Guideline]) -> tuple[_Row, ...]:
    caps = tuple((guideline.id, _cap_of(guideline.id)) for guideline in guidelines)
    return (
        ("profile", lambda r: r.profile.value),
        *caps,
        ("unsupported_language", lambda r: r.unsupported_language if r.judges else "off"),
    )


def _cap_of(id_: str) -> Callable[[Regime], str]:
    def cell(regime: Regime) -> str:
        found = next((g for g in regime.guidelines if g.id == id_), None)
        prompt, response = (found.prompt, found.response) if found else (Cap.OFF, Cap.OFF)
        return f"{prompt} / {response}"

    return cell


def _table(regimes: Sequence[Regime], rows: Sequence[_Row]) -> str:
    lines = [["", *(f"`{regime.name}`" for regime in regimes)], ["---"] * (len(regimes) + 1)]
    lines += [[title, *(cell(regime).replace("*", "all") for regime in regimes)] for title, cell in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rules(rules: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {action}" for name, action in rules) or "default"


def _guidelines(guidelines: Sequence[Guideline]) -> str:
    return "\n".join(f"* `{guideline.id}` ({guideline.name}): {guideline.text}" for guideline in guidelines)
