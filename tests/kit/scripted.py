"""A gemma4 file that says what it was told to, so that the real engine can be seen to think and to call.

Its layers add nothing, so the next token depends on the last one alone, and its output matrix is a table of "after this
comes that". The thinker's prompt ends with a newline when thoughts were asked for, and with the end of an empty thought
when not; after the one it opens its channel, after the other it answers. Thought and answer both carry `[NAME_1]`. The
caller calls a function as soon as it may speak, and answers once it has a result. What is said twice is written the
second time in tokens of one byte, so that no token has two successors.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests.kit.tinymodels import gemma4_tokens, tiny_gemma4

__all__ = ["ANSWER", "CALLED", "RESULT", "THOUGHT", "tiny_caller", "tiny_thinker"]

THOUGHT = "patient[NAME_1] has pain"
ANSWER = "No[NAME_1]"
CALLED = ("get", {"date": 7})
RESULT = "No fever"
_GAIN = 2.0


def _bytes(text: str) -> tuple[str, ...]:
    return tuple(f"<0x{byte:02X}>" for byte in text.encode())


def tiny_thinker(path: Path) -> str:
    """Write it and return its SHA-256."""
    thought = ("\n", "<|channel>", *_bytes("\n"), "patient", *_bytes("[NAME_1]"), "▁has", "▁pain", "<channel|>")
    return _scripted(path, (thought, ("<channel|>", "No", *"[NAME_1]", "<turn|>")))


def tiny_caller(path: Path) -> str:
    """Write it and return its SHA-256."""
    call = ("call", ":", "get", "{", "date", *_bytes(":"), "7", "}", "<tool_call|>", "<|tool_response>")
    return _scripted(path, (("<channel|>", "<|tool_call>", *call), ("<tool_response|>", "No", "▁fever", "<turn|>")))


def _scripted(path: Path, said: Iterable[tuple[str, ...]]) -> str:
    number = {token: i for i, token in enumerate(gemma4_tokens())}
    after = [pair for text in said for pair in pairwise(text)]
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
