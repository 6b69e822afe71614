"""The border to llama.cpp's samplers: which token comes next, and which may.

Rules, each of which turns an abort of the library into an error of ours:
* tokens are sampled only at indices that were flagged in the last batch;
* a chain always ends in `dist` or `greedy`;
* a grammar accepts a token only after it was tested against it.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
import numpy.typing as npt

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.binding import Context, Model

__all__ = ["Grammar", "Sampler", "SamplerSpec"]

_MAX_SEED = 0xFFFFFFFE  # 0xFFFFFFFF means "draw one" to the library
_CANDIDATE = np.dtype([("id", "<i4"), ("logit", "<f4"), ("p", "<f4")])


@dataclass(frozen=True, slots=True)
class SamplerSpec:
    """One answer's sampling. Temperature 0 is greedy; zero penalties, `top_k` 0, `top_p` 1 and `min_p` 0 are off."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    window: int = 1024
    """Tokens the penalties look back."""
    banned: tuple[int, ...] = ()


class Sampler:
    """One answer's chain: bias, penalties, top-k, top-p, min-p, temperature, draw."""

    def __init__(self, model: Model, spec: SamplerSpec) -> None:
        self._model = model
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for link in _links(model, spec):
            lib.llama_sampler_chain_add(self._chain, link)

    def close(self) -> None:
        """Free the chain."""
        lib.llama_sampler_free(self._chain)

    def sample(self, context: Context, index: int) -> int:
        """Draw the next token after row `index` of the last batch."""
        context.check(index)
        return int(lib.llama_sampler_sample(self._chain, context.pointer, index))

    def sample_within(self, grammar: Grammar, context: Context, index: int) -> int:
        """Draw the next token that the grammar allows.

        Testing one token costs a thousandth of filtering all of them, so the filter runs only when the test fails.
        """
        logits = context.logits(index)
        token = self._select(logits, None)
        if not grammar.allows(token):
            token = self._select(logits, grammar)
            if not grammar.allows(token):
                raise EngineError("engine_fault")
        grammar.accept(token)
        lib.llama_sampler_accept(self._chain, token)
        return token

    def _select(self, logits: npt.NDArray[np.float32], grammar: Grammar | None) -> int:
        candidates = np.zeros(len(logits), _CANDIDATE)
        candidates["id"] = np.arange(len(logits), dtype=np.int32)
        candidates["logit"] = logits
        array = _array(candidates)
        if grammar is not None:
            grammar.filter(array)
        lib.llama_sampler_apply(self._chain, ctypes.byref(array))
        if not 0 <= array.selected < array.size:
            raise EngineError("engine_fault")
        return int(array.data[array.selected].id)


def _array(candidates: npt.NDArray[Any]) -> Any:
    pointer = candidates.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))
    return lib.llama_token_data_array(data=pointer, size=len(candidates), selected=-1, sorted=False)


def _links(model: Model, spec: SamplerSpec) -> list[Any]:
    links: list[Any] = []
    if spec.banned:
        biases = (lib.llama_logit_bias * len(spec.banned))()
        for entry, token in zip(biases, spec.banned, strict=True):
            entry.token, entry.bias = token, float("-inf")
        links.append(lib.llama_sampler_init_logit_bias(model.n_vocab, len(spec.banned), biases))
    if spec.presence_penalty or spec.frequency_penalty:
        links.append(
            lib.llama_sampler_init_penalties(
                model.n_vocab, spec.window, 1.0, spec.frequency_penalty, spec.presence_penalty
            )
        )
    if spec.temperature <= 0:
        return [*links, lib.llama_sampler_init_greedy()]
    if spec.top_k > 0:
        links.append(lib.llama_sampler_init_top_k(spec.top_k))
    if spec.top_p < 1:
        links.append(lib.llama_sampler_init_top_p(spec.top_p, 1))
    if spec.min_p > 0:
        links.append(lib.llama_sampler_init_min_p(spec.min_p, 1))
    links.append(lib.llama_sampler_init_temp(spec.temperature))
    links.append(lib.llama_sampler_init_dist(min(spec.seed & 0xFFFFFFFF, _MAX_SEED)))
    return links


class Grammar:
    """A grammar's state beside a chain; it sees only tokens of the answer's content."""

    def __init__(self, model: Model, gbnf: str) -> None:
        self._pointer = lib.llama_sampler_init_grammar(model.vocab, gbnf.encode("utf-8"), b"root")
        if not self._pointer:
            raise EngineError("schema_unsupported")

    def close(self) -> None:
        """Free the grammar."""
        lib.llama_sampler_free(self._pointer)

    def allows(self, token: int) -> bool:
        """Whether `token` may come next."""
        one = np.zeros(1, _CANDIDATE)
        one["id"] = token
        array = _array(one)
        self.filter(array)
        return bool(np.isfinite(one["logit"][0]))

    def accept(self, token: int) -> None:
        """Step over `token`, which was tested."""
        lib.llama_sampler_accept(self._pointer, token)

    def filter(self, array: Any) -> None:
        """Set the logits of what may not come next to minus infinity."""
        lib.llama_sampler_apply(self._pointer, ctypes.byref(array))
