"""`cordon models recommend`: which model for this computer and this use, and why not the others.

Law: it looks, counts and says why; it installs nothing and asks nothing of a network.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt
from rich.table import Column, Table

from proxy.advice import Advice, Machine, Pick, Use, advise
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.machine import body, described, look
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, Settings
from proxy.imports import measured_speeds
from proxy.stock import read_catalogue

__all__ = ["RECOMMEND"]

_GB = 1e9
_SHOWN = 2
_USES: Mapping[Use, str] = {
    Use.DOCUMENTS: "letters, notes, summaries; privacy first",
    Use.MEDICAL: "questions about medicine",
    Use.LONG_CONTEXT: "whole patient files at once",
    Use.TOOLS: "programs that let the model call functions",
    Use.LANGUAGES: "languages with little text on the web",
    Use.SMALLEST: "as little memory as possible",
    Use.QUALITY: "the best answers, whatever it takes",
}


def _arguments(parser: argparse.ArgumentParser) -> None:
    uses = "; ".join(f"{use.value}: {words}" for use, words in _USES.items())
    parser.add_argument("--use", choices=[use.value for use in Use], metavar="USE", help=f"what it is for ({uses})")
    parser.add_argument(
        "--describe", type=Path, metavar="FILE", help="a machine described in TOML, in place of this one"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _run(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        catalogue = read_catalogue(settings.models)
        machine = described(args.describe) if args.describe else _look(settings)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    use = Use(args.use) if args.use else _ask()
    advice = advise(catalogue, machine, use)
    if args.json:
        print(json.dumps(_body(advice, machine)))
    else:
        _show(out(), advice, machine)
    return Exit.DONE if advice.picks else Exit.NO


def _look(settings: Settings) -> Machine:
    with err().status("Looking at this computer ...", spinner="line") if sys.stderr.isatty() else _Quiet():
        return look(settings.models.dir, measured_speeds(settings.models.dir))


class _Quiet:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _ask() -> Use:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return Use.DOCUMENTS
    console = err()
    console.print("What is it for?")
    for use, words in _USES.items():
        console.print(f"  {use.value:<13} {words}", markup=False)
    names = [use.value for use in Use]
    return Use(Prompt.ask("Use", console=console, choices=names, default=Use.DOCUMENTS.value, show_choices=False))


def _show(console: Console, advice: Advice, machine: Machine) -> None:
    console.print(f"For {_USES[advice.use]}, on {_words(machine)}:\n", markup=False)
    if not advice.picks:
        console.print("No model of the catalogue can be recommended.\n")
    else:
        _show_picks(console, advice)
    if advice.ruled_out:
        table = Table(
            Column("not recommended", no_wrap=True), Column("because", overflow="fold"), box=None, pad_edge=False
        )
        for one in advice.ruled_out:
            table.add_row(one.model.id, one.why)
        Console(highlight=False, width=_width(console)).print(table)
    console.print("\nSpeeds are computed from memory bandwidth until `cordon models bench` has measured them here.")


def _show_picks(console: Console, advice: Advice) -> None:
    names = [Column(name, no_wrap=True) for name in ("", "model", "file")]
    numbers = [Column(name, justify="right", no_wrap=True) for name in ("memory", "tokens/s")]
    table = Table(*names, *numbers, Column("why", overflow="fold"), box=None, pad_edge=False)
    for number, pick in enumerate(advice.picks, 1):
        mark = "measured" if pick.measured else "about"
        table.add_row(
            f"{number}.", pick.model.id, f"{pick.file.quant}, {_gb(pick.file.bytes)}", _gb(pick.need_bytes),
            f"{mark} {pick.tokens_per_s:.0f}", "; ".join(pick.reasons),
        )  # fmt: skip
    Console(highlight=False, width=_width(console)).print(table)
    console.print()
    for pick in advice.picks[:_SHOWN]:
        console.print(f"To use {pick.model.id}:", markup=False)
        for line in _commands(pick):
            console.print(f"  {line}", markup=False)
    console.print()


def _width(console: Console) -> int:
    return max(100, min(console.width, 160))


def _commands(pick: Pick) -> tuple[str, ...]:
    def imported(model_id: str, file: str) -> str:
        return f"cordon models import {file} --as {model_id}"

    guard = imported(pick.guard.id, pick.guard_file.file)
    if pick.gpu is not None:
        return (guard, 'and in cordon.toml under [engine]: kind = "http", base_url = "http://127.0.0.1:8080/v1"')
    pool = f"context = {pick.context}, parallel = {pick.parallel}"
    return (imported(pick.model.id, pick.file.file), guard, f"and in cordon.toml under [engine]: {pool}")


def _words(machine: Machine) -> str:
    gpus = (
        f", {', '.join(f'{g.name} ({_gb(g.free_bytes)} free)' for g in machine.gpus)}" if machine.gpus else ", no GPU"
    )
    return (
        f"{_gb(machine.memory_bytes)} of memory ({_gb(machine.available_bytes)} available), {machine.cores} cores, "
        f"{machine.bandwidth / _GB:.0f} GB/s{gpus}"
    )


def _gb(count: int) -> str:
    return f"{count / _GB:.1f} GB"


def _body(advice: Advice, machine: Machine) -> dict[str, object]:
    picks = [
        {
            "id": pick.model.id, "file": pick.file.file, "bytes": pick.file.bytes, "quant": pick.file.quant,
            "guard": pick.guard.id, "guard_file": pick.guard_file.file, "context": pick.context,
            "parallel": pick.parallel, "memory_bytes": pick.need_bytes, "gpu": pick.gpu.name if pick.gpu else None,
            "gpu_bytes": pick.gpu_bytes, "tokens_per_s": pick.tokens_per_s, "measured": pick.measured,
            "licence": pick.model.licence, "reasons": list(pick.reasons), "commands": list(_commands(pick)),
        }
        for pick in advice.picks
    ]  # fmt: skip
    out_ = [{"id": one.model.id, "why": one.why} for one in advice.ruled_out]
    return {"use": advice.use.value, "machine": body(machine), "picks": picks, "ruled_out": out_}


RECOMMEND = Command(
    "models recommend",
    "Say which model suits this computer and use, how quick it will be, and why not the others.",
    "cordon models recommend --use documents\ncordon models recommend --use tools --describe workstation.toml --json",
    _run,
    _arguments,
)
