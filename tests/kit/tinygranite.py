"""A tiny random-weight file of the Granite family: another architecture, another kind of vocabulary, another guard.

The vocabulary is byte-level BPE cut by the rules the family uses (`refact`), with the family's three control tokens and
enough merges that a wrong cut between prefix and suffix would show.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.kit.tinymodels import Bare, write_gguf

__all__ = ["tiny_granite"]

_CONTROLS = ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>")
_WORDS = (
    "Yes No user assistant message Message User Assistant harmful based on the risk definition The contains content "
    "patient has pain and fever You are safety agent start end turn of"
)
_LAYERS, _WIDTH, _WIDE, _HEADS, _HEAD = 3, 64, 128, 2, 32


def _byte_letters() -> list[str]:
    """The letter that stands for each byte, as GPT-2 wrote them (Radford et al. 2019)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = {byte: 256 + n for n, byte in enumerate(b for b in range(256) if b not in plain)}
    return [chr(moved.get(byte, byte)) for byte in range(256)]


def _vocabulary() -> tuple[list[str], list[str]]:
    letters = _byte_letters()
    blank, newline = letters[32], letters[10]
    tokens, merges = dict.fromkeys(letters), []
    forms = [form for word in _WORDS.split() for form in (word, blank + word)]
    for form in [*forms, newline * 2, ">" + newline, newline + "*"]:
        for end in range(2, len(form) + 1):
            if form[:end] not in tokens:
                tokens[form[:end]] = None
                merges.append(f"{form[: end - 1]} {form[end - 1]}")
    return [*_CONTROLS, *tokens], merges


def tiny_granite(path: Path, *, seed: int = 17) -> str:
    """Write the file and return its SHA-256."""
    tokens, merges = _vocabulary()
    numbers = {
        "block_count": _LAYERS, "context_length": 4096, "embedding_length": _WIDTH, "feed_forward_length": _WIDE,
        "attention.head_count": _HEADS, "attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.key_length": _HEAD, "attention.value_length": _HEAD, "rope.dimension_count": _HEAD,
        "attention.scale": 0.125, "embedding_scale": 12.0, "residual_scale": 0.25, "logit_scale": 0.5,
    }  # fmt: skip
    values: dict[str, object] = {"general.architecture": "granite", "general.name": "tiny random weights"}
    values |= {f"granite.{name}": number for name, number in numbers.items()}
    values |= {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "refact",
        "tokenizer.ggml.tokens": Bare(8, tokens),
        "tokenizer.ggml.token_type": Bare(5, [3 if token in _CONTROLS else 1 for token in tokens]),
        "tokenizer.ggml.merges": Bare(8, merges),
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
    }
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> np.typing.NDArray[np.float32]:
        return (random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)

    tensors = {"token_embd.weight": matrix(len(tokens), _WIDTH), "output_norm.weight": np.ones(_WIDTH, np.float32)}
    for i in range(_LAYERS):
        shapes = {
            "attn_q": (_HEADS * _HEAD, _WIDTH), "attn_k": (_HEAD, _WIDTH), "attn_v": (_HEAD, _WIDTH),
            "attn_output": (_WIDTH, _HEADS * _HEAD), "ffn_gate": (_WIDE, _WIDTH), "ffn_up": (_WIDE, _WIDTH),
            "ffn_down": (_WIDTH, _WIDE),
        }  # fmt: skip
        tensors |= {f"blk.{i}.{name}.weight": matrix(*shape) for name, shape in shapes.items()}
        tensors |= {f"blk.{i}.{name}.weight": np.ones(_WIDTH, np.float32) for name in ("attn_norm", "ffn_norm")}
    return write_gguf(path, values, tensors)
