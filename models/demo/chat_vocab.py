"""The chat model's vocabulary: Gemma 4's marker texts, and merges that never cross a word, digit, bracket or line.

llama.cpp runs this family without splitting words first, so the borders must live in the merges: pairs across
them are never learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from models.demo.turns import CONTROLS, MARKERS, TEMPLATE

__all__ = ["ChatVocabulary", "build"]

_SPACE = "\u2581"
_WORD = r"\u2581?[A-Za-z]+_?|\u2581?\[|\u2581?\p{L}+|\u2581?\p{N}|\n|\u2581?[^\s\p{L}\p{N}\u2581\[]|\u2581"


class ChatVocabulary:
    """Parts to ids and back."""

    def __init__(self, directory: Path) -> None:
        self._bare = Tokenizer.from_file(str(directory / "content.json"))
        self.ids_of = {text: self._bare.token_to_id(text) for text in CONTROLS}
        self.size = self._bare.get_vocab_size()
        self._cache: dict[str, list[int]] = {}

    def text(self, text: str) -> list[int]:
        """Ids of content: never a marker. Lines are cut apart first, as in llama.cpp."""
        out: list[int] = []
        for line in text.replace("\n", "\n\x00").split("\x00"):
            found = self._cache.get(line)
            if found is None:
                found = self._bare.encode(line, add_special_tokens=False).ids
                if len(self._cache) < 50_000:
                    self._cache[line] = found
            out += found
        return out

    def ids(self, parts: Iterable[str]) -> list[int]:
        """Ids of parts."""
        out: list[int] = []
        for part in parts:
            out += self.text(part) if type(part) is str else [self.ids_of[part]]
        return out

    def decode(self, ids: list[int]) -> str:
        """Text of ids."""
        return str(self._bare.decode(ids, skip_special_tokens=False))


def _train(texts: Iterable[str], size: int) -> tuple[dict[str, int], list[tuple[str, str]]]:
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.normalizer = normalizers.Replace(" ", _SPACE)
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="isolated")
    alphabet = [chr(code) for code in range(33, 127)] + [_SPACE, "\n"]
    learner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, min_frequency=2, show_progress=False)
    )
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    pieces = [text for text, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    names = [*CONTROLS, *(f"<0x{byte:02X}>" for byte in range(256)), *(text for text in pieces if text not in CONTROLS)]
    return {text: i for i, text in enumerate(names)}, merges


def build(texts: Iterable[str], directory: Path, size: int = 6000) -> None:
    """Learn the merges; write tokenizer.json (with markers, to convert) and content.json (without, to train)."""
    vocabulary, merges = _train(texts, size)
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Replace(" ", _SPACE)
    tokenizer.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "content.json"))
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in CONTROLS])
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        "additional_special_tokens": list(MARKERS),
        "extra_special_tokens": list(MARKERS),
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
