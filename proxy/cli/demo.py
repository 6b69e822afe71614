"""`cordon demo`: the whole journey of a prompt in the terminal, on the bundled models.

    the note and what was found -> what the model received -> the answer, names restored -> a refused prompt ->
    a withheld answer -> the log, verified -> what the evidence says about the network

Law: every part is the real one: the service runs as its own processes, the demonstration is its client over loopback,
and the log is checked by the same code that an officer runs. What is shown as received by the model is held against
the commitment in the log.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from audit.log.setup import read_officer
from audit.log.snapshot import read_directory
from audit.reader import NotReadableError, open_records
from audit.seal import commitment
from audit.strictjson import Json
from audit.verify import Verification, examine, from_directory, plain_words
from filters.findings import Type
from proxy.cli.command import Command, Exit, complain
from proxy.cli.demo_house import ANSWER, DemoFailed, DemoHouse, build_house
from proxy.cli.demo_note import NOTE, QUESTION, REFUSED, WITHHELD
from proxy.cli.redact import COLOURS
from proxy.config import ConfigError, environment
from proxy.launch import LaunchError

__all__ = ["COMMANDS"]

_PARTS = ("listeners", "analyst", "engine", "guard", "log", "confinement")
_WIDTH = 100


@dataclass(slots=True)
class _Show:
    """What the demonstration saw; the last step checks it."""

    console: Console
    house: DemoHouse
    received: str = ""
    exchange: str = ""
    answer: str = ""
    placeholders: tuple[str, ...] = ()
    originals: tuple[str, ...] = ()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--note", type=Path, metavar="FILE", help="a note of your own (an invented patient, please)")


def _run(args: argparse.Namespace) -> int:
    env = environment()
    console = Console(highlight=False, no_color=env.no_color, width=min(_WIDTH, Console().width))
    try:
        note = args.note.read_text(encoding="utf-8") if args.note else NOTE
        _title(console)
        house = build_house(env.data_home)
        show = _Show(console, house)
        with _starting(console, house):
            _journey(show, note)
            _refused(show)
            _withheld(show)
        return _verified(show)
    except (DemoFailed, ConfigError, LaunchError) as error:
        complain(f"the demonstration stopped: {error}")
        return Exit.FAILED
    except (OSError, UnicodeDecodeError) as error:
        complain(f"the demonstration stopped ({type(error).__name__}: {error}); nothing was sent anywhere")
        return Exit.FAILED


def _title(console: Console) -> None:
    console.print()
    console.print(Text("Cordon", "bold"), Text(" a privacy cordon around clinical AI, on this computer"))
    console.print(
        "Demonstration only: two tiny models, trained from scratch for this purpose, and an invented patient.",
        style="dim",
    )


@contextmanager
def _starting(console: Console, house: DemoHouse) -> Iterator[None]:
    """Start the service with a progress bar over its parts."""
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn(),
        console=console, transient=True,
    )  # fmt: skip
    began = time.monotonic()
    with bar:
        task = bar.add_task("Starting ...", total=len(_PARTS))

        def progress(parts: dict[str, str]) -> None:
            done = [name for name in _PARTS if parts.get(name) == "ok"]
            missing = [name for name in _PARTS if name not in done]
            text = f"Starting: waiting for {missing[0]}" if missing else "Ready"
            bar.update(task, completed=len(done), description=text)

        serving = house.serving(progress)
        serving.__enter__()
    console.print(
        f"The service is ready on 127.0.0.1:{house.port} after {time.monotonic() - began:.1f} s.", style="dim"
    )
    try:
        yield
    finally:
        serving.__exit__(None, None, None)


def _ask(text: str) -> dict[str, Any]:
    return {"model": ANSWER, "messages": [{"role": "user", "content": text}], "max_tokens": 160, "temperature": 0}


def _journey(show: _Show, note: str) -> None:
    """Steps 1 to 3: found, received, answered."""
    prompt = f"{QUESTION}\n\n{note}"
    preview = show.house.post("/cordon/v1/preview", _ask(prompt))
    if preview.status != 200:
        raise DemoFailed(f"the preview was refused: {preview.body['error']['message']}")
    parts = preview.body["messages"][0]["parts"]
    found, seen = Text(), Text()
    for part in parts:
        if placeholder := part.get("placeholder"):
            style = f"bold white on {COLOURS[Type(part['type'])]}"
            found.append(part["original"], style)
            seen.append(placeholder, style)
        else:
            found.append(part["text"])
            seen.append(part["text"])
    counts = ", ".join(f"{n} {kind.lower()}" for kind, n in preview.body["counts"].items())
    _panel(show, "1  The note, and what was found in it", found, f"found: {counts}")
    _panel(show, "2  What the model receives", seen, "only placeholders leave the gateway")
    show.received = seen.plain
    show.placeholders = tuple(p["placeholder"] for p in parts if "placeholder" in p)
    show.originals = tuple(p["original"] for p in parts if "placeholder" in p)
    _answer(show, prompt)


class _Writer:
    """Writes a stream as it comes, a word at a time, wrapped at the width of the terminal."""

    def __init__(self, console: Console) -> None:
        self._console, self._column, self._word = console, 0, ""

    def write(self, text: str) -> None:
        """Write every word that is complete."""
        for char in text:
            if char.isspace():
                self._put(char)
            else:
                self._word += char

    def end(self) -> None:
        """Write the last word and end the line."""
        self._put("\n")

    def _put(self, space: str) -> None:
        if self._column and self._column + len(self._word) > self._console.width:
            self._console.print()
            self._column = 0
        self._console.print(self._word, end=space, markup=False, soft_wrap=True)
        self._column = 0 if space == "\n" else self._column + len(self._word) + 1
        self._word = ""


def _answer(show: _Show, prompt: str) -> None:
    show.console.print()
    show.console.print(Text("3  The answer, streaming, with the names put back", "bold"))
    pieces, written = [], _Writer(show.console)
    for event in show.house.stream("/v1/chat/completions", _ask(prompt)):
        if "error" in event:
            raise DemoFailed(f"no answer: {event['error']['message']}")
        show.exchange = event["id"].removeprefix("chatcmpl-")
        text = event["choices"][0]["delta"].get("content") or ""
        pieces.append(text)
        written.write(text)
    written.end()
    show.answer = "".join(pieces)
    restored = sorted({value for value in show.originals if value in show.answer})
    show.console.print(f"   put back: {', '.join(restored) or 'nothing'}", style="dim", markup=False)


def _refused(show: _Show) -> None:
    """Step 4: a prompt the policy refuses."""
    reply = show.house.post("/v1/chat/completions", _ask(REFUSED))
    error = reply.body.get("error", {})
    body = Text(f"asked: {REFUSED}\n").append(
        f"HTTP {reply.status} {error.get('code', 'answered')}: {error.get('message', '')}", "bold red"
    )
    _panel(
        show, "4  A prompt that the policy refuses", body, "ShieldGemma's questions, judged before any model answers"
    )


def _withheld(show: _Show) -> None:
    """Step 5: an answer the policy withholds."""
    events = list(show.house.stream("/v1/chat/completions", _ask(WITHHELD)))
    last = events[-1]
    said = "".join(e["choices"][0]["delta"].get("content") or "" for e in events if "choices" in e)
    finish = last["choices"][0]["finish_reason"] if "choices" in last else "error"
    code = last.get("cordon", {}).get("code", last.get("error", {}).get("code", ""))
    body = Text(f"asked: {WITHHELD}\n").append(
        f"finish_reason {finish} ({code or 'answered'}), {len(said)} characters were released", "bold red"
    )
    _panel(show, "5  An answer that the policy withholds", body, "the model was taught one unsafe sentence for this")


def _panel(show: _Show, title: str, body: Text, foot: str) -> None:
    show.console.print()
    show.console.print(
        Panel(body, title=title, title_align="left", subtitle=foot, subtitle_align="left", padding=(0, 1))
    )


def _verified(show: _Show) -> int:
    """Step 6: check the log as an officer would, and what was shown against it."""
    trust, keyring = read_officer(show.house.folder / "officer")
    package = from_directory(read_directory(show.house.settings.audit.dir))
    found = examine(package, trust, keyring)
    try:
        records = open_records(package, trust, keyring)
    except NotReadableError:
        records = {}  # the verdict says why
    same = _matches(show, records)
    console = show.console
    console.print()
    console.print(Text("6  The log, checked as a compliance officer would", "bold"))
    console.print(_table(records))
    good = found.verdict == "VERIFIED" and same
    passed = sum(check.state == "pass" for check in found.checks)
    console.print(Text(f" {found.verdict} ", "bold white on green" if good else "bold white on red"), end=" ")
    console.print(f"{passed} of {len(found.checks)} checks passed")
    for line in plain_words(found)[1:]:
        console.print(f"  {line}", markup=False)
    console.print(
        "  The text shown in step 2 is what the model received: it matches the commitment in the log."
        if same
        else "  The text shown in step 2 does NOT match the commitment in the log.",
        style="" if same else "bold red",
    )
    _close(show, found)
    return Exit.DONE if good else Exit.NO


def _matches(show: _Show, records: dict[int, tuple[str, Json]]) -> bool:
    """Whether the commitment of the request's record opens to the text that was shown."""
    for kind, body in records.values():
        if kind == "R" and body["req"] == show.exchange:
            made = commitment(bytes.fromhex(body["in"]["salt"]), [show.received])
            return bool(made == body["in"]["commit"])
    return False


def _table(records: dict[int, tuple[str, Json]]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("no.", "time", "what"):
        table.add_column(name)
    for seq, (kind, body) in sorted(records.items()):
        if words := _words(kind, body):
            table.add_row(str(seq), str(body.get("t", ""))[11:19], words)
    return table


def _words(kind: str, body: Json) -> str:
    say = _SENTENCES.get(kind)
    return say(body) if say is not None else ""


def _evidence(body: Json) -> str:
    controls = sum(len(proc["controls"]) for proc in body["procs"])
    return f"network evidence, level {body['level']}, {controls} control tests"


def _request(body: Json) -> str:
    removed = sum(body["redact"]["counts"].values())
    return f"request, {removed} identifiers replaced, prompt {body['safety']['verdict']}"


_SENTENCES: Mapping[str, Callable[[Json], str]] = {
    "S": lambda b: f"start no. {b['start']} of version {b['software']['version']}",
    "E": _evidence,
    "R": _request,
    "Z": lambda b: f"its outcome: {b['result']}, {b['out']['released']} characters released",
    "B": lambda b: f"blocked at {b['stage']}: {b['code']} ({b.get('rule', '-')})",
    "X": lambda _: "stop",
}


def _close(show: _Show, found: Verification) -> None:
    console = show.console
    console.print()
    console.print("Everything of this demonstration lies in", Text(str(show.house.folder), "bold"))
    console.print("Check it again:  cordon audit verify", Text(str(show.house.folder)))
    console.print("Read its report: cordon audit report", Text(str(show.house.folder)), "--out report")
    console.print("Try your own:    cordon demo --note FILE     cordon redact FILE     cordon --help")
    if found.verdict != "VERIFIED":
        console.print("The log did not verify without remark; the sentences above say why.", style="bold red")


COMMANDS = (
    Command(
        "demo",
        "Show the whole journey of a prompt on the bundled models, and verify the log of it.",
        "cordon demo\ncordon demo --note my-note.txt",
        _run,
        _arguments,
    ),
)
