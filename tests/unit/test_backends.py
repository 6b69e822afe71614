"""A portable build of llama.cpp is told where its libraries lie; a build for this computer is left alone."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from proxy.workers.engine import binding


class Load:
    def __init__(self) -> None:
        self.called: list[bytes] = []

    def __call__(self, folder: bytes) -> None:
        self.called.append(folder)


@pytest.mark.parametrize(
    ("files", "loads"),
    [(["libggml-cpu.so", "libggml-base.so"], 0), (["libggml-cpu-x64.so", "libggml-cpu-haswell.so"], 1), ([], 0)],
)
def test_variants_are_loaded_from_their_own_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], loads: int
) -> None:
    for name in files:
        (tmp_path / name).touch()
    load = Load()
    monkeypatch.setattr(binding, "lib", SimpleNamespace(_lib=SimpleNamespace(ggml_backend_load_all_from_path=load)))
    binding._load_backends(tmp_path)
    assert load.called == [os.fsencode(tmp_path)] * loads
