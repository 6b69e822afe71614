"""Reader of a GGUF header: key-values and tensor kinds, nothing of the weights.

Law: the file is untrusted until its hash was compared, so every count is bounded and a short or strange file is
`model_invalid`. Long arrays (vocabulary, merges) are stepped over; only their length is kept.
Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3 (2 differs in nothing read here).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from proxy.workers.engine.batch import EngineError

__all__ = ["Header", "LongArray", "read_header"]

_MAGIC = b"GGUF"
_MAX_KEYS = 4096
_MAX_TENSORS = 65_536
_MAX_STRING = 1 << 20
_MAX_ARRAY = 1 << 22
_KEPT_ARRAY = 1024
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: struct.Struct("<B"), 1: struct.Struct("<b"), 2: struct.Struct("<H"), 3: struct.Struct("<h"),
    4: struct.Struct("<I"), 5: struct.Struct("<i"), 6: struct.Struct("<f"), 7: struct.Struct("<?"),
    10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LongArray:
    """An array that was stepped over."""

    length: int


Scalar = int | float | bool | str
Value = Scalar | tuple[Scalar, ...] | LongArray


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself."""

    values: Mapping[str, Value]
    tensor_kinds: frozenset[int]
    """The ggml types in use."""
    tensor_names: tuple[str, ...] = ()

    @property
    def arch(self) -> str:
        """The architecture's name."""
        return self.text("general.architecture")

    def text(self, key: str, default: str = "") -> str:
        """A string value."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise EngineError("model_invalid")
        return value

    def number(self, key: str, default: int | None = None) -> int:
        """An integer of the architecture's own section."""
        value = self.values.get(f"{self.arch}.{key}", default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise EngineError("model_invalid")
        return value

    def per_layer(self, key: str, default: int) -> tuple[int, ...]:
        """A value given once or for each layer."""
        layers = self.number("block_count")
        value = self.values.get(f"{self.arch}.{key}", default)
        if isinstance(value, int):
            return (int(value),) * layers
        if isinstance(value, tuple) and len(value) == layers and all(isinstance(v, int) for v in value):
            return tuple(int(v) for v in value)
        raise EngineError("model_invalid")


def read_header(stream: BinaryIO) -> Header:
    """Read from the current position; raise `EngineError` with `model_invalid` on anything unexpected."""
    try:
        return _read(_Cursor(stream))
    except (struct.error, UnicodeDecodeError, KeyError, ValueError):
        raise EngineError("model_invalid") from None


class _Cursor:
    """Typed reads from a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def unpack(self, form: struct.Struct) -> Scalar:
        value: Scalar = form.unpack(self._stream.read(form.size))[0]
        return value

    def count(self, limit: int, kind: int = 10) -> int:
        value = int(self.unpack(_SCALARS[kind]))
        if not 0 <= value <= limit:
            raise ValueError("count out of bounds")
        return value

    def raw(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise ValueError("file ends early")
        return data

    def string(self) -> str:
        return self.raw(self.count(_MAX_STRING)).decode("utf-8")

    def value(self) -> Value:
        kind = self.count(12, 4)
        return self._array() if kind == _ARRAY else self._single(kind)

    def _single(self, kind: int) -> Scalar:
        return self.string() if kind == _STRING else self.unpack(_SCALARS[kind])

    def _array(self) -> Value:
        kind = self.count(12, 4)
        length = self.count(_MAX_ARRAY)
        if length <= _KEPT_ARRAY:
            return tuple(self._single(kind) for _ in range(length))
        if kind == _STRING:
            for _ in range(length):
                self.raw(self.count(_MAX_STRING))
        else:
            self.raw(length * _SCALARS[kind].size)
        return LongArray(length)


def _read(cursor: _Cursor) -> Header:
    if cursor.raw(4) != _MAGIC or cursor.count(3, 4) < 2:
        raise ValueError("not a GGUF file")
    tensors = cursor.count(_MAX_TENSORS)
    keys = cursor.count(_MAX_KEYS)
    values = {}
    for _ in range(keys):
        key = cursor.string()
        if key in values:
            raise ValueError("a key stands twice")
        values[key] = cursor.value()
    kinds, names = set(), []
    for _ in range(tensors):
        names.append(cursor.string())
        for _ in range(cursor.count(8, 4)):
            cursor.count(1 << 40)
        kinds.add(cursor.count(255, 4))
        cursor.count(1 << 50)
    return Header(values, frozenset(kinds), tuple(names))
