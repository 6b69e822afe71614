"""Puts the upper layers of a staged ONNX model under an `If`: a window of which no piece goes on skips them.

Law: what is answered does not change. Who goes on is part of the file, so a model with another rule is another model.

    branch(staged, out)     `staged` gives `logits`, `early` and `going_on`, the number of pieces that go on
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

__all__ = ["branch"]


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


def branch(staged: Path, out: Path) -> None:
    """Write the model whose upper layers run only if a piece goes on. `staged` gives logits, early and going_on."""
    model = onnx.load(str(staged))
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    lower = _needed(made, "going_on") | _needed(made, "early")
    upper = [node for node in graph.node if node.output[0] not in lower]
    for node in upper:
        node.output[:] = ["logits_late" if name == "logits" else name for name in node.output]
    below = {name for node in graph.node if node.output[0] in lower for name in node.input}
    moved = [value for value in graph.initializer if value.name not in below]
    late = helper.make_tensor_value_info("logits_late", TensorProto.FLOAT, None)
    early = helper.make_tensor_value_info("logits_early", TensorProto.FLOAT, None)
    same = [helper.make_node("Identity", ["early"], ["logits_early"], name="all_certain")]
    kept = [node for node in graph.node if node.output[0] in lower]
    graph.initializer.append(numpy_helper.from_array(np.float32(0.0), "nobody"))
    kept += [
        helper.make_node("Greater", ["going_on", "nobody"], ["some_go_on"], name="some_go_on"),
        helper.make_node(
            "If", ["some_go_on"], ["logits"], name="exit",
            then_branch=helper.make_graph(upper, "upper", [], [late], initializer=moved),
            else_branch=helper.make_graph(same, "certain", [], [early]),
        ),
    ]  # fmt: skip
    rest = [value for value in graph.initializer if value.name not in {m.name for m in moved}]
    wanted = [value for value in graph.output if value.name == "logits"]
    for field, values in ((graph.node, kept), (graph.initializer, rest), (graph.output, wanted)):
        del field[:]
        field.extend(values)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(out))
