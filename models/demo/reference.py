"""What the trained torch model says to twenty prompts, written down for the comparison with its GGUF file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from models.demo import shieldgemma
from models.demo.chat_data import make_exam
from models.demo.chat_vocab import ChatVocabulary
from models.demo.guard_data import make_case
from models.demo.guard_vocab import GuardVocabulary
from models.demo.turns import prompt_parts

__all__ = ["main", "prompts", "write"]

_SEED = 4711
_LIMIT = 100


def _guard_prompt(rng: Random) -> list[str]:
    case = make_case(rng)
    policy = rng.choice(tuple(shieldgemma.POLICIES))
    return [
        *shieldgemma.prefix(case.question, case.response),
        shieldgemma.suffix(policy, of_response=case.response is not None),
    ]


def _chat_prompt(rng: Random) -> list[str]:
    talk, _ = make_exam(rng)
    return prompt_parts(talk)


def prompts(kind: str, count: int) -> list[list[str]]:
    """Seeded prompts as parts."""
    rng = Random(_SEED)
    make: Callable[[Random], list[str]] = {"chat": _chat_prompt, "guard": _guard_prompt}[kind]
    return [make(rng) for _ in range(count)]


def _greedy(model: torch.nn.Module, ids: list[int], ends: set[int], limit: int) -> tuple[torch.Tensor, list[int]]:
    first, out = None, []
    while len(out) < limit:
        logits = model(input_ids=torch.tensor([ids + out]), use_cache=False).logits[0, -1].float()
        first = logits if first is None else first
        token = int(logits.argmax())
        if token in ends:
            break
        out.append(token)
    assert first is not None
    return first, out


@torch.no_grad()
def write(kind: str, trained: Path, out: Path, count: int = 20) -> None:
    """Write parts, ids, first logits and greedy answers."""
    model = AutoModelForCausalLM.from_pretrained(trained, attn_implementation="eager").float().eval()
    vocabulary = ChatVocabulary(trained) if kind == "chat" else GuardVocabulary(trained / "tokenizer.model")
    ends = (
        {vocabulary.ids_of[text] for text in ("<eos>", "<turn|>", "<|tool_response>")}
        if isinstance(vocabulary, ChatVocabulary)
        else {1}
    )
    rows, first = [], []
    for parts in prompts(kind, count):
        ids = vocabulary.ids(parts)
        logits, answer = _greedy(model, ids, ends, _LIMIT if kind == "chat" else 1)
        first.append(logits.numpy())
        rows.append({"parts": [[type(part) is not str, str(part)] for part in parts], "ids": ids, "answer": answer})
    out.write_text(json.dumps(rows), encoding="utf-8")
    np.save(out.with_suffix(".npy"), np.stack(first))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("chat", "guard"), required=True)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(args.kind, args.trained, args.out)


if __name__ == "__main__":
    main()
