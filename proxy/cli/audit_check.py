"""`cordon audit verify | anchor | records`: what the officer does with a package, on her own computer.

Law: keys come from the user, never from the package; when they are found beside it, the output says so. The exit
statuses of `verify` are those of the log's format: 0 verified, 1 with gaps, 2 not verified, 3 cannot tell, 4 wrong use.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from audit import officer
from audit.checkpoint import BadSignatureError, Checkpoint, Note, checkpoint_code
from audit.log import AuditError, read_directory
from audit.log.disk import Disk
from audit.officer import Keyring, Trust
from audit.reader import NotReadableError, open_records
from audit.strictjson import MalformedError
from audit.verify import (
    Anchors,
    Package,
    Verification,
    Watch,
    examine,
    examine_watched,
    from_directory,
    plain_words,
    read_package,
    texts,
)
from audit.verify.findings import State, Verdict
from audit.verify.leaves import Progress
from audit.words import kind_words, readable
from proxy.cli.browser_page import write_page
from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.officer_care import days_since_drill
from proxy.cli.officer_keys import (
    KeysError,
    OfficerFiles,
    anchor_folder,
    ask_passphrase,
    open_identity,
    read_keyring,
    read_trust,
)  # fmt: skip
from proxy.cli.qr import qr_svg, qr_terminal

__all__ = ["CHECKS", "STATUS", "WRONG_USE", "Case", "open_case", "progress", "show", "verify_arguments"]

WRONG_USE = 4
STATUS: Mapping[Verdict, int] = {"VERIFIED": 0, "VERIFIED WITH GAPS": 1, "NOT VERIFIED": 2, "CANNOT TELL": 3}
_COLOURS: Mapping[Verdict, str] = {
    "VERIFIED": "bold white on #0b6e4f", "VERIFIED WITH GAPS": "bold white on #7a4f01",
    "NOT VERIFIED": "bold white on #b3261e", "CANNOT TELL": "bold white on #455a64",
}  # fmt: skip
_WORDS: Mapping[State, tuple[str, str]] = {
    "pass": ("holds", "green"), "gap": ("gap", "yellow"), "unknown": ("cannot tell", "yellow"),
    "fail": ("DOES NOT HOLD", "bold red"), "not_run": ("not run", "dim"),
}  # fmt: skip
_STAGES = ("package", "identity", "history", "coverage", "contents", "meaning")
_MAX_NOTE = 128 * 1024
_DRILL_DAYS = 180


@dataclass(frozen=True, slots=True)
class Case:
    """What is examined, with which keys, and what the reader must be told about where they came from."""

    package: Package
    trust: Trust
    keyring: Keyring | None
    anchors: Anchors
    remarks: tuple[str, ...]


def _key_arguments(parser: argparse.ArgumentParser, path_nargs: str | None = None) -> None:
    parser.set_defaults(usage_status=WRONG_USE)
    what = "a package (.zip), a log's folder, or a demonstration's folder"
    parser.add_argument("path", type=Path, nargs=path_nargs, help=what)
    parser.add_argument("--trust", type=Path, metavar="FILE", help="your trust.json: whom you believe")
    parser.add_argument("--keyring", type=Path, metavar="FILE", help="your keyring.age: opens the contents")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="your identity: opens the keyring")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase here, do not ask")
    parser.add_argument("--json", action="store_true", help="for machines")


def verify_arguments(parser: argparse.ArgumentParser, path_nargs: str | None = None) -> None:
    _key_arguments(parser, path_nargs)
    parser.add_argument("--anchors", type=Path, metavar="DIR", help="your book of anchors")
    parser.add_argument("--paper", action="append", default=[], metavar="CODE", help="a code you wrote down earlier")


def _verify_or_page_arguments(parser: argparse.ArgumentParser) -> None:
    verify_arguments(parser, "?")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the page that checks logs in a browser")


def _verify(args: argparse.Namespace) -> int:
    if args.html is not None:
        return write_page(args.html)
    if args.path is None:
        complain("say what to check: a package (.zip) or a log's folder; nothing was checked")
        return WRONG_USE
    try:
        with open_case(args) as case, progress("Recomputing every record, key and seal") as told:
            watch = Watch(progress=told)
            found = examine_watched(case.package, case.trust, case.keyring, case.anchors, watch=watch).found
    except KeysError as error:
        complain(str(error))
        return WRONG_USE
    if args.json:
        sys.stdout.write(found.encode().decode("ascii") + "\n" * sys.stdout.isatty())
    else:
        show(found, case.remarks, out())
    return STATUS[found.verdict]


@contextmanager
def progress(words: str) -> Iterator[Progress]:
    """Show how far a long check is, on a terminal; silence elsewhere."""
    console = err()
    columns = (SpinnerColumn("line"), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with RichProgress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(words, total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{words}: {what}", completed=done, total=total)

        yield told


# ---- what is examined ------------------------------------------------------------------------------------------


@contextmanager
def open_case(args: argparse.Namespace) -> Iterator[Case]:
    """Open what the command line names, and find what it does not name beside it. Raises KeysError."""
    beside = _beside(args.path)
    named = OfficerFiles(args.trust, args.keyring, args.identity, getattr(args, "anchors", None))
    files = named.or_else(OfficerFiles.in_folder(beside)) if beside is not None else named
    if files.trust is None:
        raise KeysError("say whom you believe: --trust trust.json; nothing was checked")
    remarks = _remarks(named, files, beside)
    trust = read_trust(files.trust)
    keyring = None
    if files.keyring is not None and files.identity is not None:
        identity = open_identity(files.identity, ask_passphrase(args.passphrase_file))
        keyring = read_keyring(files.keyring, [identity])
    elif files.keyring is not None:
        remarks = (*remarks, "The keyring was not opened: name an identity with --identity.")
    anchors = _anchors(files.anchors, getattr(args, "paper", []))
    with _package(args.path) as package:
        yield Case(package, trust, keyring, anchors, remarks)


def _beside(path: Path) -> Path | None:
    """An officer's folder in or next to what is examined, as a demonstration leaves it."""
    for folder in (path / "officer", path.resolve().parent / "officer"):
        if folder.is_dir():
            return folder
    return None


def _remarks(named: OfficerFiles, files: OfficerFiles, beside: Path | None) -> tuple[str, ...]:
    if named == files or beside is None:
        return ()
    sentence = f"Keys were found beside the log, in {beside}: who can change the log can change them too."
    return (sentence,)


@contextmanager
def _package(path: Path) -> Iterator[Package]:
    folder = path / "audit" if (path / "audit" / "log").is_dir() else path
    if folder.is_dir():
        try:
            package = from_directory(read_directory(folder))
        except AuditError as error:
            raise KeysError(f"{folder}: {error.detail}; nothing was checked") from None
        yield package
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise KeysError(f"{path} cannot be read ({error.strerror}); nothing was checked") from None
    with file:
        yield read_package(file)


def _anchors(folder: Path | None, paper: list[str]) -> Anchors:
    if folder is None:
        return Anchors(paper=tuple(paper))
    try:
        notes = [p for p in sorted(folder.rglob("*.note")) if p.stat().st_size <= _MAX_NOTE]
        return Anchors(tuple(p.read_bytes() for p in notes), tuple(paper))
    except OSError as error:
        raise KeysError(f"{folder} cannot be read ({error.strerror}); nothing was checked") from None


# ---- how it is shown -------------------------------------------------------------------------------------------


def show(found: Verification, remarks: tuple[str, ...], console: Console) -> None:
    """Verdict, sentences for a person, and the table of checks."""
    verdict, *sentences = plain_words(found)
    console.print(Text(f" {verdict} ", _COLOURS[found.verdict]))
    for sentence in (*sentences, *remarks):
        console.print(readable(sentence), markup=False)
    console.print()
    if found.origin:
        console.print(f"Computer {found.origin}", markup=False)
        console.print(f"Records  {found.range[0]} to {found.range[1]}, {found.size} in all")
        console.print()
    table = Table("no.", "stage", "check", "result", "findings", box=None, pad_edge=False)
    for check in found.checks:
        row = texts()["checks"][check.id]
        word, colour = _WORDS[check.state]
        count = str(len(check.findings)) if check.findings else ""
        table.add_row(check.id, _STAGES[row["stage"] - 1], row["title"], Text(word, colour), count)
    console.print(table)
    if found.totals:
        console.print()
        console.print(_totals(found), markup=False)


def _totals(found: Verification) -> str:
    names = ("requests", "answered", "refused", "failed", "blocked", "flagged")
    counts = [f"{found.totals[name]} {name}" for name in names]
    removed = ", ".join(f"{kind_words(kind)} {n}" for kind, n in found.totals["removed"].items()) or "none"
    return f"In these records: {', '.join(counts)}. Identifiers replaced: {removed}."


# ---- anchor ----------------------------------------------------------------------------------------------------


def _anchor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, help="a package (.zip)")
    parser.add_argument("--dir", required=True, type=Path, help="the officer's folder: keys and book of anchors")
    parser.add_argument("--identity", type=Path, metavar="FILE", help="which identity opens the keyring")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE", help="read the passphrase here, do not ask")
    parser.add_argument("--out", type=Path, default=Path("anchor.note"), metavar="FILE", help="for the workstation")
    parser.add_argument("--qr", type=Path, metavar="FILE", help="also write the note as a QR code (.svg), for paper")


def _anchor(args: argparse.Namespace) -> int:
    """Verify, store in the book, and only then hand out: else a rolled-back officer could sign two histories."""
    try:
        found, note = _checked_anchor(args)
        if not note:
            show(found, (), err())
            complain("nothing was signed, because the log does not verify")
            return Exit.NO
        args.out.write_bytes(note)
        if args.qr is not None:
            args.qr.write_text(_picture(note), encoding="utf-8")
    except KeysError as error:
        complain(str(error))
        return Exit.FAILED
    except OSError as error:
        complain(f"a file cannot be written ({error.strerror}); no anchor was handed out")
        return Exit.FAILED
    point = Checkpoint.parse(Note.parse(note).text)
    _say_anchor(args, found, point)
    return Exit.DONE


def _picture(note: bytes) -> str:
    picture = qr_svg(note.decode("utf-8"))
    if not picture:
        raise KeysError("the QR code needs its library: pip install segno. The note itself is written")
    return picture


def _say_anchor(args: argparse.Namespace, found: Verification, point: Checkpoint) -> None:
    console = out()
    console.print(f"{found.verdict}. History is fixed up to record {point.size - 1}.")
    console.print(f"On paper: [bold]{checkpoint_code(point)}[/bold]")
    code = qr_terminal(f"cordon {point.origin} {checkpoint_code(point)}") if console.is_terminal else ""
    if code:
        console.print(code, markup=False, highlight=False)
    console.print(f"Next, on the workstation: cordon audit accept {args.out.name}", markup=False)
    days = days_since_drill(args.dir, time.time())
    if days is None or days > _DRILL_DAYS:
        ago = "was never noted" if days is None else f"is {days} days ago"
        complain(f"the last recovery drill {ago}. See: cordon officer drill --dir {args.dir}")


def _checked_anchor(args: argparse.Namespace) -> tuple[Verification, bytes]:
    """Examine with the officer's own keys and book; no note if it does not verify. Raises KeysError or OSError."""
    files = OfficerFiles(identity=args.identity).or_else(OfficerFiles.in_folder(args.dir))
    if files.trust is None or files.keyring is None or files.identity is None:
        raise KeysError(f"{args.dir} has no complete keys; nothing was signed. Name an identity with --identity")
    args.trust, args.keyring, args.identity, args.anchors = files.trust, files.keyring, files.identity, files.anchors
    with open_case(args) as case, err().status("Checking before signing ...", spinner="line"):
        found = examine(case.package, case.trust, case.keyring, case.anchors)
        return found, _sign(args.dir, case) if found.verdict.startswith("VERIFIED") else b""


def _sign(folder: Path, case: Case) -> bytes:
    """Store the cosigned checkpoint durably, and return what is stored. Raises KeysError or OSError."""
    checkpoint = case.package.read("log/checkpoint")
    point = Checkpoint.parse(Note.parse(checkpoint).text)
    book = Disk(folder)
    place = anchor_folder(point.origin)
    newest = max((int(Path(name).stem) for name in book.names(place) if Path(name).stem.isdigit()), default=0)
    if point.size < newest:
        raise KeysError(f"your book has a newer anchor, of {newest} records; nothing was signed")
    if case.keyring is None:
        raise KeysError("the keyring is needed to sign; nothing was signed")
    path = f"{place}/{point.size:012d}.note"
    if not book.exists(path):
        book.write(path, officer.anchor(checkpoint, case.keyring, int(time.time())))
    return book.read(path)


# ---- records ---------------------------------------------------------------------------------------------------


def _records(args: argparse.Namespace) -> int:
    """Show the records that verify; what does not is not shown."""
    try:
        with open_case(args) as case:
            if case.keyring is None:
                raise KeysError("records are sealed; nothing was read. Name your keyring and your identity")
            records = open_records(case.package, case.trust, case.keyring)
    except KeysError as error:
        complain(str(error))
        return WRONG_USE
    except (NotReadableError, MalformedError, BadSignatureError):
        complain("the log does not verify, so nothing of it is shown. See: cordon audit verify")
        return Exit.FAILED
    for seq, (kind, body) in records.items():
        if args.json:
            print(json.dumps({"seq": seq, "kind": kind, **body}))
        else:
            print(f"{seq:>7}  {kind}  {body.get('t', ''):29}  {_gist(body)}")
    return Exit.DONE


def _gist(body: Mapping[str, object]) -> str:
    fields = ("why", "level", "dialect", "stage", "code", "result", "what", "start", "dur_ms")
    return "  ".join(f"{name} {body[name]}" for name in fields if body.get(name) is not None)


CHECKS = (
    Command(
        "audit verify",
        "Check a log: was it changed, were there gaps, and what did it say?",
        "cordon audit verify cordon-export.zip --trust trust.json --keyring keyring.age --identity me.identity.age\n"
        "cordon audit verify ~/.local/share/cordon/demo\n"
        "cordon audit verify --html verify.html",
        _verify,
        _verify_or_page_arguments,
    ),
    Command(
        "audit anchor",
        "Check a package, then fix its history in your book and for the workstation.",
        "cordon audit anchor cordon-export.zip --dir /media/stick/officer",
        _anchor,
        _anchor_arguments,
    ),
    Command(
        "audit records",
        "List the records of a log that verifies, one a line.",
        "cordon audit records ~/.local/share/cordon/demo --json",
        _records,
        _key_arguments,
    ),
)
