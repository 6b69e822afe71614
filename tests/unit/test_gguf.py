"""The header reader reads what the writer wrote and refuses everything else."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.gguf import Header, LongArray, read_header
from tests.kit.tinymodels import Bare, tiny_gemma4, write_gguf


def _header(tmp_path: Path, **values: object) -> Header:
    path = tmp_path / "x.gguf"
    write_gguf(path, values, {"t": np.zeros((2, 3), np.float32)})
    with path.open("rb") as file:
        return read_header(file)


def test_a_real_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    tiny_gemma4(path)
    with path.open("rb") as file:
        header = read_header(file)
    assert header.arch == "gemma4"
    assert header.number("block_count") == 4
    assert header.per_layer("attention.head_count_kv", 0) == (1, 1, 1, 1)
    assert header.values["gemma4.attention.sliding_window_pattern"] == (True, True, True, False)
    assert header.tensor_kinds == {0}


def test_long_arrays_are_stepped_over(tmp_path: Path) -> None:
    values = {"words": Bare(8, ["é"] * 2000), "numbers": Bare(5, list(range(2000))), "after": "here"}
    header = _header(tmp_path, **values)
    assert header.values == {"words": LongArray(2000), "numbers": LongArray(2000), "after": "here"}


def test_wrong_kinds_are_refused(tmp_path: Path) -> None:
    header = _header(tmp_path, **{"general.architecture": "a", "a.flag": True, "a.word": "x", "a.block_count": 2})
    assert header.number("missing", 7) == 7
    for key in ("flag", "word", "missing"):
        with pytest.raises(EngineError, match="model_invalid"):
            header.number(key)
    with pytest.raises(EngineError, match="model_invalid"):
        header.text("a.block_count")
    with pytest.raises(EngineError, match="model_invalid"):
        header.per_layer("word", 1)


def test_every_cut_of_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    write_gguf(path, {"general.architecture": "a", "n": Bare(5, [1, 2])}, {"t": np.zeros((2, 3), np.float32)})
    whole = path.read_bytes()
    end = whole.index(b"t", 60) + 40
    for size in range(0, end - 20, 3):
        with pytest.raises(EngineError, match="model_invalid"):
            read_header(io.BytesIO(whole[:size]))


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(EngineError, match="model_invalid"):
        read_header(io.BytesIO(struct.pack("<4sIQQ", b"GGUF", 3, 1 << 20, 1) + noise))
    with pytest.raises(EngineError, match="model_invalid"):
        read_header(io.BytesIO(b"GGUX" + noise))
