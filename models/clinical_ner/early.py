"""The tagger with two mouths: most pieces are answered half-way, the rest goes on through the upper layers.

Law: after `depth` layers a head answers every piece. Where it is certain, either way, its answer stands. Pieces it is
not certain of go on together with their neighbours, and see only each other from there (early exit by token: Xin et
al. 2020, Li et al. 2021 for sequence labelling). It is trained as it is used: the upper layers learn from the pieces
that reach them, beside those that reach them. Needs torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import BertConfig, BertForTokenClassification

from models.clinical_ner.labels import TAGS

__all__ = ["CLS", "SEP", "EarlyTagger", "Exit", "load_early"]

CLS, SEP = 101, 102
_FILE = "exit.pt"
_GROUPS = 4
"""Rows of like length are run through the upper layers together: less of it is padding."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Who leaves half-way.

    Attributes:
        depth: layers of the encoder below the first answer.
        reach: how many neighbours on each side go on with a piece that is not certain.
        low: P(O) below which a piece is certain to be reported.
        high: P(O) above which a piece is certain to be clean.
    """

    depth: int = 3
    reach: int = 6
    low: float = 0.05
    high: float = 0.99


def _together(
    hidden: torch.Tensor, on: torch.Tensor, tags: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Move the pieces that go on to the front and cut off the rest, as the product does.

    Returns:
        What the pieces know (rows x most pieces x width), where there is one, and their tags (-100 where not known).
    """
    counts = on.sum(1)
    order = (~on).long().argsort(dim=1, stable=True)[:, : int(counts.max())]
    real = torch.arange(order.shape[1])[None, :] < counts[:, None]
    kept = hidden.gather(1, order[..., None].expand(-1, -1, hidden.shape[-1]))
    return kept, real, tags.gather(1, order).masked_fill(~real, -100)


class EarlyTagger(torch.nn.Module):
    """A BERT token classifier, and a second head after some of its layers."""

    def __init__(self, whole: BertForTokenClassification, rule: Exit) -> None:
        super().__init__()
        self.whole, self.rule = whole, rule
        self.exit = torch.nn.Linear(whole.config.hidden_size, len(TAGS))

    def lower(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Run the layers below the first answer; `mask` says which keys may be seen."""
        hidden = self.whole.bert.embeddings(input_ids=ids)
        for layer in self.whole.bert.encoder.layer[: self.rule.depth]:
            hidden = layer(hidden, mask)
        return hidden

    def upper(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Run the layers above it, and the last head."""
        for layer in self.whole.bert.encoder.layer[self.rule.depth :]:
            hidden = layer(hidden, mask)
        return self.whole.classifier(self.whole.dropout(hidden))

    def going_on(self, early: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Say of every piece whether it goes on: the uncertain, their neighbours, and the first piece as a sink.

        Args:
            early: logits after the lower layers, rows x pieces x tags.
            real: rows x pieces, whether a piece is one ([CLS], [SEP] and padding count as none).
        """
        clean = torch.softmax(early.float(), -1)[..., 0]
        unsure = ((clean > self.rule.low) & (clean < self.rule.high) & real).float()
        wide = torch.nn.functional.max_pool1d(
            unsure[:, None], 2 * self.rule.reach + 1, stride=1, padding=self.rule.reach
        )[:, 0]
        first = torch.zeros_like(wide)
        first[:, 0] = 1.0
        some = wide.amax(1, keepdim=True)
        return (wide * real.float() + first * some) > 0.5

    def loss(self, ids: torch.Tensor, mask: torch.Tensor, tags: torch.Tensor, share: float) -> torch.Tensor:
        """Return the mean loss of the first answers, and `share` times that of the second, of the pieces that have one.

        Args:
            ids: rows x pieces.
            mask: likewise, one where there is a piece.
            tags: likewise, -100 where nothing is known.
        """
        there = mask.bool()
        hidden = self.lower(ids, there[:, None, None, :])
        early = self.exit(self.whole.dropout(hidden)).float()
        known = tags.ne(-100)
        on = self.going_on(early.detach(), there & ids.ne(CLS) & ids.ne(SEP))
        entropy = torch.nn.functional.cross_entropy
        first = entropy(early.view(-1, len(TAGS)), tags.view(-1))
        second = first.new_zeros(())
        rows = on.any(1).nonzero().squeeze(1)
        by_length = rows[on[rows].sum(1).argsort()]
        for some in by_length.tensor_split(_GROUPS):
            if some.numel():
                kept, real, wanted = _together(hidden[some], on[some], tags[some])
                late = self.upper(kept, real[:, None, None, :]).float()
                second = second + entropy(late.view(-1, len(TAGS)), wanted.view(-1), reduction="sum")
        return first + share * second / known.sum().clamp(min=1)

    def save(self, out: Path) -> None:
        """Write the weights and the second head."""
        self.whole.save_pretrained(out)
        torch.save({"exit": self.exit.state_dict(), "rule": asdict(self.rule)}, out / _FILE)


def load_early(path: Path, *, attention: str = "sdpa", rule: Exit | None = None) -> EarlyTagger:
    """Read a folder of weights; without a second head there the head is new, and drawn at random."""
    config = BertConfig.from_pretrained(path, num_labels=len(TAGS))
    config._attn_implementation = attention
    config.attention_probs_dropout_prob = 0.0  # a quarter of a step faster; the hidden layers keep theirs
    whole = BertForTokenClassification.from_pretrained(path, config=config)
    if not (path / _FILE).exists():
        return EarlyTagger(whole, rule or Exit())
    state = torch.load(path / _FILE, weights_only=True)
    model = EarlyTagger(whole, rule or Exit(**state["rule"]))
    model.exit.load_state_dict(state["exit"])
    return model
