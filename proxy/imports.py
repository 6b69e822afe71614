"""What was imported: one record beside each model file, saying what it is, where it came from, and who accepted what.

    /var/lib/cordon/models/3f2a….gguf     the file, named by its SHA-256
    /var/lib/cordon/models/3f2a….toml     its record

Law: a record is made by `cordon models import` alone and is complete or not there; the last import of an id is the one
in force. A record with an unknown key, or of another digest than its name, counts as none.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

__all__ = [
    "BenchRecord", "ImportRecord", "file_of", "measured_speeds", "read_records", "record_of",
    "record_text", "write_record",
]  # fmt: skip

_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BenchRecord(_Frozen):
    """What `cordon models bench` found on this computer."""

    at: str
    prompt_tokens_per_s: float
    answer_tokens_per_s: float = 0.0
    answer_tokens_per_s_of_four: float = 0.0
    guard_check_s: dict[str, float] = {}
    """Tokens of content -> seconds of a check of four policies."""
    threads: int
    kv_bytes: int
    peak_rss_bytes: int


class ImportRecord(_Frozen):
    """One imported file."""

    id: str
    kind: Literal["model", "adapter"]
    sha256: _Sha256
    bytes: int
    source: str
    """The file's name, or the address it was fetched from; never a path of a person."""
    arch: str
    empty_thought: bool
    imported: str
    """UTC, to the second."""
    imported_by: str
    licence: str
    licence_sha256: _Sha256
    """Of the text that was shown."""
    accepted_by: str
    accepted: str
    """UTC, to the second; the same moment, kept apart because acceptance is what somebody may ask for."""
    bench: BenchRecord | None = None


def file_of(folder: Path, sha256: str) -> Path:
    """Where an imported file lies."""
    return folder / f"{sha256}.gguf"


def read_records(folder: Path) -> tuple[ImportRecord, ...]:
    """Every complete record, oldest first."""
    records = []
    for path in sorted(folder.glob("*.toml")):
        try:
            record = ImportRecord.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError):
            continue
        if path.stem == record.sha256:
            records.append(record)
    return tuple(sorted(records, key=lambda record: (record.imported, record.sha256)))


def record_of(folder: Path, model_id: str) -> ImportRecord | None:
    """The import in force for an id."""
    found = [record for record in read_records(folder) if record.id == model_id]
    return found[-1] if found else None


def measured_speeds(folder: Path) -> dict[str, float]:
    """Answer tokens a second of every model that was measured here."""
    latest = {record.id: record.bench for record in read_records(folder)}
    return {name: bench.answer_tokens_per_s for name, bench in latest.items() if bench and bench.answer_tokens_per_s}


def write_record(folder: Path, record: ImportRecord) -> Path:
    """Write a record, whole or not at all. Raises OSError."""
    path = folder / f"{record.sha256}.toml"
    unfinished = folder / f".{secrets.token_hex(8)}.part"
    try:
        with unfinished.open("x", encoding="utf-8") as file:
            file.write(record_text(record))
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o444)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def record_text(record: ImportRecord) -> str:
    """The record as TOML."""
    tables = record.model_dump(mode="json", exclude_none=True)
    bench = tables.pop("bench", None)
    lines = [f"{key} = {_value(value)}" for key, value in tables.items()]
    if bench is not None:
        checks = bench.pop("guard_check_s")
        lines += ["", "[bench]", *(f"{key} = {_value(value)}" for key, value in bench.items())]
        if checks:
            lines += ["", "[bench.guard_check_s]", *(f'"{key}" = {_value(value)}' for key, value in checks.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """A TOML value; strings as JSON writes them, which TOML reads the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    escaped = "".join(c if 32 <= ord(c) != 127 and c not in '"\\' else f"\\u{ord(c):04x}" for c in str(value))
    return f'"{escaped}"'
