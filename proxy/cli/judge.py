"""`cordon judge`: what the guard says about texts, for a person or a machine (JSON lines).

    {id, role: prompt|response, text[, prompt]}  ->  {id, scores: {guideline: p}, decision: permit|flag|refuse}

Law: the same replacement, windows, questions and policy as in the service; the guard never reads a row that could not
be made safe first. A row that cannot be judged is refused with a code, and the exit status says that there was one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from filters.safety import Direction, Unit, question_of, units_of_prompt
from policies.decide import Verdict
from policies.model import Cap, Policy
from policies.model import Direction as Side
from proxy.build import rules_of
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.lone_guard import GuardFailed, envelope, prepare_guard, with_guard
from proxy.cli.redact import Redactor
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, ModelsSettings, PolicySettings, Settings
from proxy.errors import CordonError
from proxy.judging import Guard
from proxy.launch import LaunchError
from proxy.rooms import Judgement

__all__ = ["COMMANDS", "BadRowError", "Row", "parse_row", "units_of"]

_DEMO = Settings(models=ModelsSettings(guard="demo-guard", demo_models=True))
_COLOURS = {Verdict.PERMIT: "green", Verdict.FLAG: "yellow", Verdict.REFUSE: "bold red"}


@dataclass(frozen=True, slots=True)
class Row:
    """One text to judge; its `repr` shows no text."""

    id: str | int | None
    role: str
    turns: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Row({self.role}, {len(self.turns)} turns)"


class BadRowError(ValueError):
    """A line is not a row."""

    def __init__(self, row_id: str | int | None) -> None:
        super().__init__("bad_row")
        self.id = row_id


def parse_row(line: str) -> Row:
    """Read one line. Raises BadRowError."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRowError(None) from None
    if not isinstance(record, dict):
        raise BadRowError(None)
    row_id = record.get("id") if isinstance(record.get("id"), str | int) else None
    role, text, prompt = record.get("role"), record.get("text"), record.get("prompt", "")
    if role not in ("prompt", "response") or not isinstance(text, str) or not isinstance(prompt, str):
        raise BadRowError(row_id)
    return Row(row_id, role, _turns(role, text, prompt))


def _turns(role: str, text: str, prompt: str) -> tuple[tuple[str, str], ...]:
    return (("user", text),) if role == "prompt" else (("user", prompt), ("assistant", text))


def units_of(row: Row, redacted: tuple[str, ...]) -> tuple[Unit, ...]:
    """What is asked about a row: all of a prompt, or the answer with the end of what it answers."""
    turns = [(role, text) for (role, _), text in zip(row.turns, redacted, strict=True)]
    if row.role == "prompt":
        return units_of_prompt(turns, ())
    return (Unit("assistant", Direction.RESPONSE, question_of(turns), turns[-1][1], 0),)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Detectors and guard together."""

    redactor: Redactor
    guard: Guard

    async def judge(self, row: Row, number: int) -> Judgement:
        """Replace, ask, decide. Raises CordonError."""
        exchange = envelope(f"row-{number}")
        try:
            return await self.guard.judge(exchange, units_of(row, self.redactor.replace(row.turns)))
        finally:
            await self.guard.forget(exchange)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="a text file; without one, standard input")
    parser.add_argument("--jsonl", nargs=2, type=Path, metavar=("IN", "OUT"), help="rows in, decisions out")
    parser.add_argument("--role", choices=("prompt", "response"), default="prompt", help="what the text is")
    parser.add_argument("--policy", metavar="NAME", help="another policy than that of the settings")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--demo", action="store_true", help="the bundled guard, for demonstration only")
    parser.add_argument("--json", action="store_true", help="for machines")


def _run(args: argparse.Namespace) -> int:
    try:
        settings = _settings(args)
        prepared = prepare_guard(settings)
        lines = _read(args)
        with err().status("Loading the detectors ...", spinner="line"):
            redactor = Redactor(rules_of(prepared.policy, None, this_year=time.localtime().tm_year))
    except (ConfigError, LaunchError) as error:
        complain(str(error))
        return Exit.CONFIG
    except (OSError, UnicodeDecodeError) as error:
        complain(f"the text cannot be read ({type(error).__name__}); nothing was judged")
        return Exit.FAILED

    async def work(guard: Guard) -> int:
        judge = _Judge(redactor, guard)
        if args.jsonl:
            return await _rows(judge, lines, args.jsonl[1])
        return await _one(judge, Row(None, args.role, _turns(args.role, lines[0], "")), prepared.policy, args)

    try:
        return asyncio.run(with_guard(prepared, work))
    except GuardFailed as error:
        complain(str(error))
        return Exit.CONFIG


def _settings(args: argparse.Namespace) -> Settings:
    if args.demo and args.config is not None:
        raise ConfigError("--demo and --config exclude each other; nothing was judged")
    settings = _DEMO if args.demo else settings_or_defaults(args.config)
    if args.policy is None:
        return settings
    policy = {**settings.policy.model_dump(), "name": args.policy}
    try:
        return settings.model_copy(update={"policy": PolicySettings.model_validate(policy)})
    except ValueError:
        raise ConfigError("--policy is not a policy's name; nothing was judged. See: cordon policy list") from None


def _read(args: argparse.Namespace) -> list[str]:
    if args.jsonl:
        return [line for line in args.jsonl[0].read_text(encoding="utf-8").split("\n") if line.strip()]
    return [args.file.read_text(encoding="utf-8") if args.file else sys.stdin.read()]


# ---- rows ------------------------------------------------------------------------------------------------------


async def _rows(judge: _Judge, lines: list[str], target: Path) -> int:
    failed = 0
    try:
        with target.open("w", encoding="utf-8") as sink, _progress(len(lines)) as advance:
            for number, line in enumerate(lines):
                failed += not await _row(judge, line, number, sink)
                advance()
    except OSError as error:
        complain(f"{target} cannot be written ({error.strerror}); the rows are not complete")
        return Exit.FAILED
    if failed:
        complain(f"{failed} of {len(lines)} rows could not be judged; they are refused and carry a code")
    return Exit.FAILED if failed else Exit.DONE


async def _row(judge: _Judge, line: str, number: int, sink: TextIO) -> bool:
    """Judge one line and write its decision; says whether it could be judged."""
    row_id: str | int | None = None
    scores: dict[str, float] = {}
    try:
        row = parse_row(line)
        row_id = row.id
        judgement = await judge.judge(row, number)
        scores, decision = _scores(judgement), judgement.decision
        code = decision.code if decision.code == "guard_missing" else ""
        verdict = decision.verdict
    except BadRowError as error:
        row_id, code, verdict = error.id, "bad_row", Verdict.REFUSE
    except CordonError as error:
        code, verdict = error.code, Verdict.REFUSE
    record = {"id": row_id, "scores": scores, "decision": verdict.value}
    sink.write(json.dumps(record | ({"code": code} if code else {})) + "\n")
    return not code


def _scores(judgement: Judgement) -> dict[str, float]:
    """Per guideline the highest score, four decimals."""
    highest: dict[str, int] = {}
    for unit in judgement.evidence.units:
        for name, score in unit.scores:
            if score is not None:
                highest[name] = max(score, highest.get(name, 0))
    return {name: score / 10_000 for name, score in sorted(highest.items())}


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing elsewhere."""
    with Progress(console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Judging", total=total)
        yield lambda: progress.advance(task)


# ---- one text --------------------------------------------------------------------------------------------------


async def _one(judge: _Judge, row: Row, policy: Policy, args: argparse.Namespace) -> int:
    """Show what the guard says about one text; status 1 when the service would refuse it."""
    try:
        judgement = await judge.judge(row, 0)
    except CordonError as error:
        complain(f"the text cannot be judged ({error.code}), so the service would refuse it")
        return Exit.FAILED
    verdict = judgement.decision.verdict
    if args.json:
        print(json.dumps({"scores": _scores(judgement), "decision": verdict.value, "rule": judgement.decision.rule}))
    else:
        _show(judgement, policy, Direction(row.role))
    return Exit.NO if verdict is Verdict.REFUSE else Exit.DONE


def _show(judgement: Judgement, policy: Policy, direction: Direction) -> None:
    scores = _scores(judgement)
    acts: dict[str, Verdict] = {}
    for unit in judgement.decision.acts:
        for name, act in unit:
            acts[name] = max(act, acts.get(name, act), key=list(Verdict).index)
    table = Table("guideline", "score", "flags from", "refuses from", "act", box=None, pad_edge=False)
    for guideline in policy.guidelines:
        found = policy.threshold(guideline.id, Side(direction.value))
        cap = guideline.cap(Side(direction.value))
        asked = acts.get(guideline.id)
        table.add_row(
            guideline.name,
            f"{scores[guideline.id]:.4f}" if guideline.id in scores else "missing",
            f"{found.flag / 10_000:.4f}" if found is not None and cap is not Cap.OFF else "never",
            f"{found.block / 10_000:.4f}" if found is not None and cap is Cap.BLOCK else "never",
            Text(asked.value, _COLOURS[asked]) if asked is not None else "not asked",
        )
    console = out()
    console.print(table)
    decision = judgement.decision
    because = f" ({decision.rule or ', '.join(decision.flags)})" if decision.rule or decision.flags else ""
    console.print()
    console.print(Text(f"{decision.verdict.value}{because}", _COLOURS[decision.verdict]))
    if policy.calibration_basis != "measured":
        console.print(f"Thresholds not measured (basis {policy.calibration_basis}).")


COMMANDS = (
    Command(
        "judge",
        "Say what the guard thinks of a text, under a policy.",
        'echo "How is asthma treated?" | cordon judge --demo\ncordon judge --demo --jsonl rows.jsonl decisions.jsonl',
        _run,
        _arguments,
    ),
)
