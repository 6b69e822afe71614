"""Import records are whole or count as none, and read back as they were written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.imports import BenchRecord, ImportRecord, measured_speeds, read_records, record_of, record_text, write_record

BENCH = BenchRecord(
    at="2026-03-01T11:00:00Z", prompt_tokens_per_s=40.5, answer_tokens_per_s=9.25, answer_tokens_per_s_of_four=20.0,
    guard_check_s={"200": 1.5, "2000": 12.0}, threads=4, kv_bytes=1 << 30, peak_rss_bytes=5 << 30,
)  # fmt: skip


def record(**changes: object) -> ImportRecord:
    values: dict[str, object] = {
        "id": "gemma-4-e4b-it", "kind": "model", "sha256": "a" * 64, "bytes": 7, "source": "x.gguf", "arch": "gemma4",
        "empty_thought": True, "imported": "2026-03-01T10:00:00Z", "imported_by": "root (0)", "licence": "Apache-2.0",
        "licence_sha256": "0" * 64, "accepted_by": "root (0)", "accepted": "2026-03-01T10:00:00Z",
    }  # fmt: skip
    return ImportRecord.model_validate(values | changes)


@pytest.mark.parametrize("bench", [None, BENCH, BENCH.model_copy(update={"guard_check_s": {}})])
def test_written_and_read(tmp_path: Path, bench: BenchRecord | None) -> None:
    written = record(bench=bench)
    path = write_record(tmp_path, written)
    assert path.name == f"{'a' * 64}.toml"
    assert path.stat().st_mode & 0o777 == 0o444
    assert read_records(tmp_path) == (written,)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    write_record(tmp_path, record(source="again"))
    assert record_of(tmp_path, "gemma-4-e4b-it").source == "again"


@given(st.text(max_size=40))
def test_any_source_reads_back(source: str) -> None:
    import tomllib

    if any(0xD800 <= ord(c) <= 0xDFFF for c in source):
        return
    assert ImportRecord.model_validate(tomllib.loads(record_text(record(source=source)))).source == source


def test_broken_and_foreign_files_count_as_none(tmp_path: Path) -> None:
    path = write_record(tmp_path, record())
    text = path.read_text()
    (tmp_path / ("b" * 64 + ".toml")).write_text(text)  # another digest than its name
    (tmp_path / ("c" * 64 + ".toml")).write_text(text.replace("a" * 64, "c" * 64) + 'colour = "blue"\n')
    (tmp_path / "d.toml").write_bytes(b"\xff")
    (tmp_path / "e.toml").write_text("[")
    assert [r.sha256 for r in read_records(tmp_path)] == ["a" * 64]
    assert read_records(tmp_path / "nowhere") == ()


def test_the_speed_of_the_import_in_force(tmp_path: Path) -> None:
    write_record(tmp_path, record(bench=BENCH))
    write_record(
        tmp_path,
        record(id="shieldgemma-2b", sha256="b" * 64, bench=BENCH.model_copy(update={"answer_tokens_per_s": 0.0})),
    )
    assert measured_speeds(tmp_path) == {"gemma-4-e4b-it": 9.25}
    write_record(tmp_path, record(sha256="c" * 64, imported="2026-03-02T10:00:00Z"))
    assert measured_speeds(tmp_path) == {}
