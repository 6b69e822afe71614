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
from pathlib import Path

from rich.table import Table
from rich.text import Text

from filters.safety import Direction
from policies.decide import INJECTED_FROM, Verdict
from policies.model import INJECTION, Cap, Policy
from policies.model import Direction as Side
from proxy.build import rules_of
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.judge_rows import Judge, Row, judge_rows, orders_of, scores_of, turns_of_text
from proxy.cli.lone_guard import GuardFailed, prepare_guard, with_guard
from proxy.cli.redact import Redactor
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, ModelsSettings, PolicySettings, Settings
from proxy.errors import CordonError
from proxy.judging import Guard
from proxy.launch import LaunchError
from proxy.rooms import Judgement

__all__ = ["COMMANDS"]

_DEMO = Settings(models=ModelsSettings(guard="demo-guard", demo_models=True))
_COLOURS = {Verdict.PERMIT: "green", Verdict.FLAG: "yellow", Verdict.REFUSE: "bold red"}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="a text file; without one, standard input")
    parser.add_argument("--jsonl", nargs=2, type=Path, metavar=("IN", "OUT"), help="rows in, decisions out")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run into OUT was stopped")
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
        judge = Judge(redactor, guard)
        if args.jsonl:
            return await judge_rows(judge, lines, args.jsonl[1], resume=args.resume, machine=args.json)
        return await _one(judge, Row(None, args.role, turns_of_text(args.role, lines[0], "")), prepared.policy, args)

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


# ---- one text --------------------------------------------------------------------------------------------------


async def _one(judge: Judge, row: Row, policy: Policy, args: argparse.Namespace) -> int:
    """Show what the guard says about one text; status 1 when the service would refuse it."""
    try:
        judgement = await judge.judge(row, judge.redactor.replace(row.turns), 0)
    except CordonError as error:
        complain(f"the text cannot be judged ({error.code}), so the service would refuse it")
        return Exit.FAILED
    verdict = judgement.decision.verdict
    if args.json:
        said = {"scores": scores_of(judgement), "decision": verdict.value, "rule": judgement.decision.rule}
        print(json.dumps(said | orders_of(judgement)))
    else:
        _show(judgement, policy, Direction(row.role))
    return Exit.NO if verdict is Verdict.REFUSE else Exit.DONE


def _show(judgement: Judgement, policy: Policy, direction: Direction) -> None:
    scores = scores_of(judgement)
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
    if (orders := orders_of(judgement).get(INJECTION)) is not None:
        cap, marked = policy.injection_cap("user"), acts.get(INJECTION)
        stops = f"{INJECTED_FROM / 10_000:.4f}"
        table.add_row(
            "Orders in a document", f"{orders:.4f}", stops if cap is not Cap.OFF else "never",
            stops if cap is Cap.BLOCK else "never",
            Text(marked.value, _COLOURS[marked]) if marked is not None else "not asked",
        )  # fmt: skip
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
