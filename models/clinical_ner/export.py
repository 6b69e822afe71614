"""Turns trained weights into the files that are shipped: ONNX with int8 weights and the tokenizer.

Law: three things keep int8 close to the float model, all measured (the card has the numbers). Weights are quantised by
column, embeddings by row. Inputs of the first feed-forward layers hold a few channels far larger than the rest, so the
scale of one tensor loses the others: these channels are made smaller before and their weights larger after
(SmoothQuant, Xiao et al. 2023), with the sizes seen on generated text. `reduce_range=True`, because the U8S8 kernels
of machines without VNNI saturate on the full range (onnxruntime, quantisation notes). The float model is kept beside
for comparison and never shipped.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from transformers import BertForTokenClassification
from transformers.models.bert.modeling_bert import BertLayer

from models.clinical_ner.early import CLS, SEP, EarlyTagger, Exit, load_early
from models.clinical_ner.narrow import without_zeros

__all__ = ["export"]

_SMOOTHED_LAYERS = 5
_SMOOTHED = ("intermediate.dense", "output.dense")
_STRENGTH = 0.8
_SMALLEST = 1e-4
_LEAST_ROWS = 100
_PIECES = 126
_FLOAT = ("/exit/", "/classifier/")
"""Both heads stay as they were trained: they are small, and the certainty of the first decides who goes on."""


class _Tagger(torch.nn.Module):
    """All pieces through all layers, for comparison."""

    def __init__(self, model: EarlyTagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        layers = self.model.whole.bert.encoder.layer
        return self.model.whole.classifier(_through(layers, _embedded(self.model, input_ids)))


class _Staged(torch.nn.Module):
    """One window as it is read in use: both answers of it, and how many pieces go on."""

    def __init__(self, model: EarlyTagger) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        layers, depth = self.model.whole.bert.encoder.layer, self.model.rule.depth
        hidden = _through(layers[:depth], _embedded(self.model, input_ids))
        early = self.model.exit(hidden)
        on = self.model.going_on(early, input_ids.ne(CLS) & input_ids.ne(SEP))
        places = torch.nonzero(on[0])[:, 0]
        late = self.model.whole.classifier(_through(layers[depth:], hidden[:, places]))
        logits = early.scatter(1, places[None, :, None].expand(-1, -1, late.shape[-1]), late)
        return logits, early, on.float().sum()


def _embedded(model: EarlyTagger, ids: torch.Tensor) -> torch.Tensor:
    """Return what the encoder begins with: one window, no padding, one kind of token."""
    table = model.whole.bert.embeddings
    places = table.position_embeddings.weight + table.token_type_embeddings.weight[:1]
    return table.LayerNorm(table.word_embeddings(ids) + places[: ids.shape[1]][None])


def _through(layers: Iterable[BertLayer], hidden: torch.Tensor) -> torch.Tensor:
    """Run layers on one window without padding: the encoder's own code, less what it computes about shapes."""
    for layer in layers:
        attention, output = layer.attention.self, layer.attention.output
        shape = (1, -1, attention.num_attention_heads, attention.attention_head_size)
        query, key, value = (
            part(hidden).reshape(shape).transpose(1, 2) for part in (attention.query, attention.key, attention.value)
        )
        seen = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(shape[-1]), -1) @ value
        hidden = output.LayerNorm(output.dense(seen.transpose(1, 2).reshape(1, -1, shape[2] * shape[3])) + hidden)
        inner = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
        hidden = layer.output.LayerNorm(layer.output.dense(inner) + hidden)
    return hidden


class _Smoothed(torch.nn.Module):
    """A linear layer whose input is divided channel by channel, and whose weights are multiplied likewise."""

    def __init__(self, linear: torch.nn.Linear, scale: torch.Tensor) -> None:
        super().__init__()
        self.linear = linear
        self.register_buffer("shrink", 1.0 / scale)
        linear.weight.data.mul_(scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x * self.shrink)


def _smooth(model: BertForTokenClassification, encoded: Sequence[list[int]]) -> None:
    """Measure the inputs of the feed-forward layers on `encoded`, and smooth these layers in place."""
    largest: dict[str, torch.Tensor] = {}
    hooks = []

    def seen(name: str, x: torch.Tensor) -> None:
        most = x.detach().abs().flatten(0, -2).amax(0)
        largest[name] = torch.maximum(largest.get(name, most), most)

    parents = {
        f"{i}.{name}": model.get_submodule(f"bert.encoder.layer.{i}.{name.split('.')[0]}")
        for i in range(min(_SMOOTHED_LAYERS, model.config.num_hidden_layers))
        for name in _SMOOTHED
    }
    for name, parent in parents.items():
        hooks.append(parent.dense.register_forward_pre_hook(lambda _, x, name=name: seen(name, x[0])))
    with torch.no_grad():
        for ids in encoded:
            model(input_ids=torch.tensor([[CLS, *ids[:_PIECES], SEP]]))
    for hook in hooks:
        hook.remove()
    for name, parent in parents.items():
        weights = parent.dense.weight.detach().abs().amax(0).clamp(min=_SMALLEST)
        scale = largest[name].clamp(min=_SMALLEST) ** _STRENGTH / weights ** (1 - _STRENGTH)
        parent.dense = _Smoothed(parent.dense, scale)


def _rows_to_int8(path: Path, out: Path) -> None:
    """Store large embedding tables as int8 with one scale a row; the runtime's own would use one scale a table."""
    model = onnx.load(str(path))
    graph = model.graph
    tables = {i.name: i for i in graph.initializer if len(i.dims) == 2 and i.dims[0] >= _LEAST_ROWS}
    nodes = []
    for node in graph.node:
        table = tables.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None:
            nodes.append(node)
            continue
        weights = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(weights).max(1, keepdims=True) / 127, 1e-12).astype(np.float32)
        graph.initializer.remove(table)
        graph.initializer.append(numpy_helper.from_array(np.round(weights / scale).astype(np.int8), f"{table.name}_q"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{table.name}_s"))
        name, value, index = node.name, node.output[0], node.input[1]
        nodes += [
            helper.make_node("Gather", [f"{table.name}_q", index], [f"{value}_q"], name=f"{name}_q", axis=0),
            helper.make_node("Cast", [f"{value}_q"], [f"{value}_f"], name=f"{name}_c", to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{table.name}_s", index], [f"{value}_s"], name=f"{name}_s", axis=0),
            helper.make_node("Mul", [f"{value}_f", f"{value}_s"], [value], name=f"{name}_m"),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, str(out))


def _write(model: torch.nn.Module, path: Path, outputs: Sequence[str] = ("logits",)) -> None:
    example = torch.full((1, 48), 2_000, dtype=torch.int64)
    torch.onnx.export(
        model, (example,), path, dynamo=False, opset_version=17,
        input_names=["input_ids"], output_names=list(outputs),
        dynamic_axes={name: {1: "pieces"} for name in ("input_ids", *outputs) if name != "going_on"},
    )  # fmt: skip


def export(weights: Path, out: Path, texts: Sequence[str], rule: Exit | None = None) -> None:
    """Write `float.onnx`, `staged.onnx` and `tokenizer.json` below `out`; `texts` tell how large activations get.

    `staged.onnx` is the int8 model with three outputs; `branch.branch` makes of it what is shipped. `rule` overrides
    what the weights were trained with.
    """
    out.mkdir(parents=True, exist_ok=True)
    model = load_early(weights, attention="eager", rule=rule).eval().float()
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    for layer in model.whole.bert.encoder.layer:
        without_zeros(layer)
    _write(_Tagger(model), out / "float.onnx")
    _smooth(model.whole, [e.ids for e in tokenizer.encode_batch(list(texts), add_special_tokens=False) if e.ids])
    whole, rows = out / "smooth.onnx", out / "rows.onnx"
    _write(_Staged(model), whole, ("logits", "early", "going_on"))
    _rows_to_int8(whole, rows)
    names = [node.name for node in onnx.load(str(rows)).graph.node if any(part in node.name for part in _FLOAT)]
    quantize_dynamic(
        rows, out / "staged.onnx", per_channel=True, reduce_range=True, weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm"], nodes_to_exclude=names,
    )  # fmt: skip
    whole.unlink()
    rows.unlink()
    onnx.checker.check_model(str(out / "staged.onnx"))
    shutil.copy(weights / "tokenizer.json", out / "tokenizer.json")
