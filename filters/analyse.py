"""The analyst: parts of a request in, findings out. The only importer of presidio and spaCy.

Law: detection is a pure function of parts, marks, switches and catalogue. Any exception of any detector ends the
exchange with a code; there is no partial result, and no text in any error. Presidio runs offline: explicit registry,
a blank pipeline under one pseudo-language, no logging, no model to download.

    analyst = Analyst.build(ner)                    # every recognizer must find its own examples
    analyst.find(parts, marked, Switches())         # Found
    analyst.look("window of an answer", Switches()) # findings

Order of work: views -> patterns and model on every view -> switches -> known values -> disjoint findings.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

import presidio_analyzer.predefined_recognizers as predefined
import regex
import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from spacy.attrs import LOWER
from spacy.language import Language
from spacy.tokens import Doc

from filters.cache import Memory
from filters.canary import failing
from filters.chunks import chunks
from filters.findings import Finding, Found, Source, Type
from filters.fold import TooEncodedError, views
from filters.guards import is_code, is_measure
from filters.lexicon import common_words
from filters.local import Detectors, locate
from filters.nerhits import SpanLike, ner_hits
from filters.parts import Form, Part, PatientText
from filters.recognizers import Entry, catalogue
from filters.recognizers.base import Examples, Recognizer
from filters.scan import RANKS, Hit, Scanner, cue_pattern, has_cue, zones
from filters.settle import Text, settle, settle_window
from filters.stock import STOCK, Stock, Terms
from filters.switches import Switches

__all__ = ["Analyst", "AnalystCanary", "AnalystFault", "NerLike", "SiteRule", "Switches"]

_T = TypeVar("_T")
_LANGUAGE = "xx"
_LIMIT = 500_000
_PENALTY = 150
_STOCK_CUED = 850
_STOCK_CHECKED = 900
_TIMEOUT_S = 0.25
_LEMMA = "cordon_lower_lemma"
_TOKEN = re.compile(r"\w+|[^\w\s]+|\s+")


class AnalystFault(Exception):  # noqa: N818 - the name of the condition, as in the error table
    """Detection did not finish. `code` is a key of the error table; there is never any text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AnalystCanary(AnalystFault):
    """A detector does not find its own example: the service must not start."""

    def __init__(self, kind: str) -> None:
        super().__init__("analyst_canary")
        self.kind = kind


class NerLike(Protocol):
    """What the analyst needs of a model."""

    @property
    def digest(self) -> str: ...
    def spans(self, text: str) -> Sequence[SpanLike]: ...
    def unknown_words(self, text: str) -> Sequence[tuple[int, int]]: ...


SiteRule = Recognizer
"""A recognizer of a site (`[[pii.site]]`), built from configuration."""


# ---- Presidio, offline ----------------------------------------------------------------------------------------


def _silence() -> None:
    """Presidio logs context words at DEBUG and adds a handler on import; none of it may reach any output."""
    for name in ("presidio-analyzer", "decision_process"):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    tldextract.tldextract.TLD_EXTRACTOR.suffix_list_urls = ()


def _lower_lemma(doc: Doc) -> Doc:
    for token in doc:
        token.lemma_ = token.lower_  # an empty lemma silently never matches a context word
    return doc


class _Tokenizer:
    """Words, signs and spaces: enough for context words, ten times faster than rules for abbreviations."""

    def __init__(self, vocab: Any) -> None:
        self._vocab = vocab

    def __call__(self, text: str) -> Doc:
        tokens = _TOKEN.findall(text)
        return Doc(self._vocab, words=tokens, spaces=[False] * len(tokens))


class _BlankNlp(SpacyNlpEngine):  # type: ignore[misc] # presidio is untyped
    """Tokens only: no model, no download, no GPU probe."""

    def __init__(self) -> None:
        super().__init__(
            models=[{"lang_code": _LANGUAGE, "model_name": "blank"}], ner_model_configuration=NerModelConfiguration()
        )
        Language.component(_LEMMA, func=_lower_lemma)
        pipeline = spacy.blank(_LANGUAGE)
        pipeline.tokenizer = _Tokenizer(pipeline.vocab)
        pipeline.vocab.lex_attr_getters = {LOWER: str.lower}  # nobody here asks a word for its shape
        pipeline.add_pipe(_LEMMA)
        self.nlp = {_LANGUAGE: pipeline}

    def load(self) -> None:
        raise AnalystFault("analyst_fault")

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Tokens, offsets and lemmas; no keywords, which nothing here reads."""
        doc = self.nlp[language](text)
        lemmas = [token.lemma_ for token in doc]
        return NlpArtifacts([], doc, [token.idx for token in doc], lemmas, None, language, [])


def _result(hit: Hit) -> Any:
    """Carry a hit through Presidio. All is in the entity name: equals are equal."""
    name = "|".join((hit.type.value, hit.kind, str(hit.rank), "1" if hit.cued else "0", hit.source.value))
    return RecognizerResult(name, hit.start, hit.end, hit.score / 1000)


def _hit(result: Any) -> Hit:
    type_, kind, rank, cued, source = result.entity_type.split("|")
    return Hit(
        result.start, result.end, Type(type_), kind, round(result.score * 1000), int(rank), cued == "1", Source(source)
    )


class _Own(EntityRecognizer):  # type: ignore[misc] # presidio is untyped
    """All our recognizers. `context` is empty: cues are ours."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        super().__init__(supported_entities=["CORDON"], name="cordon", supported_language=_LANGUAGE, context=[])

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:  # noqa: ARG002
        return [_result(hit) for hit in self._scanner.hits(text)]


class _Ner(EntityRecognizer):  # type: ignore[misc] # presidio is untyped
    """The clinical model."""

    def __init__(self, ner: NerLike, dates: Scanner, common: frozenset[str]) -> None:
        self._ner = ner
        self._dates = dates
        self._common = common
        super().__init__(
            supported_entities=["CORDON_NER"], name="clinical_ner", supported_language=_LANGUAGE, context=[]
        )

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:  # noqa: ARG002
        return [_result(hit) for hit in ner_hits(text, self._ner.spans(text), self._dates, self._common)]


class _StockAdapter(EntityRecognizer):  # type: ignore[misc] # presidio is untyped
    """One stock recognizer, in a loop that fails closed.

    Presidio's own loop catches the timeout of a pattern, logs "skipping" and returns success; here it is raised. There
    a failed check digit drops the value; here it lowers the score.
    """

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._object = getattr(predefined, stock.name)(supported_language=_LANGUAGE)
        flags = self._object.global_regex_flags
        self._patterns = [(regex.compile(p.regex, flags), round(p.score * 1000)) for p in self._object.patterns]
        words = stock.cues or tuple(word for word in self._object.context or () if len(word.strip()) > 1)
        self._cue = cue_pattern(word.strip() for word in words)
        super().__init__(supported_entities=[stock.kind], name=stock.name, supported_language=_LANGUAGE, context=[])

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:  # noqa: ARG002
        return [_result(hit) for hit in self.hits(text)]

    def hits(self, text: str) -> list[Hit]:
        """Return the hits of all patterns. Raises TimeoutError: a pattern that does not end is a fault."""
        found = []
        for start, end in zones(text) if self._stock.digits else ((0, len(text)),):
            for pattern, shape in self._patterns:
                for match in pattern.finditer(text, pos=start, endpos=end, timeout=_TIMEOUT_S):
                    hit = self._judged(text, match.start(), match.end(), shape)
                    if hit is not None:
                        found.append(hit)
        return found

    def _judged(self, text: str, start: int, end: int, shape: int) -> Hit | None:
        value = text[start:end].rstrip()
        end = start + len(value)
        if not value or _is_inside_word(text, start, end):
            return None
        cued = has_cue(self._cue, text, start, end)
        valid = self._object.validate_result(value)
        if valid is None and self._object.invalidate_result(value):
            valid = False
        if not cued and (is_measure(text, end) or is_code(text, start)):
            return None
        score = _STOCK_CUED if cued else shape
        if self._stock.terms is not Terms.SHAPE and not cued:
            score = _STOCK_CHECKED if valid and self._stock.terms is Terms.CHECKED else 0
        if valid is False and not cued:
            score = max(0, shape - _PENALTY)
        rank = 3 if valid else 4 if cued else RANKS[Type.ID]
        return Hit(start, end, Type.ID, self._stock.kind, score, rank, cued) if score > 0 else None


def _is_inside_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    return before or (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())


# ---- engines --------------------------------------------------------------------------------------------------


class _Engine:
    """One Presidio analyzer over chunks of a view."""

    __slots__ = ("_analyzer", "_nlp")

    def __init__(self, nlp: _BlankNlp, recognizers: Sequence[Any]) -> None:
        self._nlp = nlp.nlp[_LANGUAGE]
        registry = RecognizerRegistry(recognizers=list(recognizers), supported_languages=[_LANGUAGE])
        self._analyzer = AnalyzerEngine(
            registry=registry,
            nlp_engine=nlp,
            supported_languages=[_LANGUAGE],
            default_score_threshold=0,
            context_aware_enhancer=LemmaContextAwareEnhancer(context_matching_mode="whole_word"),
        )

    def hits(self, text: str) -> tuple[Hit, ...]:
        """Return every hit in `text`, in its offsets."""
        found: set[Hit] = set()
        for chunk in chunks(text):
            with self._nlp.memory_zone():
                results = self._analyzer.analyze(text[chunk.start : chunk.end], language=_LANGUAGE)
                hits = [_hit(result) for result in results]
            moved = (replace(hit, start=hit.start + chunk.start, end=hit.end + chunk.start) for hit in hits)
            found.update(hit for hit in moved if chunk.counts(hit.start, hit.end))
        return tuple(sorted(found))


# ---- the analyst ----------------------------------------------------------------------------------------------


class Analyst:
    """Detection, built once per process.

    Attributes:
        catalogue_digest: changes whenever anything changes that could change a finding.
    """

    def __init__(self, entries: Sequence[Entry], ner: NerLike | None, memory: Memory | None) -> None:
        recognizers = [entry.recognizer for entry in entries]
        dates = Scanner(r for r in recognizers if r.kind in ("duration", "relative_date", "bare_year"))
        self._nlp = nlp = _BlankNlp()
        self._common = common_words()
        patterns = [_Own(Scanner(r for r in recognizers if not r.whole)), *(_StockAdapter(stock) for stock in STOCK)]
        self._patterns = _Engine(nlp, patterns)
        self._all = self._patterns if ner is None else _Engine(nlp, [*patterns, _Ner(ner, dates, self._common)])
        self._whole = Scanner(r for r in recognizers if r.whole)
        self._ner = ner
        self._memory = memory
        self._countries = {r.kind: r.country for r in recognizers} | {stock.kind: stock.country for stock in STOCK}
        self.catalogue_digest = _digest(recognizers, ner)

    @classmethod
    def build(cls, ner: NerLike | None, sites: tuple[SiteRule, ...] = (), *, memory: Memory | None = None) -> Analyst:
        """Build, and make every detector find its own examples. `memory` makes a conversation cost what is new in it.

        Raises:
            AnalystCanary: one does not; the service must not start.
        """
        _silence()
        entries = catalogue()
        kinds = {entry.recognizer.kind for entry in entries}
        if any(site.kind in kinds for site in sites):
            raise AnalystCanary("site")
        analyst = cls(
            [*entries, *(Entry(site, Examples((), ()), "a rule of this site") for site in sites)], ner, memory
        )
        missed = failing(analyst._read_patterns, entries, None if ner is None else analyst._all.hits)
        if missed is None and analyst._nlp.process_text("SSN", _LANGUAGE).lemmas != ["ssn"]:
            missed = "lemma"
        if missed is not None:
            raise AnalystCanary(missed)
        return analyst

    def find(
        self, parts: Sequence[Part], marked: Sequence[PatientText], switches: Switches, *, caller: str = ""
    ) -> Found:
        """Return all findings of a request.

        Raises:
            AnalystFault: `text_too_long`, `text_too_encoded`, `language_not_covered`, `analyst_fault`.
        """
        return _translated(lambda: self._find(parts, marked, switches, caller))

    def look(self, window: str, switches: Switches) -> tuple[Finding, ...]:
        """Return the findings of one window of an answer.

        Raises:
            AnalystFault: as `find`.
        """
        return _translated(lambda: settle_window(self._read(window, Form.TEXT, None), switches, self._countries))

    def _find(self, parts: Sequence[Part], marked: Sequence[PatientText], switches: Switches, caller: str) -> Found:
        if sum(len(part.text) for part in parts) > _LIMIT:
            raise AnalystFault("text_too_long")
        texts = [self._read(part.text.reveal(), part.form, caller) for part in parts]
        if any(_is_not_covered(text, switches) for text in texts):
            raise AnalystFault("language_not_covered")
        return settle(texts, [mark.reveal() for mark in marked], switches, self._countries, self._common)

    def _read_patterns(self, text: str) -> tuple[Hit, ...]:
        return self._patterns.hits(text) + self._whole.hits(text)

    def _read(self, raw: str, form: Form, caller: str | None) -> Text:
        readings = views(raw, form)
        engine = self._patterns if form is Form.NAME else self._all
        unknown = self._ner.unknown_words if self._ner is not None and form is not Form.NAME else _nothing
        detectors = Detectors(engine.hits, self._whole, unknown)
        if self._memory is None or caller is None:
            return Text(raw, form, readings, locate(raw, form, readings, detectors))
        digest = self.catalogue_digest
        local = self._memory.local(caller, digest, form, raw, lambda: locate(raw, form, readings, detectors))
        return Text(raw, form, readings, local)


def _nothing(text: str) -> Sequence[tuple[int, int]]:  # noqa: ARG001 - same shape as the model's question
    return ()


def _is_not_covered(text: Text, switches: Switches) -> bool:
    refuse = switches.uncovered_script == "refuse"
    return text.local.mostly_uncovered or (
        refuse and any(place.candidate.kind == "uncovered_script" for place in text.local.found)
    )


def _translated(work: Callable[[], _T]) -> _T:
    """The border of detection: one code for every accident, and no text in it."""
    try:
        return work()
    except AnalystFault:
        raise
    except TooEncodedError:
        raise AnalystFault("text_too_encoded") from None
    except Exception:  # noqa: BLE001 - whatever a detector throws may quote the text (trap `exception_quotes_text`)
        raise AnalystFault("analyst_fault") from None


def _digest(recognizers: Sequence[Recognizer], ner: NerLike | None) -> str:
    own = (
        (r.kind, r.type.value, r.patterns, r.scores, r.cues, r.country, r.digits, r.guarded, r.kinds)
        for r in recognizers
    )
    stock = ((s.name, s.kind, s.terms.name, s.country) for s in STOCK)
    lines = [version("presidio-analyzer"), "" if ner is None else ner.digest, *map(repr, own), *map(repr, stock)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
