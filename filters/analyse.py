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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Protocol

import presidio_analyzer.predefined_recognizers as predefined
import regex
import spacy
import tldextract.tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine

from filters.cache import Memory
from filters.canary import failing, failing_plugin
from filters.chunks import chunks
from filters.faults import AnalystCanary, AnalystFault, translated
from filters.findings import Finding, Found, Source, Type
from filters.fold import views
from filters.guards import is_code, is_measure
from filters.lexicon import common_words, vocabulary
from filters.local import Detectors, Local, Note, locate
from filters.nerhits import SpanSource, ner_hits
from filters.parts import Form, Part, PatientText
from filters.plugins import NerPlugin
from filters.recognizers import Entry, catalogue
from filters.recognizers.base import Recognizer
from filters.scan import RANKS, Hit, Places, Scanner, cue_pattern, has_cue
from filters.settle import House, Text, settle, settle_window
from filters.site import NO_SITE, Deny, Site
from filters.stock import STOCK, Stock, Terms
from filters.switches import Switches

__all__ = ["Analyst", "AnalystCanary", "AnalystFault", "Extras", "NerLike", "Switches"]

_LANGUAGE = "xx"
_LIMIT = 500_000
_PENALTY = 150
_STOCK_CUED = 850
_STOCK_CHECKED = 900
_TIMEOUT_S = 0.25


class NerLike(SpanSource, Protocol):
    """What the analyst needs of the bundled model."""

    def unknown_words(self, text: str) -> Sequence[tuple[int, int]]: ...


@dataclass(frozen=True, slots=True)
class Extras:
    """What an installation adds: its own rules and words, its own models, a memory for conversations."""

    site: Site = NO_SITE
    plugins: tuple[NerPlugin, ...] = ()
    memory: Memory | None = None


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


class _BlankNlp(SpacyNlpEngine):  # type: ignore[misc] # presidio is untyped
    """No model, no download, no GPU probe, and no tokens.

    Presidio reads tokens only to look for the context words of its recognizers. Ours have none (cues are found in the
    text, on the same line), so none are made: the vocabulary cannot grow with the words of patients (`vocab_growth`).
    """

    def __init__(self) -> None:
        super().__init__(
            models=[{"lang_code": _LANGUAGE, "model_name": "blank"}], ner_model_configuration=NerModelConfiguration()
        )
        self.nlp = {_LANGUAGE: spacy.blank(_LANGUAGE)}
        self._nothing = NlpArtifacts([], self.nlp[_LANGUAGE](""), [], [], None, _LANGUAGE, [])

    def load(self) -> None:
        raise AnalystFault("analyst_fault")

    def process_text(self, text: str, language: str) -> NlpArtifacts:  # noqa: ARG002
        """Return the same empty artifacts for every text."""
        return self._nothing


class _NoContext(ContextAwareEnhancer):  # type: ignore[misc] # presidio is untyped
    """Hands the results on; the stock enhancer copies every result deeply before it finds that nobody has context."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=0, min_score_with_context_similarity=0, context_prefix_count=0,
            context_suffix_count=0,
        )  # fmt: skip

    def enhance_using_context(self, text: str, raw_results: list[Any], *_: Any, **__: Any) -> list[Any]:  # noqa: ARG002
        return raw_results


def _result(hit: Hit) -> Any:
    """Carry a hit through Presidio. All is in the entity name: equals are equal."""
    name = "|".join((hit.type.value, hit.kind, str(hit.rank), "1" if hit.cued else "0", hit.source.value))
    return RecognizerResult(name, hit.start, hit.end, hit.score / 1000)


def _hit(result: Any, at: int) -> Hit:
    type_, kind, rank, cued, source = result.entity_type.split("|")
    start, end, score = result.start + at, result.end + at, round(result.score * 1000)
    return Hit(start, end, Type(type_), kind, score, int(rank), cued == "1", Source(source))


class _Reader(Protocol):
    """What finds hits in a text whose words and digits were looked up once."""

    def hits(self, text: str, place: Places | None = None) -> Iterable[Hit]: ...


class _Recognizer(EntityRecognizer):  # type: ignore[misc] # presidio is untyped
    """All detectors of a view as one recognizer of Presidio: no context, nothing to load."""

    def __init__(self, *readers: _Reader) -> None:
        self._readers = readers
        super().__init__(supported_entities=["CORDON"], name="cordon", supported_language=_LANGUAGE, context=[])

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:  # noqa: ARG002
        place = Places(text)
        return [_result(hit) for reader in self._readers for hit in reader.hits(text, place)]


class _Ner:
    """A model."""

    def __init__(self, ner: SpanSource, dates: Scanner, common: frozenset[str], source: Source) -> None:
        self._ner, self._dates, self._common, self._source = ner, dates, common, source

    def hits(self, text: str, place: Places | None = None) -> Iterable[Hit]:  # noqa: ARG002
        return ner_hits(text, self._ner.spans(text), self._dates, self._common, self._source)


class _StockAdapter:
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

    def hits(self, text: str, place: Places | None = None) -> list[Hit]:
        """Return the hits of all patterns. Raises TimeoutError: a pattern that does not end is a fault."""
        place = place or Places(text)
        zones = place.holding(self._stock.digits)
        if not zones or (self._stock.terms is Terms.CUED and not self._cue.search(text)):
            return []  # beside no cue such a value is not one
        found = []
        for start, end in zones:
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
        score = _STOCK_CUED if cued else self._uncued(shape, valid)
        rank = 3 if valid else 4 if cued else RANKS[Type.ID]
        return Hit(start, end, Type.ID, self._stock.kind, score, rank, cued) if score > 0 else None

    def _uncued(self, shape: int, valid: bool | None) -> int:
        """A failed check digit lowers a score; a kind that needs a cue counts for nothing without one."""
        if self._stock.terms is Terms.CUED:
            return 0
        if valid is False:
            return max(0, shape - _PENALTY)
        return shape if self._stock.terms is Terms.SHAPE else _STOCK_CHECKED if valid else 0


def _is_inside_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and text[start - 1].isalnum() and text[start].isalnum()
    return before or (end < len(text) and text[end].isalnum() and text[end - 1].isalnum())


# ---- engines --------------------------------------------------------------------------------------------------


class _Engine:
    """One Presidio analyzer over chunks of a view."""

    __slots__ = ("_analyzer",)

    def __init__(self, nlp: _BlankNlp, readers: Sequence[_Reader]) -> None:
        registry = RecognizerRegistry(recognizers=[_Recognizer(*readers)], supported_languages=[_LANGUAGE])
        self._analyzer = AnalyzerEngine(
            registry=registry,
            nlp_engine=nlp,
            supported_languages=[_LANGUAGE],
            default_score_threshold=0,
            context_aware_enhancer=_NoContext(),
        )

    def hits(self, text: str) -> tuple[Hit, ...]:
        """Return every hit in `text`, in its offsets."""
        found: set[Hit] = set()
        for chunk in chunks(text):
            results = self._analyzer.analyze(text[chunk.start : chunk.end], language=_LANGUAGE)
            moved = (_hit(result, chunk.start) for result in results)
            found.update(hit for hit in moved if chunk.counts(hit.start, hit.end))
        return tuple(sorted(found))


# ---- the analyst ----------------------------------------------------------------------------------------------


class Analyst:
    """Detection, built once per process.

    Attributes:
        catalogue_digest: changes whenever anything changes that could change a finding.
    """

    def __init__(self, entries: Sequence[Entry], ner: NerLike | None, extras: Extras | None = None) -> None:
        extras = extras or Extras()
        site, self._memory, self._ner = extras.site, extras.memory, ner
        recognizers = [entry.recognizer for entry in (*entries, *site.entries)]
        dates = Scanner(r for r in recognizers if r.kind in ("duration", "relative_date", "bare_year"))
        nlp = _BlankNlp()
        patterns: list[_Reader] = [Scanner(r for r in recognizers if not r.whole), Deny(site.deny)]
        patterns += [_StockAdapter(stock) for stock in STOCK]
        models: list[_Reader] = [] if ner is None else [_Ner(ner, dates, vocabulary(), Source.NER)]
        models += [_Ner(plugin, dates, vocabulary(), Source.PLUGIN) for plugin in extras.plugins]
        self._patterns = _Engine(nlp, patterns)
        self._all = _Engine(nlp, [*patterns, *models]) if models else self._patterns
        self._whole = Scanner(r for r in recognizers if r.whole)
        countries = {r.kind: r.country for r in recognizers} | {stock.kind: stock.country for stock in STOCK}
        hashed = None if self._memory is None else self._memory.hashed
        self._house = House(countries, common_words(), site.allow, hashed)
        self.catalogue_digest = _digest(recognizers, ner, extras)

    @classmethod
    def build(cls, ner: NerLike | None, extras: Extras | None = None) -> Analyst:
        """Build, and make every detector find its own examples.

        Raises:
            AnalystCanary: one does not; the service must not start.
        """
        _silence()
        extras = extras or Extras()
        entries = catalogue()
        analyst = cls(entries, ner, extras)
        model = None if ner is None else analyst._all.hits
        missed = failing(analyst._read_patterns, (*entries, *extras.site.entries), model)
        missed = missed or failing_plugin(extras.plugins)
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
        return translated(lambda: self._find(parts, marked, switches, caller))

    def look(self, window: str, switches: Switches) -> tuple[Finding, ...]:
        """Return the findings of one window of an answer.

        Raises:
            AnalystFault: as `find`.
        """
        return translated(lambda: settle_window(self._read(window, Form.TEXT, None), switches, self._house))

    def _find(self, parts: Sequence[Part], marked: Sequence[PatientText], switches: Switches, caller: str) -> Found:
        if sum(len(part.text) for part in parts) > _LIMIT:
            raise AnalystFault("text_too_long")
        texts = [self._read(part.text.reveal(), part.form, caller) for part in parts]
        if any(_is_not_covered(text, switches) for text in texts):
            raise AnalystFault("language_not_covered")
        return settle(texts, [mark.reveal() for mark in marked], switches, self._house)

    def _read_patterns(self, text: str) -> tuple[Hit, ...]:
        return self._patterns.hits(text) + self._whole.hits(text)

    def _read(self, raw: str, form: Form, caller: str | None) -> Text:
        engine = self._patterns if form is Form.NAME else self._all
        unknown = self._ner.unknown_words if self._ner is not None and form is not Form.NAME else _nothing
        detectors = Detectors(engine.hits, self._whole, unknown)
        memory = self._memory
        if memory is None or caller is None:
            readings = views(raw, form)
            return Text(raw, form, locate(raw, form, readings, detectors), readings)

        def read() -> Local:
            readings = views(raw, form)
            sketch = memory.sketch(view.text for view in readings)
            return replace(locate(raw, form, readings, detectors), sketch=sketch, note=Note())

        return Text(raw, form, memory.local(caller, self.catalogue_digest, form, raw, read))


def _nothing(text: str) -> Sequence[tuple[int, int]]:  # noqa: ARG001 - same shape as the model's question
    return ()


def _is_not_covered(text: Text, switches: Switches) -> bool:
    refuse = switches.uncovered_script == "refuse"
    return text.local.mostly_uncovered or (
        refuse and any(place.candidate.kind == "uncovered_script" for place in text.local.found)
    )


def _digest(recognizers: Sequence[Recognizer], ner: NerLike | None, extras: Extras) -> str:
    own = (
        (r.kind, r.type.value, r.patterns, r.scores, r.cues, r.country, r.digits, r.guarded, r.kinds)
        for r in recognizers
    )
    stock = ((s.name, s.kind, s.terms.name, s.country) for s in STOCK)
    lines = [version("presidio-analyzer"), "" if ner is None else ner.digest, *map(repr, own), *map(repr, stock)]
    lines += [*extras.site.lines(), *(plugin.digest for plugin in extras.plugins)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
