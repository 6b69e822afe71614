"""The way out half-way through the clinical NER: certain pieces stay with their first answer, the others go on.

A model of two matrices stands for the encoder: a first answer by a table of pieces, a second one of those that go on.
"""

from __future__ import annotations

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

SHIPPED = resources.files("filters") / "clinical_ner"
WORDS = 30_522
WARD, FEVER = "ward", "fever"
"""Pieces of the tokenizer: of one the first answer is uncertain and the second says place; one is a place at once."""


def staged(path: Path) -> None:
    """Write a model with two answers, of which the second is that of the pieces the first is uncertain of."""
    tokenizer = ClinicalNer.load(shipped())._tokenizer
    table = np.zeros((WORDS, 3), dtype=np.float32)
    table[:, 0] = 1.0
    table[tokenizer.token_to_id(WARD)] = 0.0, 1.0, 0.0
    table[tokenizer.token_to_id(FEVER)] = 0.0, 0.0, 1.0
    first, second = np.zeros((3, len(TAGS)), dtype=np.float32), np.zeros((3, len(TAGS)), dtype=np.float32)
    first[0, 0], first[1, 0], first[2, TAGS.index("B-LOCATION")] = 9.0, 0.5, 9.0
    second[1, TAGS.index("B-LOCATION")] = 9.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["hidden"], axis=0),
        helper.make_node("MatMul", ["hidden", "first"], ["early"]),
        helper.make_node("MatMul", ["hidden", "pick"], ["unsure"]),
        helper.make_node("ReduceSum", ["unsure"], ["going_on"], keepdims=0),
        helper.make_node("MatMul", ["hidden", "second"], ["late"]),
        helper.make_node("Cast", ["unsure"], ["on"], to=TensorProto.BOOL),
        helper.make_node("Where", ["on", "late", "early"], ["logits"]),
    ]
    values = [
        numpy_helper.from_array(value, name)
        for name, value in (
            ("table", table),
            ("first", first),
            ("second", second),
            ("pick", np.array([[0], [1], [0]], dtype=np.float32)),
        )
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, "n", len(TAGS)]),
        helper.make_tensor_value_info("early", TensorProto.FLOAT, [1, "n", len(TAGS)]),
        helper.make_tensor_value_info("going_on", TensorProto.FLOAT, []),
    ]
    asked = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "n"])]
    graph = helper.make_graph(nodes, "two", asked, outputs, initializer=values)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def shipped() -> NerFiles:
    return NerFiles(*((SHIPPED / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    staged(tmp_path / "staged.onnx")
    (tmp_path / "tokenizer.json").write_bytes((SHIPPED / "tokenizer.json").read_bytes())
    branch(tmp_path / "staged.onnx", tmp_path / "model.onnx")
    write_labels(tmp_path, dict.fromkeys(KINDS, 0.5), dict.fromkeys(KINDS, 0.9))
    return tmp_path


def loaded(folder: Path) -> ClinicalNer:
    return ClinicalNer.load(
        NerFiles(*((folder / n).read_bytes() for n in ("model.onnx", "tokenizer.json", "labels.json")))
    )


def run(path: Path, ids: list[int], output: str = "logits") -> np.ndarray:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run([output], {"input_ids": np.array([ids], dtype=np.int64)})[0]


def test_what_is_answered_does_not_change(folder: Path) -> None:
    ward = loaded(folder)._tokenizer.token_to_id(WARD)
    for ids in ([5], [7, ward, 9], list(range(100, 230)), [ward] * 128):
        assert np.array_equal(run(folder / "model.onnx", ids), run(folder / "staged.onnx", ids))
    assert np.array_equal(run(folder / "model.onnx", [5, 6]), run(folder / "staged.onnx", [5, 6], "early"))


def test_the_upper_half_stands_under_the_condition_and_nowhere_else(folder: Path) -> None:
    graph = onnx.load(str(folder / "model.onnx")).graph
    assert [o.name for o in graph.output] == ["logits"]
    assert sum(n.op_type == "MatMul" for n in graph.node) == 2
    assert "second" not in {value.name for value in graph.initializer}
    way_out = next(n for n in graph.node if n.op_type == "If")
    then, otherwise = (next(a.g for a in way_out.attribute if a.name == f"{x}_branch") for x in ("then", "else"))
    assert "second" in {value.name for value in then.initializer}
    assert [n.op_type for n in otherwise.node] == ["Identity"]


def test_the_shipped_model_has_the_same_shape() -> None:
    graph = onnx.load_from_string(shipped().model).graph
    assert [i.name for i in graph.input] == ["input_ids"]
    assert [o.name for o in graph.output] == ["logits"]
    assert [n.name for n in graph.node if n.op_type == "If"] == ["exit"]


def test_the_product_reads_it_window_by_window(folder: Path) -> None:
    ner = loaded(folder)
    filler = "no pain and no cough today . " * 40
    assert ner.spans(filler) == ()
    text = filler + "from Ward . " + filler + " Fever . "
    assert [(text[s.start : s.end], s.label) for s in ner.spans(text)] == [("Ward", "LOCATION"), ("Fever", "LOCATION")]
    assert "LOCATION" in LABELS


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
