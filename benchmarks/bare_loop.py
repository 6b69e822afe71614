"""The fastest way llama-cpp-python runs a file: its low-level functions in a bare loop. A child of `engine.py`.

    python benchmarks/bare_loop.py FILE THREADS CELLS      one JSON object a line in, one out

Nothing but decode, greedy sampling and the bytes of each token: no server, no chat, no queue, no other request.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time

import llama_cpp.llama_cpp as lib

_BATCH = 2048


@lib.llama_log_callback  # type: ignore[untyped-decorator]  # the library is untyped
def _quiet(_level: int, _text: bytes, _data: object) -> None:
    pass


class Loop:
    """One model, one context, one sequence."""

    def __init__(self, path: str, threads: int, cells: int) -> None:
        lib.llama_log_set(_quiet, ctypes.c_void_p(0))
        lib.llama_backend_init()
        self._model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        params = lib.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = cells, _BATCH, 512
        params.n_threads = params.n_threads_batch = threads
        params.n_seq_max, params.n_outputs_max, params.swa_full, params.no_perf = 1, 1, False, True
        self._context = lib.llama_init_from_model(self._model, params)
        self._vocab = lib.llama_model_get_vocab(self._model)
        self._memory = lib.llama_get_memory(self._context)
        self._sampler = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        lib.llama_sampler_chain_add(self._sampler, lib.llama_sampler_init_greedy())
        self._words = lib.llama_vocab_n_tokens(self._vocab)
        self._last = 0

    def prompt(self, count: int) -> float:
        """Seconds until the first token after a prompt."""
        lib.llama_memory_clear(self._memory, False)
        tokens = (ctypes.c_int32 * count)(*[(1000 + i * 37) % self._words for i in range(count)])
        began = time.perf_counter()
        for start in range(0, count, _BATCH):
            size = min(_BATCH, count - start)
            part = ctypes.cast(ctypes.byref(tokens, start * 4), ctypes.POINTER(ctypes.c_int32))
            if lib.llama_decode(self._context, lib.llama_batch_get_one(part, size)) != 0:
                raise SystemExit("the library did not decode")
        self._last = lib.llama_sampler_sample(self._sampler, self._context, -1)
        return time.perf_counter() - began

    def answer(self, count: int) -> float:
        """Seconds for that many tokens after the first."""
        one = (ctypes.c_int32 * 1)()
        piece = ctypes.create_string_buffer(64)
        began = time.perf_counter()
        for _ in range(count):
            one[0] = self._last
            lib.llama_decode(self._context, lib.llama_batch_get_one(one, 1))
            self._last = lib.llama_sampler_sample(self._sampler, self._context, -1)
            lib.llama_token_to_piece(self._vocab, self._last, piece, 64, 0, False)
        return time.perf_counter() - began


def main() -> None:
    """Serve until the input ends."""
    loop = Loop(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.process_time()
        seconds = loop.prompt(asked["prompt"]) if "prompt" in asked else loop.answer(asked["answer"])
        print(json.dumps({"s": seconds, "processor_s": time.process_time() - began}), flush=True)


if __name__ == "__main__":
    main()
