"""A gemma4 file that says what it was told to: it thinks exactly when its prompt asks for thoughts.

Its layers add nothing, so the next token depends on the last one alone, and its output matrix is a table of "after this
comes that". A prompt ends with a newline when thoughts were asked for, and with the end of an empty thought when not;
after the one it opens its channel, after the other it answers. Thought and answer both carry `[NAME_1]`, the thought
written in tokens of one byte, so that no token has two successors.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.kit.tinymodels import gemma4_tokens, tiny_gemma4

__all__ = ["ANSWER", "THOUGHT", "tiny_thinker"]

THOUGHT = "patient[NAME_1] has pain"
ANSWER = "No[NAME_1]"
_THOUGHT_TOKENS = (
    "<|channel>", "<0x0A>", "patient", *(f"<0x{ord(c):02X}>" for c in "[NAME_1]"), "▁has", "▁pain", "<channel|>",
)  # fmt: skip
_ANSWER_TOKENS = ("<channel|>", "No", *"[NAME_1]", "<turn|>")
_GAIN = 2.0


def tiny_thinker(path: Path) -> str:
    """Write it and return its SHA-256."""
    number = {token: i for i, token in enumerate(gemma4_tokens())}
    after = [*pairwise(("\n", *_THOUGHT_TOKENS)), *pairwise(_ANSWER_TOKENS)]
    if len({first for first, _ in after}) != len(after):
        raise ValueError("a token has two successors")

    def scripted(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        embedded = tensors["token_embd.weight"]
        output = np.zeros_like(embedded)
        for first, then in after:
            row = embedded[number[first]]
            output[number[then]] += _GAIN * row / np.linalg.norm(row)
        silent = {name: np.zeros_like(value) for name, value in tensors.items() if ".post_" in name}
        return {**tensors, **silent, "output.weight": output}

    return tiny_gemma4(path, changed=scripted)
