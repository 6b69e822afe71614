"""Takes the least used neurons out of the feed-forward layers below the first answer, before the last of the training.

Law: a neuron counts as much as it moves the output on the examples: the variance of its activation times the square of
its outgoing weights; its mean goes to the bias. Neurons that are taken out become zeros, so shapes stay, and gradients
keep them zero; `export` leaves them out for good. Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from transformers.models.bert.modeling_bert import BertLayer

from models.clinical_ner.early import CLS, SEP, EarlyTagger

__all__ = ["narrow", "without_zeros"]


def narrow(model: EarlyTagger, windows: Iterable[Sequence[int]], keep: int) -> list[float]:
    """Zero all but the `keep` neurons of each lower layer that count most on `windows` (piece ids, no specials).

    Returns the share of what counts that is kept, by layer.
    """
    layers = list(model.whole.bert.encoder.layer[: model.rule.depth])
    seen: list[list[torch.Tensor]] = [[] for _ in layers]
    hooks = [
        layer.intermediate.register_forward_hook(lambda _, __, out, rows=rows: rows.append(out.float().flatten(0, -2)))
        for layer, rows in zip(layers, seen, strict=True)
    ]
    with torch.inference_mode():
        for ids in windows:
            model.lower(torch.tensor([[CLS, *ids, SEP]]), None)
    for hook in hooks:
        hook.remove()
    return [_narrowed(layer, torch.cat(rows), keep) for layer, rows in zip(layers, seen, strict=True)]


def _narrowed(layer: BertLayer, active: torch.Tensor, keep: int) -> float:
    first, second = layer.intermediate.dense, layer.output.dense
    mean, variance = active.mean(0), active.var(0)
    counts = variance * second.weight.detach().square().sum(0)
    gone = counts.argsort(descending=True)[keep:]
    with torch.no_grad():
        second.bias += second.weight[:, gone] @ mean[gone]
        first.weight[gone] = 0.0
        first.bias[gone] = 0.0
        second.weight[:, gone] = 0.0
    return 1.0 - float(counts[gone].sum() / counts.sum())


def without_zeros(layer: BertLayer) -> None:
    """Leave the neurons out of a layer that were zeroed, for export."""
    first, second = layer.intermediate.dense, layer.output.dense
    alive = first.weight.detach().abs().sum(1).gt(0).nonzero()[:, 0]
    if len(alive) == first.out_features:
        return
    small = torch.nn.Linear(first.in_features, len(alive))
    back = torch.nn.Linear(len(alive), second.out_features)
    with torch.no_grad():
        small.weight.copy_(first.weight[alive])
        small.bias.copy_(first.bias[alive])
        back.weight.copy_(second.weight[:, alive])
        back.bias.copy_(second.bias)
    layer.intermediate.dense, layer.output.dense = small, back
