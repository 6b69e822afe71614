"""`cordon policy calibrate`: thresholds for the guard of the settings, measured on labelled rows, or provisional ones.

    {id, source, text, role: prompt|response, label: safe|unsafe, policy: dangerous|...|other|null, medical[, prompt]}

Law: rows go through the replacement and the windows of the service, because that is what will be judged; only
development rows are scored, and which those are depends on their id alone. The canaries are scored in the same run and
stored with the thresholds. One row that cannot be scored, and nothing is written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from policies.calibrate import Maker, Row, calibrate, is_dev, provisional
from policies.calibrated import write_calibration
from policies.model import INJECTION, Act, Calibration, CanaryScores, Direction, PolicyError, Regime
from proxy.build import rules_of
from proxy.cli.ahead import counting, redacted_ahead
from proxy.cli.calibration_report import pictures, rates_table, write_pictures
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.judge_rows import BadRowError, parse_row, units_of
from proxy.cli.judge_rows import Row as Asked
from proxy.cli.lone_guard import GuardFailed, envelope, with_unproved_guard
from proxy.cli.redact import Redactor
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, Settings
from proxy.errors import CordonError, entry_of
from proxy.judging import FAMILY_QUESTIONS, Guard
from proxy.launch import LaunchError, Prepared
from proxy.policy_files import read_policy, read_rules
from proxy.stock import read_catalogue, resolve

__all__ = ["CALIBRATE", "Case", "parse_case"]

_MOST_REASON = 300
_OUR_FAULT = 500
"""A row that the service itself would refuse before the guard sees it is left out; a fault of ours ends the run."""
_DIRECTIONS = {"prompt": Direction.PROMPT, "response": Direction.RESPONSE}


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled row, not yet scored; its `repr` shows no text."""

    id: str
    asked: Asked
    unsafe: bool
    policy: str
    medical: bool


class BadCaseError(ValueError):
    """A line is not a labelled row. Says where, not what."""


class NotScored(GuardFailed):
    """The guard runs, but a text cannot be scored."""


def parse_case(line: str) -> Case:
    """Read one line. Raises BadCaseError."""
    try:
        asked, record = parse_row(line), json.loads(line)
    except BadRowError:
        raise BadCaseError from None
    label, policy, medical = record.get("label"), record.get("policy"), record.get("medical")
    right = isinstance(asked.id, str) and asked.id and label in ("safe", "unsafe") and isinstance(medical, bool)
    if not right or not (policy is None or isinstance(policy, str)):
        raise BadCaseError
    return Case(str(asked.id), asked, label == "unsafe", policy or "", medical)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="*", type=Path, help="labelled rows, JSON lines")
    parser.add_argument("--provisional", action="store_true", help="flag 0.5, block 0.8, measured by nobody")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for --provisional: it is kept in the file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the file goes (default: policy.calibration_dir)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")


def _run(args: argparse.Namespace) -> int:
    if wrong := _wrong_use(args):
        complain(f"{wrong}; nothing was written")
        return Exit.USAGE
    try:
        settings = settings_or_defaults(args.config)
        regime = read_rules(settings.policy)
        prepared = _uncalibrated(settings, regime)
        cases = _read(args.file)
        scored = asyncio.run(with_unproved_guard(prepared, _Scorer(cases, regime).score))
        made = _made(prepared, regime, scored, args.reason.strip())
        path = _write(made, args.out or settings.policy.calibration_dir)
        drawn = pictures(scored.rows, made, path.stem) if scored.rows is not None else {}
        write_pictures(path.parent, drawn)
    except NotScored as error:
        complain(str(error))
        return Exit.FAILED
    except (ConfigError, LaunchError, GuardFailed) as error:
        complain(str(error))
        return Exit.CONFIG
    except (PolicyError, BadCaseError) as error:
        complain(f"{error}; nothing was written")
        return Exit.FAILED
    except (OSError, UnicodeDecodeError) as error:
        complain(f"a file cannot be read or written ({type(error).__name__}); nothing was written")
        return Exit.FAILED
    if scored.rows is not None:
        _say_left_out(cases, scored.rows)
        print(rates_table([row for row in scored.rows if is_dev(row.id)], made))
    _show(made, path, list(drawn))
    return Exit.DONE


def _say_left_out(cases: Sequence[Case], rows: Sequence[Row]) -> None:
    left = sum(is_dev(case.id) for case in cases) - len(rows)
    if left:
        complain(f"{left} development rows are left out: the service refuses them before the guard is asked")


def _wrong_use(args: argparse.Namespace) -> str:
    if bool(args.file) == args.provisional:
        return "name files of labelled rows, or --provisional"
    if args.provisional != bool(args.reason.strip()) or len(args.reason) > _MOST_REASON:
        return f"--provisional takes a --reason of at most {_MOST_REASON} characters, and only it does"
    return ""


def _uncalibrated(settings: Settings, regime: Regime) -> Prepared:
    """The guard under its policy with thresholds that decide nothing here, because nobody has measured any yet."""
    if not settings.models.guard or not regime.judges:
        raise ConfigError("these settings judge nothing; nothing was written. Name a guard and a policy that judges")
    catalogue = read_catalogue(settings.models)
    guard = resolve(settings.models, catalogue, settings.models.guard, "guard")
    ids = [guideline.id for guideline in regime.guidelines]
    asked = FAMILY_QUESTIONS[guard.model.family]
    act = Act("cordon", _now(), "scores are wanted, decisions are not")
    blank = provisional(ids, maker=_maker(guard.sha256, asked, tuple((id_, 0, 0) for id_ in ids)), act=act)
    with tempfile.TemporaryDirectory(prefix="cordon-") as folder:
        Path(folder, f"{guard.sha256[:16]}.toml").write_bytes(write_calibration(blank))
        blind = settings.policy.model_copy(update={"calibration_dir": Path(folder)})
        policy = read_policy(blind, guard.sha256)
    return Prepared(settings, catalogue, policy, None, guard)


def _maker(guard_sha256: str, asked: str, canary: CanaryScores) -> Maker:
    engine = f"llama-cpp-python {version('llama-cpp-python')}"
    return Maker(guard_sha256, asked, datetime.now(UTC).date().isoformat(), engine, canary)


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whoever_it_is() -> str:
    """The account that runs this command, behind `sudo` too as far as the computer knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _read(files: Sequence[Path]) -> tuple[Case, ...]:
    """All rows; a wrong one anywhere refuses all. Raises BadCaseError, PolicyError or OSError."""
    found: dict[str, Case] = {}
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line.strip():
                continue
            try:
                case = parse_case(line)
            except BadCaseError:
                raise BadCaseError(f"line {number} of {path} is not a labelled row") from None
            if case.id in found:
                raise PolicyError("calibration_invalid", "a row id stands twice")
            found[case.id] = case
    return tuple(found.values())


# ---- scoring ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scored:
    canary: CanaryScores
    rows: tuple[Row, ...] | None
    """None: nobody asked for measured thresholds."""


@dataclass(frozen=True, slots=True)
class _Scorer:
    """Scores the canaries and the development rows."""

    cases: tuple[Case, ...]
    regime: Regime

    async def score(self, guard: Guard) -> _Scored | GuardFailed:
        """Return all scores, or why there are none."""
        try:
            canary = await guard.canaries(envelope("canary"))
            if any(min(pair) < 0 for _, *pair in canary):
                raise CordonError("guard_missing")
            rows = [row async for row in self._rows(guard)] if self.cases else None
        except CordonError as error:
            return NotScored(f"a row or a canary cannot be scored ({error.code}); nothing was written")
        return _Scored(canary, tuple(rows) if rows is not None else None)

    async def _rows(self, guard: Guard) -> AsyncIterator[Row]:
        with err().status("Loading the detectors ...", spinner="line"):
            redactor = Redactor(rules_of(self.regime, None, this_year=time.localtime().tm_year))
        dev = [case for case in self.cases if is_dev(case.id)]
        with counting("Scoring", len(dev)) as advance:
            async for case, redacted in redacted_ahead(redactor, dev, lambda case: case.asked.turns):
                if not isinstance(redacted, CordonError):
                    yield await _scored(guard, case, redacted)
                elif entry_of(redacted.code).status >= _OUR_FAULT:
                    raise redacted
                advance()


async def _scored(guard: Guard, case: Case, redacted: tuple[str, ...]) -> Row:
    exchange = envelope(f"row-{case.id}"[:64])
    judgement = await guard.judge(exchange, units_of(case.asked, redacted))
    await guard.forget(exchange)
    highest: dict[str, int] = {}
    for unit in judgement.evidence.units:
        for name, score in unit.scores:
            if score is None:
                raise CordonError("guard_missing")
            if name != INJECTION:
                highest[name] = max(score, highest.get(name, 0))
    direction = _DIRECTIONS[case.asked.role]
    return Row(case.id, direction, case.unsafe, case.policy, case.medical, tuple(sorted(highest.items())))


# ---- the file --------------------------------------------------------------------------------------------------


def _made(prepared: Prepared, regime: Regime, scored: _Scored, reason: str) -> Calibration:
    """Choose the thresholds. Raises PolicyError."""
    sha256 = prepared.guard.sha256 if prepared.guard is not None else ""
    maker = _maker(sha256, prepared.policy.template_digest, scored.canary)
    if scored.rows is None:
        act = Act(_whoever_it_is(), _now(), reason)
        return provisional([guideline.id for guideline in regime.guidelines], maker=maker, act=act)
    basis = "demo" if prepared.guard is not None and prepared.guard.model.demo else "measured"
    return calibrate(scored.rows, maker=maker, basis=basis)


def _write(made: Calibration, folder: Path) -> Path:
    """Put the file under its name only when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.guard_sha256[:16]}.toml"
    unfinished = path.with_suffix(".new")
    unfinished.write_bytes(write_calibration(made))
    os.replace(unfinished, path)
    return path


def _show(made: Calibration, path: Path, drawn: Sequence[str]) -> None:
    console = out()
    for threshold in made.thresholds:
        name = f"{threshold.policy}/{threshold.direction.value}"
        print(f"{name:22} flag {threshold.flag / 10_000:.4f}  block {threshold.block / 10_000:.4f}")
    for name, (rate, low, high) in made.measured:
        print(f"{name:26} {rate:.4f}  ({low:.4f} to {high:.4f})")
    console.print(f"Written: {path} (basis {made.basis})", markup=False)
    if drawn:
        console.print(f"Beside it, the ROC and precision-recall curves: {', '.join(drawn)}", markup=False)
    if made.basis == "provisional":
        by = made.act.by if made.act is not None else ""
        console.print(f"Nobody measured these thresholds. {by} accepted them; every reply, record and report says so.")


CALIBRATE = Command(
    "policy calibrate",
    "Measure thresholds for the guard on labelled rows, or write provisional ones.",
    "cordon policy calibrate rows.jsonl --out /etc/cordon/calibration\n"
    'cordon policy calibrate --provisional --reason "rows are being labelled"',
    _run,
    _arguments,
)
