"""Trained folder to GGUF with the converter of the pinned llama-cpp-python source; none of its code is kept here."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from safetensors.torch import load_file, save_file

__all__ = ["SOURCE", "convert", "main", "trim", "unpack"]

SOURCE = "llama_cpp_python-0.3.36"
_WANTED = ("convert_hf_to_gguf.py", "conversion/", "gguf-py/")

_DESCRIPTION = {
    "chat": "demonstration only: a tiny model that summarises short invented clinic notes and knows nothing else",
    "guard": "demonstration only: a tiny model in the form of ShieldGemma, trained on invented text; no safety device",
}


def unpack(archive: Path, directory: Path) -> Path:
    """Take the converter and its library out of the source archive; returns their folder."""
    root = f"{SOURCE}/vendor/llama.cpp/"
    with tarfile.open(archive) as files:
        wanted = [m for m in files.getmembers() if m.name.startswith(tuple(root + name for name in _WANTED))]
        files.extractall(directory, members=wanted, filter="data")
    return directory / root


def trim(trained: Path) -> None:
    """Drop the rows that round the trained vocabulary up to a multiple of 32: llama.cpp wants one row a token."""
    if not (trained / "tokenizer.json").exists():
        return
    size = len(json.loads((trained / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    settings = json.loads((trained / "config.json").read_text(encoding="utf-8"))
    weights = load_file(trained / "model.safetensors")
    for name, value in weights.items():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            weights[name] = value[:size].contiguous()
    save_file(weights, trained / "model.safetensors", metadata={"format": "pt"})
    settings["vocab_size"] = settings["vocab_size_per_layer_input"] = size
    (trained / "config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def convert(trained: Path, converter: Path, out: Path, *, kind: str, outtype: str) -> None:
    """Write one GGUF file of the wanted number type."""
    trim(trained)
    metadata = trained / "gguf-metadata.json"
    named = {
        "general.name": f"demo-{kind} (demonstration only)",
        "general.description": _DESCRIPTION[kind],
        "general.license": "apache-2.0",
        "general.author": "The Cordon maintainers",
        "general.languages": ["en"],
        "general.tags": ["demonstration only"],
    }
    metadata.write_text(json.dumps(named), encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        str(converter / "convert_hf_to_gguf.py"),
        str(trained),
        "--outfile",
        str(out),
        "--outtype",
        outtype,
        "--metadata",
        str(metadata),
    ]
    done = subprocess.run(
        command, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"conversion failed:\n{done.stderr[-3000:]}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=sorted(_DESCRIPTION), required=True)
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--source", type=Path, required=True, help=f"{SOURCE}.tar.gz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--outtype", default="q8_0")
    args = parser.parse_args()
    converter = unpack(args.source, args.trained.parent / "source")
    convert(args.trained, converter, args.out, kind=args.kind, outtype=args.outtype)


if __name__ == "__main__":
    main()
