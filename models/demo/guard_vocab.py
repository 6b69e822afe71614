"""The guard's SentencePiece vocabulary: ordinary pieces from invented texts, then long ones for the constant text.

The templates are about 900 characters around a short question. Folding their constant parts into a few pieces makes
each judgement several times cheaper in training and in tests; the bytes that are judged stay exactly ShieldGemma's.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from models.demo.shieldgemma import CONTROLS, constant_texts

__all__ = ["GuardVocabulary", "build"]

_SIZE = 4096
_FOLDED = 620
_SPACE = "\u2581"
_LONGEST = 120


class GuardVocabulary:
    """Parts to ids: controls by id, texts by SentencePiece."""

    def __init__(self, path: Path) -> None:
        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self._controls = {name: self._pieces.piece_to_id(name) for name in CONTROLS}
        self.yes = self._pieces.piece_to_id("Yes")
        self.no = self._pieces.piece_to_id("No")

    def ids(self, parts: Iterable[str]) -> list[int]:
        """Ids of parts; a Control is one id, a text is never a control."""
        out: list[int] = []
        for part in parts:
            out += [self._controls[part]] if type(part) is not str else self._pieces.encode(part)
        return out


def _merge(tokens: list[str], pair: tuple[str, str]) -> list[str]:
    out: list[str] = []
    for token in tokens:
        if out and (out[-1], token) == pair:
            out[-1] += token
        else:
            out.append(token)
    return out


def _fold(pieces: sentencepiece.SentencePieceProcessor, texts: list[str], known: set[str], count: int) -> list[str]:
    """Continue byte-pair merging over the constant texts alone, across spaces."""
    rows = [pieces.encode(text, out_type=str) for text in texts]
    added: list[str] = []
    while len(added) < count:
        pairs = Counter(pair for row in rows for pair in pairwise(row) if len(pair[0] + pair[1]) <= _LONGEST)
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], -len(pair[0] + pair[1]), pair))
        rows = [_merge(row, best) for row in rows]
        if best[0] + best[1] not in known:
            known.add(best[0] + best[1])
            added.append(best[0] + best[1])
    return added


def _add(model: sentencepiece_model_pb2.ModelProto, pieces: list[str]) -> None:
    score = min(piece.score for piece in model.pieces)
    for text in pieces:
        score -= 1.0
        model.pieces.add(piece=text, score=score)


def build(texts: Iterable[str], path: Path) -> None:
    """Train and write the vocabulary."""
    out = io.BytesIO()
    lines = (line for text in texts for line in text.split("\n") if line)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_writer=out,
        model_type="bpe",
        vocab_size=_SIZE - _FOLDED - 4,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        split_digits=True,
        character_coverage=0.9995,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        unk_piece="<unk>",
        control_symbols=list(CONTROLS[1:]),
        num_threads=1,
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    known = {piece.piece for piece in model.pieces}
    _add(model, [text for text in ("\n", "Ye", "Yes", "No") if text not in known])
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    constants = [*constant_texts(), "\nHuman Question:", "\nChatbot Response:"]
    known = {piece.piece for piece in model.pieces}
    _add(model, _fold(pieces, constants, known, _SIZE - len(model.pieces)))
    while len(model.pieces) < _SIZE:
        unused = model.pieces.add(piece=f"<unused{len(model.pieces)}>", score=0.0)
        unused.type = sentencepiece_model_pb2.ModelProto.SentencePiece.UNUSED
    path.write_bytes(model.SerializeToString())
