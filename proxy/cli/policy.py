"""`cordon policy list | show | check | calibrate | replay`: what the rules are, and whether a site's own file is one.

Law: nothing here changes a rule; a file that would not load is said so before a service has to.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from rich.table import Column, Table
from rich.text import Text

from policies.model import Direction, Policy, PolicyError, Regime
from proxy.cli.calibrate import CALIBRATE
from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.replay import REPLAY
from proxy.cli.shelf import inspect, settings_or_defaults
from proxy.config import ConfigError, PolicySettings, Settings
from proxy.detectors import site_of
from proxy.policy_files import read_policy, read_rules, shipped_policies
from proxy.stock import read_catalogue

__all__ = ["COMMANDS"]

_PII_FIELDS = (
    "point", "bare_year", "durations", "relative_dates", "facility_names", "uncovered_script", "tool_arguments",
)  # fmt: skip


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _list(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        regimes = [(name, origin, read_rules(_named(settings, name))) for name, origin in _names(settings)]
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except PolicyError as error:
        complain(f"a policy of the site does not load: {error}; see: cordon policy check FILE")
        return Exit.CONFIG
    if args.json:
        rows = [{"name": n, "origin": o, "title": r.title, "profile": r.profile.value} for n, o, r in regimes]
        print(json.dumps(rows))
        return Exit.DONE
    table = Table(
        "", Column("name", no_wrap=True), "title", "purpose", "evidence", "safety", "from", box=None, pad_edge=False
    )
    for name, origin, regime in regimes:
        mark = "*" if name == settings.policy.name else ""
        table.add_row(
            mark, name, Text(regime.title), regime.purpose, regime.evidence_min, regime.profile.value, Text(origin)
        )
    out().print(table)
    return Exit.DONE


def _names(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every policy's name and where it is from; a site's file hides a shipped one."""
    folder = settings.policy.dir
    site = {path.stem for path in folder.glob("*.toml")} if folder.is_dir() else set()
    for name in sorted({*shipped_policies(), *site}):
        yield name, str(folder) if name in site else "Cordon"


def _named(settings: Settings, name: str) -> PolicySettings:
    try:
        return PolicySettings.model_validate({**settings.policy.model_dump(), "name": name})
    except ValidationError:
        raise ConfigError("a policy's name is lower-case letters, digits and hyphens; nothing was read") from None


# ---- show ------------------------------------------------------------------------------------------------------


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="which (default: the one of the settings)")
    _arguments(parser)


def _show(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        chosen = _named(settings, args.name or settings.policy.name)
        regime = _joined(settings, chosen)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except PolicyError as error:
        complain(f"the policy does not load: {error}. See: cordon policy list")
        return Exit.CONFIG
    if args.json:
        print(json.dumps(asdict(regime)))
        return Exit.DONE
    for key, value in _rows(regime):
        print(f"{key:29}{value}")
    return Exit.DONE


def _joined(settings: Settings, chosen: PolicySettings) -> Regime:
    """The policy with the thresholds of the guard in the settings, or without where there are none."""
    model = read_catalogue(settings.models).find(settings.models.guard)
    approved = inspect(settings.models, model).approved if model is not None else ""
    try:
        return read_policy(chosen, approved)
    except PolicyError as error:
        if error.code != "guard_uncalibrated":
            raise
        return read_rules(chosen)


def _rows(regime: Regime) -> Iterator[tuple[str, str]]:
    pii = regime.pii
    yield from (("name", regime.name), ("title", regime.title), ("purpose", regime.purpose), ("basis", regime.basis))
    yield from (("extends", base) for base in regime.extends)
    yield from (("law", citation) for citation in regime.law)
    yield from (("least evidence", regime.evidence_min), ("engine", regime.engine))
    yield from _term_rows(regime)
    for field in _PII_FIELDS:
        yield f"pii.{field}", str(getattr(pii, field))
    yield "pii.ages_from", str(pii.ages_from)
    yield "pii.countries", " ".join(pii.countries)
    for title, rules in (("pii.in", pii.in_types), ("pii.kinds", pii.in_kinds), ("pii.out", pii.out_types)):
        yield title, ", ".join(f"{name}: {action}" for name, action in rules) or "default"
    yield "safety.profile", regime.profile.value
    yield "safety.unsupported_language", regime.unsupported_language
    yield "safety.thoughts", "show" if regime.shows_thoughts else "drop"
    for guideline in regime.guidelines:
        yield f"safety.{guideline.id}", f"prompt {guideline.prompt.value}, answer {guideline.response.value}"
    if isinstance(regime, Policy):
        yield from _threshold_rows(regime)
    else:
        yield "thresholds", "none: the guard of these settings has no calibration"


def _term_rows(regime: Regime) -> Iterator[tuple[str, str]]:
    limits, kept, window = regime.limits, regime.retention, regime.window
    yield "limits.prompt_chars", f"{limits.prompt_chars:,}"
    yield "limits.turns", f"{limits.turns:,}"
    yield "limits.answer_tokens", f"{limits.answer_tokens:,}"
    yield "retention, months", f"{kept.log_months_least} to {kept.log_months_most}"
    yield "window, tokens", f"{window.least_tokens} to {window.most_tokens}, {window.guard_percent} % for judging"
    yield "injection", f"tools {regime.injection.tools.value}, documents {regime.injection.documents.value}"
    for rule in regime.tightened:
        what = f"at least {rule.cap.value}" if rule.cap else f"block from {(rule.block_at_most or 0) / 10_000:.4f}"
        yield f"stricter.{rule.place}", f"{rule.guideline}: {what}"


def _threshold_rows(policy: Policy) -> Iterator[tuple[str, str]]:
    yield "thresholds", f"basis {policy.calibration_basis}"
    if policy.act is not None:
        yield "  accepted by", f"{policy.act.by} at {policy.act.at}: {policy.act.reason}"
    for guideline in policy.guidelines:
        for direction in Direction:
            found = policy.threshold(guideline.id, direction)
            if found is not None:
                values = f"flag {found.flag / 10_000:.4f}, block {found.block / 10_000:.4f}"
                yield f"  {guideline.id}/{direction.value}", values
    yield "digest", policy.digest


# ---- check -----------------------------------------------------------------------------------------------------


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a policy file, NAME.toml")


def _check(args: argparse.Namespace) -> int:
    """Load a file as the service would, under its own name."""
    path: Path = args.file
    if path.suffix != ".toml" or not path.is_file():
        complain(f"{path} is not a TOML file; nothing was checked")
        return Exit.FAILED
    try:
        regime = read_rules(PolicySettings(name=path.stem, dir=path.resolve().parent))
        site_of(regime)
    except ValidationError:
        complain("the file's name is the policy's: lower-case letters, digits and hyphens. It does not load")
        return Exit.NO
    except PolicyError as error:
        complain(f"{path.name} does not load: {error}")
        return Exit.NO
    except OSError as error:
        complain(f"{path} cannot be read ({error.strerror}); nothing was checked")
        return Exit.FAILED
    out().print(f"{path.name} is a policy: {regime.title}", markup=False)
    out().print(f'Next: copy it to /etc/cordon/policies and set [policy] name = "{regime.name}"', markup=False)
    return Exit.DONE


COMMANDS = (
    Command("policy list", "List the policies; * is the one in force.", "cordon policy list", _list, _arguments),
    Command(
        "policy show",
        "Say what a policy replaces, what it asks, how much it allows, and from which score on it acts.",
        "cordon policy show gdpr",
        _show,
        _show_arguments,
    ),
    Command(
        "policy check",
        "Say whether a policy file would load, and if not, which key is wrong.",
        "cordon policy check ward-7.toml",
        _check,
        _check_arguments,
    ),
    CALIBRATE,
    REPLAY,
)
