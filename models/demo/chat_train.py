"""Train the demonstration chat model: a tiny Gemma 4 that copies what a note says into one or two sentences.

One row is a shared beginning followed by several endings; the attention mask hides the endings from each other, so
one note teaches several answers for the price of one. Only answers are learned.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from transformers import Gemma4ForCausalLM, Gemma4TextConfig

from models.demo import chat_vocab, training
from models.demo.chat_data import HINT, Conversation, make_conversation
from models.demo.chat_vocab import ChatVocabulary
from models.demo.notes import make_note
from models.demo.turns import Control, ending_parts, opening_parts

__all__ = ["Row", "main"]

_PEAK = 2e-3
_TOKENS = 2048
_LAYERS = 6
_WINDOW = 256


@dataclass(frozen=True, slots=True)
class Row:
    """Ids of the shared beginning, and per ending the ids of its question part and of its answer."""

    opening: list[int]
    endings: list[tuple[list[int], list[int]]]

    def __len__(self) -> int:
        return len(self.opening) + sum(len(asked) + len(told) for asked, told in self.endings)


def config(vocabulary: int) -> Gemma4TextConfig:
    """The shape: five sliding layers and a full one, width 256."""
    return Gemma4TextConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=1024,
        num_hidden_layers=_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=1,
        num_global_key_value_heads=1,
        head_dim=64,
        global_head_dim=128,
        layer_types=["sliding_attention"] * (_LAYERS - 1) + ["full_attention"],
        sliding_window=_WINDOW,
        hidden_size_per_layer_input=0,
        vocab_size_per_layer_input=vocabulary,
        num_kv_shared_layers=0,
        attention_k_eq_v=False,
        use_double_wide_mlp=False,
        max_position_embeddings=8192,
        final_logit_softcapping=30.0,
        rope_parameters={
            "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1_000_000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        },
        initializer_range=0.03,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )


def encode(vocabulary: ChatVocabulary, talk: Conversation) -> Row:
    """A conversation as ids."""
    endings = [
        (vocabulary.ids(ending_parts(e.question)), vocabulary.ids([e.answer, Control("<turn|>")])) for e in talk.endings
    ]
    return Row(vocabulary.ids(opening_parts(talk)), endings)


def _tensors(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, positions, block numbers and targets (-100 outside answers)."""
    width = training.rounded(max(map(len, rows)))
    ids, positions = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.long)
    block, wanted = (
        torch.full((len(rows), width), -1, dtype=torch.long),
        torch.full((len(rows), width), -100, dtype=torch.long),
    )
    for i, row in enumerate(rows):
        at = shared = len(row.opening)
        ids[i, :at], positions[i, :at], block[i, :at] = torch.tensor(row.opening), torch.arange(at), 0
        for j, (asked, told) in enumerate(row.endings):
            both = asked + told
            to, start = at + len(both), at + len(asked)
            ids[i, at:to], block[i, at:to] = torch.tensor(both), j + 1
            positions[i, at:to] = torch.arange(len(both)) + shared
            wanted[i, start - 1 : to - 1] = torch.tensor(told)
            at = to
    return ids, positions, block, wanted


def _masks(positions: torch.Tensor, block: torch.Tensor) -> dict[str, torch.Tensor]:
    width = block.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    seen = (block[:, None, :] == 0) | (block[:, None, :] == block[:, :, None])
    full = causal & seen & (block[:, None, :] >= 0) | torch.eye(width, dtype=torch.bool)
    near = full & (positions[:, :, None] - positions[:, None, :] < _WINDOW)
    return {"full_attention": full[:, None], "sliding_attention": near[:, None]}


def _loss(model: Gemma4ForCausalLM, rows: Sequence[Row]) -> tuple[torch.Tensor, float]:
    ids, positions, block, wanted = _tensors(rows)
    hidden = model.model(
        input_ids=ids, attention_mask=_masks(positions, block), position_ids=positions, use_cache=False
    ).last_hidden_state
    told = wanted >= 0
    logits = model.lm_head(hidden[told]).float()
    cap = model.config.final_logit_softcapping
    logits = torch.tanh(logits / cap) * cap
    right = (logits.argmax(-1) == wanted[told]).float().mean().item()
    return torch.nn.functional.cross_entropy(logits, wanted[told]), right


def _begin(model: Gemma4ForCausalLM) -> None:
    """Start attention as soft as usual: this family divides by nothing, so the query norm must carry the scale."""
    for layer in model.model.layers:
        attention = layer.self_attn
        torch.nn.init.constant_(attention.q_norm.weight, 1.5 / math.sqrt(attention.head_dim))


def _vocabulary(directory: Path, rng: Random) -> ChatVocabulary:
    talks = [make_conversation(rng) for _ in range(12_000)]
    texts = [
        t
        for talk in talks
        for t in (talk.system, talk.opening, *(x for e in talk.endings for x in (e.question, e.answer)))
    ]
    constant = [text for part in ("system\n" + HINT, "user\n", *ending_parts("")) for text in [part] * 50]
    if not (directory / "content.json").exists():
        chat_vocab.build(texts + constant + [make_note(rng).text for _ in range(3000)], directory)
    return ChatVocabulary(directory)


def _model(directory: Path, vocabulary: ChatVocabulary) -> Gemma4ForCausalLM:
    if (directory / "model.safetensors").exists():
        return Gemma4ForCausalLM.from_pretrained(directory).float()
    model = Gemma4ForCausalLM(config(-(-vocabulary.size // 32) * 32))
    _begin(model)
    return model


def train(directory: Path, *, steps: int, peak: float = _PEAK, seed: int = 11) -> None:
    """Build the vocabulary, train, save in the transformers layout. A folder with weights in it is trained further."""
    torch.manual_seed(seed)
    rng = Random(seed)
    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary(directory, rng)
    model = _model(directory, vocabulary)
    optimizer = training.optimiser(model, peak)
    progress = training.Progress("chat", steps)
    source = training.batches(lambda: encode(vocabulary, make_conversation(rng)), len, tokens=_TOKENS)
    for step in range(steps):
        training.set_rate(optimizer, peak, step, steps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss, right = _loss(model, next(source))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        progress.step(step + 1, loss.item(), right=right)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            model.save_pretrained(directory)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--peak", type=float, default=_PEAK, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    train(args.out, steps=args.steps, peak=args.peak, seed=args.seed)


if __name__ == "__main__":
    main()
