"""Policy files become one frozen `Policy`, or nothing.

Law: pure (bytes in, values out); a key that is not known is refused, because a rule that is read wrongly protects
nobody and says nothing; so is a rule that could never fire, and a protection that is given up under a name that does
not say so. A policy without a calibration of exactly this guard file and these questions does not load.

    policy = load_policy("hospital", library=..., guidelines=..., calibration=..., guard_sha256=...)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields

from policies.calibrated import read_calibration
from policies.extend import chain_of, merged
from policies.model import (
    DETECTOR_TYPES,
    TEMPLATE_DIGESTS,
    UNSAFE_PREFIX,
    Calibration,
    Cap,
    Direction,
    Guideline,
    PiiRules,
    Policy,
    PolicyError,
    Profile,
    Regime,
)
from policies.site import read_site
from policies.tables import Table, read_toml
from policies.terms import read_injection, read_limits, read_retention, read_thoughts, read_tightened, read_window

__all__ = ["load_policy", "read_regime", "verify_kinds"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,47}")
_COUNTRY = re.compile(r"\*|[A-Z]{2}")
_PURPOSES = ("TREAT", "HOPERAT", "HRESCH")
_ENGINES = ("embedded", "any")
_IN_ACTIONS = ("pseudonymise", "mask", "keep", "refuse")
_OUT_ACTIONS = ("mask", "keep", "refuse")
_IDENTIFYING = ("NAME", "ID", "PHONE", "EMAIL")
_REDACT_KEEP = ("redact", "keep")
_SWITCHED_KINDS = {
    "facility_names": "facility",
    "bare_year": "bare_year",
    "durations": "duration",
    "relative_dates": "relative_date",
}
"""Kinds that only exist while their switch says `redact`."""
_LEAST_EXAMPLES = 5


def load_policy(
    name: str,
    *,
    library: Mapping[str, bytes],
    guidelines: Mapping[str, bytes],
    calibration: bytes | None,
    guard_sha256: str,
) -> Policy:
    """Return the policy `name` for one guard file.

    Args:
        name: name of the library entry.
        library: entries by name (file name without `.toml`).
        guidelines: guideline files by id.
        calibration: the calibration file of this guard, or None if there is none.
        guard_sha256: of the guard's weights; "" when no guard is loaded.

    Raises:
        PolicyError: `policy_unknown`, `policy_invalid`, `calibration_invalid`, `guard_uncalibrated`.
    """
    regime = read_regime(name, library=library, guidelines=guidelines)
    values = {field.name: getattr(regime, field.name) for field in fields(Regime)}
    if not regime.judges:
        return Policy(
            **values,
            thresholds=(),
            template_digest="",
            calibration_digest="",
            calibration_basis="off",
            act=None,
            canary_scores=(),
            digest=_digest(regime, ""),
        )
    if calibration is None:
        raise PolicyError("guard_uncalibrated", "there is no calibration for this guard")
    made = read_calibration(calibration)
    _verify_fits(regime, made, guard_sha256)
    return Policy(
        **values,
        thresholds=made.thresholds,
        template_digest=made.template_digest,
        calibration_digest=made.digest,
        calibration_basis=made.basis,
        act=made.act,
        canary_scores=made.canary,
        digest=_digest(regime, made.digest),
    )


def read_regime(name: str, *, library: Mapping[str, bytes], guidelines: Mapping[str, bytes]) -> Regime:
    """Return the library entry `name`, with what it extends and its guidelines; it cannot decide yet."""
    if name not in library:
        raise PolicyError("policy_unknown", f"the library has no {name}" if _NAME.fullmatch(name) else "")
    chain = chain_of(name, library)
    top = Table(merged(chain, library), name)
    if top.matching("name", _NAME) != name:
        raise top.refuse("name", "is not the name of the file")
    title, purpose = top.text("title", 120), top.word("purpose", _PURPOSES)
    basis, law = top.text("basis", 32), top.texts("law", 0)
    evidence_min, engine = top.word("evidence_min", ("E0", "E1")), top.word("engine", _ENGINES)
    if engine == "any" and evidence_min != "E0":
        raise top.refuse("engine", "may be any only where evidence_min is E0: a server outside lowers the evidence")
    pii = _pii(top.table("pii"), unsafe=name.startswith(UNSAFE_PREFIX))
    safety = top.table("safety")
    profile = Profile(safety.word("profile", Profile))
    if profile is Profile.UNSAFE_ALLOW_ALL and not name.startswith(UNSAFE_PREFIX):
        raise PolicyError("policy_invalid", f"{name}: profile {profile} needs a name that starts with {UNSAFE_PREFIX}")
    asked = safety.texts("guidelines", 1)
    regime = Regime(
        name, title, purpose, basis, law, evidence_min, engine, pii, profile,
        unsupported_language=safety.word("unsupported_language", ("flag", "refuse")),
        tightened=read_tightened(safety, asked),
        shows_thoughts=read_thoughts(safety),
        window=read_window(safety.table("window")),
        injection=read_injection(top.table("injection")),
        limits=read_limits(top.table("limits")),
        retention=read_retention(top.table("retention")),
        guidelines=_guidelines(asked, guidelines, profile),
        extends=chain[1:],
    )  # fmt: skip
    safety.close()
    top.close()
    return regime


def verify_kinds(regime: Regime, kinds: Iterable[str]) -> None:
    """Check the kinds a policy names against those the detectors have.

    Raises:
        PolicyError: `policy_invalid` for a kind that no detector finds: its rule could never fire.
    """
    known = frozenset(kinds) | {rule.kind for rule in regime.pii.site.rules}
    for kind, _ in regime.pii.in_kinds:
        if kind not in known:
            raise PolicyError("policy_invalid", f"{regime.name}.pii.kinds.{kind} is not known")


# ---- [pii] ----------------------------------------------------------------------------------------------------


def _pii(table: Table, *, unsafe: bool) -> PiiRules:
    switches = {key: table.word(key, _REDACT_KEEP) for key in _SWITCHED_KINDS}
    ages_from = table.take("ages_from", int)
    if not 0 <= ages_from <= 90:
        raise table.refuse("ages_from", "is not between 0 and 90")
    countries = table.texts("countries", 1)
    if not all(map(_COUNTRY.fullmatch, countries)) or ("*" in countries and len(countries) > 1):
        raise table.refuse("countries", 'is neither ["*"] nor a list of two-letter codes')
    rules = PiiRules(
        point=table.word("point", ("balanced", "strict")),
        bare_year=switches["bare_year"],
        durations=switches["durations"],
        relative_dates=switches["relative_dates"],
        ages_from=ages_from,
        facility_names=switches["facility_names"],
        uncovered_script=table.word("uncovered_script", ("redact", "refuse")),
        tool_arguments=table.word("tool_arguments", ("restore", "keep")),
        countries=countries,
        in_types=table.optional("in").rest(_in_rule(_IDENTIFYING if not unsafe else ())),
        in_kinds=table.optional("kinds").rest(_kind_rule(switches)),
        out_types=table.optional("out").rest(_out_rule),
        site=read_site(table),
    )
    table.close()
    return rules


def _in_rule(never_kept: tuple[str, ...]) -> Callable[[Table, str], str]:
    def read(table: Table, key: str) -> str:
        _verify_type(table, key)
        action = table.word(key, _IN_ACTIONS)
        if action == "keep" and (key == "SECRET" or key in never_kept):
            raise table.refuse(key, f"may not be kept by a policy that does not start with {UNSAFE_PREFIX}")
        return action

    return read


def _out_rule(table: Table, key: str) -> str:
    _verify_type(table, key)
    action = table.word(key, _OUT_ACTIONS)
    if action == "keep" and key == "SECRET":
        raise table.refuse(key, "may not be kept")
    return action


def _verify_type(table: Table, key: str) -> None:
    if key not in DETECTOR_TYPES:
        raise table.refuse(key, "is not known")
    if key == "MARKED":
        raise table.refuse(key, "can never fire: what a person marks is always replaced")


def _kind_rule(switches: Mapping[str, str]) -> Callable[[Table, str], str]:
    def read(table: Table, key: str) -> str:
        if not _KIND.fullmatch(key):
            raise table.refuse(key, "has the wrong form")
        for switch, kind in _SWITCHED_KINDS.items():
            if key == kind and switches[switch] == "keep":
                raise table.refuse(key, f"can never fire while {switch} is keep")
        return table.word(key, _IN_ACTIONS)

    return read


# ---- guidelines -----------------------------------------------------------------------------------------------


def _guidelines(asked: Iterable[str], files: Mapping[str, bytes], profile: Profile) -> tuple[Guideline, ...]:
    found = []
    for id_ in asked:
        if id_ not in files:
            raise PolicyError("policy_invalid", f"there is no guideline {id_}" if _NAME.fullmatch(id_) else "")
        found.append(_guideline(Table(read_toml(files[id_], id_), id_), id_, profile))
    if len({guideline.order for guideline in found}) != len(found):
        raise PolicyError("policy_invalid", "two guidelines have the same order")
    return tuple(sorted(found, key=lambda guideline: guideline.order))


def _guideline(top: Table, id_: str, profile: Profile) -> Guideline:
    if top.take("id", str) != id_:
        raise top.refuse("id", "is not the name of the file")
    name, text, order = top.text("name", 80), top.text("text", 2000), top.take("order", int)
    actions = top.table("action")
    caps = {p: _caps(actions.table(p)) for p in (Profile.CLINICAL, Profile.GENERAL)}
    actions.close()
    if any(id_ == "dangerous" and response is Cap.OFF for _, response in caps.values()):
        raise top.refuse("action", "may not switch off the answers of dangerous")
    prompt, response = caps.get(profile, (Cap.OFF, Cap.OFF))
    examples, canary = top.table("examples"), top.table("canary")
    unsafe, safe = examples.texts("unsafe", _LEAST_EXAMPLES), examples.texts("safe", _LEAST_EXAMPLES)
    pair = canary.text("unsafe", 500), canary.text("safe", 500)
    for table in (examples, canary, top):
        table.close()
    return Guideline(id_, name, text, order, prompt, response, unsafe, safe, pair)


def _caps(table: Table) -> tuple[Cap, Cap]:
    caps = Cap(table.word("prompt", Cap)), Cap(table.word("response", Cap))
    table.close()
    return caps


# ---- joining --------------------------------------------------------------------------------------------------


def _verify_fits(regime: Regime, made: Calibration, guard_sha256: str) -> None:
    """A calibration is bound to one guard file, to the questions, and to everything the policy asks."""
    if made.guard_sha256 != guard_sha256:
        raise PolicyError("guard_uncalibrated", "the calibration is for another guard file")
    if made.template_digest not in TEMPLATE_DIGESTS:
        raise PolicyError("guard_uncalibrated", "the calibration was made with other questions")
    have = {(t.policy, t.direction) for t in made.thresholds}
    watched = {id_ for id_, *_ in made.canary}
    for guideline in regime.guidelines:
        if guideline.id not in watched or any((guideline.id, direction) not in have for direction in Direction):
            raise PolicyError("guard_uncalibrated", f"the calibration has no {guideline.id}")


def _digest(regime: Regime, calibration: str) -> str:
    """SHA-256 over everything that can change a decision or a replacement; comments and white space do not."""
    body = json.dumps([asdict(regime), calibration], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"cordon-policy/1\x00" + body.encode()).hexdigest()
