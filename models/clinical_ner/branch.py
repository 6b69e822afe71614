"""Puts the upper layers of a two-headed ONNX model under an `If`: a window in which nothing is suspicious skips them.

Law: what the upper layers answer does not change; the other branch says O of every piece. The limit is part of the
file, so a model with another limit is another model.

    branch(both, out, limit)     `both` gives `logits` and `score`, the highest suspicion of one piece of the window
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from models.clinical_ner.labels import TAGS

__all__ = ["branch"]

_CERTAIN = 20.0
"""Logit of O where the upper layers are skipped: P(O) is one, up to the seventh digit."""


def _needed(made: dict[str, NodeProto], name: str) -> set[str]:
    """Return the first outputs of all nodes `name` is made of."""
    found: set[str] = set()
    asked = [name]
    while asked:
        node = made.get(asked.pop())
        if node is not None and node.output[0] not in found:
            found.add(node.output[0])
            asked += node.input
    return found


def _shut() -> GraphProto:
    """Return the branch that reports nothing: O for every piece."""
    row = np.zeros((1, len(TAGS)), dtype=np.float32)
    row[0, 0] = _CERTAIN
    nodes = [
        helper.make_node("Mul", ["input_ids", "shut_zero"], ["shut_index"]),
        helper.make_node("Gather", ["shut_row", "shut_index"], ["logits_shut"], axis=0),
    ]
    values = [
        numpy_helper.from_array(row, "shut_row"),
        numpy_helper.from_array(np.zeros((), dtype=np.int64), "shut_zero"),
    ]
    shape = helper.make_tensor_value_info("logits_shut", TensorProto.FLOAT, None)
    return helper.make_graph(nodes, "shut", [], [shape], initializer=values)


def branch(both: Path, out: Path, limit: float) -> None:
    """Write the model whose upper layers run only if `score` is above the limit. `both` gives logits and score."""
    model = onnx.load(str(both))
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    lower = _needed(made, "score")
    upper = [node for node in graph.node if node.output[0] not in lower]
    for node in upper:
        node.output[:] = ["logits_open" if name == "logits" else name for name in node.output]
    below = {name for node in graph.node if node.output[0] in lower for name in node.input}
    moved = [value for value in graph.initializer if value.name not in below]
    shape = helper.make_tensor_value_info("logits_open", TensorProto.FLOAT, None)
    opened = helper.make_graph(upper, "open", [], [shape], initializer=moved)
    kept = [node for node in graph.node if node.output[0] in lower]
    graph.initializer.append(numpy_helper.from_array(np.float32(limit), "gate_limit"))
    kept += [
        helper.make_node("Greater", ["score", "gate_limit"], ["gate_opens"], name="gate_opens"),
        helper.make_node("If", ["gate_opens"], ["logits"], name="gate", then_branch=opened, else_branch=_shut()),
    ]
    rest = [value for value in graph.initializer if value.name not in {m.name for m in moved}]
    wanted = [value for value in graph.output if value.name == "logits"]
    for field, values in ((graph.node, kept), (graph.initializer, rest), (graph.output, wanted)):
        del field[:]
        field.extend(values)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
