"""What the real models look like from outside: every tensor's name, kind and size, and the numbers of the header.

Law: sizes are the publisher's, from the configuration files beside the weights; nothing here says what a weight is.
The names are those of github.com/ggml-org/llama.cpp `src/models/gemma4.cpp` and `gemma2.cpp`, of the pinned source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

__all__ = ["SHAPES", "U32", "Array", "Gemma2", "Gemma4", "Kind", "Shape", "Tensor", "cut"]


@dataclass(frozen=True, slots=True)
class U32:
    """An unsigned number of the header."""

    value: int


@dataclass(frozen=True, slots=True)
class Array:
    """An array of the header: the GGUF type of its items (5 integer, 7 yes or no) and the items."""

    kind: int
    items: tuple[int, ...]


Kind = str
"""`q4_0` random blocks, `f16` random, `ones`, `halves`, or `rope`: the frequencies of proportional rope."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `shape` as GGUF writes it, the contiguous side first."""

    name: str
    kind: Kind
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gemma4:
    """A Gemma 4: sliding layers, every `period`-th global; small ones embed every layer and share their last caches."""

    title: str
    layers: int
    width: int
    ffn: int
    heads: int
    kv_sliding: int
    kv_global: int
    period: int
    window: int
    context: int
    shared: int = 0
    """Last layers that use the cache of an earlier one; their feed-forward part is twice as wide where `double`."""
    double: bool = False
    per_layer: int = 0
    experts: int = 0
    expert_ffn: int = 0
    values_are_keys: bool = False
    """Global layers have no values of their own."""

    arch = "gemma4"
    vocabulary = 262_144
    head_global, head_sliding = 512, 256

    def sliding(self, layer: int) -> bool:
        """Whether a layer looks back one window only."""
        return (layer + 1) % self.period != 0

    def ffn_of(self, layer: int) -> int:
        """Width of a layer's feed-forward part."""
        return self.ffn * 2 if self.double and layer >= self.layers - self.shared else self.ffn

    def header(self) -> Mapping[str, object]:
        """The architecture's own part of the header."""
        every = range(self.layers)
        heads = Array(5, tuple(self.kv_sliding if self.sliding(i) else self.kv_global for i in every))
        values: dict[str, object] = {
            "block_count": U32(self.layers), "context_length": U32(self.context), "embedding_length": U32(self.width),
            "feed_forward_length": Array(5, tuple(self.ffn_of(i) for i in every)),
            "attention.head_count": U32(self.heads), "attention.head_count_kv": heads,
            "rope.freq_base": 1_000_000.0, "rope.freq_base_swa": 10_000.0,
            "attention.layer_norm_rms_epsilon": 1e-6, "final_logit_softcapping": 30.0,
            "attention.key_length": U32(self.head_global), "attention.value_length": U32(self.head_global),
            "attention.key_length_swa": U32(self.head_sliding), "attention.value_length_swa": U32(self.head_sliding),
            "attention.sliding_window": U32(self.window), "attention.shared_kv_layers": U32(self.shared),
            "attention.sliding_window_pattern": Array(7, tuple(self.sliding(i) for i in every)),
            "embedding_length_per_layer_input": U32(self.per_layer),
            "rope.dimension_count": U32(self.head_global), "rope.dimension_count_swa": U32(self.head_sliding),
        }  # fmt: skip
        if self.experts:
            values |= {
                "expert_count": U32(self.experts), "expert_used_count": U32(8),
                "expert_feed_forward_length": U32(self.expert_ffn),
            }  # fmt: skip
        return values

    def tensors(self) -> Iterator[Tensor]:
        """All of them, in the order of the file."""
        yield Tensor("token_embd.weight", "q4_0", (self.width, self.vocabulary))
        if self.per_layer:
            wide = self.per_layer * self.layers
            yield Tensor("per_layer_token_embd.weight", "q4_0", (wide, self.vocabulary))
            yield Tensor("per_layer_model_proj.weight", "f16", (self.width, wide))
            yield Tensor("per_layer_proj_norm.weight", "ones", (self.per_layer,))
        yield Tensor("output_norm.weight", "ones", (self.width,))
        yield Tensor("rope_freqs.weight", "rope", (self.head_global // 2,))
        for i in range(self.layers):
            yield from self._attention(i)
            yield from _feed_forward(f"blk.{i}", self.width, self.ffn_of(i))
            yield from self._experts(i)
            yield from self._embedding(i)
            yield Tensor(f"blk.{i}.layer_output_scale.weight", "ones", (1,))

    def _attention(self, layer: int) -> Iterator[Tensor]:
        sliding = self.sliding(layer)
        head, kv = (self.head_sliding, self.kv_sliding) if sliding else (self.head_global, self.kv_global)
        name = f"blk.{layer}"
        yield from _attention(name, self.width, head * self.heads)
        yield Tensor(f"{name}.attn_q_norm.weight", "ones", (head,))
        if layer < self.layers - self.shared:
            yield Tensor(f"{name}.attn_k.weight", "q4_0", (self.width, head * kv))
            yield Tensor(f"{name}.attn_k_norm.weight", "ones", (head,))
            if sliding or not self.values_are_keys:
                yield Tensor(f"{name}.attn_v.weight", "q4_0", (self.width, head * kv))

    def _experts(self, layer: int) -> Iterator[Tensor]:
        if not self.experts:
            return
        name, size = f"blk.{layer}", (self.width, self.expert_ffn * 2, self.experts)
        yield Tensor(f"{name}.ffn_gate_inp.weight", "f16", (self.width, self.experts))
        yield Tensor(f"{name}.ffn_gate_inp.scale", "ones", (self.width,))
        yield Tensor(f"{name}.pre_ffw_norm_2.weight", "ones", (self.width,))
        yield Tensor(f"{name}.post_ffw_norm_1.weight", "halves", (self.width,))
        yield Tensor(f"{name}.post_ffw_norm_2.weight", "halves", (self.width,))
        yield Tensor(f"{name}.ffn_gate_up_exps.weight", "q4_0", size)
        yield Tensor(f"{name}.ffn_down_exps.weight", "q4_0", (self.expert_ffn, self.width, self.experts))

    def _embedding(self, layer: int) -> Iterator[Tensor]:
        if self.per_layer:
            yield Tensor(f"blk.{layer}.inp_gate.weight", "q4_0", (self.width, self.per_layer))
            yield Tensor(f"blk.{layer}.proj.weight", "q4_0", (self.per_layer, self.width))
            yield Tensor(f"blk.{layer}.post_norm.weight", "halves", (self.width,))


@dataclass(frozen=True, slots=True)
class Gemma2:
    """A Gemma 2, which is what ShieldGemma is: every second layer global."""

    title: str
    layers: int
    width: int
    ffn: int
    heads: int
    kv: int
    head: int
    context: int = 8192
    window: int = 4096

    arch = "gemma2"
    vocabulary = 256_000

    def header(self) -> Mapping[str, object]:
        """The architecture's own part of the header."""
        return {
            "block_count": U32(self.layers), "context_length": U32(self.context), "embedding_length": U32(self.width),
            "feed_forward_length": U32(self.ffn), "attention.head_count": U32(self.heads),
            "attention.head_count_kv": U32(self.kv), "attention.layer_norm_rms_epsilon": 1e-6,
            "attention.key_length": U32(self.head), "attention.value_length": U32(self.head),
            "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
            "attention.sliding_window": U32(self.window),
        }  # fmt: skip

    def tensors(self) -> Iterator[Tensor]:
        """All of them, in the order of the file."""
        yield Tensor("token_embd.weight", "q4_0", (self.width, self.vocabulary))
        yield Tensor("output_norm.weight", "ones", (self.width,))
        for i in range(self.layers):
            name = f"blk.{i}"
            yield from _attention(name, self.width, self.head * self.heads)
            yield Tensor(f"{name}.attn_k.weight", "q4_0", (self.width, self.head * self.kv))
            yield Tensor(f"{name}.attn_v.weight", "q4_0", (self.width, self.head * self.kv))
            yield from _feed_forward(name, self.width, self.ffn)


Shape = Gemma4 | Gemma2


def cut(shape: Shape, layers: int) -> Shape:
    """The same with fewer layers, whole periods of sliding and global ones being the caller's care."""
    if isinstance(shape, Gemma4):
        return replace(shape, layers=layers, shared=0)
    return replace(shape, layers=layers)


def _attention(name: str, width: int, heads: int) -> Iterator[Tensor]:
    yield Tensor(f"{name}.attn_norm.weight", "ones", (width,))
    yield Tensor(f"{name}.attn_q.weight", "q4_0", (width, heads))
    yield Tensor(f"{name}.attn_output.weight", "q4_0", (heads, width))
    yield Tensor(f"{name}.post_attention_norm.weight", "halves", (width,))


def _feed_forward(name: str, width: int, ffn: int) -> Iterator[Tensor]:
    yield Tensor(f"{name}.ffn_norm.weight", "ones", (width,))
    yield Tensor(f"{name}.ffn_gate.weight", "q4_0", (width, ffn))
    yield Tensor(f"{name}.ffn_up.weight", "q4_0", (width, ffn))
    yield Tensor(f"{name}.ffn_down.weight", "q4_0", (ffn, width))
    yield Tensor(f"{name}.post_ffw_norm.weight", "halves", (width,))


SHAPES: Mapping[str, Shape] = {
    "gemma-4-e2b": Gemma4("Gemma 4 E2B", 35, 1536, 6144, 8, 1, 1, 5, 512, 131_072, 20, double=True, per_layer=256),
    "gemma-4-e4b": Gemma4("Gemma 4 E4B", 42, 2560, 10_240, 8, 2, 2, 6, 512, 131_072, 18, per_layer=256),
    "gemma-4-26b-a4b": Gemma4(
        "Gemma 4 26B-A4B", 30, 2816, 2112, 16, 8, 2, 6, 1024, 262_144,
        experts=128, expert_ffn=704, values_are_keys=True,
    ),
    "gemma-4-31b": Gemma4("Gemma 4 31B", 60, 5376, 21_504, 32, 16, 4, 6, 1024, 262_144, values_are_keys=True),
    "shieldgemma-2b": Gemma2("ShieldGemma 2B", 26, 2304, 9216, 8, 4, 256),
    "shieldgemma-9b": Gemma2("ShieldGemma 9B", 42, 3584, 14_336, 16, 8, 256),
}  # fmt: skip
