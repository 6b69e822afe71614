"""Fine-tunes the encoder with a token head. Needs torch and transformers; nothing else in the project does.

Law: given examples, encoder, settings and seed, the weights follow (up to the arithmetic of the machine).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from models.clinical_ner.early import EarlyTagger, load_early
from models.clinical_ner.generate import Example
from models.clinical_ner.labels import tag_ids

__all__ = ["Run", "Settings", "encode_all", "train"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the recipe says about training."""

    steps: int
    tokens_per_batch: int
    max_pieces: int
    encoder_rate: float
    head_rate: float
    warm_up: int
    clip: float
    bfloat16: bool
    threads: int
    late: float
    """What the loss of the upper layers counts against that of the first answers."""


@dataclass(frozen=True, slots=True)
class _Item:
    ids: tuple[int, ...]
    tags: tuple[int, ...]


def encode_all(examples: Sequence[Example], tokenizer: Tokenizer) -> list[_Item]:
    """Tokenise once; windows are cut when a batch is made."""
    out = []
    for encoding, example in zip(
        tokenizer.encode_batch([e.text for e in examples], add_special_tokens=False), examples, strict=True
    ):
        tags = tag_ids(encoding.offsets, example.spans, example.masked)
        if encoding.ids:
            out.append(_Item(tuple(encoding.ids), tuple(tags)))
    return out


def _window(item: _Item, size: int, rng: random.Random) -> _Item:
    if len(item.ids) <= size:
        return item
    start = rng.randint(0, len(item.ids) - size) if rng.random() < 0.7 else 0
    return _Item(item.ids[start : start + size], item.tags[start : start + size])


def _batches(items: list[_Item], settings: Settings, rng: random.Random) -> list[list[_Item]]:
    """Cut windows, sort them by length within pools, and fill batches by padded size."""
    windows = [_window(i, settings.max_pieces - 2, rng) for i in items]
    rng.shuffle(windows)
    out: list[list[_Item]] = []
    for at in range(0, len(windows), 1600):
        batch: list[_Item] = []
        longest = 0
        for item in sorted(windows[at : at + 1600], key=lambda i: len(i.ids)):
            longest = max(longest, len(item.ids) + 2)
            if batch and longest * (len(batch) + 1) > settings.tokens_per_batch:
                out.append(batch)
                batch, longest = [], len(item.ids) + 2
            batch.append(item)
        if batch:
            out.append(batch)
    rng.shuffle(out)
    return out


def _tensors(batch: list[_Item]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(len(i.ids) for i in batch) + 2
    ids, mask, tags = (torch.full((len(batch), longest), fill) for fill in (0, 0, -100))
    for row, item in enumerate(batch):
        n = len(item.ids)
        ids[row, : n + 2] = torch.tensor([101, *item.ids, 102])
        mask[row, : n + 2] = 1
        tags[row, 1 : n + 1] = torch.tensor(item.tags)
    return ids, mask, tags


def _model(encoder: Path, threads: int, seed: int) -> EarlyTagger:
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    return load_early(encoder)


def _optimizer(model: EarlyTagger, settings: Settings) -> tuple[torch.optim.Optimizer, Any]:
    head = [*model.whole.classifier.parameters(), *model.exit.parameters()]
    body = list(model.whole.bert.parameters())
    groups = [{"params": body, "lr": settings.encoder_rate}, {"params": head, "lr": settings.head_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)

    def rate(step: int) -> float:
        if step < settings.warm_up:
            return (step + 1) / settings.warm_up
        return max(0.02, (settings.steps - step) / max(1, settings.steps - settings.warm_up))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def _stream(
    rounds: Sequence[Sequence[Example]], tokenizer: Tokenizer, settings: Settings, rng: random.Random
) -> Iterator[list[_Item]]:
    """Yield batches without end, one round after the other."""
    while True:
        for examples in rounds:
            yield from _batches(encode_all(examples, tokenizer), settings, rng)


@dataclass(frozen=True, slots=True)
class Run:
    """Where a training run starts, where it is written, and how it reports.

    Attributes:
        start: folder of the weights to begin with.
        out: folder the weights, and on the way the checkpoint, are written to.
        seed: of the order of the examples and of the new layers.
        said: told (steps done, smoothed loss, seconds since the start) every few steps.
    """

    start: Path
    out: Path
    seed: int
    said: Callable[[int, float, float], None]


_CHECKPOINT = "checkpoint.pt"


def _resumed(run: Run, model: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Any) -> tuple[int, float]:
    """Go on from the checkpoint of an interrupted run; return the steps it had done and its smoothed loss."""
    path = run.out / _CHECKPOINT
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["rng"])
    return int(state["step"]), float(state["loss"])


def _save(run: Run, model: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Any, at: _At) -> None:
    run.out.mkdir(parents=True, exist_ok=True)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    part = run.out / (_CHECKPOINT + ".part")
    torch.save({**state, "rng": torch.get_rng_state(), "step": at.step, "loss": at.loss}, part)
    part.replace(run.out / _CHECKPOINT)


@dataclass(slots=True)
class _At:
    step: int
    loss: float


def train(rounds: Sequence[Sequence[Example]], settings: Settings, run: Run) -> dict[str, float]:
    """Train for `settings.steps` steps, one list of examples after the other, and save weights below `run.out`.

    A checkpoint is written every 100 steps; a run that finds one reads the same examples again up to that step
    and goes on from there.
    """
    tokenizer = Tokenizer.from_file(str(run.start / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    model = _model(run.start, settings.threads, run.seed)
    model.train()
    optimizer, schedule = _optimizer(model, settings)
    at = _At(*_resumed(run, model, optimizer, schedule))
    started, batches = time.monotonic(), _stream(rounds, tokenizer, settings, random.Random(run.seed))
    for step, batch in enumerate(islice(batches, settings.steps), 1):
        if step <= at.step:
            continue
        ids, mask, tags = _tensors(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bfloat16):
            loss = model.loss(ids, mask, tags, settings.late)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        at = _At(step, loss.item() if step == 1 else 0.98 * at.loss + 0.02 * loss.item())
        if step % 10 == 0 or step == settings.steps:
            run.said(step, at.loss, time.monotonic() - started)
        if step % 100 == 0:
            _save(run, model, optimizer, schedule, at)
    run.out.mkdir(parents=True, exist_ok=True)
    model.save(run.out)
    tokenizer.save(str(run.out / "tokenizer.json"))
    (run.out / _CHECKPOINT).unlink(missing_ok=True)
    return {"steps": float(settings.steps), "loss": at.loss, "seconds": time.monotonic() - started}
