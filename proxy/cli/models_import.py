"""`cordon models import`: a model file from a medium or a repository onto the shelf, with its licence accepted.

    1 the entry        the id must be in the catalogue; the file's header must be of its family
    2 the licence      shown; accepted by typing it, or by --accept-licence
    3 the file         copied to a name of its own while it is hashed, compared, renamed to its digest
    4 the record       written beside it: what it is, where from, who accepted what and when

Law: nothing of another digest than the catalogue's or the given one is kept; a broken copy leaves nothing behind. A
running service keeps the model it has: a change is a restart, and the log of the next start names the new digest.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from proxy.cli.command import Command, Exit, complain, err, out
from proxy.cli.models_download import DownloadFailed, Place, fetch, place_of
from proxy.cli.shelf import settings_or_defaults
from proxy.config import ConfigError, Settings
from proxy.imports import ImportRecord, file_of, write_record
from proxy.licences import Licence, licence_of
from proxy.models import Catalogue, CatalogueAdapter, CatalogueModel
from proxy.stock import read_catalogue
from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.gguf import Header, read_header
from proxy.workers.engine.headers import is_shape, verify_adapter, verify_model

__all__ = ["IMPORT"]

_CHUNK = 1 << 22
_EMPTY_THOUGHT = "<|channel>thought\n<channel|>"
"""What a template writes before an answer without thinking, where the model wants it; read off the file, not run."""


class _Refused(Exception):  # noqa: N818 - a sentence for a person
    """The file is not imported; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asks for."""

    entry: CatalogueModel | CatalogueAdapter
    source: str
    """The file's name, or where it was fetched from."""
    path: Path
    expected: str
    """The digest it must have; empty: whatever it has is shown and pinned."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FILE", help="a GGUF file, or hf:OWNER/REPO/FILE.gguf to fetch it first")
    parser.add_argument("--as", dest="id", required=True, metavar="ID", help="the model or adapter of the catalogue")
    parser.add_argument("--sha256", default="", metavar="HEX", help="the digest that the publisher names")
    parser.add_argument("--accept-licence", default="", metavar="LICENCE", help="accept it here, for scripts")
    parser.add_argument("--licence-file", type=Path, metavar="FILE", help="its full text, to be shown and recorded")
    parser.add_argument("--endpoint", metavar="URL", help="a mirror of the repository, for hf: alone")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default /etc/cordon/cordon.toml)")


def _run(args: argparse.Namespace) -> int:
    try:
        settings = settings_or_defaults(args.config)
        entry = _entry(read_catalogue(settings.models), args.id)
        expected = _expected(entry, args.sha256)
        with _source(args, settings) as (source, path):
            wanted = _Wanted(entry, source, path, expected)
            header = _header(wanted)
            licence = _accepted(entry, args)
            record = _keep(wanted, header, licence, settings.models.dir)
    except ConfigError as error:
        complain(str(error))
        return Exit.CONFIG
    except (_Refused, DownloadFailed) as error:
        complain(str(error))
        return Exit.NO if isinstance(error, _Refused) else Exit.FAILED
    except OSError as error:
        complain(f"the file was not imported ({error.strerror or type(error).__name__}); nothing was changed")
        return Exit.FAILED
    _say(record, settings, pinned=not expected)
    return Exit.DONE


def _entry(catalogue: Catalogue, wanted: str) -> CatalogueModel | CatalogueAdapter:
    entry = catalogue.find(wanted) or catalogue.adapter_of(wanted)
    if entry is None:
        known = [*(m.id for m in catalogue.model if not m.demo), *(a.id for a in catalogue.adapter)]
        raise ConfigError(
            f"there is no model or adapter {wanted} in the catalogue; nothing was imported. Known: {', '.join(known)}. "
            "Add a table of your own to the file that models.catalogue names"
        )
    if isinstance(entry, CatalogueModel) and entry.demo:
        raise ConfigError(f"{wanted} comes with Cordon; nothing was imported")
    return entry


def _expected(entry: CatalogueModel | CatalogueAdapter, given: str) -> str:
    given = given.lower().removeprefix("sha256:")
    if given and (len(given) != 64 or not set(given) <= set("0123456789abcdef")):
        raise _Refused("--sha256 takes 64 hexadecimal digits; nothing was imported")
    if given and entry.sha256 and given != entry.sha256:
        raise _Refused(f"the catalogue says that {entry.id} is {entry.sha256}, another digest; nothing was imported")
    return entry.sha256 or given


@contextmanager
def _source(args: argparse.Namespace, settings: Settings) -> Iterator[tuple[str, Path]]:
    place = place_of(args.source)
    if place is None:
        if args.source.startswith("hf:"):
            raise _Refused("an address reads hf:OWNER/REPO/FILE.gguf; nothing was fetched")
        path = Path(args.source)
        if not path.is_file():
            raise _Refused(f"there is no file {path}; nothing was imported")
        yield path.name, path
        return
    yield from _downloaded(place, settings.models.dir / ".download", args.endpoint)


def _downloaded(place: Place, folder: Path, endpoint: str | None) -> Iterator[tuple[str, Path]]:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    err().print(f"Fetching {place} ...", markup=False)
    fetched = fetch(place, folder, endpoint=endpoint)
    try:
        yield str(place), fetched.path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _header(wanted: _Wanted) -> Header:
    entry = wanted.entry
    try:
        with wanted.path.open("rb") as stream:
            header = read_header(stream)
        if isinstance(entry, CatalogueAdapter):
            verify_adapter(header)
        else:
            verify_model(header, entry.family, entry.role)
    except EngineError as error:
        raise _Refused(_HEADERS.get(error.code, _HEADERS["model_invalid"]).format(wanted.source, entry.id)) from None
    if is_shape(header):
        raise _Refused(f"{wanted.source} has the shape of a model and no meaning; nothing was imported")
    return header


_HEADERS = {
    "model_invalid": "{} is not a complete GGUF file of the family of {}; nothing was imported",
    "guard_invalid": "{} has weights of two or three bits, which a judge's scores do not survive; nothing was imported",
    "adapter_invalid": "{} is no LoRA adapter that would act whole (trained norms are skipped); nothing was imported",
}


def _accepted(entry: CatalogueModel | CatalogueAdapter, args: argparse.Namespace) -> tuple[Licence, str]:
    """Show the licence and have it accepted; returns it with the digest of what was shown."""
    licence = licence_of(entry.licence)
    text, digest = licence.text, licence.digest
    if args.licence_file is not None:
        raw = args.licence_file.read_bytes()
        text, digest = raw.decode("utf-8", "replace"), hashlib.sha256(raw).hexdigest()
    console = err()
    console.print(text, markup=False, end="" if text.endswith("\n") else "\n")
    if not licence.asks or args.accept_licence == licence.id:
        return licence, digest
    if args.accept_licence:
        raise _Refused(f"the licence of {entry.id} is {licence.id}, not {args.accept_licence}; nothing was imported")
    if not sys.stdin.isatty():
        raise _Refused(f"nobody accepted the licence; nothing was imported. For scripts: --accept-licence {licence.id}")
    console.print(f"Type {licence.id} to accept it for this site: ", markup=False, end="")
    if input().strip() != licence.id:
        raise _Refused("the licence was not accepted; nothing was imported")
    return licence, digest


def _keep(wanted: _Wanted, header: Header, licence: tuple[Licence, str], folder: Path) -> ImportRecord:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    unfinished = folder / f".{secrets.token_hex(8)}.part"
    try:
        size, sha256 = _copied(wanted.path, unfinished)
        if wanted.expected and sha256 != wanted.expected:
            raise _Refused(
                f"{wanted.source} is {sha256}, and {wanted.expected} was expected; nothing was imported. Copy the file "
                "again, and ask its publisher if it stays"
            )
        unfinished.chmod(0o444)
        os.replace(unfinished, file_of(folder, sha256))
    finally:
        unfinished.unlink(missing_ok=True)
    now, who = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), f"{getpass.getuser()} ({os.getuid()})"
    adapter = isinstance(wanted.entry, CatalogueAdapter)
    record = ImportRecord(
        id=wanted.entry.id, kind="adapter" if adapter else "model", sha256=sha256, bytes=size, source=wanted.source,
        arch=header.arch, empty_thought=_EMPTY_THOUGHT in header.text("tokenizer.chat_template").replace("\\n", "\n"),
        imported=now, imported_by=who, licence=licence[0].id, licence_sha256=licence[1], accepted_by=who, accepted=now,
    )  # fmt: skip
    write_record(folder, record)
    return record


def _copied(source: Path, target: Path) -> tuple[int, str]:
    """Copy and hash in one pass, with a bar on a terminal; the copy is on the disk when this returns."""
    speed = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *speed)
    size, digest = 0, hashlib.sha256()
    with (
        source.open("rb") as file, target.open("xb") as copy,
        Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress,
    ):  # fmt: skip
        task = progress.add_task(f"Copying {source.name}", total=source.stat().st_size)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += copy.write(chunk)
            progress.advance(task, len(chunk))
        copy.flush()
        os.fsync(copy.fileno())
    return size, digest.hexdigest()


def _say(record: ImportRecord, settings: Settings, *, pinned: bool) -> None:
    console = out()
    console.print(f"{record.id} is imported: {record.bytes:,} bytes of {record.arch}", markup=False)
    console.print(f"  sha256 {record.sha256}")
    console.print(f"  {file_of(settings.models.dir, record.sha256)}", markup=False)
    console.print(f"  licence {record.licence}, accepted by {record.accepted_by} at {record.accepted}", markup=False)
    if pinned:
        console.print("Nobody named a digest, so this one is now the approved one: compare it with the publisher's.")
    key = "adapter" if record.kind == "adapter" else "answer or guard"
    console.print(
        f"A running service keeps what it has. Name it under [models] ({key}), then: systemctl restart cordon",
        markup=False,
    )


IMPORT = Command(
    "models import",
    "Bring a model file onto this computer: checked, hashed, its licence accepted, recorded.",
    "cordon models import /media/stick/gemma-4-E4B-it-Q4_K_M.gguf --as gemma-4-e4b-it\n"
    "cordon models import shieldgemma-2b-Q8_0.gguf --as shieldgemma-2b --sha256 3f2a... --accept-licence Gemma\n"
    "cordon models import hf:OWNER/REPO/FILE.gguf --as gemma-4-e4b-it",
    _run,
    _arguments,
)
