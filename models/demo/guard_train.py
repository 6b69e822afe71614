"""Train the demonstration guard: a tiny Gemma 2 that reads one exchange and answers the four policy questions at once.

One row is the shared prefix followed by the four suffixes; the attention mask hides the suffixes from each other, so
every verdict is computed exactly as in a call of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from models.demo import guard_vocab, shieldgemma, training
from models.demo.guard_data import Case, make_case
from models.demo.guard_real import RealCases

__all__ = ["Row", "encode", "main", "verdicts"]

_PEAK = 1.5e-3
_TOKENS = 3072
_LONG = 1500


@dataclass(frozen=True, slots=True)
class Row:
    """Ids and positions of the prefix, the four suffixes, and the wanted verdicts."""

    prefix: list[int]
    positions: list[int]
    suffixes: list[list[int]]
    labels: tuple[bool | None, ...]

    def __len__(self) -> int:
        return len(self.prefix) + sum(map(len, self.suffixes))


def config(vocabulary: int) -> Gemma2Config:
    """The shape: four layers of 192."""
    return Gemma2Config(
        vocab_size=vocabulary,
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        query_pre_attn_scalar=64,
        sliding_window=4096,
        max_position_embeddings=8192,
        initializer_range=0.04,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        attn_implementation="eager",
    )


def encode(vocabulary: guard_vocab.GuardVocabulary, case: Case) -> Row:
    """A case as ids at plain positions."""
    ids = vocabulary.ids(shieldgemma.prefix(case.question, case.response))
    asked = [
        vocabulary.ids([shieldgemma.suffix(p, of_response=case.response is not None)]) for p in shieldgemma.POLICIES
    ]
    return Row(ids, list(range(len(ids))), asked, case.labels)


def _stretched(row: Row, rng: Random) -> Row:
    """The same row with one gap in its positions, as if more text had stood there."""
    gap, at = rng.randint(1, _LONG), rng.randint(3, len(row.prefix) - 1)
    return Row(row.prefix, [p + (gap if p >= at else 0) for p in row.positions], row.suffixes, row.labels)


def _tensors(rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, positions, additive mask and the index of each verdict."""
    width = training.rounded(max(map(len, rows)))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    positions = torch.zeros(len(rows), width, dtype=torch.long)
    block = torch.full((len(rows), width), -1, dtype=torch.long)
    ends = torch.zeros(len(rows), len(rows[0].suffixes), dtype=torch.long)
    for i, row in enumerate(rows):
        at = len(row.prefix)
        ids[i, :at], positions[i, :at], block[i, :at] = torch.tensor(row.prefix), torch.tensor(row.positions), 0
        for j, suffix in enumerate(row.suffixes):
            to = at + len(suffix)
            ids[i, at:to], block[i, at:to] = torch.tensor(suffix), j + 1
            positions[i, at:to] = torch.arange(len(suffix)) + row.positions[-1] + 1
            ends[i, j], at = to - 1, to
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    seen = (block[:, None, :] == 0) | (block[:, None, :] == block[:, :, None])
    allowed = causal & seen & (block[:, None, :] >= 0) | torch.eye(width, dtype=torch.bool)
    mask = torch.zeros(allowed.shape).masked_fill(~allowed, -1e9)[:, None]
    return ids, positions, mask, ends


def verdicts(model: Gemma2ForCausalLM, rows: Sequence[Row]) -> torch.Tensor:
    """Logits after each suffix: rows x policies x vocabulary."""
    ids, positions, mask, ends = _tensors(rows)
    masks = {"full_attention": mask, "sliding_attention": mask}
    hidden = model.model(input_ids=ids, attention_mask=masks, position_ids=positions, use_cache=False).last_hidden_state
    picked = hidden.gather(1, ends[:, :, None].expand(-1, -1, hidden.shape[-1]))
    logits = model.lm_head(picked).float()
    cap = model.config.final_logit_softcapping
    return torch.tanh(logits / cap) * cap


def _loss(logits: torch.Tensor, rows: Sequence[Row], yes: int, no: int) -> torch.Tensor:
    wanted = torch.tensor([[-100 if x is None else yes if x else no for x in row.labels] for row in rows])
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1))


def _long_case(rng: Random) -> Case:
    """A case hidden in a long file: harm anywhere, or nowhere."""
    case = make_case(rng)
    around = [make_case(rng) for _ in range(60)]
    notes = [c.question for c in around if c.response is None and c.kind in ("note", "medical", "sensitive")][
        : rng.randint(4, 12)
    ]
    text = case.question if case.response is None else case.response
    notes.insert(rng.randint(0, len(notes)), text)
    joined = "\n\n".join(notes)[: 6000 if text in "\n\n".join(notes)[:6000] else None]
    if case.response is None:
        return Case(joined, None, case.labels, case.medical, case.kind)
    return Case(case.question[:300], joined, case.labels, case.medical, case.kind)


def _vocabulary(directory: Path, rng: Random) -> guard_vocab.GuardVocabulary:
    path = directory / "tokenizer.model"
    if not path.exists():
        sample = [make_case(rng) for _ in range(30_000)]
        texts = [text for case in sample for text in (case.question, case.response or "")]
        guard_vocab.build(texts + shieldgemma.constant_texts() * 200, path)
    return guard_vocab.GuardVocabulary(path)


def train(
    directory: Path,
    *,
    steps: int,
    peak: float = _PEAK,
    seed: int = 7,
    real: RealCases | None = None,
    share: float = 0.5,
) -> None:
    """Build the vocabulary, train, save in the transformers layout. A folder with weights in it is trained further.

    `share` of the cases are labelled rows, where there are any.
    """
    torch.manual_seed(seed)
    rng = Random(seed)
    directory.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary(directory, rng)
    started = (directory / "model.safetensors").exists()
    model = (
        Gemma2ForCausalLM.from_pretrained(directory, attn_implementation="eager")
        if started
        else Gemma2ForCausalLM(config(4096))
    )

    def make() -> Row:
        chance = rng.random()
        if real is not None and rng.random() < share:
            row = encode(vocabulary, real.draw(rng))
            return _stretched(row, rng) if chance > 0.92 else row
        row = encode(vocabulary, _long_case(rng) if chance < 0.006 else make_case(rng))
        return _stretched(row, rng) if chance > 0.92 else row

    optimizer = training.optimiser(model, peak)
    progress = training.Progress("guard", steps)
    source = training.batches(make, len, tokens=_TOKENS)
    for step in range(steps):
        rows = next(source)
        training.set_rate(optimizer, peak, step, steps)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = verdicts(model, rows)
        loss = _loss(logits, rows, vocabulary.yes, vocabulary.no)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        progress.step(step + 1, loss.item())
        if (step + 1) % 250 == 0 or step + 1 == steps:
            model.save_pretrained(directory)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--peak", type=float, default=_PEAK, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=Path, nargs="*", default=[], help="labelled rows of real text, redacted")
    parser.add_argument("--share", type=float, default=0.5, help="share of the cases that are such rows")
    args = parser.parse_args()
    real = RealCases(args.rows) if args.rows else None
    train(args.out, steps=args.steps, peak=args.peak, seed=args.seed, real=real, share=args.share)


if __name__ == "__main__":
    main()
