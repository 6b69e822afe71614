"""`cordon redact`: what would be replaced in a text, for a person (terminal or HTML) or a machine (JSON lines)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.progress import track
from rich.table import Column, Table
from rich.text import Text

from filters.findings import Finding, Type
from filters.parts import Form, Part, PatientText
from filters.plugins import PluginRefused
from filters.redact import RedactionError, redact
from filters.switches import Switches
from filters.vault import Action, Actions, Vault
from policies.model import PolicyError
from proxy.build import rules_of
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.explain import grounds_of, recognizers_by_kind
from proxy.cli.redact_page import COLOURS, Looked, page_of, remarks
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, PolicySettings, quiet_libraries
from proxy.detectors import site_of
from proxy.errors import CordonError
from proxy.plugin_folder import read_manifest
from proxy.policy_files import read_rules
from proxy.rooms import Rules
from proxy.workers.analyst import load_analyst

__all__ = ["COLOURS", "COMMANDS", "Redactor", "coloured"]

_WIDEST = 40

_LABELS = {Type.NAME: "PERSON", Type.SECRET: "ID", Type.TEXT: "ID", Type.MARKED: "ID"}
"""The labels of public benchmarks, where they differ from ours."""


class Redactor:
    """The detection and replacement of the service, in this process, under one policy."""

    def __init__(self, rules: Rules, plugins: Sequence[Path] = ()) -> None:
        quiet_libraries()
        analyst = load_analyst(site_of(rules.policy), plugins)
        if analyst is None:
            raise CordonError("analyst_canary")
        self._analyst, self._switches, self._actions = analyst, Switches.from_json(rules.switches), rules.actions
        self._policy = rules.policy.name

    @classmethod
    def under(cls, policy: PolicySettings, plugins: Sequence[Path] = ()) -> Redactor:
        """Build for a policy, with what the site adds. Raises PolicyError, PluginRefused."""
        for folder in plugins:
            read_manifest(folder)  # to say what is wrong with it, before the models are loaded
        return cls(rules_of(read_rules(policy), None, this_year=time.localtime().tm_year), plugins)

    def look(self, text: str) -> Looked:
        """Find and replace. Raises CordonError."""
        from filters.analyse import AnalystFault  # heavy: only a command that looks at text imports it

        parts = (Part(0, "user", Form.TEXT, PatientText(text)),)
        try:
            found = self._analyst.find(parts, (), self._switches)
            with Vault() as vault:
                result = redact(parts, found, vault, actions=_never_refusing(self._actions))
        except (AnalystFault, RedactionError) as error:
            raise CordonError(error.code) from None
        replaced = tuple(f for f in found.parts[0] if self._actions.of(f) is not Action.KEEP)
        refused = sorted({f.kind for f in replaced if self._actions.of(f) is Action.REFUSE})
        return Looked(text, replaced, result.texts[0].reveal(), result.kept, tuple(refused), self._policy)

    def replace(self, turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Replace in the turns of one conversation, and refuse what the service would refuse. Raises CordonError."""
        from filters.analyse import AnalystFault  # heavy: only a command that looks at text imports it

        parts = tuple(Part(i, role, Form.TEXT, PatientText(text)) for i, (role, text) in enumerate(turns))
        try:
            found = self._analyst.find(parts, (), self._switches)
            with Vault() as vault:
                return tuple(text.reveal() for text in redact(parts, found, vault, actions=self._actions).texts)
        except (AnalystFault, RedactionError) as error:
            raise CordonError(error.code) from None


def _never_refusing(actions: Actions) -> Actions:
    """A person who looks wants to see what would be refused, not an error."""
    soften = {Action.REFUSE: Action.MASK}
    return Actions(
        tuple((t, soften.get(a, a)) for t, a in actions.types), tuple((k, soften.get(a, a)) for k, a in actions.kinds)
    )


def coloured(text: str, findings: tuple[Finding, ...]) -> Text:
    """The text with every finding on a coloured ground."""
    view = Text(text)
    for finding in findings:
        view.stylize(f"bold white on {COLOURS[finding.type]}", finding.start, finding.end)
    return view


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, help="a text file; without one, standard input")
    parser.add_argument("--policy", metavar="NAME", help="a policy (default: that of the settings, else hospital)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument(
        "--plugin", action="append", type=Path, default=[], metavar="DIR", help="try a model of your own beside ours"
    )
    parser.add_argument("--explain", action="store_true", help="say which detector found what, with its score")
    parser.add_argument("--html", action="store_true", help="write a page with coloured labels to standard output")
    parser.add_argument(
        "--jsonl", nargs=2, type=Path, metavar=("IN", "OUT"), help="{id,text} lines to spans, for a machine"
    )


def _run(args: argparse.Namespace) -> int:
    try:
        redactor = _loaded(args)
    except (PolicyError, ConfigError, PluginRefused, CordonError) as error:
        complain(_unusable(error))
        return Exit.CONFIG
    try:
        if args.jsonl:
            return _lines(redactor, *args.jsonl)
        text = args.file.read_text(encoding="utf-8") if args.file else sys.stdin.read()
        looked = redactor.look(text)
    except (OSError, UnicodeDecodeError) as error:
        complain(f"the text cannot be read ({type(error).__name__}); nothing was done")
        return Exit.FAILED
    except CordonError as error:
        complain(f"the text cannot be made safe: {error.code}; nothing was written")
        return Exit.FAILED
    if args.html:
        sys.stdout.write(page_of(looked, explain=args.explain))
    else:
        _show(looked, explain=args.explain)
    return Exit.DONE


def _loaded(args: argparse.Namespace) -> Redactor:
    settings = settings_or_defaults(args.config)
    policy = settings.policy.model_copy(update={"name": args.policy} if args.policy else {})
    with err().status("Loading the detectors ...") if sys.stderr.isatty() else _Quiet():
        return Redactor.under(policy, (*settings.detectors.plugins, *args.plugin))


def _unusable(error: Exception) -> str:
    if isinstance(error, PolicyError):
        return f"the policy cannot be used: {error}"
    if isinstance(error, CordonError):
        return f"a detector does not find its own examples ({error.code}); nothing was read"
    return str(error)


class _Quiet:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        return None


def _show(looked: Looked, *, explain: bool) -> None:
    console = out()
    console.print(coloured(looked.text, looked.findings))
    console.print()
    console.rule("what a model would read", align="left", style="dim")
    console.print(looked.redacted, markup=False)
    console.print()
    console.print(_legend(looked.findings))
    for line in remarks(looked):
        console.print(line, style="dim", markup=False)
    if explain and looked.findings:
        console.print()
        console.print(_reasons(looked))


def _reasons(looked: Looked) -> Table:
    """What was found, in order: place, value, kind, how sure, and why."""
    table = Table("characters", "value", "kind", Column("sure", justify="right"), "because", box=None, pad_edge=False)
    recognizers = recognizers_by_kind()
    for f in looked.findings:
        value = Text(" ".join(looked.text[f.start : f.end].split()), f"bold white on {COLOURS[f.type]}")
        value.truncate(_WIDEST, overflow="ellipsis")
        sure = f"{f.score / 10:.0f} %"
        table.add_row(f"{f.start}-{f.end}", value, f"{f.type.value} {f.kind}", sure, grounds_of(f, recognizers))
    return table


def _legend(findings: tuple[Finding, ...]) -> Text:
    counts = Counter(f.type for f in findings)
    legend = Text("nothing found" if not counts else "")
    for kind in sorted(counts):
        legend.append(f" {kind} ", f"bold white on {COLOURS[kind]}").append(f" {counts[kind]}   ")
    return legend


def _lines(redactor: Redactor, source: Path, target: Path) -> int:
    rows = source.read_text(encoding="utf-8").splitlines()
    failed = 0
    with target.open("w", encoding="utf-8") as sink:
        for row in track(rows, "Looking", console=err(), disable=not sys.stderr.isatty()):
            if row.strip():
                failed += not _line(redactor, row, sink)
    if failed:
        complain(f"{failed} of {len(rows)} rows could not be processed; they carry a code in place of spans")
    return Exit.FAILED if failed else Exit.DONE


def _line(redactor: Redactor, row: str, sink: TextIO) -> bool:
    try:
        record = json.loads(row)
        looked = redactor.look(record["text"])
    except (ValueError, KeyError, TypeError):
        code, record = "bad_json", {"id": None}
    except CordonError as error:
        code = error.code
    else:
        spans = list(_spans(looked.findings))
        sink.write(json.dumps({"id": record.get("id"), "redacted": looked.redacted, "spans": spans}) + "\n")
        return True
    sink.write(json.dumps({"id": record.get("id"), "code": code}) + "\n")
    return False


def _spans(findings: tuple[Finding, ...]) -> Iterator[dict[str, object]]:
    for f in findings:
        yield {"start": f.start, "end": f.end, "label": _LABELS.get(f.type, f.type.value), "score": f.score / 1000}


COMMANDS = (
    Command(
        "redact",
        "Show what would be replaced in a text, and what a model would read.",
        'echo "Nimal Perera, NIC 911042754V, seen on 3 March 2024" | cordon redact --explain\n'
        "cordon redact --html note.txt > note.html\n"
        "cordon redact --jsonl notes.jsonl spans.jsonl",
        _run,
        _arguments,
    ),
)
