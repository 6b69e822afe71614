"""Tries the whole machinery of training in a minute: no data, no encoder, nothing that is worth keeping.

    python -m models.clinical_ner.smoke

A random encoder of two layers learns for 20 steps from the generator, is narrowed, becomes int8 and is loaded by the
code of the product. Needs `requirements.txt`, which continuous tests do not have: run it after every change of the
training.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertForTokenClassification

from filters.ner import ClinicalNer, NerFiles
from models.clinical_ner.branch import branch
from models.clinical_ner.early import Exit, load_early
from models.clinical_ner.export import export
from models.clinical_ner.generate import Generator, load_templates
from models.clinical_ner.labels import KINDS, TAGS, write_labels
from models.clinical_ner.lexicon import LANGS, load_lexicon
from models.clinical_ner.narrow import narrow
from models.clinical_ner.train import Run, Settings, train

__all__ = ["main"]

_HERE = Path(__file__).parent
_TOKENIZER = _HERE.parents[1] / "filters" / "clinical_ner" / "tokenizer.json"
_SETTINGS = Settings(
    steps=20, tokens_per_batch=1024, max_pieces=128, encoder_rate=1e-3, head_rate=1e-3, warm_up=2, clip=1.0,
    bfloat16=True, threads=1, late=2.0,
)  # fmt: skip


def _encoder(out: Path) -> Path:
    """Write a random encoder of two layers with the words of the shipped tokenizer."""
    torch.manual_seed(1)
    words = Tokenizer.from_file(str(_TOKENIZER)).get_vocab_size()
    config = BertConfig(
        vocab_size=words, hidden_size=96, num_hidden_layers=2, num_attention_heads=4, intermediate_size=192,
        num_labels=len(TAGS),
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(out)
    (out / "tokenizer.json").write_bytes(_TOKENIZER.read_bytes())
    return out


def main() -> int:
    """Train, narrow, export, load, and compare."""
    generator = Generator(load_lexicon(_HERE / "names", "train"), load_templates(_HERE / "templates"), 1)
    examples = list(generator.documents(600, LANGS, plain_share=0.4))
    losses: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        start, out = _encoder(Path(folder) / "start"), Path(folder) / "trained"
        run = Run(start, out, 1, lambda step, loss, seconds: losses.append(loss))  # noqa: ARG005 - the order is fixed
        done = train([examples], _SETTINGS, run)
        model = load_early(out, rule=Exit(depth=1)).eval()
        narrow(model, [list(range(2000, 2100))], 128)
        model.save(out)
        text, spans = "Seen by Dr Perera in Kandy on 3 March 2021.", []
        for rule in (Exit(1, 6, 0.0, 1.0), Exit(1, 6, 0.5, 0.5)):
            export(out, out / "out", [example.text for example in examples[:20]], rule)
            branch(out / "out" / "staged.onnx", out / "out" / "model.onnx")
            write_labels(out / "out", dict.fromkeys(KINDS, 0.98), dict.fromkeys(KINDS, 0.99))
            names = ("model.onnx", "tokenizer.json", "labels.json")
            ner = ClinicalNer.load(NerFiles(*((out / "out" / name).read_bytes() for name in names)))
            spans.append(ner.spans(text))
    if not math.isfinite(done["loss"]) or done["loss"] >= losses[0] or not all(spans):
        print(f"losses {losses}, spans {list(map(len, spans))}: the machinery is broken", file=sys.stderr)
        return 1
    print(f"20 steps, smoothed loss {losses[0]:.3f} to {done['loss']:.3f}; both answers are heard; int8 loads")
    return 0


if __name__ == "__main__":
    sys.exit(main())
