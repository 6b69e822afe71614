"""The gate of the clinical NER: the upper layers run only for suspicious windows, and answer as they did without it.

A model of two matrices stands for the encoder: below the gate a table of pieces, above it a product with 19 columns.
"""

from __future__ import annotations

import itertools
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from filters.ner import LABELS, ClinicalNer, NerFiles
from models.clinical_ner.branch import branch
from models.clinical_ner.labels import KINDS, TAGS, write_labels
from models.clinical_ner.letters import letters
from models.clinical_ner.limit import Window, choose_limit, read_windows

SHIPPED = resources.files("filters") / "clinical_ner"
WORDS = 30_522
WARD = "ward"
"""One piece of the tokenizer."""


def two_headed(path: Path) -> None:
    """Write a model whose score is 1 where the word stands that only the upper half may report, -1 elsewhere."""
    tokenizer = ClinicalNer.load(shipped())._tokenizer
    table = np.zeros((WORDS, 4), dtype=np.float32)
    table[:, 0], table[:, 1] = 1.0, -1.0
    table[tokenizer.token_to_id(WARD), :2] = 0.0, 1.0
    upper = np.zeros((4, len(TAGS)), dtype=np.float32)
    upper[0, 0], upper[1, TAGS.index("B-LOCATION")] = 9.0, 9.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["hidden"], axis=0),
        helper.make_node("MatMul", ["hidden", "pick"], ["suspicion"]),
        helper.make_node("ReduceMax", ["suspicion"], ["score"], keepdims=0),
        helper.make_node("MatMul", ["hidden", "upper"], ["raw"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["raw", "wide"], ["logits"]),
    ]
    values = [
        numpy_helper.from_array(value, name)
        for name, value in (
            ("table", table),
            ("upper", upper),
            ("pick", np.array([[0], [1], [0], [0]], dtype=np.float32)),
            ("last", np.array([2], dtype=np.int64)),
        )
    ]
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.INT64, [1, "n"]) for name in ("input_ids", "attention_mask")
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "n", len(TAGS)]),
        helper.make_tensor_value_info("score", TensorProto.FLOAT, []),
    ]
    graph = helper.make_graph(nodes, "two", shapes, outputs, initializer=values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def shipped() -> NerFiles:
    return NerFiles(*((SHIPPED / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    two_headed(tmp_path / "both.onnx")
    (tmp_path / "tokenizer.json").write_bytes((SHIPPED / "tokenizer.json").read_bytes())
    branch(tmp_path / "both.onnx", tmp_path / "model.onnx", 0.0)
    write_labels(tmp_path, dict.fromkeys(KINDS, 0.5), dict.fromkeys(KINDS, 0.9))
    return tmp_path


def loaded(folder: Path) -> ClinicalNer:
    return ClinicalNer.load(
        NerFiles(*((folder / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json")))
    )


def run(path: Path, ids: list[int]) -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    feed = np.array([ids], dtype=np.int64)
    return session.run(["logits"], {"input_ids": feed, "attention_mask": np.ones_like(feed)})[0]


def test_an_open_gate_changes_nothing(folder: Path) -> None:
    branch(folder / "both.onnx", folder / "open.onnx", -5.0)
    for ids in ([5], [7, 8, 9], list(range(100, 230))):
        assert np.array_equal(run(folder / "open.onnx", ids), run(folder / "both.onnx", ids))


def test_a_shut_gate_says_nothing_of_any_piece(folder: Path) -> None:
    branch(folder / "both.onnx", folder / "shut.onnx", 5.0)
    for count in (1, 16, 128):
        logits = run(folder / "shut.onnx", list(range(count)))
        assert logits.shape == (1, count, len(TAGS))
        assert (logits.argmax(axis=2) == 0).all()
        assert (logits[..., 0] >= 15).all()


def test_the_upper_half_stands_under_the_condition_and_nowhere_else(folder: Path) -> None:
    graph = onnx.load(str(folder / "model.onnx")).graph
    assert [o.name for o in graph.output] == ["logits"]
    assert {n.op_type for n in graph.node} >= {"Gather", "ReduceMax", "If"}
    assert sum(n.op_type == "MatMul" for n in graph.node) == 1
    assert "upper" not in {value.name for value in graph.initializer}
    gate = next(n for n in graph.node if n.op_type == "If")
    then = next(a.g for a in gate.attribute if a.name == "then_branch")
    assert {value.name for value in then.initializer} >= {"upper"}


def test_the_product_reads_it_window_by_window(folder: Path) -> None:
    ner = loaded(folder)
    filler = "no pain and no fever today . " * 40
    assert ner.spans(filler) == ()
    text = filler + "from Ward . " + filler
    assert [(text[s.start : s.end], s.label) for s in ner.spans(text)] == [("Ward", "LOCATION")]
    assert "LOCATION" in LABELS


def test_windows_are_told_with_what_would_be_lost(folder: Path) -> None:
    windows = read_windows(folder, ["no pain today", "from ward to ward"])
    assert [w.balanced for w in windows] == [0, 2]
    assert windows[0].score < 0 < windows[1].score
    assert all(w.strict >= w.balanced for w in windows)


def test_the_limit_is_the_highest_that_loses_no_more_than_it_may() -> None:
    windows = [Window(-9.0, 0, 0), Window(-4.0, 1, 2), Window(-2.0, 0, 0), Window(-1.0, 5, 5), Window(3.0, 994, 999)]
    assert choose_limit(windows, 0.0) == -4.25
    assert choose_limit(windows, 0.001) == -1.25
    assert choose_limit(windows, 0.5) == 2.75
    assert choose_limit(windows, 1.0) == 8.0
    for low, high in itertools.pairwise((0.0, 0.001, 0.01)):
        assert choose_limit(windows, low) <= choose_limit(windows, high)


def test_letters_that_only_measure_share_no_name_with_training() -> None:
    from models.clinical_ner.lexicon import part_of

    found = letters()
    assert len(found) == 60
    assert found == letters()
    assert sum(len(row["spans"]) for row in found) > 600
    for row in found:
        for s in row["spans"]:
            value = row["text"][s["start"] : s["end"]]
            assert value.strip() == value or s["label"] != "PERSON"
            if s["label"] == "PERSON" and value.isalpha() and value.istitle() and len(value) > 4:
                assert part_of(value) == "dev" or value not in _known(), value


def _known() -> set[str]:
    from models.clinical_ner.lexicon import load_lexicon

    groups = load_lexicon(Path(__file__).parents[2] / "models" / "clinical_ner" / "names", "train").groups
    return {name for group in groups for name in (*group.given, *group.last)}
