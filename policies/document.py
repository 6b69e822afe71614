"""The manual page about policies, written from the policies themselves, so that it cannot say something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from policies.model import Cap, Guideline, Regime

__all__ = ["document"]

_HEAD = """# Policies

A policy says what Cordon looks for, what it replaces, what the safety questions may do, how much may be asked, how long
the log is kept, and how much evidence of isolation it wants before it answers. It is one file,
`policies/library/<name>.toml`; a site adds its own in the same form, or one that says only what differs. Choose one
with `name = "<name>"` under `[policy]` in the settings. This page is generated from the files; a test compares it with
them.

A file with a key that is not known does not load, nor does one with a rule that could never fire. A policy gives up a
protection (a kept name, no safety questions) only under a name that starts with `unsafe-`, and every reply and log
entry says so.

{table}

* *purpose*: a code of HL7 v3 ActReason; *basis*: the legal basis the site relies on. Both stand in every log record.
* *evidence*: the least evidence of isolation under which the service answers. *engine*: `embedded`, or `any` where a
  server of this computer may answer instead, which lowers the evidence to E0.
* *log*: months the log is kept, at least and at most; the service does not start outside (`audit.retention_months`).

What they follow:

{law}

A policy is a setting, no legal opinion: whether its basis holds is for the site and its officer to say.
"""

_PII = """
## Identifiers

{switches}

* *point*: how sure a detector must be. `strict` replaces more, wrongly too.
* *bare_year*, *durations*, *relative_dates*, *facility_names*: `redact` or `keep`. A year that tells an age of 90 or
  more is replaced in any case.
* *ages_from*: ages from this one on are replaced; 0 replaces all.
* *uncovered_script*: what happens to letters of a script in which names are not found reliably: `redact` the run, or
  `refuse` the request.
* *tool_arguments*: whether the arguments of a tool call get their originals back (`restore`) or not (`keep`).

### What happens to what is found

{actions}

* *in a prompt*, by type (upper case; `[pii.in]`) or by kind (lower case; `[pii.kinds]`, goes before its type):
  `pseudonymise` (a numbered placeholder, restored in the answer; the default), `mask` (a placeholder without a number,
  never restored), `keep` (left and counted), `refuse` (the request ends). SECRET is never kept; NAME, ID, PHONE and
  EMAIL only in `unsafe-` policies. What a person marks is always pseudonymised.
* *in an answer*, for values the model added (`[pii.out]`): `mask`, `keep` or `refuse`. By default EMAIL, PHONE, ID,
  SECRET and IP are masked and the other types kept, because guidelines and papers are cited by names and years.
"""

_SAFETY = """
## Safety questions

The guard is asked one question per guideline about every turn of a request and about the answer as it grows. A score
from *flag* on is answered, logged and shown in `cordon.flags` with a sentence in `cordon.banner`; a score from *block*
on is refused. A guideline's cap limits that: under `flag`, even the highest score only flags. Cells: prompt / answer.

{table}

`clinical` lets prompts about overdose, suicide risk, assault and sexual health through with a flag, because they are
daily work; an *answer* that encourages harm stays blocked. Text of which under half of the letters are Latin is judged
too, but the guard was made for English: the rule `language/unsupported` then flags or refuses, as
`unsupported_language` says.

A model's *thoughts* are dropped unless `[safety]` says `thoughts = "show"`; then a request may ask for them, and what
is shown of them is judged, scanned and restored like the answer, under the place `thought`. It is the one key that may
be absent.

A site may be stricter in one place, never milder: `[safety.caps.<place>]` names the least cap of a guideline,
`[safety.block_at_most.<place>]` the highest threshold, where a place is a direction (`prompt`, `response`) or a role
(`user system developer tool tools assistant segment tool_call thought`). `[safety.window]` bounds the segments in which
an answer is judged and released; between the bounds the measured speed of the computer chooses, and where judging
cannot keep up the answer is judged whole before any of it is shown.

The questions cover none of: fraud, cyber abuse, privacy, medical ethics, dosing errors.

### Orders in data

Tool results, tool definitions and documents that a person pastes are data. A detector of its own looks for orders to
the model in them: attempts to override instructions, fake roles, requests for secrets, orders about the answer, also
encoded or in look-alike letters. By default it flags (`injection/tool`, `injection/tools`, `injection/user`) and stops
nothing; `[injection]` can set `tools` and `documents` to `block` or `off`. It finds open attempts and no more; what it
finds and misses is in [benchmarks.md](benchmarks.md). A guard that has such a question (Granite Guardian) is asked
too.

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

A policy of the site lies in `/etc/cordon/policies/<name>.toml` and says only what differs from the one it extends:

```toml
name = "ward-7"
extends = "hospital"
title = "Ward 7"

[pii.kinds]
ward_bed = "pseudonymise"

[safety.caps.tool]
dangerous = "block"
```

Tables are merged key by key, everything else is replaced; the result is read as strictly as a file that says it all.
A file without `extends` says everything: there are no defaults, so that it can be read alone.

1. `cordon policy check FILE` says which key is wrong.
2. `cordon policy show NAME` prints what is in force and the digest that will stand in every log entry made under the
   policy; have the compliance officer approve it.
3. `cordon policy replay` decides every recorded case of a log again and compares
   ([howto/policies.md](howto/policies.md)).
"""


def document(regimes: Sequence[Regime]) -> str:
    """Return the page, in Markdown."""
    kept = sorted(regimes, key=lambda regime: (regime.unsafe, regime.name))
    guidelines = sorted({g.id: g for r in kept for g in r.guidelines}.values(), key=lambda guideline: guideline.order)
    head = _HEAD.format(table=_list(kept), law="\n".join(_law(kept)))
    pii = _PII.format(switches=_table(kept, _PII_ROWS), actions=_table(kept, tuple(_action_rows(kept))))
    safety = _SAFETY.format(table=_table(kept, _safety_rows(guidelines)), guidelines=_guidelines(guidelines))
    return f"{head}{pii}{safety}"


_Row = tuple[str, Callable[[Regime], str]]

_COLUMNS: tuple[_Row, ...] = (
    ("policy", lambda r: f"`{r.name}`"),
    ("title", lambda r: r.title),
    ("purpose", lambda r: r.purpose),
    ("basis", lambda r: r.basis),
    ("evidence", lambda r: r.evidence_min),
    ("engine", lambda r: r.engine),
    ("prompt, characters", lambda r: f"{r.limits.prompt_chars:,}"),
    ("turns", lambda r: f"{r.limits.turns:,}"),
    ("answer, tokens", lambda r: f"{r.limits.answer_tokens:,}"),
    ("log, months", lambda r: f"{r.retention.log_months_least} to {r.retention.log_months_most}"),
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
)


def _list(regimes: Sequence[Regime]) -> str:
    lines = [[title for title, _ in _COLUMNS], ["---"] * len(_COLUMNS)]
    lines += [[cell(regime) for _, cell in _COLUMNS] for regime in regimes]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _law(regimes: Sequence[Regime]) -> Iterator[str]:
    for regime in regimes:
        for citation in regime.law:
            yield f"* `{regime.name}`: {citation}"


def _action_rows(regimes: Sequence[Regime]) -> Iterator[_Row]:
    """A row for each type and kind that any policy has a rule for."""
    for where, rules in (("", "in_types"), ("", "in_kinds"), ("answer: ", "out_types")):
        default = "pseudonymise" if not where else "default"
        for name in sorted({name for regime in regimes for name, _ in getattr(regime.pii, rules)}):
            yield f"{where}{name}", _action_of(name, rules, default if rules != "in_kinds" else "as its type")


def _action_of(name: str, rules: str, default: str) -> Callable[[Regime], str]:
    def cell(regime: Regime) -> str:
        return next((action for found, action in getattr(regime.pii, rules) if found == name), default)

    return cell


def _safety_rows(guidelines: Sequence[Guideline]) -> tuple[_Row, ...]:
    caps = tuple((guideline.id, _cap_of(guideline.id)) for guideline in guidelines)
    return (
        ("profile", lambda r: r.profile.value),
        *caps,
        ("thoughts", lambda r: "show" if r.shows_thoughts else "drop"),
        ("other languages", lambda r: r.unsupported_language if r.judges else "off"),
        ("window, tokens", lambda r: f"{r.window.least_tokens} to {r.window.most_tokens}" if r.judges else "off"),
        ("orders in tools", lambda r: r.injection.tools.value if r.judges else "off"),
        ("orders in documents", lambda r: r.injection.documents.value if r.judges else "off"),
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


def _guidelines(guidelines: Sequence[Guideline]) -> str:
    return "\n".join(f"* `{guideline.id}` ({guideline.name}): {guideline.text}" for guideline in guidelines)
