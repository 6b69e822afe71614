"""Turns trained weights into the three files that are shipped: ONNX with int8 weights, tokenizer, labels.

Law: `reduce_range=True` and per-channel weights, because the U8S8 kernels of machines without VNNI saturate on the
full range (onnxruntime, quantisation notes). The float model is kept beside it for comparison and never shipped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import BertForTokenClassification

from models.clinical_ner.labels import KINDS, TAGS

__all__ = ["export", "write_labels"]


class _Tagger(torch.nn.Module):
    def __init__(self, model: BertForTokenClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export(weights: Path, out: Path) -> None:
    """Write `float.onnx`, `model.onnx` and `tokenizer.json` below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    model = BertForTokenClassification.from_pretrained(weights, attn_implementation="eager").eval().float()
    example = torch.ones(1, 48, dtype=torch.int64)
    torch.onnx.export(
        _Tagger(model), (example, example), out / "float.onnx", dynamo=False, opset_version=17,
        input_names=["input_ids", "attention_mask"], output_names=["logits"],
        dynamic_axes={"input_ids": {1: "pieces"}, "attention_mask": {1: "pieces"}, "logits": {1: "pieces"}},
    )  # fmt: skip
    quantize_dynamic(
        out / "float.onnx", out / "model.onnx", per_channel=True, reduce_range=True, weight_type=QuantType.QInt8
    )
    onnx.checker.check_model(str(out / "model.onnx"))
    shutil.copy(weights / "tokenizer.json", out / "tokenizer.json")


def write_labels(out: Path, balanced: dict[str, float], strict: dict[str, float]) -> None:
    """Write `labels.json`: tags in order, thresholds of both operating points, hashes of the other two files."""
    hashes = {n: hashlib.sha256((out / n).read_bytes()).hexdigest() for n in ("model.onnx", "tokenizer.json")}
    table = {
        "tags": TAGS,
        "thresholds": {
            "balanced": {k: balanced[k] for k in KINDS},
            "strict": {k: strict[k] for k in KINDS},
        },
        "sha256": hashes,
    }
    (out / "labels.json").write_text(json.dumps(table, indent=1) + "\n", "utf8")
