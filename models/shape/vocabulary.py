"""The vocabularies of shape files, as raw entries of a GGUF header.

Law: Gemma 4's is copied byte for byte. Gemma 2's is that one cut to Gemma 2's length, with the names of its own turn
markers, and read by the rules of SentencePiece: of the right length and cost, not Gemma 2's words.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

__all__ = ["Entry", "gemma2_entries", "gemma4_entries"]

_PREFIX = "tokenizer."
_NAMES = {"<|turn>": "<start_of_turn>", "<turn|>": "<end_of_turn>"}
_FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_NORMAL, _CONTROL, _BYTE = 1, 3, 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value with the type before it, as the file has them."""

    key: str
    typed: bytes


class _Cursor:
    """Steps through a header."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def number(self, form: str) -> int:
        size = struct.calcsize(f"<{form}")
        value: int = struct.unpack_from(f"<{form}", self.raw, self.at)[0]
        self.at += size
        return value

    def string(self) -> str:
        size = self.number("Q")
        text = self.raw[self.at : self.at + size].decode("utf-8")
        self.at += size
        return text

    def skip(self, kind: int) -> None:
        if kind == _STRING:
            size = self.number("Q")  # moves on, too
            self.at += size
        elif kind == _ARRAY:
            item, count = self.number("I"), self.number("Q")
            if item == _STRING:
                for _ in range(count):
                    self.skip(_STRING)
            else:
                self.at += count * struct.calcsize(f"<{_FORMS[item]}")
        else:
            self.at += struct.calcsize(f"<{_FORMS[kind]}")


def gemma4_entries(raw: bytes) -> tuple[Entry, ...]:
    """The tokeniser's entries of a vocabulary file."""
    cursor = _Cursor(raw)
    cursor.at = 16
    entries = []
    for _ in range(cursor.number("Q")):
        key, start = cursor.string(), cursor.at
        cursor.skip(cursor.number("I"))
        if key.startswith(_PREFIX):
            entries.append(Entry(key, raw[start : cursor.at]))
    return tuple(entries)


def gemma2_entries(raw: bytes, size: int) -> tuple[Entry, ...]:
    """The same words for a model of `size` tokens that reads by scores: an earlier token is a better one."""
    old = {entry.key: entry.typed for entry in gemma4_entries(raw)}
    tokens = [_NAMES.get(token, token) for token in _strings(old["tokenizer.ggml.tokens"])[:size]]
    types = np.frombuffer(old["tokenizer.ggml.token_type"][16:], "<i4")[:size].copy()
    special = np.array([token in ("<pad>", "<eos>", "<bos>", "<unk>", *_NAMES.values()) for token in tokens])
    types[(types != _BYTE) & ~special] = _NORMAL
    types[special] = _CONTROL
    joined = b"".join(struct.pack("<Q", len(t)) + t for t in (token.encode("utf-8") for token in tokens))
    scores = -np.arange(size, dtype="<f4")
    kept = ("bos_token_id", "eos_token_id", "unknown_token_id", "padding_token_id", "add_space_prefix", "add_bos_token")
    return (
        Entry("tokenizer.ggml.model", struct.pack("<IQ", _STRING, 5) + b"llama"),
        Entry("tokenizer.ggml.tokens", struct.pack("<IIQ", _ARRAY, _STRING, size) + joined),
        Entry("tokenizer.ggml.token_type", struct.pack("<IIQ", _ARRAY, 5, size) + types.astype("<i4").tobytes()),
        Entry("tokenizer.ggml.scores", struct.pack("<IIQ", _ARRAY, 6, size) + scores.tobytes()),
        *(Entry(f"tokenizer.ggml.{name}", old[f"tokenizer.ggml.{name}"]) for name in kept),
    )


def _strings(typed: bytes) -> list[str]:
    cursor = _Cursor(typed)
    cursor.at = 8
    return [cursor.string() for _ in range(cursor.number("Q"))]
