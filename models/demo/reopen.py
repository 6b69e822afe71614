"""Turn a shipped guard file back into a folder that can be trained further: weights, shape and vocabulary.

    python -m models.demo.reopen proxy/share/models/demo-guard.gguf build/demo/guard

The weights come back as rounded as the file keeps them (eight bits), which a few hundred steps more make up for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from sentencepiece import sentencepiece_model_pb2
from transformers import Gemma2ForCausalLM

from models.demo.guard_train import config

__all__ = ["reopen"]

_BLOCK = {
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _name(tensor: str) -> str:
    if tensor == "token_embd.weight":
        return "model.embed_tokens.weight"
    if tensor == "output_norm.weight":
        return "model.norm.weight"
    _, block, part, _ = tensor.split(".")
    return f"model.layers.{block}.{_BLOCK[part]}.weight"


def _weights(reader: GGUFReader) -> dict[str, torch.Tensor]:
    found = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type), np.float32))
        name = _name(tensor.name)
        found[name] = values - 1 if "norm" in name else values  # the converter adds one to Gemma 2's norms
    return found


def _vocabulary(reader: GGUFReader) -> bytes:
    """The SentencePiece model of the file's tokens: pieces with their scores and kinds, cut as BPE."""
    model = sentencepiece_model_pb2.ModelProto()
    fields: dict[str, Any] = {
        name: reader.fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "scores", "token_type")
    }
    for text, score, kind in zip(fields["tokens"], fields["scores"], fields["token_type"], strict=True):
        piece = model.pieces.add(piece=text, score=score)
        piece.type = kind
    trainer, normaliser = model.trainer_spec, model.normalizer_spec
    trainer.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    trainer.byte_fallback, trainer.vocab_size = True, len(model.pieces)
    trainer.pad_id, trainer.eos_id, trainer.bos_id, trainer.unk_id = 0, 1, 2, 3
    trainer.pad_piece, trainer.eos_piece, trainer.bos_piece, trainer.unk_piece = "<pad>", "<eos>", "<bos>", "<unk>"
    normaliser.name = "identity"
    normaliser.add_dummy_prefix = normaliser.remove_extra_whitespaces = False
    raw: bytes = model.SerializeToString()
    return raw


def reopen(gguf: Path, directory: Path) -> None:
    """Write the folder."""
    directory.mkdir(parents=True, exist_ok=True)
    reader = GGUFReader(gguf)
    model = Gemma2ForCausalLM(config(4096))
    missing, unexpected = model.load_state_dict(_weights(reader), strict=False)
    if unexpected or set(missing) - {"lm_head.weight"}:
        raise SystemExit(f"{gguf} is no guard of this recipe")
    model.tie_weights()
    model.save_pretrained(directory)
    (directory / "tokenizer.model").write_bytes(_vocabulary(reader))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("directory", type=Path)
    args = parser.parse_args()
    reopen(args.gguf, args.directory)


if __name__ == "__main__":
    main()
