"""The border to llama.cpp, with `sampling` the only importer of `llama_cpp`. It owns pointers and decides nothing.

Rules, each of which turns an abort of the library into an error of ours:
* fields of a parameter structure go through `_set`, because ctypes accepts an unknown field in silence;
* a batch is checked against `n_batch`, `n_outputs_max`, the vocabulary and the sequences before it is decoded;
* logits are read only at indices that were flagged in the last batch;
* NULL results are falsy ctypes objects, not None; callbacks are kept as long as their context.

    model = Model(descriptor, gpu_layers=0)
    context = Context(model, ContextSpec(...), should_stop=lambda: False)
    context.decode([Row(token, 0, 0, flag=True)])
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
import numpy.typing as npt

from proxy.workers.engine.batch import Decoded, EngineError, Row, StopFlag

__all__ = ["Adapter", "Context", "ContextSpec", "Model", "silence"]


@dataclass(frozen=True, slots=True)
class ContextSpec:
    """The fields of a context that Cordon sets; all others keep the library's default."""

    n_ctx: int
    n_batch: int
    n_ubatch: int
    n_seq_max: int
    swa_full: bool
    threads: int


@lib.llama_log_callback  # type: ignore[untyped-decorator]  # the library is untyped
def _drop_log(_level: int, _text: bytes, _data: object) -> None:
    """Forget a log line: the library's lines may quote a prompt or a grammar."""


def silence() -> None:
    """Start the library without its log. Call once, before the first model."""
    lib.llama_log_set(_drop_log, ctypes.c_void_p(0))
    _load_backends(Path(lib._base_path))
    lib.llama_backend_init()


def _load_backends(folder: Path) -> None:
    """A build for any computer has one library a generation of processors; the best of them is chosen and loaded.

    A build for this computer has one, loaded already. The folder is named, because the library would otherwise look
    beside the interpreter and in the current directory (ggml-backend-reg.cpp).
    """
    if any(folder.glob("libggml-cpu-*.so")):
        load = lib._lib.ggml_backend_load_all_from_path
        load.argtypes, load.restype = [ctypes.c_char_p], None
        load(os.fsencode(folder))


def _set(target: Any, **values: object) -> Any:
    known = {name for name, *_ in target._fields_}
    for name, value in values.items():
        if name not in known:
            raise EngineError("internal")
        setattr(target, name, value)
    return target


def _file_pointer(descriptor: int) -> int:
    libc = ctypes.CDLL(None)
    libc.fdopen.restype = ctypes.c_void_p
    libc.fdopen.argtypes = [ctypes.c_int, ctypes.c_char_p]
    pointer = libc.fdopen(os.dup(descriptor), b"rb")
    if not pointer:
        raise EngineError("model_invalid")
    return int(pointer)


def _abort_callback(should_stop: Callable[[], bool] | StopFlag) -> tuple[Any, ctypes.c_void_p]:
    """The function that is asked between graph nodes, and what it is asked about.

    Of a flag it is `strlen` itself: 0 for a byte of zero, 1 for another one with a zero after it. It is asked about a
    thousand times a token, and in Python each time would wait for the interpreter.
    """
    if isinstance(should_stop, StopFlag):
        strlen = ctypes.CDLL(None).strlen
        return ctypes.cast(strlen, lib.ggml_abort_callback), ctypes.cast(should_stop.buffer, ctypes.c_void_p)
    return lib.ggml_abort_callback(lambda _data: should_stop()), ctypes.c_void_p(0)


def _close_file(pointer: int) -> None:
    libc = ctypes.CDLL(None)
    libc.fclose.argtypes = [ctypes.c_void_p]
    libc.fclose(pointer)


class Model:
    """Weights and vocabulary, mapped from an open descriptor: the inode that was hashed is the inode that is read."""

    def __init__(self, descriptor: int, *, gpu_layers: int) -> None:
        params = _set(lib.llama_model_default_params(), n_gpu_layers=gpu_layers, load_mode=lib.LLAMA_LOAD_MODE_MMAP)
        os.lseek(descriptor, 0, os.SEEK_SET)
        file = _file_pointer(descriptor)
        try:
            self.pointer = lib.llama_model_load_from_file_ptr(file, params)
        finally:
            _close_file(file)
        if not self.pointer:
            raise EngineError("model_invalid")
        self.vocab = lib.llama_model_get_vocab(self.pointer)
        self.n_vocab = int(lib.llama_vocab_n_tokens(self.vocab))
        self.n_swa = int(lib.llama_model_n_swa(self.pointer))

    def close(self) -> None:
        """Free the weights; contexts and samplers go first."""
        lib.llama_model_free(self.pointer)

    def tokenize(self, text: bytes) -> tuple[int, ...]:
        """Ids of literal text. User-defined tokens still match: `encode` deals with them."""
        return self._tokenize(text, special=False)

    def control(self, text: str) -> int | None:
        """The id whose own text is exactly `text`, or None: how control tokens are found, never by number."""
        ids = self._tokenize(text.encode("utf-8"), special=True)
        return ids[0] if len(ids) == 1 and self.text_of(ids[0]) == text else None

    def _tokenize(self, text: bytes, *, special: bool) -> tuple[int, ...]:
        room = len(text) + 8
        while True:
            ids = (ctypes.c_int32 * room)()
            count = int(lib.llama_tokenize(self.vocab, text, len(text), ids, room, False, special))
            if count >= 0:
                return tuple(ids[:count])
            room = -count

    def text_of(self, token: int) -> str:
        """The text of a token as the vocabulary lists it."""
        raw: bytes = lib.llama_vocab_get_text(self.vocab, token) or b""
        return raw.decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        """The bytes a token adds to an answer; control tokens add none."""
        room = 32
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = int(lib.llama_token_to_piece(self.vocab, token, buffer, room, 0, False))
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def is_eog(self, token: int) -> bool:
        """Whether the token ends an answer."""
        return bool(lib.llama_vocab_is_eog(self.vocab, token))

    def control_ids(self) -> frozenset[int]:
        """All tokens of type CONTROL, after the library's own corrections at load."""
        vocab, is_control = self.vocab, lib.llama_vocab_is_control
        return frozenset(i for i in range(self.n_vocab) if is_control(vocab, i))

    def suppressed(self) -> tuple[int, ...]:
        """Tokens the file forbids to generate."""
        count = ctypes.c_int32(0)
        pointer = lib.llama_vocab_get_suppress_tokens(self.vocab, ctypes.byref(count))
        return tuple(pointer[i] for i in range(count.value)) if pointer else ()


class Adapter:
    """A LoRA adapter, read from an open descriptor. It acts on every sequence of the context it is set on."""

    def __init__(self, model: Model, descriptor: int, scale: float) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        file = _file_pointer(descriptor)
        try:
            self.pointer = lib.llama_adapter_lora_init_from_file_ptr(model.pointer, file)
        finally:
            _close_file(file)
        if not self.pointer:
            raise EngineError("adapter_invalid")
        self.scale = scale

    def close(self) -> None:
        """Free it; its context goes first, its model after."""
        lib.llama_adapter_lora_free(self.pointer)


class Context:
    """A key-value pool with its batch; one thread uses it."""

    def __init__(self, model: Model, spec: ContextSpec, should_stop: Callable[[], bool] | StopFlag) -> None:
        params = _set(
            lib.llama_context_default_params(),
            n_ctx=spec.n_ctx,
            n_batch=spec.n_batch,
            n_ubatch=spec.n_ubatch,
            n_seq_max=spec.n_seq_max,
            n_outputs_max=spec.n_seq_max,  # compute buffer 516 MiB -> 9 MiB at a vocabulary of 262k
            n_threads=spec.threads,
            n_threads_batch=spec.threads,
            kv_unified=True,
            swa_full=spec.swa_full,
            flash_attn_type=lib.LLAMA_FLASH_ATTN_TYPE_AUTO,
            no_perf=True,
        )
        self.spec = spec
        self._model = model
        self.pointer = lib.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise EngineError("does_not_fit")
        self._stop, data = _abort_callback(should_stop)
        lib.llama_set_abort_callback(self.pointer, self._stop, data)
        self._memory = lib.llama_get_memory(self.pointer)
        self._batch = lib.llama_batch_init(spec.n_batch, 0, 1)
        self._flagged: frozenset[int] = frozenset()

    def adapt(self, adapter: Adapter) -> None:
        """Let an adapter act on all that is evaluated from now on; set once, before the first token."""
        adapters = (lib.llama_adapter_lora_p_ctypes * 1)(adapter.pointer)
        scales = (ctypes.c_float * 1)(adapter.scale)
        if lib.llama_set_adapters_lora(self.pointer, adapters, 1, scales) != 0:
            raise EngineError("adapter_invalid")

    def close(self) -> None:
        """Free the batch and the pool."""
        lib.llama_batch_free(self._batch)
        lib.llama_free(self.pointer)

    def decode(self, rows: Sequence[Row]) -> Decoded:
        """Evaluate one batch."""
        flagged = frozenset(i for i, row in enumerate(rows) if row.flag)
        if not 0 < len(rows) <= self.spec.n_batch or len(flagged) > self.spec.n_seq_max:
            raise EngineError("internal")
        if any(not (0 <= r.token < self._model.n_vocab and 0 <= r.seq < self.spec.n_seq_max) for r in rows):
            raise EngineError("internal")
        batch = self._batch
        batch.n_tokens = len(rows)
        for i, row in enumerate(rows):
            batch.token[i] = row.token
            batch.pos[i] = row.pos
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = row.seq
            batch.logits[i] = row.flag
        result = _RESULTS.get(int(lib.llama_decode(self.pointer, batch)), Decoded.FATAL)
        self._flagged = flagged if result is Decoded.OK else frozenset()
        return result

    def logits(self, index: int) -> npt.NDArray[np.float32]:
        """The logits after row `index` of the last batch: a view, valid until the next one."""
        self.check(index)
        pointer = lib.llama_get_logits_ith(self.pointer, index)
        if not pointer:
            raise EngineError("engine_fault")
        return np.ctypeslib.as_array(pointer, shape=(self._model.n_vocab,))

    def check(self, index: int) -> None:
        """Raise unless row `index` of the last batch was flagged."""
        if index not in self._flagged:
            raise EngineError("internal")

    def pos_min(self, seq: int) -> int:
        """First position of a sequence in memory; -1 when empty."""
        return int(lib.llama_memory_seq_pos_min(self._memory, seq))

    def pos_max(self, seq: int) -> int:
        """Last position of a sequence in memory; -1 when empty."""
        return int(lib.llama_memory_seq_pos_max(self._memory, seq))

    def remove(self, seq: int, start: int) -> None:
        """Forget a sequence from position `start` on."""
        lib.llama_memory_seq_rm(self._memory, seq, start, -1)

    def copy(self, source: int, target: int) -> None:
        """Let `target` share all of `source`; metadata only.

        Without the full window cache the shared cells would never be recycled.
        """
        if not self.spec.swa_full:
            raise EngineError("internal")
        lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def wipe(self) -> None:
        """Forget everything and overwrite the buffers."""
        lib.llama_memory_clear(self._memory, True)


_RESULTS = {0: Decoded.OK, 1: Decoded.NO_CELLS, 2: Decoded.ABORTED}
