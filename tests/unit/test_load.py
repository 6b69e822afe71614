"""A model gets the context its role needs, and nothing runs that was not checked."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.binding import ContextSpec
from proxy.workers.engine.load import check_files, load
from tests.kit.engines import answer_role, engine_plan, guard_role
from tests.kit.loaded import load_role
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4


def test_the_contexts_of_the_two_roles(tmp_path: Path) -> None:
    answer, guard = tmp_path / "a.gguf", tmp_path / "g.gguf"
    roles = answer_role(answer, tiny_gemma4(answer), context=2048), guard_role(guard, tiny_gemma2(guard), context=1024)
    chat, judge = check_files(engine_plan(*roles, threads=3))
    assert chat.spec == ContextSpec(2048, 2048, 512, 4, swa_full=False, threads=3)
    assert judge.spec == ContextSpec(1024, 1024, 512, 6, swa_full=True, threads=3)
    for checked in (chat, judge):
        os.close(checked.descriptor)


def test_a_loaded_model_knows_its_family(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    loaded = load_role(answer_role(path, tiny_gemma4(path)))
    assert (loaded.arch, loaded.trained_context, loaded.family.name) == ("gemma4", 4096, "gemma4")
    assert set(loaded.family.controls) <= set(loaded.vocabulary.controls)
    assert loaded.context.pos_max(0) == -1
    loaded.close()


def _without(path: Path, word: bytes) -> str:
    """Change a word of the vocabulary, everywhere, and return the new digest."""
    raw = path.read_bytes().replace(word, bytes(b ^ 1 for b in word))
    path.write_bytes(raw)
    return hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("marker", [b"<|turn>", b"<channel|>", b"<|tool_response>"])
def test_a_generator_without_a_marker_of_its_family_is_refused(tmp_path: Path, marker: bytes) -> None:
    path = tmp_path / "a.gguf"
    tiny_gemma4(path)
    with pytest.raises(EngineError, match="model_invalid"):
        load_role(answer_role(path, _without(path, marker)))


@pytest.mark.parametrize("word", [b"Yes", b"No"])
def test_a_judge_without_its_words_is_refused(tmp_path: Path, word: bytes) -> None:
    path = tmp_path / "g.gguf"
    tiny_gemma2(path)
    raw = path.read_bytes()
    changed = (
        raw.replace(word, b"#" * len(word), 2)
        if word == b"Yes"
        else raw.replace(b"\x02\0\0\0\0\0\0\0No", b"\x02\0\0\0\0\0\0\0~~")
    )
    path.write_bytes(changed)
    with pytest.raises(EngineError, match="guard_invalid"):
        load_role(guard_role(path, hashlib.sha256(changed).hexdigest()))


def test_all_files_are_checked_before_any_is_loaded_and_together(tmp_path: Path) -> None:
    answer, guard = tmp_path / "a.gguf", tmp_path / "g.gguf"
    roles = answer_role(answer, tiny_gemma4(answer)), guard_role(guard, tiny_gemma2(guard))
    one = 700 * (1 << 20)  # each takes 600 MiB beside its file and cache
    check_files(engine_plan(roles[0], memory_bytes=one))
    check_files(engine_plan(roles[1], memory_bytes=one))
    with pytest.raises(EngineError, match="does_not_fit"):
        check_files(engine_plan(*roles, memory_bytes=one))
    with pytest.raises(EngineError, match="model_hash"):
        check_files(engine_plan(roles[0], replace(roles[1], sha256="0" * 64)))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF\x03\0\0\0" + b"\xff" * 64, b"%PDF-1.7"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    with pytest.raises(EngineError, match="model_invalid"):
        check_files(engine_plan(answer_role(path, hashlib.sha256(content).hexdigest())))


def test_a_header_without_its_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    tiny_gemma4(path)
    short = path.read_bytes()[:60_000]
    path.write_bytes(short)
    with pytest.raises(EngineError, match="model_invalid"):
        load_role(answer_role(path, hashlib.sha256(short).hexdigest()))


def test_a_descriptor_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    digest = tiny_gemma4(path)
    descriptor = os.open(path, os.O_RDONLY)
    os.lseek(descriptor, 1000, os.SEEK_SET)
    role = replace(answer_role(path, digest), descriptor=descriptor, path=None)
    (checked,) = check_files(engine_plan(role))
    assert checked.header.arch == "gemma4"
    os.lseek(descriptor, 77, os.SEEK_SET)
    load(checked, lambda: False).close()
