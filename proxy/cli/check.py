"""`cordon check`: what would start with these settings, where each value comes from, and why not.

Law: it looks and changes nothing: no folder is made, no model loaded, and a port is bound only for a moment to see that
it is free. Everything is looked at even when the first thing is wrong, so that an administrator sees all at once. Exit
status 78 when the service would not start, 1 when it would start but answer nothing.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import fill

from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.cli.command import Command, Exit, complain, out
from proxy.cli.examine_detectors import detector_points
from proxy.cli.examine_host import Level, Point, points_of
from proxy.config import DEFAULT_PATH, ConfigError, Settings, load_settings
from proxy.hostfacts import expected_filters
from proxy.workers.bpf import program, seal_program
from proxy.workers.bpf_words import explain, refusals
from proxy.workers.confine import Role
from proxy.workers.kernel import machine

__all__ = ["COMMANDS"]

_COLOURS: Mapping[Level, str] = {
    Level.GOOD: "green", Level.REMARK: "yellow", Level.SILENT: "bold yellow", Level.STOPS: "bold red",
}  # fmt: skip


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--filters", action="store_true", help="print the filters of the system calls, no more")
    parser.add_argument("--json", action="store_true", help="for machines")


def _run(args: argparse.Namespace) -> int:
    if args.filters:
        return _filters(as_json=args.json)
    try:
        settings = load_settings(args.config)
        origins = _origins(args.config or DEFAULT_PATH)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    points = (*points_of(settings), *detector_points(settings))
    values = [(key, value, origins.get(key, "default")) for key, value in _values(settings)]
    worst = max((point.level for point in points), default=Level.GOOD)
    if args.json:
        found = [{"part": p.part, "level": p.level.name.lower(), "says": p.says} for p in points]
        rows = {key: {"value": value, "origin": origin} for key, value, origin in values}
        verdict = {"starts": worst < Level.STOPS, "answers": worst < Level.SILENT}
        print(json.dumps({**verdict, "settings": rows, "found": found}))
    else:
        _show(out(), values, points, worst)
    return {Level.STOPS: Exit.CONFIG, Level.SILENT: Exit.NO}.get(worst, Exit.DONE)


def _filters(*, as_json: bool) -> int:
    digests = expected_filters()
    if as_json:
        print(json.dumps(digests))
        return Exit.DONE
    for role, digest in digests.items():
        print(f"{role:8} {digest}")
    arch = machine().name
    for role in digests:
        _program(f"{role}, its lock", program(Role(role), arch), arch)
        if role == Role.ENGINE.value:
            _program("engine, its seal once the model is loaded", seal_program(arch), arch)
    return Exit.DONE


def _program(title: str, code: bytes, arch: str) -> None:
    """What a program refuses, in short, and every instruction of it."""
    lines = explain(code, arch)
    print(f"\n{title} ({arch}, {len(lines)} instructions)")
    for refusal in refusals(code, arch):
        print(fill(refusal, 110, initial_indent="  ", subsequent_indent="      "))
    print("\n".join(lines))


def _values(settings: Settings) -> Iterator[tuple[str, object]]:
    for section, table in settings.model_dump(mode="json").items():
        for key, value in table.items():
            yield f"{section}.{key}", value


def _origins(path: Path) -> dict[str, str]:
    """The keys that the settings file names. Raises ConfigError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise ConfigError(f"{path} changed while it was read; nothing was checked") from None
    return {f"{section}.{key}": path.name for section, table in tables.items() for key in table}


def _show(console: Console, values: list[tuple[str, object, str]], points: tuple[Point, ...], worst: Level) -> None:
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for key, value, origin in values:
        table.add_row(key, Text(json.dumps(value)), Text(origin, "" if origin != "default" else "dim"))
    console.print(table)
    console.print()
    found = Table("part", "", "what was found", box=None, pad_edge=False)
    for point in points:
        found.add_row(point.part, Text(point.level.word, _COLOURS[point.level]), Text(point.says))
    console.print(found)
    console.print()
    console.print(_VERDICTS[worst])


_VERDICTS: Mapping[Level, str] = {
    Level.GOOD: "Cordon would start and answer.",
    Level.REMARK: "Cordon would start and answer. Read the remarks.",
    Level.SILENT: "Cordon would start, but refuse every question until what is named above is done.",
    Level.STOPS: "Cordon would not start.",
}

COMMANDS = (
    Command(
        "check",
        "Say what would start, and where each value comes from. Nothing is changed.",
        "cordon check --config cordon.toml",
        _run,
        _arguments,
    ),
)
