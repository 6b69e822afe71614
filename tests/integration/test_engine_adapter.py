"""A LoRA adapter acts as changed weights would, on every sequence of its context, and only if it is the right one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proxy.workers.engine.batch import EngineError, Row
from proxy.workers.engine.launch import AdapterPlan, RolePlan
from tests.kit.engines import EngineProcess, answer_role, engine_plan, generate, guard_role, said
from tests.kit.loaded import load_role
from tests.kit.tinymodels import tiny_gemma2, tiny_gemma4, tiny_lora

IDS = [2, *range(300, 320)]


@dataclass(frozen=True, slots=True)
class Files:
    folder: Path
    base: RolePlan

    def adapted(self, scale: float = 1.0, **changes: Any) -> RolePlan:
        path = self.folder / f"adapter{hash(tuple(changes.items()))}.gguf"
        sha256 = tiny_lora(path, **changes)
        return replace(self.base, adapter=AdapterPlan("ward", sha256, self.base.sha256, None, str(path), scale))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("adapters")
    path = folder / "base.gguf"
    return Files(folder, answer_role(path, tiny_gemma4(path)))


def logits_of(role: RolePlan, *, slots: int = 1) -> np.ndarray:
    """After the same tokens, in `slots` sequences of one batch."""
    loaded = load_role(role)
    rows = [Row(t, i, seq, i == len(IDS) - 1) for seq in range(slots) for i, t in enumerate(IDS)]
    loaded.context.decode(rows)
    found = np.stack([loaded.context.logits(i).copy() for i, row in enumerate(rows) if row.flag])
    loaded.close()
    return found


def test_an_adapter_of_zeros_changes_nothing(files: Files) -> None:
    np.testing.assert_array_equal(logits_of(files.adapted(size=0.0)), logits_of(files.base))


def test_an_adapter_changes_the_logits_by_its_scale_in_every_sequence(files: Files) -> None:
    base = logits_of(files.base, slots=3)
    whole = logits_of(files.adapted(), slots=3)
    half = logits_of(files.adapted(scale=0.001), slots=3)
    assert (np.abs(whole - base).max(axis=1) > 0.5).all()
    assert (np.abs(half - base).max(axis=1) < 0.05).all()
    np.testing.assert_allclose(whole[0], whole[2], atol=2e-3)
    np.testing.assert_allclose(logits_of(files.adapted(size=0.5)), logits_of(files.adapted(scale=0.5)), atol=2e-3)


def test_an_adapter_is_the_sum_of_base_and_product(files: Files, tmp_path: Path) -> None:
    """W + B A, with alpha equal to the rank: the same as a file whose weights were added before."""
    from tests.kit import tinymodels

    merged = tmp_path / "merged.gguf"
    draw = tinymodels._Weights(23)
    products = {}
    for i in range(4):
        a, b = draw.matrix(2, 64), draw.matrix(128, 2)
        products[f"blk.{i}.ffn_up.weight"] = b @ a
    sha256 = tiny_gemma4(merged, added=products)
    np.testing.assert_allclose(
        logits_of(files.adapted()), logits_of(answer_role(merged, sha256)), atol=0.05
    )  # F16 arithmetic inside


@pytest.mark.parametrize(
    "wrong",
    [
        {"arch": "gemma3"},
        {"norms": True},
        {"layers": 5},
    ],
)
def test_an_adapter_that_would_not_act_whole_is_refused(files: Files, wrong: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="adapter_invalid"):
        load_role(files.adapted(**wrong))


def test_an_adapter_of_another_file_or_digest_is_refused(files: Files) -> None:
    right = files.adapted()
    assert right.adapter is not None
    with pytest.raises(EngineError, match="adapter_invalid"):
        load_role(replace(right, adapter=replace(right.adapter, base_sha256="0" * 64)))
    with pytest.raises(EngineError, match="model_hash"):
        load_role(replace(right, adapter=replace(right.adapter, sha256="0" * 64)))
    with pytest.raises(EngineError, match="model_missing"):
        load_role(replace(right, adapter=replace(right.adapter, path=None)))
    plain = replace(right, adapter=replace(right.adapter, path=right.path, sha256=right.sha256))
    with pytest.raises(EngineError, match="adapter_invalid"):
        load_role(plain)


def test_a_judge_takes_no_adapter(files: Files, tmp_path: Path) -> None:
    path = tmp_path / "guard.gguf"
    guard = guard_role(path, tiny_gemma2(path))
    with pytest.raises(EngineError, match="adapter_invalid"):
        load_role(replace(guard, adapter=files.adapted().adapter))


def test_the_process_says_which_adapter_acts_and_answers_by_it(files: Files) -> None:
    answers = []
    for role in (files.base, files.adapted()):
        with EngineProcess(engine_plan(role)) as engine:
            (info,) = engine.hello().models
            assert info.adapter == (role.adapter.sha256 if role.adapter else "")
            answers.append(said(engine.ask(generate(1, "the patient has pain"))))
    assert answers[0] != answers[1]
