"""The bundled clinical NER: text in, spans of people, places and other identifiers out.

Law: the only importer of onnxruntime and tokenizers. Weights arrive as bytes; nothing here opens a file, draws a
random number or keeps text. The same text gives the same spans, whatever was asked before (batch 1, no padding, one
thread).

    ner = ClinicalNer.load(bundled(NerFiles(model, tokenizer, labels)))
    ner.spans("Seen by Dr Perera in Kandy")    -> PERSON 11..17, LOCATION 21..26
    ner.unknown_words("დოქტორი Perera")        -> the runs the tokenizer cannot read

A word counts as clean only if every one of its pieces has P(O) of at least the threshold of its strongest other label;
between the `balanced` and the `strict` threshold it is reported with a score below 500. A word the tokenizer knows
only as `[UNK]` was not seen at all: its silence means nothing, so the caller must ask `unknown_words` as well. Letter
case and accents are dropped by the tokenizer and carry no meaning here. Arabic, which the tokenizer cannot read, is put
in Latin letters first (`romanise.py`); spans are told in the original. Sinhala and Tamil have word pieces of their own.

The model answers most pieces half-way and goes on only with those it is not certain of (docs/adr/0012-ner-exit.md); how
long it takes therefore depends on what stands there.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from filters.ner_pins import PINS
from filters.romanise import Romanised, romanise

__all__ = ["LABELS", "ClinicalNer", "NerFiles", "NerInvalid", "NerSpan", "bundled"]

LABELS = ("PERSON", "LOCATION", "ORG", "DATE", "AGE", "PHONE", "EMAIL", "ID", "URL")
_TAGS = ("O", *(f"{prefix}-{label}" for label in LABELS for prefix in "BI"))

_WINDOW = 126  # pieces; [CLS] and [SEP] make 128, what the model was trained on
_STRIDE = 110  # so that every piece has at least 8 neighbours on each side that exist
_SHORTEST = 62
"""The last window of a long text begins where its turn is, if it has so many pieces; it would read some twice else."""
_LONGEST_WORD = 100
"""WordPiece maps longer words to `[UNK]` as a whole."""


class NerInvalid(Exception):  # noqa: N818 - it names what the files are, as the other refusals do
    """The files are not a model this code can run. The service must not start with them."""

    def __init__(self, code: str) -> None:
        super().__init__(f"clinical NER refused: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class NerFiles:
    """The three files as the corridor read and checked them."""

    model: bytes
    tokenizer: bytes
    labels: bytes


def bundled(files: NerFiles) -> NerFiles:
    """Return the files, if they are the ones that were measured and shipped.

    Raises:
        NerInvalid: a file is another one; the code says which.
    """
    for name, pin in PINS.items():
        if hashlib.sha256(getattr(files, name)).hexdigest() != pin:
            raise NerInvalid(f"{name}_changed")
    return files


@dataclass(frozen=True, slots=True)
class NerSpan:
    """An identifier: code points of the given text, end exclusive; 500..999 is `balanced`, 350..499 `strict` only."""

    start: int
    end: int
    label: str
    score: int


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the tokenizer that is not clean."""

    start: int
    end: int
    label: str
    score: int
    begins: bool


@dataclass(frozen=True, slots=True)
class _Thresholds:
    """P(O) below which a word is reported, per label in the order of `LABELS`."""

    balanced: np.ndarray[Any, np.dtype[np.float64]]
    strict: np.ndarray[Any, np.dtype[np.float64]]


_Floats = np.ndarray[Any, np.dtype[np.float64]]


class ClinicalNer:
    """The model, built once in the analyst process."""

    def __init__(self, session: Any, tokenizer: Any, thresholds: _Thresholds, digest: str) -> None:
        self._session, self._tokenizer, self._thresholds = session, tokenizer, thresholds
        self._cls, self._sep, self._unk = (tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]", "[UNK]"))
        self._unsure = _readable(tokenizer)
        self.digest = digest
        """SHA-256 over the three files, each preceded by its length."""

    @classmethod
    def load(cls, files: NerFiles) -> ClinicalNer:
        """Build the model from bytes and run it once.

        Raises:
            NerInvalid: a file is not what it should be; the code says which.
        """
        thresholds = _thresholds(files.labels)
        tokenizer = _tokenizer(files.tokenizer)
        digest = hashlib.sha256()
        for part in (files.model, files.tokenizer, files.labels):
            digest.update(len(part).to_bytes(8, "big") + part)
        ner = cls(_session(files.model), tokenizer, thresholds, digest.hexdigest())
        if ner._window([ner._unk]).shape != (1, len(_TAGS)):
            raise NerInvalid("model_shape")
        return ner

    def spans(self, text: str) -> tuple[NerSpan, ...]:
        """Return what was found, sorted and disjoint. Arabic is read in Latin letters."""
        latin = romanise(text)
        if latin is None:
            return self._spans(text)
        return tuple(_original(self._spans(latin.text), latin, text))

    def _spans(self, text: str) -> tuple[NerSpan, ...]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not encoding.ids:
            return ()
        words = _words(encoding, self.probabilities(encoding.ids), self._thresholds, text)
        return tuple(_joined(list(words), text))

    def unknown_words(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return the runs the tokenizer maps to `[UNK]`, so that the model saw nothing of them."""
        if not self._unsure.search(text):
            return ()
        latin = romanise(text)
        encoding = self._tokenizer.encode(text if latin is None else latin.text, add_special_tokens=False)
        places = [place for piece, place in zip(encoding.ids, encoding.offsets, strict=True) if piece == self._unk]
        if latin is not None:
            places = [latin.span(start, end) for start, end in places]
        return tuple((start, _with_marks(end, text)) for start, end in places)

    def probabilities(self, ids: list[int]) -> _Floats:
        """Return P(tag) of every piece; each piece is read in the window where it is furthest from an edge."""
        total = len(ids)
        if total <= _WINDOW:
            return self._window(ids)
        out = np.zeros((total, len(_TAGS)))
        depth = np.full(total, -1)
        for start in _starts(total):
            end = min(start + _WINDOW, total)
            found = self._window(ids[start:end])
            place = np.arange(start, end)
            before = place - start if start else np.full(end - start, total)
            after = end - 1 - place if end < total else np.full(end - start, total)
            here = np.minimum(before, after)
            better = here > depth[start:end]
            out[start:end][better] = found[better]
            depth[start:end] = np.maximum(depth[start:end], here)
        return out

    def _window(self, ids: list[int]) -> _Floats:
        pieces = np.array([[self._cls, *ids, self._sep]], dtype=np.int64)
        try:
            logits = self._session.run(None, {"input_ids": pieces})[0]
        except Exception:  # noqa: BLE001 - foreign border: the runtime's message could quote the input
            raise NerInvalid("model_run") from None
        if logits.shape != (*pieces.shape, len(_TAGS)) or not np.isfinite(logits).all():
            raise NerInvalid("model_shape")
        scores = logits[0, 1:-1].astype(np.float64)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: _Floats = raised / raised.sum(axis=1, keepdims=True)
        return shares


def _starts(total: int) -> Iterator[int]:
    """Yield window starts; the last window ends with the text and holds at least `_SHORTEST` pieces."""
    start = 0
    while start + _WINDOW < total:
        yield start
        start += _STRIDE
    yield max(0, min(start, total - _SHORTEST))


def _readable(tokenizer: Any) -> re.Pattern[str]:
    """Match what may become `[UNK]`: letters and signs without a piece of their own, words too long to be cut.

    A word of letters that all have pieces, first and later, can always be cut into them (WordPiece); normalisation
    takes accents off, so only plain ones are counted here.
    """
    signs = [c for c in map(chr, range(33, 127)) if tokenizer.token_to_id(c) is not None]
    known = [c for c in signs if not c.isalnum() or tokenizer.token_to_id(f"##{c}") is not None]
    upper = [c.upper() for c in known if c.upper().lower() == c]
    return re.compile(rf"[^\s{re.escape(''.join([*known, *upper]))}]|[^\W_]{{{_LONGEST_WORD}}}")


def _words(encoding: Any, shares: _Floats, thresholds: _Thresholds, text: str) -> Iterator[_Word]:
    """Yield the words that are not clean, in order."""
    by_label = shares[:, 1::2] + shares[:, 2::2]
    strongest = by_label.argmax(axis=1)
    clean = shares[:, 0]
    balanced, strict = (clean < t[strongest] for t in (thresholds.balanced, thresholds.strict))
    flagged = np.flatnonzero(strict | balanced)
    if not flagged.size:
        return
    word_of, offsets = np.array(encoding.word_ids), encoding.offsets
    for word in np.unique(word_of[flagged]):
        first, last = np.searchsorted(word_of, word), np.searchsorted(word_of, word, side="right")
        pieces = slice(first, last)
        label = int(by_label[pieces].sum(axis=0).argmax())
        doubt = 1.0 - float(clean[pieces].min())
        sure = bool(balanced[pieces].any())
        score = 500 + int(499 * doubt) if sure else 350 + int(149 * doubt)
        begins = shares[first, 1 + 2 * label] > shares[first, 2 + 2 * label]
        start, end = offsets[first][0], _with_marks(offsets[last - 1][1], text)
        yield _Word(start, end, LABELS[label], score, bool(begins))


def _joined(words: list[_Word], text: str) -> Iterator[NerSpan]:
    """Join neighbouring words of one label and one operating point; the weakest word gives the score."""
    run: list[_Word] = []
    for word in words:
        if run and not _continues(run[-1], word, text):
            yield from _span(run, text)
            run = []
        run.append(word)
    if run:
        yield from _span(run, text)


def _continues(left: _Word, right: _Word, text: str) -> bool:
    gap = text[left.end : right.start]
    if left.label != right.label or (left.score < 500) != (right.score < 500) or "\n" in gap:
        return False
    if not gap:
        return True
    if len(gap) == 1 and not gap.isalnum() and not gap.isspace():
        return True  # "12/05", "O'Brien": one mark, no white space
    return gap.isspace() and not right.begins


def _span(run: list[_Word], text: str) -> Iterator[NerSpan]:
    start, end = run[0].start, run[-1].end
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not (text[end - 1].isalnum() or unicodedata.category(text[end - 1])[0] == "M"):
        end -= 1
    if start < end:
        yield NerSpan(start, end, run[0].label, min(w.score for w in run))


def _original(spans: tuple[NerSpan, ...], latin: Romanised, text: str) -> Iterator[NerSpan]:
    """Bring spans of the Latin form back to the text it was made of; a span begins with a letter or digit there too."""
    for span in spans:
        start, end = latin.span(span.start, span.end)
        while start < end and not text[start].isalnum():
            start += 1
        if start < end:
            yield NerSpan(start, _with_marks(end, text), span.label, span.score)


def _with_marks(end: int, text: str) -> int:
    """Take in the marks after a letter: the tokenizer strips accents and vowel signs, so its offsets leave them out."""
    while end < len(text) and unicodedata.category(text[end])[0] == "M":
        end += 1
    return end


def _thresholds(raw: bytes) -> _Thresholds:
    try:
        found = json.loads(raw)
    except ValueError:
        raise NerInvalid("labels_json") from None
    if not isinstance(found, Mapping) or tuple(found.get("tags", ())) != _TAGS:
        raise NerInvalid("labels_tags")
    points = []
    for name in ("balanced", "strict"):
        table = found.get("thresholds", {}).get(name, {})
        if set(table) != set(LABELS) or not all(isinstance(v, float) and 0.0 < v < 1.0 for v in table.values()):
            raise NerInvalid("labels_thresholds")
        points.append(np.array([table[label] for label in LABELS]))
    if (points[1] < points[0]).any():
        raise NerInvalid("labels_order")
    return _Thresholds(*points)


def _tokenizer(raw: bytes) -> Any:
    try:
        tokenizer = Tokenizer.from_str(raw.decode("utf8"))
    except Exception:  # noqa: BLE001 - the library raises bare Exception
        raise NerInvalid("tokenizer_json") from None
    if any(tokenizer.token_to_id(t) is None for t in ("[CLS]", "[SEP]", "[UNK]")):
        raise NerInvalid("tokenizer_tokens")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _session(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - foreign border: one code for every way a model can be broken
        raise NerInvalid("model_onnx") from None
    if {i.name for i in session.get_inputs()} != {"input_ids"}:
        raise NerInvalid("model_inputs")
    return session
