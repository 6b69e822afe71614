"""`cordon eval`: how well a model answers questions with known answers, on this computer.

    choice   the logits of the option letters after the question: no text is generated, so every question counts
    text     a greedy answer, compared exactly, by a word it must hold, or by a pattern

Law: every question is redacted like any text before a model reads it, unless the effect of that is what is asked for;
questions, answers and results stay on this computer. The engine is the service's, locked and on its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from filters.parts import RedactedText
from policies.model import PolicyError
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.eval_chart import chart
from proxy.cli.examinee import Examinee, examinee
from proxy.cli.lone_engine import EngineGone
from proxy.cli.redact import Redactor
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, PolicySettings, Settings
from proxy.errors import CordonError
from proxy.exam import Accuracy, Item, Outcome, RowError, accuracy, by_topic, compare, is_right, items_of, prompt_of

__all__ = ["COMMANDS"]

_WHOLE = "all questions"
_REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class _Result:
    """One pass over the questions."""

    name: str
    outcomes: tuple[Outcome, ...]
    changed: int | None
    """Questions in which something was replaced; None where nothing was to be."""

    @property
    def table(self) -> Mapping[str, Accuracy]:
        """The whole first, then its topics where there are several."""
        topics = by_topic(self.outcomes)
        return {_WHOLE: accuracy(self.outcomes), **(topics if len(topics) > 1 else {})}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.jsonl", help="questions, one JSON object a line")
    parser.add_argument("--model", metavar="ID", help="the model (default: models.answer of the settings)")
    parser.add_argument("--compare", metavar="ID", help="another model, on the same questions")
    parser.add_argument(
        "--redaction", choices=("on", "off", "both"), default="on",
        help="replace identifiers before asking (default), or not, or both ways to see the effect",
    )  # fmt: skip
    parser.add_argument("--policy", default="hospital", metavar="NAME", help="whose rules replace (default hospital)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N questions")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write every answer as a JSON line")
    parser.add_argument("--chart", type=_svg, metavar="FILE.svg", help="write a bar chart, to be opened in a browser")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")
    parser.add_argument("--json", action="store_true", help="for machines")


def _svg(name: str) -> Path:
    """A file that says what it is: a picture under another name would not open."""
    path = Path(name)
    if path.suffix != ".svg":
        raise argparse.ArgumentTypeError("the chart is an SVG; give it a name that ends with .svg")
    return path


def _run(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        items = items_of(args.file.read_text(encoding="utf-8"))[: args.limit]
        results = _results(args, settings, items)
        _write(args, results)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (RowError, PolicyError, CordonError, EngineGone) as error:
        complain(_sentence(error))
        return Exit.FAILED
    except (OSError, UnicodeDecodeError) as error:
        complain(f"a file cannot be read or written ({type(error).__name__}); the results are not complete")
        return Exit.FAILED
    if args.json:
        print(json.dumps(_body(results)))
    else:
        _show(out(), results)
        if args.chart:
            out().print(f"The chart is in {args.chart}; a browser opens it.", markup=False, highlight=False)
    return Exit.DONE


def _sentence(error: Exception) -> str:
    match error:
        case RowError():
            return f"the questions are not in form: {error}; nothing was asked"
        case PolicyError():
            return f"the policy cannot be used: {error}; nothing was asked"
        case CordonError():
            return f"a question cannot be made safe or asked ({error.code}); the results are not complete"
        case _:
            return f"the engine is gone ({error}); the results are not complete"


# ---- asking -------------------------------------------------------------------------------------------------------


def _results(args: argparse.Namespace, settings: Settings, items: Sequence[Item]) -> list[_Result]:
    if not items:
        raise RowError("there is none")
    plain = {item.id: prompt_of(item) for item in items}
    ways: dict[str, Mapping[str, str]] = {}
    if args.redaction in ("on", "both"):
        ways[_REPLACED] = _redacted(settings.policy.model_copy(update={"name": args.policy}), plain)
    if args.redaction in ("off", "both"):
        ways["as it is"] = plain
    results = []
    for model in [name for name in (args.model or settings.models.answer, args.compare) if name]:
        with examinee(settings, model) as asked:
            for way, prompts in ways.items():
                name = model if len(ways) == 1 else f"{model}, {way}"
                changed = sum(prompts[key] != plain[key] for key in plain) if way == _REPLACED else None
                results.append(_Result(name, tuple(_pass(asked, items, prompts, name)), changed))
    return results


def _redacted(policy: PolicySettings, prompts: Mapping[str, str]) -> Mapping[str, str]:
    with _bar() as progress:
        task = progress.add_task("Replacing identifiers", total=len(prompts))
        redactor = Redactor.under(policy)
        done = {}
        for key, prompt in prompts.items():
            (done[key],) = redactor.replace([("user", prompt)])
            progress.advance(task)
    return done


def _pass(asked: Examinee, items: Sequence[Item], prompts: Mapping[str, str], name: str) -> list[Outcome]:
    outcomes = []
    with _bar() as progress:
        task = progress.add_task(name, total=len(items))
        for item in items:
            text = RedactedText(prompts[item.id])
            given = asked.choose(text, item.letters) if item.letters else asked.say(text)
            outcomes.append(Outcome(item, given, is_right(item, given)))
            progress.advance(task)
    return outcomes


def _bar() -> Progress:
    return Progress(console=err(), transient=True, disable=not sys.stderr.isatty())


# ---- telling ------------------------------------------------------------------------------------------------------


def _write(args: argparse.Namespace, results: Sequence[_Result]) -> None:
    if args.out:
        with args.out.open("w", encoding="utf-8") as file:
            for result in results:
                for one in result.outcomes:
                    row = {"id": one.item.id, "run": result.name, "given": one.given, "right": one.right}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    if args.chart:
        title = f"{args.file.stem}: right answers"
        args.chart.write_text(chart(title, [(result.name, result.table) for result in results]), encoding="utf-8")


def _show(console: Console, results: Sequence[_Result]) -> None:
    columns = [Column(result.name, justify="right", no_wrap=True) for result in results]
    table = Table(
        Column("topic", no_wrap=True),
        Column("questions", justify="right", no_wrap=True),
        *columns,
        box=None,
        pad_edge=False,
    )
    for topic, found in results[0].table.items():
        cells = [_words(result.table[topic]) for result in results]
        table.add_row(topic, str(found.of), *cells)
    console.print(table)
    for changed in {result.changed for result in results} - {None}:
        console.print(f"\nSomething was replaced in {changed} of {len(results[0].outcomes)} questions.")
    for first, second in _pairs(results):
        pair = compare(first.outcomes, second.outcomes)
        console.print(
            f"\n{first.name} and {second.name}: both right {pair.both}, only the first {pair.only_first}, only the "
            f"second {pair.only_second}, neither {pair.neither}; p = {pair.p:.2g}"
        )
        same = sum(a.given == b.given for a, b in zip(first.outcomes, second.outcomes, strict=True))
        console.print(f"The same answer to {same} of {len(first.outcomes)} questions.")
    console.print("\nIn brackets: the 95 % interval. Public questions may have been in a model's training.")


def _pairs(results: Sequence[_Result]) -> list[tuple[_Result, _Result]]:
    return list(pairwise(results))


def _words(found: Accuracy) -> str:
    return f"{100 * found.share:.1f} % ({100 * found.low:.0f} to {100 * found.high:.0f})"


def _body(results: Sequence[_Result]) -> dict[str, object]:
    def row(found: Accuracy) -> dict[str, object]:
        return {"right": found.right, "of": found.of, "low": round(found.low, 4), "high": round(found.high, 4)}

    pairs = []
    for first, second in _pairs(results):
        pair = compare(first.outcomes, second.outcomes)
        pairs.append({
            "first": first.name, "second": second.name, "both": pair.both, "only_first": pair.only_first,
            "only_second": pair.only_second, "neither": pair.neither, "p": pair.p,
        })  # fmt: skip
    runs = [
        {"name": r.name, "changed": r.changed, "accuracy": {topic: row(found) for topic, found in r.table.items()}}
        for r in results
    ]
    return {"runs": runs, "comparisons": pairs}


COMMANDS = (
    Command(
        "eval",
        "Ask a model questions with known answers, and say how many it gets right.",
        "cordon eval medqa.jsonl --chart medqa.svg\n"
        "cordon eval medqa.jsonl --model gemma-4-e4b-it --compare medgemma-1.5-4b-it\n"
        "cordon eval ward.jsonl --redaction both --json",
        _run,
        _arguments,
    ),
)
