"""A GGUF file through llama.cpp's low-level interface, one sequence at a time: just enough to measure our models.

The product has its own engine; this file exists so that the recipe can judge its result without it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as ll
import numpy as np

__all__ = ["Runner"]

_LOG = ll.llama_log_callback(lambda _level, _text, _data: None)


class Runner:
    """One model and one context."""

    def __init__(self, path: Path, *, cells: int = 4096, threads: int = 1) -> None:
        ll.llama_log_set(_LOG, ctypes.c_void_p(0))
        ll.llama_backend_init()
        self._model = ll.llama_model_load_from_file(str(path).encode(), ll.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot load {path.name}")
        self._vocab = ll.llama_model_get_vocab(self._model)
        self.size = ll.llama_vocab_n_tokens(self._vocab)
        params = ll.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = cells, cells, 512
        params.n_threads = params.n_threads_batch = threads
        params.swa_full = True
        self._context = ll.llama_init_from_model(self._model, params)
        self._memory = ll.llama_get_memory(self._context)
        self._batch = ll.llama_batch_init(cells, 0, 1)
        self._filled: list[int] = []

    def close(self) -> None:
        """Free everything."""
        ll.llama_batch_free(self._batch)
        ll.llama_free(self._context)
        ll.llama_model_free(self._model)

    def _tokenise(self, text: str, *, special: bool) -> list[int]:
        raw = text.encode()
        room = len(raw) + 8
        buffer = (ll.llama_token * room)()
        count = ll.llama_tokenize(self._vocab, raw, len(raw), buffer, room, False, special)
        return list(buffer[:count])

    def ids(self, parts: Iterable[str]) -> list[int]:
        """Ids of parts: a plain `str` is content, any subclass of it is the text of a control token."""
        out: list[int] = []
        for part in parts:
            if type(part) is str:
                out += self._tokenise(part, special=False)
                continue
            found = self._tokenise(str(part), special=True)
            if len(found) != 1:
                raise ValueError(f"{part!s} is not one token")
            out += found
        return out

    def one(self, word: str) -> int:
        """The id of a word that must be one token."""
        found = self._tokenise(word, special=False)
        if len(found) != 1:
            raise ValueError(f"{word} is not one token")
        return found[0]

    def is_end(self, token: int) -> bool:
        """Does generation end with this token?"""
        return bool(ll.llama_vocab_is_eog(self._vocab, token))

    def logits(self, ids: Sequence[int]) -> np.ndarray[Any, Any]:
        """Logits after the last id; the longest prefix in common with the call before is kept."""
        keep = 0
        while keep < min(len(self._filled), len(ids) - 1) and self._filled[keep] == ids[keep]:
            keep += 1
        ll.llama_memory_seq_rm(self._memory, 0, keep, -1)
        batch, new = self._batch, ids[keep:]
        batch.n_tokens = len(new)
        for i, token in enumerate(new):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, keep + i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, i == len(new) - 1
        if ll.llama_decode(self._context, batch) != 0:
            raise RuntimeError("llama.cpp could not evaluate the prompt")
        self._filled = list(ids)
        return np.ctypeslib.as_array(ll.llama_get_logits_ith(self._context, len(new) - 1), shape=(self.size,)).copy()

    def generate(self, ids: Sequence[int], limit: int) -> tuple[list[int], bool]:
        """Greedy continuation without its end token, and whether it ended by itself."""
        now, out = list(ids), []
        while len(out) < limit:
            token = int(self.logits(now).argmax())
            if self.is_end(token):
                return out, True
            out.append(token)
            now.append(token)
        return out, False

    def text(self, ids: Iterable[int]) -> str:
        """Text of ids."""
        buffer, out = ctypes.create_string_buffer(512), b""
        for token in ids:
            size = ll.llama_token_to_piece(self._vocab, token, buffer, 512, 0, False)
            out += buffer.raw[:size]
        return out.decode("utf-8", "replace")
