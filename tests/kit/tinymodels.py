"""Tiny random-weight GGUF files of the three architectures, for tests that need a real llama.cpp but no meaning.

They are written from nothing: a GGUF writer of fifty lines, a vocabulary of a few hundred pieces with every control
token of the family, seeded weights. The sliding window is 32, so the cache rules of long contexts show within a few
hundred tokens. The vocabularies carry what the real ones do: markers that are USER_DEFINED and not CONTROL, byte
fallback, and a `Yes` beside a `▁Yes`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_Tensors = dict[str, npt.NDArray[np.float32]]

__all__ = [
    "GEMMA4_MARKERS", "Bare", "gemma4_tokens", "tiny_gemma2", "tiny_gemma3", "tiny_gemma4", "tiny_lora", "write_gguf",
]  # fmt: skip

_NORMAL, _UNKNOWN, _CONTROL, _USER, _BYTE = 1, 2, 3, 4, 6
_ALIGN = 32
_WINDOW = 32

GEMMA4_MARKERS: Mapping[str, int] = {
    "<|tool>": _CONTROL, "<tool|>": _CONTROL, "<|tool_call>": _USER, "<tool_call|>": _USER, "<|tool_response>": _USER,
    "<tool_response|>": _USER, '<|"|>': _USER, "<|think|>": _CONTROL, "<|channel>": _USER, "<channel|>": _USER,
    "<|turn>": _CONTROL, "<turn|>": _CONTROL,
}  # fmt: skip
_SENTENCE = (
    "the patient has pain and fever was seen today in clinic with no cough a of to is on for blood pressure normal "
    "Yes No summary note name date call get weather city value response policy question principle"
)


@dataclass(frozen=True, slots=True)
class Bare:
    """A GGUF value whose type cannot be read off the Python value."""

    kind: int
    value: object


def _string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _scalar(kind: int, value: object) -> bytes:
    codes = {4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q"}
    return _string(str(value)) if kind == 8 else struct.pack(codes[kind], value)


def _kind_of(value: object) -> int:
    kinds: Mapping[type, int] = {bool: 7, int: 4, float: 6, str: 8}
    return kinds[type(value)]


def _value(value: object) -> bytes:
    if isinstance(value, Bare) and isinstance(value.value, Sequence):
        body = b"".join(_scalar(value.kind, item) for item in value.value)
        return struct.pack("<IIQ", 9, value.kind, len(value.value)) + body
    if isinstance(value, Bare):
        return struct.pack("<I", value.kind) + _scalar(value.kind, value.value)
    kind = _kind_of(value)
    return struct.pack("<I", kind) + _scalar(kind, value)


def write_gguf(path: Path, values: Mapping[str, object], tensors: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """Write a GGUF version 3 file of F32 tensors and return its SHA-256."""
    head = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values)))
    for key, value in values.items():
        head += _string(key) + _value(value)
    offset = 0
    for name, tensor in tensors.items():
        shape = tensor.shape[::-1]
        head += _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", 0, offset)
        offset += -(-tensor.nbytes // _ALIGN) * _ALIGN
    head += b"\0" * (-len(head) % _ALIGN)
    for tensor in tensors.values():
        raw = tensor.astype("<f4").tobytes()
        head += raw + b"\0" * (-len(raw) % _ALIGN)
    path.write_bytes(head)
    return hashlib.sha256(head).hexdigest()


def _pieces(markers: Mapping[str, int]) -> tuple[list[str], list[int], list[str]]:
    """Tokens, their types, and the merges that build the words from letters."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *markers]
    types = [_CONTROL, _CONTROL, _CONTROL, _UNKNOWN, *markers.values()]
    tokens += [f"<0x{i:02X}>" for i in range(256)]
    types += [_BYTE] * 256
    plain = [chr(i) for i in range(33, 127)] + ["▁", "\n", "\n\n", "▁▁", "é", "ü", "ශ", "த", "م", "😀"]
    merges = ["▁ ▁"]
    seen = dict.fromkeys(plain)
    for word in _SENTENCE.split():
        for form in (word, f"▁{word}"):
            for end in range(2, len(form) + 1):
                if form[:end] not in seen:
                    seen[form[:end]] = None
                    merges.append(f"{form[: end - 1]} {form[end - 1]}")
    tokens += list(seen)
    types += [_NORMAL] * len(seen)
    return tokens, types, merges


def _vocabulary(model: str, markers: Mapping[str, int]) -> tuple[dict[str, object], int]:
    tokens, types, merges = _pieces(markers)
    values: dict[str, object] = {
        "tokenizer.ggml.model": model,
        "tokenizer.ggml.tokens": Bare(8, tokens),
        "tokenizer.ggml.token_type": Bare(5, types),
        "tokenizer.ggml.scores": Bare(6, [-float(i) for i in range(len(tokens))]),
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 3,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.ggml.add_bos_token": True,
    }
    if model == "gemma4":
        values["tokenizer.ggml.merges"] = Bare(8, merges)
    return values, len(tokens)


class _Weights:
    """Seeded matrices, scaled so that the logits of different contexts differ clearly."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, rows: int, columns: int) -> npt.NDArray[np.float32]:
        return (self._random.standard_normal((rows, columns)) / np.sqrt(columns)).astype(np.float32)


def _ones(size: int) -> npt.NDArray[np.float32]:
    return np.ones(size, np.float32)


def gemma4_tokens() -> tuple[str, ...]:
    """The texts of `tiny_gemma4`'s tokens, by id."""
    return tuple(_pieces(GEMMA4_MARKERS)[0])


def tiny_gemma4(
    path: Path, *, seed: int = 7, layers: int = 4, added: _Tensors | None = None,
    changed: Callable[[_Tensors], _Tensors] = lambda tensors: tensors,
) -> str:  # fmt: skip
    """A gemma4 file (width 64, window 32, last layer global); returns its SHA-256; `added` is put onto weights."""
    width, wide, heads, key, key_swa = 64, 128, 2, 64, 32
    vocabulary, size = _vocabulary("gemma4", GEMMA4_MARKERS)
    pattern = [i % 4 != 3 for i in range(layers)]
    values: dict[str, object] = {
        "general.architecture": "gemma4",
        "general.name": "tiny random weights",
        "gemma4.block_count": layers,
        "gemma4.context_length": 4096,
        "gemma4.embedding_length": width,
        "gemma4.feed_forward_length": wide,
        "gemma4.attention.head_count": heads,
        "gemma4.attention.head_count_kv": Bare(5, [1] * layers),
        "gemma4.rope.freq_base": 1000000.0,
        "gemma4.rope.freq_base_swa": 10000.0,
        "gemma4.attention.layer_norm_rms_epsilon": 1e-6,
        "gemma4.attention.key_length": key,
        "gemma4.attention.value_length": key,
        "gemma4.attention.key_length_swa": key_swa,
        "gemma4.attention.value_length_swa": key_swa,
        "gemma4.final_logit_softcapping": 30.0,
        "gemma4.attention.sliding_window": _WINDOW,
        "gemma4.attention.shared_kv_layers": 0,
        "gemma4.embedding_length_per_layer_input": 0,
        "gemma4.attention.sliding_window_pattern": Bare(7, pattern),
        "gemma4.rope.dimension_count": key,
        "gemma4.rope.dimension_count_swa": key_swa,
        **vocabulary,
    }
    draw = _Weights(seed)
    tensors = {"token_embd.weight": draw.matrix(size, width), "output_norm.weight": _ones(width)}
    tensors["output.weight"] = draw.matrix(size, width) * 2
    tensors["rope_freqs.weight"] = _ones(key // 2)
    for i, sliding in enumerate(pattern):
        head = key_swa if sliding else key
        tensors |= _block(draw, f"blk.{i}", width, wide, (heads * head, head))
        tensors |= {f"blk.{i}.attn_q_norm.weight": _ones(head) * 0.2, f"blk.{i}.attn_k_norm.weight": _ones(head)}
    tensors |= {name: tensors[name] + more for name, more in (added or {}).items()}
    return write_gguf(path, values, changed(tensors))


def tiny_lora(path: Path, *, size: float = 1.0, arch: str = "gemma4", norms: bool = False, layers: int = 4) -> str:
    """Write a LoRA adapter of rank 2 for `tiny_gemma4`'s feed-forward part; `size` 0 changes nothing."""
    width, wide, rank = 64, 128, 2
    draw = _Weights(23)
    values: dict[str, object] = {
        "general.type": "adapter", "general.architecture": arch, "general.name": "tiny adapter",
        "adapter.type": "lora", "adapter.lora.alpha": float(rank),
    }  # fmt: skip
    tensors: _Tensors = {}
    for i in range(layers):
        tensors[f"blk.{i}.ffn_up.weight.lora_a"] = draw.matrix(rank, width)
        tensors[f"blk.{i}.ffn_up.weight.lora_b"] = draw.matrix(wide, rank) * np.float32(size)
    if norms:
        tensors["blk.0.attn_norm.weight"] = _ones(width)
    return write_gguf(path, values, tensors)


def _block(draw: _Weights, name: str, width: int, wide: int, heads: tuple[int, int]) -> _Tensors:
    query, key = heads
    return {
        f"{name}.attn_norm.weight": _ones(width),
        f"{name}.attn_q.weight": draw.matrix(query, width),
        f"{name}.attn_k.weight": draw.matrix(key, width),
        f"{name}.attn_v.weight": draw.matrix(key, width),
        f"{name}.attn_output.weight": draw.matrix(width, query),
        f"{name}.post_attention_norm.weight": _ones(width),
        f"{name}.ffn_norm.weight": _ones(width),
        f"{name}.ffn_gate.weight": draw.matrix(wide, width),
        f"{name}.ffn_up.weight": draw.matrix(wide, width),
        f"{name}.ffn_down.weight": draw.matrix(width, wide),
        f"{name}.post_ffw_norm.weight": _ones(width),
    }


def tiny_gemma2(path: Path, *, seed: int = 11, layers: int = 4) -> str:
    """Write a gemma2 file with a SentencePiece vocabulary (width 64, window 32) and return its SHA-256."""
    soft = {"gemma2.attn_logit_softcapping": 50.0, "gemma2.final_logit_softcapping": 30.0}
    values, tensors = _sentencepiece_model("gemma2", _Weights(seed), layers)
    return write_gguf(path, {**values, **soft}, tensors)


def tiny_gemma3(path: Path, *, seed: int = 13, layers: int = 6) -> str:
    """Write a gemma3 file: as gemma2, with normed queries and keys, every sixth layer global."""
    values, tensors = _sentencepiece_model("gemma3", _Weights(seed), layers)
    for i in range(layers):
        tensors |= {f"blk.{i}.attn_q_norm.weight": _ones(32), f"blk.{i}.attn_k_norm.weight": _ones(32)}
    return write_gguf(path, {**values, "gemma3.rope.freq_base": 1000000.0}, tensors)


def _sentencepiece_model(arch: str, draw: _Weights, layers: int) -> tuple[dict[str, object], _Tensors]:
    width, wide, heads, head = 64, 128, 2, 32
    vocabulary, size = _vocabulary("llama", {"<start_of_turn>": _CONTROL, "<end_of_turn>": _CONTROL})
    numbers = {
        "block_count": layers, "context_length": 4096, "embedding_length": width, "feed_forward_length": wide,
        "attention.head_count": heads, "attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-6,
        "attention.key_length": head, "attention.value_length": head, "attention.sliding_window": _WINDOW,
    }  # fmt: skip
    values: dict[str, object] = {"general.architecture": arch, "general.name": "tiny random weights", **vocabulary}
    values |= {f"{arch}.{name}": number for name, number in numbers.items()}
    tensors = {"token_embd.weight": draw.matrix(size, width), "output_norm.weight": _ones(width)}
    for i in range(layers):
        tensors |= _block(draw, f"blk.{i}", width, wide, (heads * head, head))
    return values, tensors
