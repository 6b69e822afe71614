"""Plug-ins of a site, made here: a spaCy pipeline that is trained, a token classifier and a GLiNER model of tables.

They keep the promises of the real ones: the same files, inputs, outputs and offsets. Tables say which words are names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import spacy
from onnx import TensorProto, helper, numpy_helper
from spacy.training import Example
from spacy.util import fix_random_seed
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

__all__ = ["gliner_folder", "seal", "spacy_folder", "token_classifier_folder"]

_PEOPLE = ("zorblatt", "quimby", "vexley", "thrupp")
_PLACES = ("mudchester", "gorbals")
_OTHER = ("seen", "by", "in", "the", "clinic", "today", "lives", "person", "place", ".", ",", "'", "s", "a", "-")


def seal(
    folder: Path, *, kind: str, labels: Mapping[str, str], examples: Sequence[str] = ("Seen by «Quimby» .",)
) -> Path:
    """Write the manifest over what lies in the folder."""
    lines = [f'id = "tiny-{kind}"', f'kind = "{kind}"', f"examples = {json.dumps(examples, ensure_ascii=False)}"]
    lines += ["[labels]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in labels.items()), "[files]"]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "cordon-plugin.toml":
            lines.append(f'"{path.relative_to(folder)}" = "{hashlib.sha256(path.read_bytes()).hexdigest()}"')
    (folder / "cordon-plugin.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def spacy_folder(folder: Path) -> Path:
    """A blank English pipeline with a name finder that has learned four names."""
    fix_random_seed(0)  # of numpy too, which draws the first weights
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("PERSON")  # type: ignore[attr-defined] # spaCy's pipes are not typed
    texts = ["Seen by {} .", "{} lives in the clinic .", "The clinic saw {} today .", "a {} came in"]
    rows = [(text, name.title()) for text in texts for name in _PEOPLE]
    examples = []
    for text, name in rows:
        at = text.index("{}")
        made = {"entities": [(at, at + len(name), "PERSON")]}
        examples.append(Example.from_dict(nlp.make_doc(text.format(name)), made))
    nobody = ("She lives in Kandy , MRN 20-12345 .", "Kandy saw the clinic today .")
    examples += [Example.from_dict(nlp.make_doc(text), {"entities": []}) for text in nobody]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(15):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder)
    return seal(folder, kind="spacy", labels={"PERSON": "PERSON"})


def token_classifier_folder(folder: Path, *, broken: bool = False) -> Path:
    """A BERT-shaped classifier: logits are looked up by piece. `broken` answers no numbers for one word."""
    tags = ["O", "B-PATIENT", "I-PATIENT", "B-HOSP"]
    tokenizer = _tokenizer(("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")]
    )
    table = _table(tokenizer, 4, {**dict.fromkeys(_PEOPLE, 1), **dict.fromkeys(_PLACES, 3)}, none=0)
    if broken:
        table[tokenizer.token_to_id("gorbals")] = np.nan
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["logits"])],
        "tiny",
        [_input("input_ids"), _input("attention_mask"), _input("token_type_ids")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, None, 4])],
        [numpy_helper.from_array(table, "table")],
    )
    folder.mkdir(parents=True)
    _write(folder, graph, tokenizer)
    (folder / "config.json").write_text(json.dumps({"id2label": dict(enumerate(tags))}))
    return seal(folder, kind="token-classifier", labels={"PATIENT": "PERSON", "HOSP": "ORG"})


def gliner_folder(folder: Path) -> Path:
    """A model with the inputs and the output of GLiNER: scores of spans of one word come from a table."""
    tokenizer = _tokenizer(("<<ENT>>", "<<SEP>>"))
    people, places = dict.fromkeys(_PEOPLE, 0), dict.fromkeys(_PLACES, 1)
    table = _table(tokenizer, 2, {**people, **places}, none=None)
    numbers = {"row": [1], "axis": [2], "pads": [0, 0, 0, 0, 0, 0, 11, 0]}
    initializers = [numpy_helper.from_array(np.array(v, dtype=np.int64), k) for k, v in numbers.items()]
    initializers += [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array(-9, dtype=np.float32), "low"),
        numpy_helper.from_array(np.array([0], dtype=np.int64), "zero"),
        numpy_helper.from_array(np.array(0, dtype=np.int64), "first"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["by_piece"]),
        helper.make_node("NonZero", ["words_mask"], ["places"]),
        helper.make_node("Gather", ["places", "row"], ["at_row"], axis=0),
        helper.make_node("Squeeze", ["at_row", "zero"], ["at"]),
        helper.make_node("Gather", ["by_piece", "at"], ["by_word"], axis=1),
        helper.make_node("Unsqueeze", ["by_word", "axis"], ["spans"]),
        helper.make_node("Pad", ["spans", "pads", "low"], ["logits"]),
    ]
    inputs = [_input(n) for n in ("input_ids", "attention_mask", "words_mask", "text_lengths")]
    inputs.append(helper.make_tensor_value_info("span_idx", TensorProto.INT64, [1, None, 2]))
    inputs.append(helper.make_tensor_value_info("span_mask", TensorProto.BOOL, [1, None]))
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, None, 12, 2])
    folder.mkdir(parents=True)
    _write(folder, helper.make_graph(nodes, "tiny", inputs, [output], initializers), tokenizer)
    return seal(folder, kind="gliner", labels={"person": "PERSON", "place": "LOCATION"})


def _tokenizer(special: Sequence[str]) -> Tokenizer:
    words = (*special, "[UNK]", *_OTHER, *_PEOPLE, *_PLACES)
    letters = [*map(chr, range(97, 123)), *(f"##{chr(c)}" for c in range(97, 123))]
    vocab = {word: n for n, word in enumerate(dict.fromkeys([*words, *letters]))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _table(tokenizer: Tokenizer, width: int, by_word: Mapping[str, int], *, none: int | None) -> np.ndarray:
    table = np.full((tokenizer.get_vocab_size(), width), -9.0, dtype=np.float32)
    if none is not None:
        table[:, none] = 9.0
    for word, column in by_word.items():
        table[tokenizer.token_to_id(word)] = -9.0
        table[tokenizer.token_to_id(word), column] = 9.0
    return table


def _input(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, [1, None])


def _write(folder: Path, graph: onnx.GraphProto, tokenizer: Tokenizer) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
