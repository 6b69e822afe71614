"""Fetch one model file from a repository, for `cordon models import hf:REPO/FILE` and nothing else.

Law: an administrator's explicit command on a connected computer; the service has no such code and no network. The file
lands beside the models under a name of its own; a download that breaks off is taken up where it ended, and what the
repository says about size and digest is compared before anything is imported.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from proxy.cli.command import err
from proxy.config import quiet_downloader

__all__ = ["DownloadFailed", "Fetched", "Place", "fetch", "place_of"]

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_PLACE = re.compile(rf"hf:({_NAME}/{_NAME})/({_NAME}(?:/{_NAME})*)(?:@({_NAME}))?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARTIAL = 206
_TIMEOUT_S = 60
_CHUNK = 1 << 16


class DownloadFailed(Exception):  # noqa: N818 - a sentence for a person
    """The file was not fetched; the message says why and what is kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file of a repository, at a revision."""

    repo: str
    file: str
    revision: str

    def __str__(self) -> str:
        """As typed."""
        return f"hf:{self.repo}/{self.file}" + ("" if self.revision == "main" else f"@{self.revision}")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete file; the publisher's digest where the repository names one."""

    path: Path
    sha256: str


def place_of(source: str) -> Place | None:
    """Read `hf:OWNER/REPO/FILE.gguf[@REVISION]`; None for anything else."""
    found = _PLACE.fullmatch(source)
    return Place(found[1], found[2], found[3] or "main") if found and found[2].endswith(".gguf") else None


def fetch(place: Place, folder: Path, *, endpoint: str | None) -> Fetched:
    """Download into `folder`, taking up what is there. Raises DownloadFailed, OSError."""
    quiet_downloader()
    try:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
    except ImportError:
        raise DownloadFailed(
            "downloading needs huggingface_hub; nothing was fetched. Install cordon-proxy[download], or bring the file "
            "on a medium and import it by its name"
        ) from None
    try:
        url = hf_hub_url(place.repo, place.file, revision=place.revision, endpoint=endpoint)
        said = get_hf_file_metadata(url, token=False, endpoint=endpoint)
    except Exception as error:  # noqa: BLE001 - a foreign library with many kinds of failure: nobody there, no such file
        raise DownloadFailed(
            f"{place} cannot be found ({type(error).__name__}); nothing was fetched. Look at its address"
        ) from None
    if said.etag is None or said.size is None or not said.location.startswith(("https://", "http://")):
        raise DownloadFailed(f"the repository does not say how large {place} is; nothing was fetched")
    # by the digest it should have, so that another version is never continued with this one's beginning
    part = folder / f"{hashlib.sha256(said.etag.encode()).hexdigest()[:32]}.part"
    try:
        _continue(said.location, part, said.size)
    except (OSError, HTTPException) as error:
        raise DownloadFailed(
            f"{place} was not fetched completely ({type(error).__name__}); nothing was imported. What arrived is kept: "
            "the same command goes on from there"
        ) from None
    return _checked(place, part, said.etag, said.size)


def _continue(url: str, part: Path, size: int) -> None:
    """Append what is missing. The library's own download begins anew each time, which is no way with 17 GB."""
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        return
    request = Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - the scheme was checked
    speed = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), *speed)
    with (
        urlopen(request, timeout=_TIMEOUT_S) as reply, part.open("ab") as file,  # noqa: S310 - the same
        Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress,
    ):  # fmt: skip
        if have and reply.status != _PARTIAL:  # a server that knows no ranges starts from the beginning
            file.truncate(0)
            have = 0
        task = progress.add_task("Fetching", total=size, completed=have)
        while chunk := reply.read(_CHUNK):
            file.write(chunk)
            progress.advance(task, len(chunk))


def _checked(place: Place, part: Path, etag: str, size: int) -> Fetched:
    have = part.stat().st_size
    if have < size:
        raise DownloadFailed(
            f"{place} ended after {have:,} of {size:,} bytes; nothing was imported. What arrived is kept: the same "
            "command goes on from there"
        )
    expected = etag if _SHA256.fullmatch(etag) else ""
    if have > size or (expected and _digest(part) != expected):
        part.unlink()
        raise DownloadFailed(
            f"{place} is not the file its repository names; nothing was imported and the file is gone. Try again, and "
            "ask the publisher if it stays"
        )
    return Fetched(part, expected)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
