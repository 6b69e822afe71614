"""A small head that reads a window half-way through the encoder and says whether the rest is worth running.

Law: most windows of running clinical prose identify nobody, and the lower layers can tell. For every piece the head
says how likely the whole model is to report it; only if one piece of a window is suspicious do the upper layers run
(early exit: Teerapittayanon et al. 2016; Xin et al. 2020 for BERT). It is trained on frozen layers, so the weights of
the model, and its answers wherever the gate opens, are what they were. Needs torch.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertForTokenClassification

from models.clinical_ner.generate import Example
from models.clinical_ner.labels import tag_ids

__all__ = ["Gate", "Plan", "fit", "load_gate"]

_WIDTH = 96
_SUSPICIOUS = 0.9
"""P(O) below which a piece is one the upper layers must see."""
_PIECES = 126
_ROWS = 24
_BATCH = 1024
_ROUNDS = 8
_MISSED = 4.0
"""A suspicious piece that is passed over counts so often against a clean one that is not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the recipe says about the gate.

    Attributes:
        depth: layers of the encoder below it.
        pieces: how many pieces it is trained on.
        lost: share of the reported pieces that may be lost in windows it keeps shut, on the development sets.
    """

    depth: int
    pieces: int
    lost: float


class Gate(torch.nn.Module):
    """Two small layers on what a piece looks like after `depth` layers of the encoder."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.first, self.last = torch.nn.Linear(width, _WIDTH), torch.nn.Linear(_WIDTH, 1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(hidden)))[..., 0]


def load_gate(path: Path, width: int) -> Gate:
    """Read a head that was written by `fit`."""
    state = torch.load(path, weights_only=True)
    gate = Gate(width, int(state.pop("depth")))
    gate.load_state_dict(state)
    return gate.eval()


_Rows = list[tuple[list[int], list[int]]]


def _rows(examples: Sequence[Example], tokenizer: Tokenizer, pieces: int) -> Iterator[_Rows]:
    """Yield batches of windows with their tags, alike in length, of about `pieces` pieces in all."""
    rows: _Rows = []
    total = 0
    for example in examples:
        encoding = tokenizer.encode(example.text, add_special_tokens=False)
        if encoding.ids and total < pieces:
            tags = tag_ids(encoding.offsets, example.spans, example.masked)
            rows.append((encoding.ids[:_PIECES], tags[:_PIECES]))
            total += len(rows[-1][0])
    rows.sort(key=lambda row: len(row[0]))
    for at in range(0, len(rows), _ROWS):
        yield rows[at : at + _ROWS]


def _seen(model: BertForTokenClassification, rows: _Rows, depth: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return every piece after `depth` layers, [CLS] and [SEP] included, and whether it must open the gate."""
    longest = max(len(ids) for ids, _ in rows) + 2
    pieces, mask = (torch.zeros(len(rows), longest, dtype=torch.long) for _ in range(2))
    marked = torch.zeros(len(rows), longest, dtype=torch.bool)
    real = torch.zeros(len(rows), longest, dtype=torch.bool)
    for row, (ids, tags) in enumerate(rows):
        pieces[row, : len(ids) + 2] = torch.tensor([101, *ids, 102])
        mask[row, : len(ids) + 2] = 1
        marked[row, 1 : len(ids) + 1] = torch.tensor(tags) > 0
        real[row, 1 : len(ids) + 1] = True
    with torch.inference_mode():
        out = model(input_ids=pieces, attention_mask=mask, output_hidden_states=True)
    suspicious = torch.softmax(out.logits.float(), -1)[..., 0] < _SUSPICIOUS
    wanted = (suspicious | marked) & real
    return out.hidden_states[depth][mask.bool()].clone(), wanted[mask.bool()].float()


def fit(weights: Path, examples: Sequence[Example], out: Path, plan: Plan, *, seed: int) -> float:
    """Train the head on what the whole model says of the examples, write it to `out`, return its last loss."""
    model = BertForTokenClassification.from_pretrained(weights, attn_implementation="sdpa").eval().bfloat16()
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    shuffled = random.Random(seed).sample(list(examples), len(examples))
    seen = [_seen(model, rows, plan.depth) for rows in _rows(shuffled, tokenizer, plan.pieces)]
    torch.manual_seed(seed)
    gate = Gate(model.config.hidden_size, plan.depth)
    loss = _learn(gate, torch.cat([x for x, _ in seen]), torch.cat([y for _, y in seen]))
    torch.save({**gate.state_dict(), "depth": plan.depth}, out)
    return loss


def _learn(gate: Gate, hidden: torch.Tensor, wanted: torch.Tensor) -> float:
    optimizer = torch.optim.AdamW(gate.parameters(), 2e-3, weight_decay=0.01)
    weight, loss = torch.tensor(_MISSED), torch.tensor(0.0)
    for _ in range(_ROUNDS):
        for part in torch.randperm(len(wanted)).split(_BATCH):
            logits = gate(hidden[part].float())
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted[part], pos_weight=weight)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return loss.item()
