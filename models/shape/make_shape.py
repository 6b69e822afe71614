"""Write a file of a real model's shape with random weights: right cost, no meaning.

    python models/shape/make_shape.py --like gemma-4-e2b --out build/shape [--source llama_cpp_python-0.3.36.tar.gz]

The same name always gives the same bytes. Matrices are Q4_0 blocks of random nibbles, scaled so that activations stay
of the size a trained model has; the vocabulary is Gemma 4's own, out of the llama-cpp-python source archive (fetched
with pip if not given). Weights are written as they are drawn: 100 MB of memory, whatever the size of the file. Files
are called `shape-…`, and the service refuses to load them; they are for `cordon models bench` and benchmarks.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from rich.console import Console
from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.shape.shapes import SHAPES, U32, Array, Shape, Tensor, cut
from models.shape.vocabulary import Entry, gemma2_entries, gemma4_entries

__all__ = ["main", "make"]

_SOURCE = "llama_cpp_python-0.3.36"
_VOCABULARY = f"{_SOURCE}/vendor/llama.cpp/models/ggml-vocab-gemma-4.gguf"
_ALIGN = 32
_BLOCK = 18
"""Bytes of a Q4_0 block: one scale of half precision and 32 numbers of four bits."""
_CHUNK_BLOCKS = 1 << 18
_KINDS = {"q4_0": 2, "f16": 1, "ones": 0, "halves": 0, "rope": 0}
_SPREAD = 4.6
"""Standard deviation of a random nibble."""
_ROTATED = 4
"""Proportional rope turns a quarter of a head's pairs; the others get an endless wavelength."""
_SEED = 20_260_421


def make(name: str, out: Path, source: Path, *, layers: int | None = None) -> Path:
    """Write one file if it is not there yet, and return where it is; `layers` makes a cheaper one."""
    shape = SHAPES[name]
    if layers is not None:
        shape, name = cut(shape, layers), f"{name}-{layers}-layers"
    path = out / f"shape-{name}-q4_0.gguf"
    if path.exists():
        return path
    out.mkdir(parents=True, exist_ok=True)
    tensors = list(shape.tensors())
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        _head(file, name, shape, _vocabulary(source, shape), tensors)
        _weights(file, name, tensors)
    os.replace(unfinished, path)
    return path


def _vocabulary(source: Path, shape: Shape) -> tuple[Entry, ...]:
    with tarfile.open(source) as files:
        member = files.extractfile(_VOCABULARY)
        if member is None:
            raise SystemExit(f"{source} does not hold {_VOCABULARY}; nothing was written")
        raw = member.read()
    return gemma4_entries(raw) if shape.arch == "gemma4" else gemma2_entries(raw, shape.vocabulary)


def _head(file: BinaryIO, name: str, shape: Shape, vocabulary: tuple[Entry, ...], tensors: list[Tensor]) -> None:
    values: dict[str, object] = {
        "general.architecture": shape.arch,
        "general.name": f"shape-{name}",
        "general.description": f"random weights in the shape of {shape.title}: for measuring, without meaning",
        "general.file_type": U32(2),
        "general.quantization_version": U32(2),
        **{f"{shape.arch}.{key}": value for key, value in shape.header().items()},
    }
    entries = [_entry(key, value) for key, value in values.items()]
    entries += [_string(entry.key) + entry.typed for entry in vocabulary]
    file.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(entries)))
    file.writelines(entries)
    offset = 0
    for tensor in tensors:
        sides = tensor.shape
        file.write(_string(tensor.name) + struct.pack(f"<I{len(sides)}Q", len(sides), *sides))
        file.write(struct.pack("<IQ", _KINDS[tensor.kind], offset))
        offset += _padded(_size(tensor))
    file.write(b"\0" * (-file.tell() % _ALIGN))


def _weights(file: BinaryIO, name: str, tensors: list[Tensor]) -> None:
    total = sum(map(_size, tensors))
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"Writing shape-{name}", total=total)
        for number, tensor in enumerate(tensors):
            written = 0
            for chunk in _chunks(tensor, np.random.default_rng((_SEED, number))):
                written += file.write(chunk)
                progress.advance(task, len(chunk))
            file.write(b"\0" * (_padded(written) - written))


def _chunks(tensor: Tensor, random: np.random.Generator) -> Iterator[bytes]:
    count = int(np.prod(tensor.shape))
    match tensor.kind:
        case "q4_0":
            scale = np.float16(0.5 / np.sqrt(tensor.shape[0]) / _SPREAD).tobytes()
            for start in range(0, count // 32, _CHUNK_BLOCKS):
                blocks = min(_CHUNK_BLOCKS, count // 32 - start)
                raw = np.frombuffer(random.bytes(blocks * _BLOCK), np.uint8).reshape(blocks, _BLOCK).copy()
                raw[:, :2] = np.frombuffer(scale, np.uint8)
                yield raw.tobytes()
        case "f16":
            values = random.standard_normal(count, np.float32) / np.sqrt(tensor.shape[0])
            yield values.astype("<f2").tobytes()
        case "rope":
            turned = count // _ROTATED
            yield np.concatenate([np.ones(turned), np.full(count - turned, 1e30)]).astype("<f4").tobytes()
        case kind:
            yield np.full(count, 0.5 if kind == "halves" else 1.0, "<f4").tobytes()


def _size(tensor: Tensor) -> int:
    count = int(np.prod(tensor.shape))
    return {"q4_0": count // 32 * _BLOCK, "f16": count * 2}.get(tensor.kind, count * 4)


def _padded(size: int) -> int:
    return size + -size % _ALIGN


def _string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _entry(key: str, value: object) -> bytes:
    match value:
        case U32(number):
            typed = struct.pack("<II", 4, number)
        case Array(kind, items):
            form = {5: "i", 7: "?"}[kind]
            typed = struct.pack(f"<IIQ{len(items)}{form}", 9, kind, len(items), *items)
        case float():
            typed = struct.pack("<If", 6, value)
        case _:
            typed = struct.pack("<I", 8) + _string(str(value))
    return _string(key) + typed


def fetched(out: Path) -> Path:
    """The source archive of llama-cpp-python, fetched with pip once."""
    path = out / f"{_SOURCE}.tar.gz"
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--dest", str(out), "llama-cpp-python==0.3.36"], check=True)
    return path


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--like", choices=sorted(SHAPES), required=True)
    parser.add_argument("--out", type=Path, default=Path("build/shape"))
    parser.add_argument("--source", type=Path, help=f"{_SOURCE}.tar.gz; fetched with pip if not given")
    parser.add_argument("--layers", type=int, help="only so many layers, all with a cache of their own")
    args = parser.parse_args()
    path = make(args.like, args.out, args.source or fetched(args.out), layers=args.layers)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    print(f"{path}  {path.stat().st_size} bytes  sha256 {digest}")


if __name__ == "__main__":
    main()
